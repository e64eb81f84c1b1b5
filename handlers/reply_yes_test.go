package handlers

import (
	"testing"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// A plain yes answers what was asked: whether to keep, it keeps. To times, and to a check-back, it says nothing clear, and
// where nothing was asked it stays Twilio's keyword, or nothing known.
func TestYes(t *testing.T) {
	t.Parallel()
	for says, unasked := range map[string]sms.Intent{"Yes": sms.IntentStart, "yes please": sms.IntentUnknown, "Sí, gracias": sms.IntentUnknown} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			run := r.process()
			id := r.heldBy(run, chair(ana, at(2, 10, 0)))
			r.hears(run, ana, says)
			r.wasAbout(ana, id, unasked)
			r.is(id, "held")
			r.expires(id)
			r.followedUp(id, ana)
			r.wants(run, ana, says, "confirmation")
			r.wasAbout(ana, id, sms.IntentKeep)
			r.is(id, "confirmed")

			r.runAll(run)
			r.exec("UPDATE message SET created_at = created_at - interval '61 min' WHERE kind = 'not_understood'")
			r.wants(run, ana, "c", "cancel_check")
			r.runAll(run)
			r.wants(run, ana, says, "not_understood")
			r.wasAbout(ana, id, sms.IntentUnknown)
			r.is(id, "confirmed")
			r.wants(run, ana, "c", "canceled") // the question is open still

			bobs := r.heldBy(run, chair(bob, at(2, 11, 0)))
			r.expires(bobs)
			b := r.booking(bobs)
			r.followedUp(bobs, bob, store.Choice{Resource: b.ResourceID, Start: b.Span.Start.AddDate(0, 0, 1), End: b.Span.End.AddDate(0, 0, 1)})
			r.wants(run, bob, says, "not_understood")
			r.is(bobs, "expired")
		})
	}
}

// The yes of a phone that had opted out is Twilio's START, and answers nothing; START itself never does.
func TestYesAfterStop(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.expires(id)
	r.wants(run, ana, "stop")
	r.followedUp(id, ana)
	r.wants(run, ana, "yes please", "not_understood") // no keyword
	r.wants(run, ana, "yes")
	r.wasAbout(ana, id, sms.IntentStart)
	r.is(id, "expired")
	if n := query[int](r, "SELECT count(*) FROM suppression"); n != 0 {
		t.Error("yes is not START")
	}
	r.wants(run, ana, "start")
	r.is(id, "expired")
	r.wants(run, ana, "yes", "confirmation")
	r.is(id, "confirmed")
}
