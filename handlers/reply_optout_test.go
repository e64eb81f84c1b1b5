package handlers

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/tasks"
)

// What the provider has answered is not answered again: its keywords, and whatever Advanced Opt-Out has marked. A sentence
// is confirmed, once a day.
func TestOptOutIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	for _, tt := range []struct {
		body, kind string
		intent     sms.Intent
		want       []string
		out        bool
	}{
		{"INFO", "", "help", []string{"help"}, false},
		{"STOP", "", "stop", nil, true},
		{" Cancel\n", "", "stop", nil, true},
		{"adios", "STOP", "stop", nil, true},
		{"please stop texting me", "STOP", "stop", nil, true},
		{"START", "", "start", nil, false},
		{"please stop texting me", "", "stop", []string{"stop_confirmation"}, true},
		{"no more messages!", "", "stop", nil, true},
		{"hola", "START", "start", nil, false},
		{"no more messages!", "", "stop", nil, true},
		{"what is this", "HELP", "help", nil, true},
		{"HELP", "HELP", "help", nil, true},
		{"HELP", "", "help", nil, true},
	} {
		before := len(r.sim.Messages(ana))
		r.writes(ana, tt.body, tt.kind)
		r.runAll(run)
		var got []string
		for _, m := range r.sim.Messages(ana)[before:] {
			got = append(got, query[string](r, "SELECT kind FROM message WHERE provider_sid = $1", m.SID))
		}
		if out := query[int](r, "SELECT count(*) FROM suppression") == 1; !slices.Equal(got, tt.want) || out != tt.out {
			t.Errorf("%q %s: answered %v, opted out %v", tt.body, tt.kind, got, out)
		}
		if n := query[int](r, "SELECT count(*) FROM inbound WHERE intent IS DISTINCT FROM $1 AND created_at = (SELECT max(created_at) FROM inbound)", string(tt.intent)); n != 0 {
			t.Errorf("%q %s was not understood as %s", tt.body, tt.kind, tt.intent)
		}
	}
}

// Opt-outs are in force before anybody works on the reply, and in the order in which they came, whatever order the tasks
// are worked on in.
func TestOptOutIsInForceAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	out := func() bool {
		return query[int](r, "SELECT count(*) FROM suppression WHERE pool = $1", r.org.Account.Pool()) == 1
	}
	stop := r.writes(ana, "please stop texting me")
	if !out() {
		t.Fatal("a text may be claimed though STOP was taken")
	}
	r.writes(ana, "start")
	if out() {
		t.Fatal("START is not in force")
	}
	r.exec("UPDATE task SET id = gen_random_uuid() WHERE payload->>'inbound' = $1", stop.String()) // a version 4 comes last
	r.replies(run)
	if out() || len(r.kinds(ana)) != 0 {
		t.Errorf("STOP was applied again, after START; answered %v", r.kinds(ana))
	}
	// The same text delivered again is not heeded again.
	sid := query[string](r, "SELECT provider_sid FROM inbound WHERE id = $1", stop)
	_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		in, err := store.LoadInbound(t.Context(), tx, r.db.Keys, stop)
		in.OptOutType, in.SID = "STOP", sid
		if err != nil {
			return err
		}
		return TakeInbound(t.Context(), tx, r.db.Keys, in)
	})
	r.must(err)
	if out() {
		t.Error("a text that was delivered twice counts twice")
	}
}

// STOP while a hold is live: what was asked is over, the hold runs on, its code still confirms by the API, and no text goes
// out any more. The timelines of what is ahead tell so.
func TestStopDuringAHold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	over := r.heldBy(run, chair(ana, at(2, 9, 0)))
	r.expires(over)
	r.followedUp(over, ana)
	id := r.heldBy(run, chair(ana, at(2, 10, 0)))
	code := r.codeIn(r.texts(ana, 2)[1])
	r.wants(run, ana, "stop")
	r.wasAbout(ana, over, sms.IntentStop) // what was asked
	if r.open() != 0 {
		t.Error("the question is open still")
	}
	if a, b := r.timeline(over), r.timeline(id); slices.Contains(a, "opted_out") || b[len(b)-1] != "opted_out" {
		t.Errorf("timelines %v, %v", a, b)
	}
	r.is(id, "held")
	ask := r.ask(tasks.VerificationCheck, CodeBody{Code: code}, id)
	r.runAll(run)
	r.expect(r.read(ask), 200, "confirmed")
	r.texts(ana, 2)
	if m := r.message(id, "confirmation"); m.State != "canceled" {
		t.Errorf("the confirmation is %+v", m)
	}
	r.wants(run, ana, "start")
	if b := r.timeline(id); b[len(b)-1] != "opted_in" {
		t.Errorf("timeline %v", b)
	}
}

// An opt-out outlives the customer: erasing all that is known of a phone leaves its keyed hash, and nothing goes out to it.
func TestOptOutSurvivesErasure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	r.wants(run, ana, "hello", "not_understood")
	r.heldBy(run, chair(ana, at(2, 10, 0)))
	r.wants(run, ana, "stop")
	sent := len(r.sim.Messages(ana))
	for _, table := range []string{"question", "inbound", "hold", "booking_event", "message", "verification", "booking", "customer"} {
		_, err := r.db.Owner.Exec(t.Context(), "DELETE FROM "+table)
		r.must(err)
	}
	id := r.ask(tasks.BookingClaim, chair(ana, at(2, 10, 0)), uuid.Nil)
	for range 2 { // the claim, and its text, which dies
		task := query[uuid.UUID](r, "SELECT id FROM task WHERE state = 'pending' ORDER BY id LIMIT 1")
		run.deliver(t.Context(), r.delivery(task, r.task(task).Epoch))
	}
	r.expect(r.read(id), 201, "held")
	if n := len(r.sim.Messages(ana)); n != sent {
		t.Errorf("%d texts went out to a phone that has opted out", n-sent)
	}
	if n := query[int](r, "SELECT count(*) FROM task WHERE state = 'dead' AND last_error = 'opted-out'"); n != 1 {
		t.Errorf("%d texts were refused", n)
	}
}
