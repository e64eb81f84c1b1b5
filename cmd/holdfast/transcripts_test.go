package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"holdfast/store/storetest"
)

// testTranscripts marks a transcript with personal data of each kind, one of which only its booking knows, and looks for it in
// all that the system has: once it is redacted there is no trace.
func testTranscripts(t *testing.T, p *process, r ready) {
	wish := r.booking(44, "+12025550171")
	wish["customer"] = map[string]any{"phone": "+12025550171", "name": "Zebulon Quokka"}
	booked := r.call(t, "POST", r.route("/bookings"), wish, "Prefer", "wait=10")
	if booked.status != 201 {
		t.Fatalf("book: %d %s", booked.status, booked.raw)
	}
	text := "Agent: Is that Zebulon Quokka? On Wombatday at half past three?\n" +
		"Caller: Yes. My number is (202) 555-0172, my mail numbat@kookaburra.example, my social security number is 536-90-4399.\n" +
		"Caller: My other phone is five five five, oh one eight eight.\nAgent: Until Wombatday, then."
	markers := []string{"Zebulon", "Quokka", "555-0172", "2025550172", "numbat", "kookaburra", "536-90-4399", "536904399", "oh one eight eight", "5550188"}
	a := r.call(t, "POST", r.route("/transcripts"), map[string]any{"call_id": "call-44", "booking_id": booked.body["id"], "text": text}, "Prefer", "wait=10", "Idempotency-Key", "call-44")
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	answers := a.raw + r.call(t, "GET", r.str("api_url")+a.header.Get("Location"), nil).raw
	if strings.Count(answers, "Agent: Until Wombatday, then.") != 2 || strings.Count(answers, "half past three") != 2 {
		t.Errorf("what is no personal data is gone: %s", answers)
	}
	for _, m := range markers {
		if storetest.Shows(answers, m) {
			t.Errorf("%s comes back: %s", m, a.raw)
		}
	}

	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	// Not even what is left of the text can be read there.
	for _, f := range storetest.FindMarkers(t, db, append(markers, "Wombatday")...) {
		t.Errorf("PostgreSQL: %s", f)
	}
	metrics := r.call(t, "GET", r.str("ops_url")+"/metrics", nil, "Authorization", "Bearer "+r.str("ops_token")).raw
	for place, of := range map[string]struct{ has, known string }{
		"Redis": {allOfRedis(t, r.str("redis_url")), "asynq:queues"}, "the log": {p.out.String(), "Paste into another terminal"},
		"metrics": {metrics, `holdfast_redactions_total{source="transcript",type="PHONE_NUMBER"}`},
	} {
		for _, m := range append(markers, "Wombatday") {
			if storetest.Shows(of.has, m) {
				t.Errorf("%s: %s", place, m)
			}
		}
		if !strings.Contains(of.has, of.known) {
			t.Errorf("%s: not even %q is seen", place, of.known)
		}
	}
}

// allOfRedis is every key with its value, of any type.
func allOfRedis(t *testing.T, url string) string {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, key := range keys {
		var value any
		switch kind := rdb.Type(t.Context(), key).Val(); kind {
		case "string":
			value = rdb.Get(t.Context(), key).Val()
		case "hash":
			value = rdb.HGetAll(t.Context(), key).Val()
		case "list":
			value = rdb.LRange(t.Context(), key, 0, -1).Val()
		case "set":
			value = rdb.SMembers(t.Context(), key).Val()
		case "zset":
			value = rdb.ZRange(t.Context(), key, 0, -1).Val()
		case "none": // it has ended meanwhile
		default:
			t.Errorf("%s is a %s: nobody looks into it", key, kind)
		}
		fmt.Fprintln(&all, key, value)
	}
	return all.String()
}
