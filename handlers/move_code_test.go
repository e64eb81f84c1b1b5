package handlers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

// What ends a booking ends the move too; five wrong codes end the move alone.
func TestMoveEnds(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	code := m.lastCode(ana)
	for range store.MaxCodeAttempts {
		m.expect(m.gives(m.id, wrong(code)), 422, "wrong-code")
	}
	m.expect(m.gives(m.id, code), 409, "code-revoked")
	m.stands(m.id, at(2, 10, 0), 1)
	m.book(bob, at(2, 11, 0))
	m.fine()
	m.ages(m.id, time.Minute)
	v := m.to(m.id, at(2, 12, 0)) // five more for another code
	if m.expect(v, 200, "confirmed"); m.booking(m.id).CodeAttempts != 0 {
		t.Errorf("%d wrong codes already", m.booking(m.id).CodeAttempts)
	}
	code = m.lastCode(ana)
	v = m.does(tasks.BookingCancel, struct{}{}, m.id)
	if m.expect(v, 200, "canceled"); v.Move != nil {
		t.Error("it is still to be moved")
	}
	m.stands(m.id, at(2, 10, 0), 0)
	m.expect(m.gives(m.id, code), 409, "booking-ended")
	m.book(eve, at(2, 12, 0))
	if got := query[string](m.rig, "SELECT string_agg(state, ' ' ORDER BY created_at) FROM move"); got != "canceled canceled" {
		t.Errorf("moves: %s", got)
	}
	m.fine()
}

// A code for another time that reaches nobody ends the move, whether it is told at once or later.
func TestMoveTextFails(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"at once", "by a callback", "opted out meanwhile"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			m := newMoving(t)
			ask := m.ask(tasks.BookingReschedule, RescheduleBody{Start: at(2, 11, 0)}, m.id)
			work := func(typ string, label string) {
				t.Helper()
				id := query[uuid.UUID](m.rig, "SELECT id FROM task WHERE state = 'pending' AND type = $1", typ)
				if res := m.run.deliver(t.Context(), m.delivery(id, m.task(id).Epoch)); res.label != label {
					t.Fatalf("%s: %s", typ, res.label)
				}
			}
			work("booking:reschedule", "done")
			m.expect(m.read(ask), 200, "confirmed")
			if how == "by a callback" {
				work("verification:send", "done")
				m.fails(m.id, sms.KindMoveCode)
			} else {
				m.exec("INSERT INTO suppression (org_id, pool, phone_hash) SELECT m.org_id, $1, m.to_hash FROM message m LIMIT 1", m.org.Account.Pool())
				work("verification:send", "dead")
			}
			m.stands(m.id, at(2, 10, 0), 1)
			if got := m.timeline(m.id); got[len(got)-1] != "move_failed" || slices.Contains(got, "unreachable") {
				t.Errorf("timeline %v", got)
			}
			if got := query[string](m.rig, "SELECT state FROM move"); got != "canceled" {
				t.Errorf("the move is %s", got)
			}
			if b := m.booking(m.id); b.State != "confirmed" || b.Move != nil || b.CodeState != "verified" {
				t.Errorf("%+v", b)
			}
			m.book(bob, at(2, 11, 0))
			m.fine()
		})
	}
}

// fails tells that the newest text of a kind about a booking did not arrive, as a callback does.
func (r *rig) fails(booking uuid.UUID, kind sms.Kind) {
	r.t.Helper()
	id := query[uuid.UUID](r, "SELECT id FROM message WHERE booking_id = $1 AND kind = $2 ORDER BY created_at DESC LIMIT 1", booking, string(kind))
	sid := query[string](r, "SELECT provider_sid FROM message WHERE id = $1", id)
	var moved store.Message
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		_, err := TextStatus{}.Apply(r.t.Context(), tx, id, sms.Sent{SID: sid, Status: "undelivered", ErrorCode: 30003}, &moved)
		return err
	})
	r.must(err)
}

// The code for another time may be asked for again, for the number that the booking has.
func TestResendMoveCode(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	again := func(phone string) reply { return m.does(tasks.VerificationResend, ResendBody{Phone: phone}, m.id) }
	m.expect(again(""), 409, "already-confirmed")
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	code := m.lastCode(ana)
	m.expect(again(""), 429, "too-soon")
	m.expect(again(bob), 409, "already-confirmed")
	m.ages(m.id, 31*time.Second)
	m.expect(again(""), 200, "confirmed")
	if text := m.texts(ana, 4)[3]; m.codeIn(text) != code || !strings.Contains(text.Body, "11:00") {
		t.Errorf("the second is %q", text.Body)
	}
	// The first text fails late: the second carries the code.
	m.exec("UPDATE message SET created_at = created_at + interval '1 h' WHERE id = (SELECT id FROM message WHERE kind = 'move_code' ORDER BY created_at LIMIT 1)")
	m.fails(m.id, sms.KindMoveCode)
	m.lapseMove(m.id)
	m.ages(m.id, 2*time.Minute)
	m.exec("UPDATE message SET created_at = created_at - interval '1 h 5 min' WHERE state = 'undelivered'")
	m.expect(again(""), 200, "confirmed") // it would take the time again
	m.expect(m.gives(m.id, code), 200, "confirmed")
	m.stands(m.id, at(2, 11, 0), 1)
	m.expect(again(""), 409, "already-confirmed")
	m.fine()
}

// The story of a booking holds its moves, and that of a move is its booking's.
func TestStoryOfMoves(t *testing.T) {
	t.Parallel()
	m := newMoving(t)
	m.expect(m.to(m.id, at(2, 11, 0)), 200, "confirmed")
	move := query[uuid.UUID](m.rig, "SELECT id FROM move")
	for _, ref := range []uuid.UUID{m.id, move} {
		s, err := store.FindStory(t.Context(), m.db.Audit, ref.String())
		m.must(err)
		if !slices.ContainsFunc(s.Events, func(e store.StoryEvent) bool { return e.Of == "move" && e.ID == move.String() && e.What == "pending" }) ||
			!slices.ContainsFunc(s.Events, func(e store.StoryEvent) bool { return e.ID == m.id.String() && e.What == "move_held" }) {
			t.Errorf("the story of %s: %+v", s.Of, s.Events)
		}
	}
}
