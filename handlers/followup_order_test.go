package handlers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Whoever opts out gets no text that is claimed afterwards: of one that is on its way while he does, none follows.
func TestOptOutWins(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *config) { c.CallLimit = 5 * time.Second })
	run := r.process()
	first, second := r.request(run, ana, at(2, 10, 0)), r.request(run, bob, at(2, 11, 0))
	r.expire(run, first, second)
	r.sweepNow(run, tasks.FollowupsScan)
	r.hears(run, bob, "STOP") // between the sweep and the claim
	front := newGate(t, r)
	r.cfg.TwilioURL = front.url
	slow := r.process()
	ended := make(chan string, 1)
	send := query[uuid.UUID](r, "SELECT id FROM task WHERE type = 'followup:send' AND payload->>'message' = $1", r.message(first, "followup").ID.String())
	go func() { ended <- slow.deliver(t.Context(), r.delivery(send, 1)).label }()
	front.waits(t)
	r.hears(run, ana, "please stop texting me") // while its call is under way
	front.open()
	if label := <-ended; label != "done" {
		t.Errorf("the call ended %s", label)
	}
	r.exec("UPDATE message SET occasion = NULL WHERE kind = 'followup'")
	r.exec("UPDATE booking SET followup_from = clock_timestamp()")
	r.sweepNow(run, tasks.FollowupsScan)
	r.runAll(run)
	for phone, n := range map[string]int{ana: 2, bob: 1} {
		if got := slices.DeleteFunc(r.sim.Messages(phone), func(m twiliosim.Message) bool { return strings.Contains(m.Body, "no more texts") }); len(got) != n {
			t.Errorf("%d texts to %s, want %d", len(got), phone[len(phone)-2:], n)
		}
	}
	for _, b := range []uuid.UUID{first, second} {
		if got := r.dropped(b, "followup_dropped"); !strings.HasPrefix(got, "opted-out") {
			t.Errorf("dropped for %q", got)
		}
	}
}

// A follow-up waits for whoever understands a reply of the same phone, and then thinks of what that did.
func TestFollowupWaitsForItsConversation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	id := r.request(run, ana, at(2, 10, 0))
	r.expire(run, id)
	r.sweepNow(run, tasks.FollowupsScan)
	tx, err := store.Begin(t.Context(), r.db.App, r.org.ID)
	r.must(err)
	defer tx.Rollback(t.Context())
	store.LockConversation(tx, r.org.Account.Pool(), store.PhoneHash(r.db.Keys, r.org.ID, pii.KnownPhone(ana)))
	r.must(tx.Flush(t.Context()))
	ended := make(chan string, 1)
	send := r.pending("followup:send")[0]
	go func() { ended <- run.deliver(t.Context(), r.delivery(send, 1)).label }()
	eventually(t, 5*time.Second, "it stands in line", func() bool {
		return query[int](r, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == 1
	})
	tx.Queue("INSERT INTO suppression (org_id, pool, phone_hash) SELECT $1, $2, to_hash FROM message WHERE org_id = $1 AND booking_id = $3 AND kind = 'code'",
		r.org.ID, r.org.Account.Pool(), id)
	r.must(tx.Commit(t.Context()))
	if label := <-ended; label != "done" || r.dropped(id, "followup_dropped") != "opted-out" {
		t.Errorf("%s, dropped for %q", label, r.dropped(id, "followup_dropped"))
	}
	r.texts(ana, 1)
}

// How long a text is good for at the provider: not into the quiet hours, nor past what it is of.
func TestPolite(t *testing.T) {
	t.Parallel()
	night := calendar.QuietHours{From: 21, To: 8}
	evening := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		hours       calendar.QuietHours
		now         time.Time
		of          time.Duration
		wait, valid time.Duration
	}{
		{night, evening, 24 * time.Hour, 0, time.Hour},
		{night, evening, 30 * time.Minute, 0, 30 * time.Minute},
		{night, evening.Add(2 * time.Hour), 24 * time.Hour, 10 * time.Hour, 0},
		{calendar.QuietHours{}, evening, 24 * time.Hour, 0, 24 * time.Hour},
	} {
		if wait, valid := polite(c.hours, c.now, c.of); wait != c.wait || valid != c.valid {
			t.Errorf("%v at %v: waits %v, valid %v", c.hours, c.now, wait, valid)
		}
	}
	var f store.Followup
	if got := unfitFollowup(f, time.Hour, settings.Followup{}); got != "switched-off" {
		t.Errorf("without settings: %q", got)
	}
}
