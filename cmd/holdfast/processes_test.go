package main

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store/embedded"
	"holdfast/store/storetest"
)

// TestProcesses runs the parts as processes of their own, as in production, flushes Redis and kills a worker.
func TestProcesses(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	org := storetest.NewOrg(t, db, "one")
	sim := twiliosim.New(twiliosim.Options{Accounts: map[string]string{org.Account.SID: org.Account.Token.Reveal()}})
	phone := httptest.NewServer(sim)
	t.Cleanup(func() { phone.Close(); sim.Close() })
	redis, err := embedded.StartRedis(t.Context(), embedded.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })

	api := freePort(t)
	env := []string{
		"HOLDFAST_DATABASE_URL=" + db.AppURL, "HOLDFAST_REDIS_URL=" + redis.URL, "HOLDFAST_TWILIO_BASE_URL=" + phone.URL,
		"HOLDFAST_PUBLIC_URL=http://" + api, "HOLDFAST_API_ADDR=" + api, "HOLDFAST_OPS_ADDR=127.0.0.1:0", "HOLDFAST_OPS_TOKEN=0123456789abcdef",
		"HOLDFAST_KEYSET=" + db.KeySet.Keyset, "HOLDFAST_HASH_KEY=" + db.KeySet.HashKey, "HOLDFAST_CODE_PEPPER=" + db.KeySet.Peppers,
		"HOLDFAST_RECONCILE_GRACE=1s",
	}
	r := ready{"api_url": "http://" + api, "sim_url": phone.URL, "org": org.ID.String(), "api_key": org.Key.Reveal(), "resource": org.Chair.String()}
	start(t, env, "ingress")
	start(t, env, "scheduler")
	start(t, env, "worker")
	victim := start(t, env, "worker")
	eventually(t, 20*time.Second, "the API", func() bool {
		a, err := r.try("GET", r.route("/bookings"), nil)
		return err == nil && a.status == 200
	})

	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		var waiting string
		_ = db.Admin.QueryRow(context.Background(), `SELECT COALESCE(string_agg(format('%s %s epoch %s attempt %s crashes %s run_at %s check_at %s claimed %s error %s', id, type,
			epoch, attempt, crashes, run_at, check_at, claimed_by, last_error), E'\n'), 'nothing') FROM task WHERE state = 'pending'`).Scan(&waiting)
		t.Logf("pending at %v:\n%s", time.Now(), waiting)
	})
	t.Run("flush", func(t *testing.T) {
		took := r.drive(t, 0, 200, func(i int) {
			if i%50 == 25 {
				if err := embedded.Flush(context.Background(), redis.URL); err != nil {
					t.Error(err)
				}
			}
		})
		t.Logf("200 requests, Redis flushed 4 times: all settled %v after the last", took)
		if took > 15*time.Second {
			t.Errorf("settled only after %v", took)
		}
	})
	t.Run("kill -9", func(t *testing.T) {
		// Slow sends let it be seen that both workers have texts in flight.
		if _, err := sim.AddFault(twiliosim.Fault{Do: "delay", MS: 300}); err != nil {
			t.Fatal(err)
		}
		took := r.drive(t, 200, 200, func(i int) {
			if i == 199 {
				eventually(t, 10*time.Second, "both workers sending", func() (both bool) {
					_ = db.Admin.QueryRow(t.Context(), "SELECT count(DISTINCT claimed_by) = 2 FROM task WHERE state = 'pending'").Scan(&both)
					return both
				})
				victim.stop(t, syscall.SIGKILL)
			}
		})
		t.Logf("200 requests, one of two workers killed: all settled %v after the last", took)
		if took > 15*time.Second {
			t.Errorf("settled only after %v", took)
		}
	})
	// One text to each phone, whatever was flushed and killed, once nothing is waiting any more.
	pending := func() (n, crashes int) {
		err := db.Admin.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE state = 'pending'), sum(crashes) FROM task").Scan(&n, &crashes)
		if err != nil {
			t.Fatal(err)
		}
		return n, crashes
	}
	eventually(t, time.Minute, "nothing pending", func() bool { n, _ := pending(); return n == 0 })
	if _, crashes := pending(); crashes == 0 {
		t.Error("the killed worker had nothing in its hands: the test shows nothing")
	}
	for i := range 400 {
		phone := fmt.Sprintf("+1202558%04d", i)
		var texts int
		eventually(t, 15*time.Second, "the text to "+phone, func() bool { texts = len(sim.Messages(phone)); return texts > 0 })
		if texts != 1 {
			t.Errorf("%d texts to one phone", texts)
		}
	}
}

// drive posts n bookings of different slots without waiting, in parallel, and returns how long after the last
// answer all had their result. meanwhile runs before the i-th.
func (r ready) drive(t *testing.T, first, n int, meanwhile func(i int)) time.Duration {
	t.Helper()
	locations := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		meanwhile(i)
		wg.Go(func() {
			a, err := r.try("POST", r.route("/bookings"), r.booking(first+i, fmt.Sprintf("+1202558%04d", first+i)))
			if err != nil || a.status != 202 {
				t.Errorf("post: %v %d %s", err, a.status, a.raw)
			}
			locations[i] = a.header.Get("Location")
		})
	}
	wg.Wait()
	start := time.Now()
	for _, l := range locations {
		eventually(t, 30*time.Second, l, func() bool {
			a := r.call(t, "GET", r.str("api_url")+l, nil)
			if a.body["status"] != "done" {
				return false
			}
			if !strings.Contains(a.raw, `"status":201`) {
				t.Errorf("%s", a.raw)
			}
			return true
		})
	}
	return time.Since(start)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
