package ingress

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"holdfast/cmd/internal/speech"
	"holdfast/handlers"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// limitRig is a rig with a worker whose org asks for codes, each for another hour.
type limitRig struct {
	*rig
	rdb     *redis.Client
	counted *prometheus.Registry
	asked   atomic.Int32
}

func newLimitRig(t *testing.T) *limitRig {
	t.Helper()
	opt, err := redis.ParseURL(storetest.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	l := &limitRig{rdb: redis.NewClient(opt), counted: prometheus.NewRegistry()}
	t.Cleanup(func() { _ = l.rdb.Close() })
	l.rig = rigOn(t, storetest.New(t), tasks.NewBroker(l.rdb))
	l.in.limited = handlers.NewLimited(l.counted, slog.New(slog.DiscardHandler))
	l.worker(t)
	return l
}

// limit sets some limits and no others.
func (l *limitRig) limit(t *testing.T, some string) {
	t.Helper()
	doc := `{"countries":["US","CA"],` + strings.TrimPrefix(storetest.NoLimits, "{")
	for part := range strings.SplitSeq(some, " ") {
		name, value, _ := strings.Cut(part, "=")
		doc = strings.Replace(doc, name+`":0`, name+`":`+value, 1)
	}
	if a := l.api(t, "PUT", "/settings", doc); a.StatusCode != 200 {
		t.Fatalf("%s: %s", doc, a.body)
	}
}

// wish is a body that asks for a code.
func (l *limitRig) wish(phone string) string {
	n := int(l.asked.Add(1))
	day := time.Now().AddDate(0, 0, 2+n/20).Format(time.DateOnly)
	return fmt.Sprintf(`{"resource":"chair","start":"%sT%02d:%02d","customer":{"phone":%q}}`, day, 8+n%20/2, n%2*30, phone)
}

func (l *limitRig) book(t *testing.T, phone string, headers ...string) answer {
	t.Helper()
	return l.api(t, "POST", "/bookings", l.wish(phone), append(headers, "Prefer", "wait=10")...)
}

// refused expects a limit's refusal that ends after about so many seconds, and returns them.
func (a answer) refused(t *testing.T, field, detail string, after int) {
	t.Helper()
	p := a.problem(t)
	wait, _ := strconv.Atoi(a.Header.Get("Retry-After"))
	if a.StatusCode != 429 || p.Type != "too-many-codes" || p.Field != field || p.Detail != detail || wait != p.RetryAfter || wait > after || wait < after-10 {
		t.Errorf("%d %s, Retry-After %d; want %q, %q, %d", a.StatusCode, a.body, wait, field, detail, after)
	}
}

// TestCodeLimits: each limit lets so many through and refuses one more, until its time; repeats of what it let through are
// answered and cost nothing, and what it refused can be asked again with the same key.
func TestCodeLimits(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	same, other := func(prefix string, _ int) string { return prefix + "0001" }, func(prefix string, n int) string { return fmt.Sprintf("%s%04d", prefix, n) }
	for i, tt := range []struct {
		name, limit   string
		phone         func(prefix string, n int) string
		field, detail string
		after         int
		wide          bool
	}{
		{"phone_10_minutes", "per_10_minutes=2", same, "customer.phone", "of this number", 600, false},
		{"phone_day", "per_day=2", same, "customer.phone", "of this number", 86400, false},
		{"prefix", `prefix":{"per_hour=2`, other, "customer.phone", "of numbers like this one", 3600, false},
		{"ratio", `confirmed_percent=50,"after_texts":2`, other, "customer.phone", "of numbers like this one", 3600 - 660, false},
		{"source", `source":{"per_hour=2`, other, "", "of this key or agent", 1800, true},
		{"country", `country":{"per_hour=2`, other, "", "of numbers of this country", 1800, true},
		{"org", `org":{"per_hour=2`, other, "", "of the org", 1800, true},
	} {
		l.limit(t, tt.limit)
		prefix := fmt.Sprintf("+1202%03d", 300+i)
		accepted := l.wish(tt.phone(prefix, 0))
		key := []string{"Idempotency-Key", tt.name, "Prefer", "wait=10"}
		first := l.api(t, "POST", "/bookings", accepted, key...)
		if second := l.book(t, tt.phone(prefix, 1)); first.StatusCode != 201 || second.StatusCode != 201 {
			t.Fatalf("%s: %s, %s", tt.name, first.body, second.body)
		}
		if tt.name == "ratio" {
			l.admin(t, "UPDATE message SET created_at = created_at - interval '11 minutes'")
		}
		rows := l.count(t, "booking")
		refused := l.wish(tt.phone(prefix, 2))
		again := []string{"Idempotency-Key", tt.name + "-more", "Prefer", "wait=10"}
		for range 2 { // it is not stored
			l.api(t, "POST", "/bookings", refused, again...).refused(t, tt.field, tt.detail, tt.after)
		}
		for range 3 {
			if a := l.api(t, "POST", "/bookings", accepted, key...); a.StatusCode != 201 || a.Header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("%s: repeat: %d %s", tt.name, a.StatusCode, a.body)
			}
		}
		if n := l.count(t, "booking"); n != rows {
			t.Errorf("%s: %d bookings more", tt.name, n-rows)
		}
		if a := l.book(t, "+1416555010"+strconv.Itoa(i)); tt.wide == (a.StatusCode == 201) && tt.name != "country" {
			t.Errorf("%s: another number: %d", tt.name, a.StatusCode)
		}
		if tt.name == "source" { // another source has its own
			event := func(id string) answer {
				body := `{"type":"booking.requested","timestamp":"2026-11-24T10:00:00Z","data":` + l.wish(tt.phone(prefix, 7)) + `}`
				return l.event(t, id, body, "Prefer", "wait=10")
			}
			if a, b := event("e1"), event("e2"); a.StatusCode != 201 || b.StatusCode != 201 {
				t.Errorf("%s: events: %s, %s", tt.name, a.body, b.body)
			}
			event("e3").refused(t, tt.field, tt.detail, tt.after)
		}
		if err := l.rdb.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if !tt.wide { // a flush changes nothing; time does
			l.api(t, "POST", "/bookings", refused, again...).refused(t, tt.field, tt.detail, tt.after)
			l.admin(t, "UPDATE message SET created_at = created_at - $1 * interval '1 second'", tt.after)
		}
		if a := l.api(t, "POST", "/bookings", refused, again...); a.StatusCode != 201 || a.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: after its time: %d %s", tt.name, a.StatusCode, a.body)
		}
		l.admin(t, "DELETE FROM task")
	}
}

// TestLimitsAreAnOrgsOwn: what one org has spent is another's to have; limits of 0 ask Redis nothing.
func TestLimitsAreAnOrgsOwn(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	spent := func() int { return len(l.rdb.Keys(t.Context(), "holdfast:limit:*").Val()) }
	if l.book(t, "+12025550100"); spent() != 0 {
		t.Error("Redis was asked for limits of 0")
	}
	l.limit(t, `org":{"per_hour=1 prefix":{"per_hour=2`)
	if a := l.book(t, "+12025550101"); a.StatusCode != 201 || spent() != 1 {
		t.Errorf("%d, %d keys", a.StatusCode, spent())
	}
	l.book(t, "+12025550102").refused(t, "", "of the org", 3600)
	one := l.org
	l.org = storetest.NewOrg(t, l.db, "garage")
	l.limit(t, `org":{"per_hour=1 prefix":{"per_hour=2`)
	if a := l.book(t, "+12025550103"); a.StatusCode != 201 {
		t.Errorf("another org: %d %s", a.StatusCode, a.body)
	}
	l.book(t, "+12025550104").refused(t, "", "of the org", 3600)
	l.org = one
	l.limit(t, `org":{"per_hour=0`)
	if a := l.book(t, "+12025550105"); a.StatusCode != 201 {
		t.Errorf("without limits: %d %s", a.StatusCode, a.body)
	}
	for _, key := range l.rdb.Keys(t.Context(), "holdfast:limit:*").Val() {
		if strings.Contains(key, "555") || !strings.HasSuffix(key, "}:org") {
			t.Errorf("a key of Redis: %s", key)
		}
	}
}

// TestLimitsOfResendsAndMoves: they cost as a booking does; what leads to no code costs nothing, nor does what was refused.
func TestLimitsOfResendsAndMoves(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	l.limit(t, `country":{"per_hour=3`)
	wait := []string{"Prefer", "wait=10"}
	b, _ := l.booked(t)
	at := "/bookings/" + b.ID.String()
	for _, body := range []string{`{"resource":"chair","start":"` + tomorrow("03:00") + `","customer":{"phone":"+15550100042"}}`, // closed
		bookingBody(tomorrow("10:00")), strings.Replace(bookingBody(tomorrow("10:00")), "0042", "0043", 1), `{}`} { // his own; taken
		if a := l.api(t, "POST", "/bookings", body, wait...); a.StatusCode == 429 {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	l.admin(t, "UPDATE message SET created_at = created_at - interval '2 minutes'")
	if a := l.api(t, "POST", at+"/resend", "", wait...); a.StatusCode != 200 {
		t.Fatalf("resend: %s", a.body)
	}
	// His own booking, asked for again, was the third.
	l.admin(t, "UPDATE message SET created_at = created_at - interval '2 minutes'")
	l.api(t, "POST", at+"/resend", "", wait...).refused(t, "", "of numbers of this country", 1200)
	l.api(t, "POST", at+"/resend", `{"phone":"+15550100044"}`, wait...).refused(t, "", "of numbers of this country", 1200)
	move := func(clock string) answer {
		return l.api(t, "POST", at+"/reschedule", `{"start":"`+tomorrow(clock)+`"}`, wait...)
	}
	if a := move("11:00"); a.StatusCode != 200 {
		t.Errorf("a hold: %s", a.body)
	}
	if a := l.api(t, "POST", at+"/verify", `{"code":"`+l.code(t, b.ID)+`"}`, wait...); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	move("12:00").refused(t, "", "of numbers of this country", 1200)
	if a := move("11:00"); a.StatusCode != 200 {
		t.Errorf("where it is: %s", a.body)
	}
	l.limit(t, `country":{"per_hour=4`)
	if a := move("12:00"); a.StatusCode != 200 {
		t.Errorf("moved: %s", a.body)
	}
	move("13:00").refused(t, "", "of numbers of this country", 900)
	families, err := l.counted.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%v %v", families, err)
	}
	if m := families[0].GetMetric(); len(m) != 1 || m[0].GetLabel()[0].GetValue() != "country" || m[0].GetCounter().GetValue() != 4 {
		t.Errorf("counted: %v", m)
	}
}

// TestLimitsWithoutRedis: this process's own count holds, and customers can book.
func TestLimitsWithoutRedis(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	l.limit(t, `source":{"per_hour=4 per_10_minutes=2`)
	if a := l.book(t, "+12025550100"); a.StatusCode != 201 {
		t.Fatalf("%s", a.body)
	}
	if err := l.rdb.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if a := l.api(t, "POST", "/bookings", l.wish("+1202555020"+strconv.Itoa(i))); a.StatusCode != 202 {
			t.Errorf("%d: %d %s", i, a.StatusCode, a.body)
		}
	}
	l.api(t, "POST", "/bookings", l.wish("+12025550300")).refused(t, "", "of this key or agent", 900)
	until(t, func() bool { return l.count(t, "booking") == 4 })
	l.limit(t, `source":{"per_hour=100 per_10_minutes=1`)
	l.book(t, "+12025550100").refused(t, "customer.phone", "of this number", 600)
}

// TestPumping: who walks through a block of numbers gets what the block gets, and spends nothing of what others need.
func TestPumping(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	l.admin(t, "DELETE FROM settings") // the defaults
	l.in.limits.forget(func(uuid.UUID) bool { return true })
	var wg sync.WaitGroup
	var next, limited atomic.Int32
	for range 8 {
		wg.Go(func() {
			for n := next.Add(1); n <= 1000; n = next.Add(1) {
				if a := l.api(t, "POST", "/bookings", l.wish(fmt.Sprintf("+1202555%04d", n))); a.StatusCode == http.StatusTooManyRequests {
					limited.Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		if a := l.book(t, fmt.Sprintf("+1312%03d0100", 200+i)); a.StatusCode != 201 {
			t.Errorf("another customer: %d %s", a.StatusCode, a.body)
		}
	}
	var texts, requests int
	if err := l.db.Admin.QueryRow(t.Context(), `SELECT (SELECT max(n) FROM (SELECT count(*) AS n FROM message GROUP BY prefix_hash) x), (SELECT count(*) FROM request)`).
		Scan(&texts, &requests); err != nil {
		t.Fatal(err)
	}
	if texts != 20 || limited.Load() < 900 {
		t.Errorf("%d texts to the block, %d refused at once, %d requests", texts, limited.Load(), requests)
	}
}

// TestPrefixesAreNotLockedOut: what begins nothing takes none of the room that a prefix has for what is under way.
func TestPrefixesAreNotLockedOut(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	same := l.wish("+12023000000")
	for i, tt := range []struct {
		name, limit string
		body        func(n int) string
		headers     []string
	}{
		{name: "repeats", body: func(int) string { return same }, headers: []string{"Idempotency-Key", "k"}},
		{name: "of the org", limit: ` org":{"per_hour=1`, body: func(n int) string { return l.wish(fmt.Sprintf("+1202301%04d", n)) }},
		{name: "not offered", body: func(n int) string {
			return fmt.Sprintf(`{"resource":"chair","start":"%s","customer":{"phone":"+1202302%04d"}}`, tomorrow("03:00"), n)
		}},
	} {
		l.limit(t, `prefix":{"per_hour=20`+tt.limit)
		for n := range 45 {
			if a := l.api(t, "POST", "/bookings", tt.body(n), tt.headers...); strings.Contains(string(a.body), "like this one") {
				t.Fatalf("%s, %d: %d %s", tt.name, n, a.StatusCode, a.body)
			}
		}
		l.limit(t, `prefix":{"per_hour=20`)
		if a := l.book(t, fmt.Sprintf("+120230%d9999", i)); a.StatusCode != 201 {
			t.Errorf("%s: another customer: %d %s", tt.name, a.StatusCode, a.body)
		}
	}
}

// TestVoiceOfLimits: an agent hears of a number's limit, and of the org's, in words.
func TestVoiceOfLimits(t *testing.T) {
	t.Parallel()
	l := newLimitRig(t)
	l.voiceSecrets(t)
	hold := func(number string) heard {
		n := l.asked.Add(1)
		return l.agent(sourceRetell, number).use(t, "hold_slot", "service", "cleaning", "start", time.Now().AddDate(0, 0, 2).Format(time.DateOnly)+fmt.Sprintf("T%02d:00", 8+n))
	}
	l.limit(t, `per_10_minutes=1 org":{"per_hour=3`)
	if h := hold("+12025550100"); h.State != "held" {
		t.Fatalf("%+v", h)
	}
	if h := hold("+12025550100"); h.text != speech.English.Say(speech.TooManyCodes, nil) || h.Status != "too-many-codes" || h.RetryAfter < 590 {
		t.Errorf("%+v", h)
	}
	hold("+12025550101")
	hold("+12025550102")
	if h := hold("+12025550103"); h.text != speech.English.Say(speech.NoTexts, nil) || h.Status != "too-many-codes" {
		t.Errorf("%+v", h)
	}
}
