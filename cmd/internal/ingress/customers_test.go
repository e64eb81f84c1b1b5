package ingress

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// phone42 is the customer's in bookingBody.
var phone42 = pii.KnownPhone("+15550100042")

// TestErase: 202 with the place of the outcome, or the outcome to who waits; the outcome is told as it stands when it is asked
// for; twice is no error; an id that is not the org's is unknown, whoever's it is.
func TestErase(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	on := r.fixtures(t)
	at := "/customers/" + on.booking.Customer.ID.String()
	pending := r.api(t, "DELETE", at, "")
	var req requestView
	if pending.json(t, &req); pending.StatusCode != 202 || pending.Header.Get("Location") != "/v1/orgs/"+r.org.ID.String()+"/requests/"+req.ID.String() {
		t.Fatalf("%d %v %s", pending.StatusCode, pending.Header, pending.body)
	}
	if a := r.api(t, "GET", "/bookings/"+on.booking.ID.String(), ""); !strings.Contains(string(a.body), "•••• 42") {
		t.Errorf("erased before the task: %s", a.body)
	}
	r.worker(t)
	waited := r.api(t, "DELETE", at, "", "Prefer", "wait=10", "Idempotency-Key", "k")
	var v handlers.ErasureView
	if waited.json(t, &v); waited.StatusCode != 200 || v.ID != on.booking.Customer.ID || v.Erased.Bookings != 1 || v.Erased.Canceled != 1 || v.ErasedAt.IsZero() {
		t.Fatalf("%d %s", waited.StatusCode, waited.body)
	}
	var result requestView
	r.api(t, "GET", "/requests/"+req.ID.String(), "").json(t, &result)
	if result.Result == nil || strings.TrimSpace(string(result.Result.Body)) != string(waited.body) {
		t.Errorf("the request: %+v", result)
	}
	var b handlers.BookingView
	if r.api(t, "GET", "/bookings/"+on.booking.ID.String(), "").json(t, &b); b.State != "canceled" || b.Customer.Phone != "" || b.Customer.ID != on.booking.Customer.ID {
		t.Errorf("its booking: %+v", b)
	}
	// What is asked of its bookings afterwards is refused, or has nothing left to do.
	for _, w := range []wish{{"POST", "/verify", `{"code":"123456"}`}, {"POST", "/resend", ""}, {"POST", "/resend", `{"phone":"+15550100043"}`}, {"POST", "/cancel", ""},
		{"POST", "/reschedule", `{"start":"` + tomorrow("16:00") + `"}`}, {"POST", "/mark", `{"state":"no_show"}`}} {
		if a := r.api(t, w.method, "/bookings/"+on.booking.ID.String()+w.path, w.body, "Prefer", "wait=10"); a.StatusCode >= 500 || a.StatusCode == 202 {
			t.Errorf("%s %s: %d %s", w.path, w.body, a.StatusCode, a.body)
		}
	}
	// The provider's part goes on after the answer, and the answer is told as it stands.
	if _, err := r.db.Admin.Exec(t.Context(), "UPDATE message SET redacted = 'absent' WHERE erased_for = $1", v.ID); err != nil {
		t.Fatal(err)
	}
	again := r.api(t, "DELETE", at, "", "Idempotency-Key", "k")
	if again.json(t, &v); again.StatusCode != 200 || again.Header.Get("Idempotency-Replayed") != "true" || v.Provider.NotFound != r.count(t, "message WHERE erased_for IS NOT NULL") {
		t.Errorf("a repeat: %d %s", again.StatusCode, again.body)
	}

	rotated := storetest.NewKey(t, r.db, r.org.ID, store.ScopeAdmin)
	if a := r.do(t, "DELETE", "/v1/orgs/"+r.org.ID.String()+at, "", "Idempotency-Key", "k", "Authorization", "Bearer "+rotated.Reveal()); a.StatusCode != 200 || a.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("a repeat by another API key: %d %s", a.StatusCode, a.body)
	}

	other := storetest.NewOrg(t, r.db, "other")
	theirs := uuid.New()
	if _, err := store.InTx(t.Context(), r.db.App, other.ID, func(tx *store.Tx) error {
		return store.InsertCustomer(tx, r.db.Keys, store.Customer{ID: theirs, Phone: phone42})
	}); err != nil {
		t.Fatal(err)
	}
	foreign, unknown := r.api(t, "DELETE", "/customers/"+theirs.String(), ""), r.api(t, "DELETE", "/customers/"+uuid.NewString(), "")
	without := func(a answer) string { return strings.Replace(string(a.body), a.problem(t).RequestID, "", 1) }
	if foreign.StatusCode != 404 || unknown.StatusCode != 404 || without(foreign) != without(unknown) {
		t.Errorf("another org's: %d %s; unknown: %d %s", foreign.StatusCode, foreign.body, unknown.StatusCode, unknown.body)
	}
	if a := r.api(t, "DELETE", "/customers/ana", ""); a.StatusCode != 404 {
		t.Errorf("no id: %d", a.StatusCode)
	}
	if n := r.count(t, "customer WHERE erased_at IS NULL AND org_id = '"+other.ID.String()+"'"); n != 1 {
		t.Error("another org's customer is gone")
	}
}

// TestExport: all that is held, in clear, and who asked for it is written down; nothing is when there is nobody.
func TestExport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	var b handlers.BookingView
	r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Prefer", "wait=10").json(t, &b)
	r.api(t, "POST", "/transcripts", `{"call_id":"c","text":"Ana Lee: at three, please","booking_id":"`+b.ID.String()+`"}`, "Prefer", "wait=10")
	if _, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		store.OptOut(tx, store.PhoneHash(r.db.Keys, r.org.ID, phone42))
		_, err := store.InsertInbound(t.Context(), tx, r.db.Keys, store.Inbound{ID: uuid.New(), SID: "SM1", From: phone42, Sender: r.org.Account.From})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	at := "/customers/" + b.Customer.ID.String() + "/export"
	a := r.api(t, "GET", at, "", "X-Request-Id", "0190a0e5-7d1c-7c3a-9b5e-2f6d4c8a1b3c")
	var v handlers.ExportView
	if a.json(t, &v); a.StatusCode != 200 || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if v.ID != b.Customer.ID || v.Phone != "+15550100042" || v.Name != "Ana Lee" || v.ErasedAt != nil || v.Truncated {
		t.Errorf("%+v", v)
	}
	if len(v.Bookings) != 1 || v.Bookings[0].Booking.ID != b.ID || v.Bookings[0].Notes != "first visit" || len(v.Bookings[0].Events) == 0 || v.Bookings[0].Events[0].Kind != "held" {
		t.Errorf("bookings: %+v", v.Bookings)
	}
	if len(v.Texts) != 1 || v.Texts[0].Kind != "code" || v.Texts[0].State != "queued" || len(v.Replies) != 1 || v.Replies[0].ProviderID != "SM1" ||
		len(v.OptOuts) != 1 || v.OptOuts[0].Sender != r.org.Account.Pool() {
		t.Errorf("texts %+v, replies %+v, opt-outs %+v", v.Texts, v.Replies, v.OptOuts)
	}
	if len(v.Transcripts) != 1 || v.Transcripts[0].Text != "[NAME]: at three, please" {
		t.Errorf("transcripts: %+v", v.Transcripts)
	}
	if n := r.count(t, "audit_log WHERE action = 'customer.export' AND subject = '"+b.Customer.ID.String()+"' AND request = '0190a0e5-7d1c-7c3a-9b5e-2f6d4c8a1b3c'"); n != 1 {
		t.Errorf("%d rows of the audit log", n)
	}
	if a := r.api(t, "GET", "/customers/"+uuid.NewString()+"/export", ""); a.StatusCode != 404 || r.count(t, "audit_log WHERE action = 'customer.export'") != 1 {
		t.Errorf("nobody: %d %s", a.StatusCode, a.body)
	}
	if a := r.api(t, "DELETE", strings.TrimSuffix(at, "/export"), "", "Prefer", "wait=10"); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	var gone handlers.ExportView
	if r.api(t, "GET", at, "").json(t, &gone); gone.Phone+gone.Name != "" || gone.ErasedAt == nil || len(gone.Texts)+len(gone.OptOuts) != 0 || gone.Bookings[0].Notes != "" {
		t.Errorf("once erased: %+v", gone)
	}
	if strings.Contains(r.log.String(), "0100042") || strings.Contains(r.log.String(), "Ana Lee") {
		t.Error("the log has what was exported")
	}
}
