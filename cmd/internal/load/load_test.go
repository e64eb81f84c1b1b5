package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/handlers/sms/twiliosim"
)

func TestScenarios(t *testing.T) {
	r := newRig(t)
	t.Run("booking", func(t *testing.T) {
		res, err := r.run(t.Context())
		if err != nil {
			t.Fatalf("%v\n%s", err, &r.out)
		}
		hold, text, verify := res.step(t, stepHold), res.step(t, stepText), res.step(t, stepVerify)
		if n := hold.Answers["201"]; n == 0 || n != res.Held || n != hold.Requests || n != text.Requests || n != verify.Answers["200"] {
			t.Errorf("%d held: %+v", res.Held, res.Steps)
		}
		if !(0 < hold.P50 && hold.P50 <= hold.P95 && hold.P95 <= hold.P99 && hold.P99 <= hold.Max) {
			t.Errorf("%+v", hold)
		}
		var confirmed int64
		if err := r.db.Admin.QueryRow(t.Context(), "SELECT count(*) FROM booking WHERE state = 'confirmed'").Scan(&confirmed); err != nil || confirmed != res.Held {
			t.Errorf("%d are confirmed, %v", confirmed, err)
		}
		for _, want := range []string{"held/s; POST bookings p50", "code text", "201: ", "#####", "settled", "no seat is held twice", "429"} {
			if !strings.Contains(r.out.String(), want) {
				t.Errorf("no %q in\n%s", want, &r.out)
			}
		}
		raw, err := json.Marshal(res)
		if err != nil || !strings.Contains(string(raw), `"p95_ms":`) || !strings.Contains(string(raw), `"promise":"P1"`) {
			t.Errorf("%v %s", err, raw)
		}
	})
	t.Run("hold only", func(t *testing.T) {
		res, err := r.run(t.Context(), func(o *Options) { o.HoldOnly, o.Release = true, true })
		if err != nil || len(res.Steps) != 1 || res.Released != int(res.Held) {
			t.Errorf("%v, %d released\n%s", err, res.Released, &r.out)
		}
	})
	t.Run("open model", func(t *testing.T) {
		res, err := r.run(t.Context(), func(o *Options) { o.Rate, o.Users = 10, 20 })
		if err != nil || res.step(t, stepHold).Requests != 10 || res.Missed != 0 {
			t.Errorf("%v\n%s", err, &r.out)
		}
	})
	t.Run("contention", func(t *testing.T) {
		res, err := r.run(t.Context(), func(o *Options) { o.Scenario, o.Users = Contention, 20 })
		if err != nil {
			t.Fatalf("%v\n%s", err, &r.out)
		}
		hold := res.step(t, stepHold)
		if res.Rounds == 0 || hold.Answers["201"] != int64(res.Rounds) || hold.Answers["409"] != int64(19*res.Rounds) {
			t.Errorf("%d rounds, %v", res.Rounds, hold.Answers)
		}
		if n := res.step(t, stepOtherText).Answers["200"]; n == 0 || n != res.step(t, stepOtherHold).Answers["201"] {
			t.Errorf("the other org: %+v", res.Steps)
		}
	})
	t.Run("mixed", func(t *testing.T) {
		res, err := r.run(t.Context(), func(o *Options) { o.Scenario, o.Rate, o.Users, o.Duration = Mixed, 40, 100, 2*time.Second })
		if err != nil {
			t.Fatalf("%v\n%s", err, &r.out)
		}
		// Of 80 users, that none does one of these happens once in 4,000 runs.
		for _, s := range []step{stepHold, stepText, stepVerify, stepWrong, stepAgain, stepCancel, stepLook} {
			if v := res.step(t, s); v.Requests == 0 {
				t.Errorf("%+v", v)
			}
		}
	})
	t.Run("full calendar", func(t *testing.T) {
		run, err := prepare(t.Context(), r.opts)
		if err != nil {
			t.Fatal(err)
		}
		run.slots.free = run.slots.free[:2]
		for range 4 {
			run.holdOnly(t.Context(), run.users[0], time.Now())
		}
		if res := run.result(); res.Held != 4 || res.Errors != 0 || res.step(t, stepCancel).Answers["200"] != 2 {
			t.Errorf("%+v", res)
		}
	})
	t.Run("slow answers", func(t *testing.T) {
		run, err := prepare(t.Context(), r.opts)
		if err != nil {
			t.Fatal(err)
		}
		run.orgs[0].waiting.Del("Prefer") // each answer is 202, as when the wait runs out
		run.slots.free = slices.DeleteFunc(run.slots.free, func(x slot) bool { return x.org != run.orgs[0] })
		u := run.users[0]
		run.book(t.Context(), u, time.Now())
		res := run.result()
		if len(u.bookings) != 1 || !u.bookings[0].confirmed || res.Errors != 0 || res.step(t, stepHold).Answers["202"] != 1 || res.step(t, stepVerify).Answers["202"] != 1 {
			t.Errorf("%+v", res)
		}
		if !u.cancel(t.Context(), u.bookings[0]) {
			t.Error("not canceled")
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		res, err := r.run(ctx, func(o *Options) { o.Duration, o.Out = 20*time.Second, &onProgress{&r.out, cancel} })
		if err != nil || !res.Interrupted || res.Seconds > 15 || !strings.Contains(r.out.String(), "interrupted") || len(res.Audit.Rows) == 0 {
			t.Errorf("%v\n%s", err, &r.out)
		}
	})
}

// onProgress calls then at the first sign of progress.
type onProgress struct {
	io.Writer
	then func()
}

func (w *onProgress) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "on average") {
		w.then()
	}
	return w.Writer.Write(p)
}

// An arrival's time counts from when it was due: a system that stands still for a while looks as slow as it was, and
// whom nobody had time for is counted.
func TestNoCoordinatedOmission(t *testing.T) {
	r := newRig(t)
	var once sync.Once
	front := before(t, r.opts.APIURL, func(res *http.Response, body string) string {
		if isBooking(res.Request) {
			once.Do(func() { <-time.After(time.Second) })
		}
		return body
	})
	stalled := func(o *Options) { o.APIURL, o.HoldOnly, o.Rate, o.Duration = front, true, 20, time.Second }
	// One user for all: 20 arrivals wait behind the first, or find no place to.
	res, err := r.run(t.Context(), stalled, func(o *Options) { o.Users = 1 })
	if err == nil || !strings.Contains(err.Error(), "--max-missed") || res.Missed == 0 || res.Missed+res.step(t, stepHold).Requests != 20 {
		t.Errorf("%d turned away, %v", res.Missed, err)
	}
	once = sync.Once{}
	run, err := prepare(t.Context(), func() Options { o := r.opts; stalled(&o); o.Users = 20; return o }())
	if err != nil {
		t.Fatal(err)
	}
	run.users = run.users[:1] // one, but a long queue
	due := make(chan time.Time, 20)
	for i := range 20 {
		due <- time.Now().Add(time.Duration(i) * 50 * time.Millisecond)
	}
	close(due)
	for at := range due {
		pause(t.Context(), time.Until(at))
		run.flow(t.Context(), run.users[0], at)
	}
	if res := run.result().step(t, stepHold); res.P50 < 100 || res.Max < 900 {
		t.Errorf("half took %v ms, the longest %v ms: those who waited are not counted", res.P50, res.Max)
	}
}

// Each limit fails the run, with one line that names it.
func TestLimits(t *testing.T) {
	r := newRig(t)
	n := 0
	var mu sync.Mutex
	front := before(t, r.opts.APIURL, func(res *http.Response, body string) string {
		mu.Lock()
		defer mu.Unlock()
		if n++; isBooking(res.Request) && n%2 == 0 {
			res.StatusCode = []int{http.StatusInternalServerError, http.StatusTooManyRequests}[n/2%2]
		}
		return body
	})
	res, err := r.run(t.Context(), func(o *Options) {
		o.APIURL, o.Settle = front, time.Millisecond
		o.Limits = Limits{MaxP50: 1, MaxP95: 1, MaxP99: 1, MaxText: 1, MinRate: 1e9, MaxErrors: 0}
	})
	for _, flag := range []string{"--max-p50", "--max-p95", "--max-p99", "--max-text", "--min-rate", "--max-errors"} {
		if err == nil || strings.Count(err.Error(), flag) != 1 {
			t.Errorf("%s is not named: %v", flag, err)
		}
	}
	hold := res.step(t, stepHold)
	if res.Errors == 0 || res.Errors != hold.Answers["5xx"] || hold.Answers["429"] == 0 {
		t.Errorf("%d errors: %v (a 429 is none)", res.Errors, hold.Answers)
	}
}

// Each check of what users are told fails the run when it is not so.
func TestChecksCanFail(t *testing.T) {
	r := newRig(t)
	taken := func(res *http.Response) bool { return isBooking(res.Request) && res.StatusCode == http.StatusConflict }
	made := func(res *http.Response) bool { return isBooking(res.Request) && res.StatusCode == http.StatusCreated }
	// generous grants losers what the winner was granted, or something like it.
	generous := func(like func(string) string) func(*http.Response, string) string {
		var mu sync.Mutex
		won := ""
		return func(res *http.Response, body string) string {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case made(res):
				won = body
			case taken(res) && won != "":
				res.StatusCode = http.StatusCreated
				return like(won)
			}
			return body
		}
	}
	contest := func(o *Options) {
		o.Scenario, o.Users, o.Orgs, o.Settle = Contention, 8, o.Orgs[:1], time.Second // what was not granted has no text
	}
	quick := func(o *Options) { o.Settle = time.Second; o.Limits.MaxErrors = -1 }
	for _, c := range []struct {
		name, want string
		api, sim   func(res *http.Response, body string) string
		change     func(*Options)
		fault      *twiliosim.Fault
		sql        string
	}{
		{name: "a booking granted twice", want: "was granted to two customers", change: contest, api: generous(func(b string) string { return b })},
		{name: "a slot won twice", want: "has 1 seats and 2 winners", change: contest, api: generous(func(b string) string {
			return strings.Replace(b, `"id":"`, fmt.Sprintf(`"id":"%d`, time.Now().UnixNano()), 1)
		})},
		{name: "nobody wins", want: "0 of 8 contestants won", change: contest, api: func(res *http.Response, body string) string {
			if made(res) {
				res.StatusCode = http.StatusConflict
				return `{"type":"x/slot-taken","alternatives":[{}]}`
			}
			return body
		}},
		{name: "no alternatives", want: "with 0 alternatives", change: contest, api: func(res *http.Response, body string) string {
			if taken(res) {
				return `{"type":"x/slot-taken"}`
			}
			return body
		}},
		{name: "another time", want: "is not what was asked for", api: func(res *http.Response, body string) string {
			if made(res) {
				return strings.Replace(body, `"start":"20`, `"start":"21`, 1)
			}
			return body
		}},
		{name: "a repeat that is new", want: "a repeated key was granted", change: func(o *Options) { o.Scenario, o.Rate, o.Users = Mixed, 100, 100 },
			api: func(res *http.Response, body string) string { res.Header.Del("Idempotency-Replayed"); return body }},
		{name: "a code text twice", want: "code texts came for 1 bookings", change: quick, sim: func(_ *http.Response, body string) string {
			var list struct {
				Messages []json.RawMessage `json:"messages"`
			}
			_ = json.Unmarshal([]byte(body), &list)
			list.Messages = append(list.Messages, list.Messages...)
			raw, _ := json.Marshal(list)
			return string(raw)
		}},
		{name: "no code text", want: "texts had not come", change: func(o *Options) { quick(o); o.HoldOnly = true },
			fault: &twiliosim.Fault{Do: twiliosim.FaultError, Code: 30001, Status: 400}},
		{name: "a broken promise", want: "audit: 1 of ", change: quick, sql: "ALTER TABLE hold NO FORCE ROW LEVEL SECURITY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.fault != nil {
				if _, err := r.sim.AddFault(*c.fault); err != nil {
					t.Fatal(err)
				}
				defer r.sim.ClearFaults()
			}
			if c.sql != "" {
				if _, err := r.db.Admin.Exec(t.Context(), c.sql); err != nil {
					t.Fatal(err)
				}
			}
			_, err := r.run(t.Context(), func(o *Options) {
				if c.change != nil {
					c.change(o)
				}
				if c.api != nil {
					o.APIURL = before(t, o.APIURL, c.api)
				}
				if c.sim != nil {
					o.SimURL = before(t, o.SimURL, c.sim)
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("no %q in: %v\n%s", c.want, err, &r.out)
			}
		})
	}
}

// Nobody's number: every area code has a hundred, and none is one of the double's magic ones or of another country.
func TestPhones(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range Fiction() {
		if seen[p] || len(p) != len("+12125550100") || p[5:10] != "55501" || p[2:5] == "500" || p[2:5] == "202" || p[2:5] == "416" {
			t.Fatal(p)
		}
		seen[p] = true
	}
	if len(seen) < 60_000 {
		t.Errorf("%d numbers", len(seen))
	}
}
