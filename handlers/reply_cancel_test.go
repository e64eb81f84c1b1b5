package handlers

import (
	"testing"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// C is asked back, and cancels when it is said again while the question is open: by the letter or in a sentence, the next
// booking first. K leaves it as it is.
func TestCancelByReply(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	later, next := r.confirmedBy(run, ana, at(3, 10, 0)), r.confirmedBy(run, ana, at(2, 10, 0))

	r.wants(run, ana, "please cancel my appointment", "cancel_check")
	q := r.questionOf(ana)
	if q.Kind != store.AskCancel || q.Booking != next || !near(q.Wait, time.Hour) {
		t.Errorf("%+v", q)
	}
	r.wants(run, ana, "C") // before the question was read
	r.is(next, "confirmed")
	r.runAll(run)
	r.wants(run, ana, "k", "confirmation")
	r.is(next, "confirmed")
	r.wants(run, ana, "k")

	r.wants(run, ana, "C", "cancel_check")
	r.runAll(run)
	r.wants(run, ana, "please cancel my appointment", "canceled")
	r.wasAbout(ana, next, sms.IntentCancel)
	r.is(next, "canceled")
	r.is(later, "confirmed")

	r.wants(run, ana, "c", "cancel_check")
	if q := r.questionOf(ana); q.Booking != later {
		t.Errorf("%+v", q)
	}
	r.runAll(run)
	r.exec("UPDATE question SET expires_at = clock_timestamp() WHERE state = 'open'")
	r.wants(run, ana, "c", "cancel_check") // an hour later: asked anew
	r.runAll(run)
	r.wants(run, ana, "c", "canceled")
	r.is(later, "canceled")
	r.wants(run, ana, "c", "not_understood")
	r.runAll(run)
}

// What is not confirmed is let go at once: a hold, or one that has ended and could still be kept.
func TestCancelAHoldByReply(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	held := r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.wants(run, ana, "c", "canceled")
	r.wasAbout(ana, held, sms.IntentCancel)
	r.is(held, "canceled")
	r.wants(run, ana, "k", "not_understood")
	if n := query[int](r, "SELECT count(*) FROM hold WHERE live"); n != 0 {
		t.Errorf("%d holds", n)
	}
	expired := r.heldBy(run, chair(bob, at(2, 10, 0)))
	r.expires(expired)
	r.followedUp(expired, bob)
	r.wants(run, bob, "C", "canceled")
	r.is(expired, "canceled")
	if r.open() != 0 {
		t.Error("the question is open still")
	}
	// With one that is confirmed, that is what C is about.
	confirmed := r.confirmedBy(run, eve, at(3, 10, 0))
	also := r.heldBy(run, chair(eve, at(3, 9, 0)))
	r.wants(run, eve, "c", "cancel_check")
	if q := r.questionOf(eve); q.Booking != confirmed {
		t.Errorf("%+v", q)
	}
	r.is(also, "held")
	r.runAll(run)
}
