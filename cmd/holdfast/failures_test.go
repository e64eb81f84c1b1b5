package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// failure is a line of the table of what can become of a code text: what goes wrong at the provider, and how it ends.
type failure struct {
	what string
	to   string // a magic number; "": one of ours
	rule string // a fault rule of the double, without its match

	texts   int    // that the phone gets
	message string // the text's state and class in the end
	code    string // the booking's code_state
}

const (
	made = "revoked" // the code is taken back, the booking told unreachable, the text's task a dead letter or the callback's
	fine = "sent"
)

// goesOn are those that concern one text, and no other of the org.
var goesOn = []failure{
	{"nothing", "", "", 1, "delivered", fine},

	{"21211 invalid number", "+15005550001", "", 0, "failed recipient 21211", made},
	{"21612 no route to the number", "+15005550002", "", 0, "failed recipient 21612", made},
	{"21408 no permission for the region", "+15005550003", "", 0, "failed tenant 21408", made},
	{"21610 opted out", "+15005550004", "", 0, "failed opted-out 21610", made},
	{"21614 not a mobile", "+15005550009", "", 0, "failed recipient 21614", made},

	{"30450 taken for fraud", "", `"do":"error","code":30450,"status":400`, 0, "failed fraud 30450", made},
	{"21617 the text itself", "", `"do":"error","code":21617,"status":400`, 0, "failed content 21617", made},
	{"a code that nobody knows, as a 4xx", "", `"do":"error","code":29999,"status":422`, 0, "failed content 29999", made},
	{"429 too many requests", "", `"do":"error","code":20429,"status":429`, 1, "delivered", fine},
	{"500, outcome unknown", "", `"do":"error","code":20500,"status":500`, 1, "delivered", fine},
	{"503 that is no JSON", "", `"do":"html503"`, 1, "delivered", fine},
	{"connection reset", "", `"do":"reset"`, 1, "delivered", fine},
	{"no answer, not taken", "", `"do":"hang"`, 1, "delivered", fine},
	{"no answer, taken", "", `"do":"accept_then_hang"`, 1, "delivered", fine},
	{"late answer", "", `"do":"delay","ms":700`, 1, "delivered", fine},
	{"taken after our time-out", "", `"do":"delay","ms":5400`, 1, "delivered", fine},

	{"each callback twice", "", `"do":"double_callback"`, 1, "delivered", fine},
	{"30003 not delivered", "", `"do":"undelivered","code":30003`, 1, "undelivered transient 30003", made},
	{"30005 no such handset", "", `"do":"undelivered","code":30005`, 1, "undelivered recipient 30005", made},
	{"30007 filtered by the carrier", "", `"do":"undelivered","code":30007`, 1, "undelivered tenant 30007", made},
	{"30999 not delivered, unknown code", "", `"do":"undelivered","code":30999`, 1, "undelivered transient 30999", made},
}

// stops are those that say of the org's account that none of its texts will go.
var stops = []failure{
	{"20003 wrong credentials", "", `"do":"error","code":20003,"status":401`, 0, "failed tenant 20003", made},
	{"401 without a code", "", `"do":"error","code":10001,"status":401`, 0, "failed tenant 10001", made},
	{"63038 daily limit of the account", "", `"do":"error","code":63038,"status":400`, 0, "failed cap 63038", made},
	{"30034 number not registered, told late", "", `"do":"undelivered","code":30034`, 1, "undelivered tenant 30034", made},
}

// senders are the magic numbers to send from.
var senders = []struct{ from, class string }{
	{"+15005550001", "failed tenant 21212"},
	{"+15005550007", "failed tenant 21606"},
	{"+15005550008", "failed cap 21611"},
}

// TestFailedTexts walks through the table: each failure ends as it should, none leaves a booking stuck, and what stops an
// org stops no other.
func TestFailedTexts(t *testing.T) {
	t.Parallel()
	p, r := startDev(t, filepath.Join(t.TempDir(), "data"))
	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	n := 0
	next := func() int { n++; return 40 + n }
	t.Run("one text", func(t *testing.T) {
		for _, f := range goesOn {
			slot := next()
			t.Run(f.what, func(t *testing.T) {
				t.Parallel()
				r.ends(t, f, r.fails(t, f, slot))
			})
		}
	})
	r.stopped(t, db, 0)
	for _, f := range stops {
		t.Run(f.what, func(t *testing.T) {
			r.ends(t, f, r.fails(t, f, next()))
			r.stopsAlone(t, db, next())
			r.resumes(t, db, next())
		})
	}
	t.Run("senders", func(t *testing.T) {
		for _, s := range senders {
			set := "UPDATE sms_account SET from_number = $2, updated_at = clock_timestamp() WHERE org_id = $1"
			was := r.exec(t, db, "SELECT from_number FROM sms_account WHERE org_id = $1")
			r.exec(t, db, set, s.from)
			f := failure{what: "from " + s.from, message: s.class, code: made}
			r.ends(t, f, r.fails(t, f, next()))
			r.exec(t, db, set, was)
			r.stopsAlone(t, db, next())
			r.resumes(t, db, next())
		}
	})
	p.stop(t, syscall.SIGINT)
}

// attempt is a booking whose code text meets a failure.
type attempt struct{ booking, phone string }

func (r ready) fails(t *testing.T, f failure, slot int) attempt {
	t.Helper()
	a := attempt{phone: f.to}
	if f.to == "" {
		a.phone = fmt.Sprintf("+1202555%04d", 2000+slot)
	}
	if f.rule != "" {
		var rule map[string]any
		if err := json.Unmarshal([]byte("{"+f.rule+"}"), &rule); err != nil {
			t.Fatal(err)
		}
		rule["match"], rule["times"] = map[string]string{"to": a.phone}, 1
		if got := r.call(t, "POST", r.str("sim_url")+"/_sim/faults", rule); got.status != http.StatusCreated {
			t.Fatalf("fault: %d %s", got.status, got.raw)
		}
	}
	got := r.call(t, "POST", r.route("/bookings"), r.booking(slot, a.phone), "Prefer", "wait=10")
	if got.status != http.StatusCreated {
		t.Fatalf("book: %d %s", got.status, got.raw)
	}
	a.booking, _ = got.body["id"].(string)
	return a
}

// ends waits for what the table says, and looks again that nothing else follows.
func (r ready) ends(t *testing.T, f failure, a attempt) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	var message, code string
	var kinds []string
	settled := func() bool {
		err := db.QueryRow(t.Context(), `SELECT concat_ws(' ', state, error_class, error_code), (SELECT array_agg(kind ORDER BY id) FROM booking_event WHERE booking_id = $1)
			FROM message WHERE booking_id = $1 AND kind = 'code'`, a.booking).Scan(&message, &kinds)
		if err != nil {
			t.Fatal(err)
		}
		code, _ = r.call(t, "GET", r.route("/bookings/"+a.booking), nil).body["code_state"].(string)
		told := slices.Contains(kinds, "unreachable")
		return message == f.message && code == f.code && told == (f.code == made) && len(r.texts(t, a.phone)) == f.texts
	}
	what := func() string {
		return fmt.Sprintf("the text is %q, the code %s, %d texts, timeline %v; want %q, %s, %d", message, code, len(r.texts(t, a.phone)), kinds, f.message, f.code, f.texts)
	}
	for deadline := time.Now().Add(40 * time.Second); !settled(); {
		if time.Now().After(deadline) {
			t.Fatal(what())
		}
	}
	for _, kind := range []string{"unreachable", "text_delivered", "code_revoked"} {
		if i := slices.Index(kinds, kind); i >= 0 && slices.Contains(kinds[i+1:], kind) {
			t.Errorf("told twice: timeline %v", kinds)
		}
	}
	if f.code == made { // nobody is stuck: the booking can be canceled, or given to another number
		got := r.call(t, "POST", r.route("/bookings/"+a.booking+"/cancel"), map[string]any{}, "Prefer", "wait=10")
		if got.status != http.StatusOK {
			t.Errorf("cancel: %d %s", got.status, got.raw)
		}
	}
}

// exec runs a statement about the org as the database's owner, and returns what it says.
func (r ready) exec(t *testing.T, db *pgx.Conn, sql string, args ...any) (said string) {
	t.Helper()
	rows, err := db.Query(t.Context(), sql, append([]any{r.str("org")}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		if err := rows.Scan(&said); err != nil {
			t.Fatal(err)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return said
}

// stopped looks how many orgs' texts wait.
func (r ready) stopped(t *testing.T, db *pgx.Conn, want int) {
	t.Helper()
	if got := r.exec(t, db, "SELECT count(*)::text FROM sms_breaker WHERE opened_at IS NOT NULL AND $1::uuid IS NOT NULL"); got != fmt.Sprint(want) {
		t.Errorf("%s orgs are stopped, want %d", got, want)
	}
}

// stopsAlone holds back the next try and sees that a request changes nothing, and that the other org books.
func (r ready) stopsAlone(t *testing.T, db *pgx.Conn, slot int) {
	t.Helper()
	r.stopped(t, db, 1)
	r.exec(t, db, "UPDATE sms_breaker SET retry_at = clock_timestamp() + interval '1 min' WHERE org_id = $1")
	const rows = "SELECT (SELECT count(*) FROM booking b WHERE b.org_id = o.id) || ' ' || (SELECT count(*) FROM hold h WHERE h.org_id = o.id) || ' ' || (SELECT count(*) FROM customer c WHERE c.org_id = o.id) FROM org o WHERE o.id = $1"
	before := r.exec(t, db, rows)
	got := r.call(t, "POST", r.route("/bookings"), r.booking(slot, "+12025551999"), "Prefer", "wait=10")
	if got.status != http.StatusServiceUnavailable || !strings.HasSuffix(fmt.Sprint(got.body["type"]), "/sms-unavailable") {
		t.Errorf("a request while the org's texts wait: %d %s", got.status, got.raw)
	}
	if after := r.exec(t, db, rows); after != before {
		t.Errorf("a refused request has changed something: bookings, holds, customers %s, before %s", after, before)
	}
	var chair string
	at := r.booking(slot, "")["start"]
	if err := db.QueryRow(t.Context(), "SELECT id::text FROM resource WHERE org_id = $1 LIMIT 1", r.str("other_org")).Scan(&chair); err != nil {
		t.Fatal(err)
	}
	phone := fmt.Sprintf("+1202555%04d", 3000+slot)
	got = r.call(t, "POST", r.str("api_url")+"/v1/orgs/"+r.str("other_org")+"/bookings",
		map[string]any{"resource": chair, "start": at, "customer": map[string]any{"phone": phone}}, "Prefer", "wait=10", "Authorization", "Bearer "+r.str("other_api_key"))
	if got.status != http.StatusCreated {
		t.Errorf("the other org: %d %s", got.status, got.raw)
	}
	r.codeFor(t, phone)
}

// resumes lets the org's texts go as an operator does, and books.
func (r ready) resumes(t *testing.T, db *pgx.Conn, slot int) {
	t.Helper()
	r.exec(t, db, `SELECT sms_resume($1, 'cli', '{"why": "the provider takes texts again"}', true)::text`)
	r.ends(t, goesOn[0], r.fails(t, goesOn[0], slot))
}
