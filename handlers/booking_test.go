package handlers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

func TestBookingIsConfirmed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	v := r.verify(id, code[:3]+" "+code[3:])
	r.expect(v, 200, "confirmed")
	if v.ID != id || v.CodeState != "verified" || v.ConfirmedAt == nil || v.Customer.Phone != "•••• 42" {
		t.Errorf("%+v", v.BookingView)
	}
	if second := r.texts(ana, 2)[1]; !strings.Contains(second.Body, "confirmed") || leadingCode.MatchString(second.Body) {
		t.Errorf("the second text is %q", second.Body)
	}
	r.idle(10 * time.Second)
	r.texts(ana, 2)
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_accepted", "confirmed", "text_accepted"}) {
		t.Errorf("timeline %v", got)
	}
	r.expect(r.verify(id, code), 409, "already-confirmed")
	if n := query[int](r, "SELECT count(*) FROM request WHERE body_sealed IS NOT NULL"); n != 0 {
		t.Errorf("%d bodies are kept", n)
	}
	for _, secret := range []string{ana, ana[2:], code, "Ana Lee"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestTakenOffersWhatCanBeBooked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	start := at(2, 10, 0)
	id := r.hold(ana, start)
	v := r.claim(bob, start)
	r.expect(v, 409, "slot-taken")
	if len(v.Alternatives) != 3 {
		t.Fatalf("%d alternatives", len(v.Alternatives))
	}
	for i, alt := range v.Alternatives {
		if i > 0 && !v.Alternatives[i-1].Start.Before(alt.Start) {
			t.Error("not by time")
		}
		r.hold(fmt.Sprintf("+1555010010%d", i), alt.Start.Format(time.RFC3339))
	}
	// The same customer asking again gets what he has, and no second text.
	again := r.claim(ana, start)
	r.expect(again, 201, "held")
	if again.ID != id {
		t.Error("another booking")
	}
	r.idle(10 * time.Second)
	r.texts(ana, 1)
	r.texts(bob, 0)
}

func TestWrongCodes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	for left := 4; left >= 0; left-- {
		v := r.verify(id, wrong(code))
		r.expect(v, 422, "wrong-code")
		if v.AttemptsLeft == nil || *v.AttemptsLeft != left {
			t.Errorf("attempts left %v, want %d", v.AttemptsLeft, left)
		}
	}
	r.expect(r.verify(id, code), 409, "code-revoked")
	if b := r.booking(id); b.CodeState != "revoked" || b.CodeAttempts != 5 || b.State != "held" {
		t.Errorf("%+v", b)
	}
	if got := r.timeline(id); !slices.Equal(got[len(got)-2:], []string{"code_wrong", "code_revoked"}) {
		t.Errorf("timeline %v", got)
	}
}

func TestLateCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	// The seat is still free, swept or not: it is taken again.
	for hour, swept := range map[int]bool{9: false, 10: true} {
		id := r.hold(ana, at(2, hour, 0))
		eventually(t, 10*time.Second, "its code was sent", func() bool { return r.booking(id).CodeState == "sent" })
		texts := r.sim.Messages(ana)
		code := r.codeIn(texts[len(texts)-1])
		r.lapse(id)
		if swept {
			_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error { _, _, err := store.ExpireHolds(t.Context(), tx); return err })
			r.must(err)
		}
		r.expect(r.verify(id, code), 200, "confirmed")
		if got := r.timeline(id); !slices.Contains(got, "expired") || !slices.Contains(got, "hold_renewed") {
			t.Errorf("timeline %v", got)
		}
		r.expect(r.claim(bob, at(2, hour, 0)), 409, "slot-taken")
	}
	// Somebody has taken it meanwhile.
	start := at(3, 9, 0)
	id := r.hold(bob, start)
	code := r.codeIn(r.texts(bob, 1)[0])
	r.lapse(id)
	r.hold(eve, start)
	v := r.verify(id, code)
	r.expect(v, 409, "hold-expired")
	if len(v.Alternatives) != 3 {
		t.Fatalf("%d alternatives", len(v.Alternatives))
	}
	r.hold(bob, v.Alternatives[0].Start.Format(time.RFC3339))
	// The code itself has ended.
	id = r.hold("+15550100099", at(3, 12, 0))
	code = r.codeIn(r.texts("+15550100099", 1)[0])
	r.exec("UPDATE verification SET expires_at = clock_timestamp() WHERE booking_id = $1", id)
	r.expect(r.verify(id, code), 409, "code-expired")
	if r.booking(id).CodeState != "expired" {
		t.Error("an ended code does not read as expired")
	}
}

func TestCancelFrees(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	start := at(2, 10, 0)
	id := r.hold(ana, start)
	code := r.codeIn(r.texts(ana, 1)[0])
	r.expect(r.cancelBooking(id), 200, "canceled")
	r.expect(r.verify(id, code), 409, "booking-ended")
	other := r.hold(bob, start)
	r.expect(r.verify(other, r.codeIn(r.texts(bob, 1)[0])), 200, "confirmed")
	r.expect(r.cancelBooking(other), 200, "canceled")
	r.expect(r.cancelBooking(other), 200, "canceled")
	r.hold(eve, start)
	r.idle(10 * time.Second)
	// A hold that was canceled needs no word; a confirmed booking does, once. The confirmation may have been
	// overtaken by the cancellation, and then is no longer sent.
	last := r.sim.Messages(bob)
	if n := len(last); n < 2 || n > 3 || !strings.Contains(last[n-1].Body, "canceled") {
		t.Errorf("%d texts", n)
	}
	r.texts(ana, 1)
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	block := func(from, to string) store.Answer {
		return r.answer(r.ask(tasks.BlockCreate, BlockBody{Resource: "chair", Start: from, End: to, Reason: "holiday"}, uuid.Nil))
	}
	remove := func(block uuid.UUID) int {
		return r.answer(r.ask(tasks.BlockDelete, blockRef{block}, uuid.Nil)).Status
	}
	var p Problem
	a := block(at(2, 9, 0), at(2, 12, 0))
	r.must(json.Unmarshal(a.Body, &p))
	if a.Status != 409 || p.Type != ProblemBase+"block-conflicts" || !slices.Equal(p.Bookings, []uuid.UUID{id}) {
		t.Errorf("over a booking: %d %s", a.Status, a.Body)
	}
	var made BlockView
	a = block(at(3, 9, 0), at(3, 12, 0))
	r.must(json.Unmarshal(a.Body, &made))
	if a.Status != 201 || made.ID == uuid.Nil {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	a = block(at(3, 11, 0), at(3, 13, 0))
	p = Problem{}
	r.must(json.Unmarshal(a.Body, &p))
	if a.Status != 409 || !slices.Equal(p.Blocks, []uuid.UUID{made.ID}) {
		t.Errorf("over a block: %d %s", a.Status, a.Body)
	}
	r.expect(r.claim(bob, at(3, 10, 0)), 409, "slot-taken")
	if got := remove(made.ID); got != 200 {
		t.Errorf("deleted: %d", got)
	}
	if got := remove(made.ID); got != 404 {
		t.Errorf("deleted twice: %d", got)
	}
	r.hold(bob, at(3, 10, 0))
}

func TestReplyConfirms(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	// Of two live bookings the code decides, not the order.
	first := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	second := r.hold(ana, at(2, 11, 0))
	r.texts(ana, 2)
	r.says(ana, "My code is "+code+", thanks!")
	if a, b := r.booking(first).State, r.booking(second).State; a != "confirmed" || b != "held" {
		t.Fatalf("the first is %s, the second %s", a, b)
	}
	// A code that is none of them counts against the newest.
	other := r.codeIn(r.sim.Messages(ana)[1])
	r.says(ana, wrong(other))
	if b := r.booking(second); b.CodeAttempts != 1 || b.State != "held" {
		t.Errorf("%+v", b)
	}
	if r.booking(first).CodeAttempts != 0 {
		t.Error("it counted against the wrong booking")
	}
	r.says(ana, other)
	if got := r.booking(second).State; got != "confirmed" {
		t.Errorf("the second is %s", got)
	}
	// C cancels the next one, once it was asked back.
	r.says(ana, "c")
	eventually(t, 10*time.Second, "asked back", func() bool {
		return query[int](r, "SELECT count(*) FROM message WHERE kind = 'cancel_check' AND accepted_at IS NOT NULL") == 1
	})
	if a, b := r.booking(first).State, r.booking(second).State; a != "confirmed" || b != "confirmed" {
		t.Errorf("after the first C: %s, %s", a, b)
	}
	r.says(ana, "c")
	if a, b := r.booking(first).State, r.booking(second).State; a != "canceled" || b != "confirmed" {
		t.Errorf("after C: %s, %s", a, b)
	}
	r.idle(10 * time.Second)
}

func TestStopSuppresses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.hold(ana, at(2, 10, 0))
	r.texts(ana, 1)
	r.says(ana, "STOP")
	id := r.hold(ana, at(2, 11, 0))
	eventually(t, 10*time.Second, "its text is dead", func() bool {
		return query[int](r, "SELECT count(*) FROM task WHERE type = 'verification:send' AND state = 'dead' AND last_error = 'opted-out'") == 1
	})
	r.idle(10 * time.Second)
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_failed", "code_revoked", "unreachable"}) {
		t.Errorf("timeline %v", got)
	}
	r.texts(ana, 1)
	r.says(ana, "START")
	r.hold(ana, at(2, 12, 0))
	r.texts(ana, 2)
}

func TestSweeps(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	table := tasks.PeriodicTable(time.Second)
	w, err := startWorker(r.cfg, r.logger(), table)
	r.must(err)
	t.Cleanup(w.stop)
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	table[1].Every = time.Second // a minute is long for a test
	w.run.Mux.sweeps[tasks.BookingsComplete] = Sweep{Every: time.Second, Do: store.CompleteBookings}
	id := r.hold(ana, at(2, 10, 0))
	over := r.hold(bob, at(2, 11, 0))
	r.expect(r.verify(over, r.codeIn(r.texts(bob, 1)[0])), 200, "confirmed")
	accepted := func(id uuid.UUID) (n int) {
		for _, kind := range r.timeline(id) {
			if kind == "text_accepted" {
				n++
			}
		}
		return n
	}
	eventually(t, 10*time.Second, "its texts are out, which would come last else", func() bool { return accepted(id) == 1 && accepted(over) == 2 })
	r.lapse(id)
	r.exec("UPDATE booking SET starts_at = now() - interval '1 h', ends_at = now() WHERE id = $1", over)
	stop, err := tasks.StartScheduler(rdb, table, r.logger())
	r.must(err)
	defer stop()
	raw := func(id uuid.UUID) string { return query[string](r, "SELECT state FROM booking WHERE id = $1", id) }
	eventually(t, 6*time.Second, "tidied", func() bool { return raw(id) == "expired" && raw(over) == "completed" })
	if n := query[int](r, "SELECT count(*) FROM hold WHERE live"); n != 0 {
		t.Errorf("%d live holds", n)
	}
	a, b := r.timeline(id), r.timeline(over)
	if n := len(a); n == 4 && a[3] == "text_accepted" { // the follow-up's
		a = a[:3]
	}
	if !slices.Equal(a, []string{"held", "text_accepted", "expired"}) || b[len(b)-1] != "completed" {
		t.Errorf("timelines %v, %v", a, b)
	}
	r.hold(eve, at(2, 10, 0))
}

// Guesses at the same time count one by one: the fifth revokes, and no sixth is compared.
func TestGuessesInParallel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	code := r.codeIn(r.texts(ana, 1)[0])
	var asked []uuid.UUID
	for range 9 {
		asked = append(asked, r.ask(tasks.VerificationCheck, CodeBody{Code: wrong(code)}, id))
	}
	asked = append(asked, r.ask(tasks.VerificationCheck, CodeBody{Code: code}, id))
	kinds := map[string]int{}
	for _, a := range asked {
		kinds[r.read(a).kind()]++
	}
	// The right one may come before the fifth wrong one.
	if right := kinds["confirmed"]; kinds["wrong-code"] > 5 || right+kinds["wrong-code"]+kinds["code-revoked"]+kinds["already-confirmed"] != 10 ||
		right == 0 && (kinds["wrong-code"] != 5 || kinds["code-revoked"] != 5) {
		t.Errorf("%v", kinds)
	}
	if got := r.booking(id).CodeAttempts; got != kinds["wrong-code"] {
		t.Errorf("%d attempts counted, %d answered", got, kinds["wrong-code"])
	}
}

// The same customer asks several times at once, as an agent does whose calls time out: one booking, also at a
// resource that has a seat for another.
func TestSameCustomerInParallel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.start()
	for i := range 4 {
		body := BookingBody{Resource: "table", Start: at(2, 9+i, 0), Customer: CustomerBody{Phone: ana}}
		var asked []uuid.UUID
		for range 6 {
			asked = append(asked, r.ask(tasks.BookingClaim, body, uuid.Nil))
		}
		got := map[uuid.UUID]bool{}
		for _, a := range asked {
			v := r.read(a)
			r.expect(v, 201, "held")
			got[v.ID] = true
		}
		if len(got) != 1 {
			t.Errorf("%d bookings of one customer for one time", len(got))
		}
	}
}
