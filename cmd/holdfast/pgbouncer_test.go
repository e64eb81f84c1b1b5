package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/embedded"
	"holdfast/store/storetest"
)

// TestPgBouncer runs the whole behind PgBouncer in transaction mode, with fewer connections to PostgreSQL than it has
// clients, so that two orgs take turns on each of them: their customers book and confirm, and neither sees the other's.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	o := embedded.Options{DataDir: t.TempDir(), DatabaseURL: "there is one", RedisURL: "and one", PgBouncer: true}
	if err := embedded.Provision(t.Context(), o, os.Stderr); err != nil {
		t.Fatal(err)
	}
	db := storetest.New(t)
	bouncer, err := embedded.StartPgBouncer(t.Context(), o, db.AppURL, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bouncer.Close() })
	orgs := []storetest.Org{storetest.NewOrg(t, db, "one"), storetest.NewOrg(t, db, "two")}
	accounts := make(map[string]string)
	for _, o := range orgs {
		accounts[o.Account.SID] = o.Account.Token.Reveal()
	}
	sim := twiliosim.New(twiliosim.Options{Accounts: accounts})
	phone := httptest.NewServer(sim)
	t.Cleanup(func() { phone.Close(); sim.Close() })

	api, url := freePort(t), bouncer.URL+"?default_query_exec_mode=cache_describe"
	start(t, []string{
		"HOLDFAST_DATABASE_URL=" + url, "HOLDFAST_REDIS_URL=" + storetest.RedisURL(t), "HOLDFAST_TWILIO_BASE_URL=" + phone.URL,
		"HOLDFAST_PUBLIC_URL=http://" + api, "HOLDFAST_API_ADDR=" + api, "HOLDFAST_OPS_ADDR=127.0.0.1:0", "HOLDFAST_OPS_TOKEN=0123456789abcdef",
		"HOLDFAST_KEYSET=" + db.KeySet.Keyset, "HOLDFAST_HASH_KEY=" + db.KeySet.HashKey, "HOLDFAST_CODE_PEPPER=" + db.KeySet.Peppers,
		"HOLDFAST_RECONCILE_GRACE=1s", "HOLDFAST_DB_MAX_CONNS=20",
	}, "serve")
	var wg sync.WaitGroup
	for n, o := range orgs {
		r := ready{"api_url": "http://" + api, "sim_url": phone.URL, "org": o.ID.String(), "api_key": o.Key.Reveal(), "resource": o.Chair.String()}
		eventually(t, 20*time.Second, "the API", func() bool {
			a, err := r.try("GET", r.route("/bookings"), nil)
			return err == nil && a.status == 200
		})
		for i := range 20 {
			wg.Go(func() {
				number := fmt.Sprintf("+1202558%04d", 1000*n+i)
				booked, err := r.try("POST", r.route("/bookings"), r.booking(i, number), "Prefer", "wait=15")
				if err != nil || booked.status != 201 {
					t.Errorf("book: %v %d %s", err, booked.status, booked.raw)
					return
				}
				eventually(t, 10*time.Second, "the text", func() bool { return len(sim.Messages(number)) == 1 })
				code := sim.Messages(number)[0].Body[:6]
				a, err := r.try("POST", r.route("/bookings/"+booked.body["id"].(string)+"/verify"), map[string]any{"code": code}, "Prefer", "wait=15")
				if err != nil || a.body["state"] != "confirmed" {
					t.Errorf("verify: %v %d %s", err, a.status, a.raw)
				}
			})
		}
		wg.Go(func() {
			other := orgs[1-n]
			if a, err := r.try("GET", "http://"+api+"/v1/orgs/"+other.ID.String()+"/bookings", nil); err != nil || a.status != 403 {
				t.Errorf("the other org's bookings: %v %d", err, a.status)
			}
		})
	}
	wg.Wait()

	// Connections come back from it as nobody's: without an org there are no rows, whoever used them before.
	rows := func() (n int) {
		pool, err := store.Open(t.Context(), url, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		for range 30 {
			var seen int
			if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM booking").Scan(&seen); err != nil {
				t.Fatal(err)
			}
			n += seen
		}
		return n
	}
	if n := rows(); n > 0 {
		t.Errorf("%d rows are seen without an org", n)
	}
	pool, err := store.Open(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	eventually(t, 10*time.Second, "control: whoever gets a connection next to meet an org that was set for the session", func() bool {
		if _, err := pool.Exec(t.Context(), "SELECT set_config('app.org_id', $1, false)", orgs[0].ID.String()); err != nil {
			t.Fatal(err)
		}
		return rows() > 0
	})
}
