package handlers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// Two replies at once, by two workers: one booking, one answer, whichever is first. Each pair meets on several phones, so that
// both orders are seen.
func TestRepliesAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	type pair struct {
		name    string
		prepare func(phone, start string, other string) uuid.UUID
		say     func(phone string, booking uuid.UUID)
		ends    []string   // the booking's states
		sends   [][]string // what the customer may get, from the first reply on
	}
	held := func(phone, start, _ string) uuid.UUID { return r.heldBy(run, chair(phone, start)) }
	expired := func(phone, start, _ string) uuid.UUID {
		id := r.heldBy(run, chair(phone, start))
		r.expires(id)
		r.followedUp(id, phone)
		return id
	}
	code := func(phone string, booking uuid.UUID) string {
		texts := r.sim.Messages(phone)
		return r.codeIn(texts[len(texts)-1])
	}
	both := func(bodies ...string) func(string, uuid.UUID) {
		return func(phone string, _ uuid.UUID) {
			for _, b := range bodies {
				r.writes(phone, b)
			}
		}
	}
	confirmation := [][]string{{"confirmation"}}
	pairs := []pair{
		{"K and K", held, both("K", "K"), []string{"confirmed"}, confirmation},
		{"K and K, expired", expired, both("K", "K"), []string{"confirmed"}, confirmation},
		{"code and K", held, func(phone string, id uuid.UUID) {
			r.writes(phone, code(phone, id))
			r.writes(phone, "k")
		}, []string{"confirmed"}, confirmation},
		{"code by the API and K", held, func(phone string, id uuid.UUID) {
			r.ask(tasks.VerificationCheck, CodeBody{Code: code(phone, id)}, id)
			r.writes(phone, "k")
		}, []string{"confirmed"}, confirmation},
		{"C and K", held, both("C", "K"), []string{"confirmed", "canceled"},
			[][]string{{"canceled", "not_understood"}, {"confirmation", "cancel_check"}}},
		{"1 and 2", func(phone, start, other string) uuid.UUID {
			id := r.heldBy(run, chair(phone, start))
			r.expires(id)
			b := r.booking(id)
			free := make([]store.Choice, 2)
			for i := range free {
				at := b.Span.Start.Add(time.Duration(30+15*i) * time.Minute) // they overlap
				free[i] = store.Choice{Resource: b.ResourceID, Start: at, End: at.Add(30 * time.Minute)}
			}
			r.followedUp(id, phone, free...)
			return id
		}, both("1", "2"), []string{"confirmed"}, confirmation},
		{"K and K, taken", func(phone, start, other string) uuid.UUID {
			id := expired(phone, start, other)
			r.heldBy(run, chair(other, start))
			return id
		}, both("K", "K"), []string{"expired"}, [][]string{{"alternatives"}}},
		{"STOP and K", held, both("stop", "K"), []string{"confirmed"}, confirmation}, // which is not sent
	}
	const rounds = 3
	type meeting struct {
		pair
		phone   string
		booking uuid.UUID
		before  int
	}
	var meetings []meeting
	for i, p := range pairs {
		for n := range rounds {
			m := meeting{pair: p, phone: fmt.Sprintf("+1555010%d%d00", 2+n, i)}
			m.booking = p.prepare(m.phone, at(2+i, 9+2*n, 0), fmt.Sprintf("+1555010%d%d11", 2+n, i))
			m.before = len(r.kinds(m.phone))
			meetings = append(meetings, m)
		}
	}
	for _, m := range meetings {
		m.say(m.phone, m.booking)
	}
	r.start()
	r.start()
	eventually(t, 20*time.Second, "all replies are understood", func() bool {
		return query[int](r, "SELECT count(*) FROM inbound WHERE done_at IS NULL") == 0
	})
	r.idle(20 * time.Second)
	for _, m := range meetings {
		b, sent := r.booking(m.booking), r.kinds(m.phone)[m.before:]
		slices.Sort(sent)
		if !slices.Contains(m.ends, b.State) || !slices.ContainsFunc(m.sends, func(want []string) bool {
			slices.Sort(want)
			return slices.Equal(want, sent)
		}) {
			t.Errorf("%s: %s, sent %v", m.name, b.State, sent)
		}
		if n := query[int](r, "SELECT count(*) FROM hold WHERE live AND booking_id = $1", m.booking); (n == 1) != (b.State == "confirmed") {
			t.Errorf("%s: %s, with %d seats", m.name, b.State, n)
		}
	}
	report, err := store.Audit(t.Context(), r.db.Audit, auditOptions)
	r.must(err)
	if b := broken(report); len(b) > 0 {
		t.Errorf("%v", b)
	}
}

// Among three live codes the one that matches confirms its own booking; a code that is none of them counts against the
// newest.
func TestCodeAmongThree(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	var ids []uuid.UUID
	var codes []string
	for i := range 3 {
		ids = append(ids, r.heldBy(run, chair(ana, at(2, 10+i, 0))))
		codes = append(codes, r.codeIn(r.texts(ana, i+1)[i]))
	}
	for _, i := range []int{1, 0, 2} {
		r.hears(run, ana, "code: "+codes[i])
		r.wasAbout(ana, ids[i], "code")
		for j, id := range ids {
			if confirmed := r.booking(id).State == "confirmed"; confirmed != (j == i || j == 1 || i == 2 || i == 0 && j == 0) {
				t.Errorf("after code %d, booking %d confirmed: %v", i, j, confirmed)
			}
		}
		if i == 0 { // one is live still: the newest
			r.wants(run, ana, wrong(codes[2]), "wrong_code")
			r.wasAbout(ana, ids[2], "code")
		}
	}
	if a, b, c := r.booking(ids[0]), r.booking(ids[1]), r.booking(ids[2]); a.CodeAttempts+b.CodeAttempts+c.CodeAttempts != 0 {
		t.Error("attempts are kept of a booking that is confirmed")
	}
	if n := query[int](r, "SELECT count(*) FROM booking_event WHERE kind = 'code_wrong' AND booking_id = $1", ids[2]); n != 1 {
		t.Errorf("%d wrong codes of the newest", n)
	}
}
