package handlers

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// Every intent has something that is done about it, so that no reply finds nothing there.
func TestEveryIntentIsActedOn(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"123456", "k", "2", "c", "stop", "start", "help", "what?"} {
		if i := sms.ParseReply(body).Intent; acts[i] == nil {
			t.Errorf("nothing is done about %s", i)
		}
	}
	if len(acts) != 8 {
		t.Errorf("%d intents", len(acts))
	}
}

// K confirms a hold at once, since the reply proves the phone: its code is used up. What comes after, K or the code, has
// nothing to add.
func TestKeepAHold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	code := r.codeIn(r.texts(ana, 1)[0])
	r.wants(run, ana, "K", "confirmation")
	r.wasAbout(ana, id, sms.IntentKeep)
	if b := r.booking(id); b.State != "confirmed" || b.CodeState != "verified" {
		t.Errorf("%s, its code %s", b.State, b.CodeState)
	}
	if n := query[int](r, "SELECT count(*) FROM hold WHERE live AND expires_at IS NULL"); n != 1 {
		t.Errorf("%d firm holds", n)
	}
	r.wants(run, ana, "k")
	r.wants(run, ana, code)
	r.runAll(run)
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_accepted", "confirmed", "text_accepted"}) {
		t.Errorf("timeline %v", got)
	}
	// The other way round: the code, and then K.
	other := r.confirmedBy(run, bob, at(2, 11, 0))
	r.wants(run, bob, "k")
	r.wasAbout(bob, other, sms.IntentKeep)
}

// Of two holds the newest is meant, and K twice says it once: the other one is kept by a K that comes later, or after being
// asked. One that another phone has to prove is nothing that this one can keep.
func TestKeepTheNewest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	older, newer := r.heldBy(run, chair(ana, at(2, 10, 0))), r.heldBy(run, chair(ana, at(2, 11, 0)))
	bobs := r.heldBy(run, chair(bob, at(2, 12, 0)))
	r.wants(run, ana, "k", "confirmation")
	r.is(newer, "confirmed")
	r.wants(run, ana, "k")
	r.wasAbout(ana, newer, sms.IntentKeep)
	r.is(older, "held")
	r.exec("UPDATE booking SET confirmed_at = confirmed_at - interval '1 min' WHERE id = $1", newer)
	r.wants(run, ana, "k", "confirmation")
	r.is(older, "confirmed")
	asked := r.heldBy(run, chair(ana, at(2, 13, 0)))
	r.expires(asked)
	r.followedUp(asked, ana)
	r.wants(run, ana, "k", "confirmation")
	r.is(asked, "confirmed")
	r.wants(run, eve, "k", "not_understood")
	r.is(bobs, "held")
	// The hold that eve was asked about is bob's by now.
	r.exec("UPDATE booking SET customer_id = (SELECT customer_id FROM booking WHERE id = $2) WHERE id = $1", newer, bobs)
	r.exec("UPDATE booking SET state = 'held', confirmed_at = NULL WHERE id = $1", newer)
	r.followedUp(newer, ana)
	r.exec("UPDATE booking SET confirmed_at = confirmed_at - interval '1 min' WHERE state = 'confirmed'")
	r.wants(run, ana, "k")
	r.is(newer, "held")
}

// An expired hold is kept while its follow-up is not too old, asked or not: it takes the seat again.
func TestKeepAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare  func(*rig, uuid.UUID)
		answered string
		code     string
	}{
		"asked": {func(r *rig, id uuid.UUID) { r.followedUp(id, ana) }, "confirmation", "verified"},
		"asked, code over": {func(r *rig, id uuid.UUID) {
			r.followedUp(id, ana)
			r.exec("UPDATE verification SET expires_at = clock_timestamp()")
		}, "confirmation", "revoked"},
		"question over, follow-up lately": {func(r *rig, id uuid.UUID) {
			r.followedUp(id, ana)
			r.exec("UPDATE verification SET expires_at = clock_timestamp()")
			r.exec("UPDATE question SET expires_at = clock_timestamp()")
		}, "confirmation", "revoked"},
		"code lives, no follow-up": {func(*rig, uuid.UUID) {}, "confirmation", "verified"},
		"code over, no follow-up": {func(r *rig, _ uuid.UUID) {
			r.exec("UPDATE verification SET expires_at = clock_timestamp()")
		}, "not_understood", "expired"},
		"follow-up too old": {func(r *rig, id uuid.UUID) {
			m := r.followedUp(id, ana)
			r.exec("UPDATE verification SET expires_at = clock_timestamp()")
			r.exec("UPDATE question SET expires_at = clock_timestamp()")
			r.exec("UPDATE message SET claimed_at = claimed_at - interval '25 hours' WHERE id = $1", m)
		}, "not_understood", "expired"},
		"follow-up never sent": {func(r *rig, id uuid.UUID) {
			m := r.followedUp(id, ana)
			r.exec("UPDATE verification SET expires_at = clock_timestamp()")
			r.exec("UPDATE question SET expires_at = clock_timestamp()")
			r.exec("UPDATE message SET state = 'canceled' WHERE id = $1", m)
		}, "not_understood", "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			run := r.process()
			id := r.heldBy(run, chair(ana, at(2, 10, 0)))
			r.expires(id)
			tt.prepare(r, id)
			r.wants(run, ana, "K", tt.answered)
			kept := tt.answered == "confirmation"
			b, code := r.booking(id), "expired"
			if kept {
				code = query[string](r, "SELECT state FROM verification WHERE booking_id = $1", id)
			}
			if (b.State == "confirmed") != kept || code != tt.code {
				t.Errorf("%s, its code %s", b.State, code)
			}
			if got := slices.Contains(r.timeline(id), "hold_renewed"); got != kept {
				t.Errorf("timeline %v", r.timeline(id))
			}
			if kept && r.open() != 0 {
				t.Error("the question is open still")
			}
			r.wants(run, ana, "k")
			if q := query[bool](r, "SELECT EXISTS (SELECT FROM booking WHERE followup_from IS NOT NULL AND state = 'confirmed')"); q {
				t.Error("a kept booking is due for a follow-up")
			}
		})
	}
}

// When the time is taken others are offered, and a digit takes one: the same booking, elsewhere, with the buffers that it
// was offered with, which are its own, whatever its service says by now. Another digit, or K, has nothing to add.
func TestTakeAnAlternative(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	r.exec("UPDATE service SET buffer_after = 15")
	with := chair(ana, at(2, 10, 0))
	with.Service = "cleaning"
	id := r.heldBy(run, with)
	r.expires(id)
	r.followedUp(id, ana)
	r.exec("UPDATE service SET buffer_after = 45")
	bobs := r.heldBy(run, chair(bob, at(2, 10, 0)))
	r.wants(run, ana, "k", "alternatives")
	q := r.questionOf(ana)
	if q.Booking != id || q.Kind != store.AskKeep || len(q.Choices) != 3 || !near(q.Wait, r.cfg.Keep) ||
		q.ID != query[uuid.UUID](r, "SELECT id FROM message WHERE kind = 'alternatives'") {
		t.Fatalf("%+v", q)
	}
	r.wants(run, ana, "K") // the same times are on their way
	r.wants(run, ana, "2") // before they are read
	r.went(sms.KindAlternatives)
	r.wants(run, ana, "two", "confirmation")
	r.wasAbout(ana, id, sms.IntentChoice)
	b := r.booking(id)
	if b.State != "confirmed" || !b.Span.Start.Equal(q.Choices[1].Start) || !b.Span.End.Equal(q.Choices[1].End) || b.ResourceID != r.org.Chair || b.After != 15*time.Minute {
		t.Errorf("%+v", b)
	}
	held := query[bool](r, `SELECT count(*) = 1 AND bool_and(h.starts_at = b.starts_at AND h.ends_at = b.ends_at + interval '15 min' AND h.expires_at IS NULL)
		FROM hold h JOIN booking b ON b.id = h.booking_id WHERE h.live AND b.id = $1`, id)
	if !held {
		t.Error("its seat is not that of its time")
	}
	if got := r.timeline(id); !slices.Equal(got, []string{"held", "text_accepted", "expired", "alternative_taken", "hold_renewed", "confirmed"}) {
		t.Errorf("timeline %v", got)
	}
	if got := query[bool](r, `SELECT (detail->>'start')::timestamptz = $1 AND detail->>'resource' = $2 FROM booking_event WHERE kind = 'alternative_taken'`,
		q.Choices[1].Start, r.org.Chair.String()); !got {
		t.Error("the timeline names another time")
	}
	r.wants(run, ana, "1")
	r.wants(run, ana, "K")
	r.is(bobs, "held")
}

// A time that is gone as well: others are offered anew, in the place of those before.
func TestAlternativeIsGoneToo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.expires(id)
	r.heldBy(run, chair(bob, at(2, 10, 0)))
	r.wants(run, ana, "k", "alternatives")
	r.went(sms.KindAlternatives)
	first := r.questionOf(ana)
	r.heldBy(run, chair(eve, first.Choices[0].Start.Format(time.RFC3339)))
	r.wants(run, ana, "1", "alternatives")
	again := r.questionOf(ana)
	if again.ID == first.ID || len(again.Choices) != 3 || slices.ContainsFunc(again.Choices, func(c store.Choice) bool { return c.Start.Equal(first.Choices[0].Start) }) {
		t.Errorf("offered %+v, then %+v", first, again)
	}
	if got := query[string](r, "SELECT state FROM question WHERE id = $1", first.ID); got != "replaced" {
		t.Errorf("the first question is %s", got)
	}
	r.went(sms.KindAlternatives)
	r.exec("UPDATE question SET choices = jsonb_build_array(choices->0) WHERE state = 'open'")
	r.wants(run, ana, "3", "not_understood") // out of range
	r.wants(run, ana, "2")                   // said once
	r.is(id, "expired")
	r.wants(run, ana, "1", "confirmation")
	r.is(id, "confirmed")
	r.wants(run, bob, "1", "not_understood") // asked nothing
}

// Where nothing is free the customer is told so, once; so is one whose right code comes too late.
func TestNothingIsFree(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id, late := r.heldBy(run, chair(ana, at(2, 10, 0))), r.heldBy(run, chair(bob, at(2, 10, 30)))
	code := r.codeIn(r.texts(bob, 1)[0])
	r.expires(id)
	r.expires(late)
	for i, start := range []string{at(2, 10, 0), at(2, 10, 30)} {
		r.heldBy(run, chair([]string{eve, "+15550100046"}[i], start))
	}
	r.wants(run, bob, code, "alternatives")
	if q := r.questionOf(bob); q.Booking != late {
		t.Errorf("%+v", q)
	}
	r.exec("UPDATE resource SET active = false")
	r.wants(run, ana, "k", "expired")
	r.wants(run, ana, "k")
	r.wants(run, bob, "k", "expired")
	if n := r.open(); n != 0 {
		t.Errorf("%d questions are open", n)
	}
}

// A digit that comes before the sweep ends the old hold first, as the sweep would; one that is live it lets go. One seat is
// left, at the new time.
func TestAlternativeBeforeTheSweep(t *testing.T) {
	t.Parallel()
	for lapsed, want := range map[bool][]string{
		true:  {"held", "text_accepted", "expired", "alternative_taken", "hold_renewed", "confirmed"},
		false: {"held", "text_accepted", "alternative_taken", "hold_renewed", "confirmed"},
	} {
		r := newRig(t)
		run := r.process()
		id := r.heldBy(run, chair(ana, at(2, 10, 0)))
		if lapsed {
			r.lapse(id)
		}
		start := r.booking(id).Span.Start.Add(2 * time.Hour)
		r.followedUp(id, ana, store.Choice{Resource: r.org.Chair, Start: start, End: start.Add(30 * time.Minute)})
		r.wants(run, ana, "1", "confirmation")
		if got := r.timeline(id); !slices.Equal(got, want) {
			t.Errorf("timeline %v", got)
		}
		if n := query[int](r, "SELECT count(*) FROM hold WHERE live"); n != 1 {
			t.Errorf("lapsed %v: %d seats", lapsed, n)
		}
		r.heldBy(run, chair(bob, at(2, 10, 0)))
	}
}

// A digit whose time is not to be had is answered even when the times to offer are the same: silence would leave the
// customer with a time that he has not got.
func TestADigitIsAlwaysAnswered(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.expires(id)
	r.heldBy(run, chair(bob, at(2, 10, 0)))
	r.wants(run, ana, "k", "alternatives")
	r.went(sms.KindAlternatives)
	first := r.questionOf(ana)
	overBobs := first.Choices[0].Start.Add(2 * time.Hour).Format(time.RFC3339)
	r.exec("UPDATE question SET choices = jsonb_set(choices, '{0,end}', to_jsonb($1::text)) WHERE state = 'open'", overBobs)
	r.wants(run, ana, "k") // says nothing new
	r.wants(run, ana, "1", "alternatives")
	if q := r.questionOf(ana); q.ID == first.ID || len(q.Choices) != 3 {
		t.Errorf("%+v", q)
	}
	r.is(id, "expired")
}
