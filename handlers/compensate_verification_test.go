package handlers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

const landline = "+15005550009" // one of Twilio's own test numbers: 21614

// A code text that failed for good: by the org's choice the hold is kept for another number, or its seat is free at
// once. Both are told, and done once however often the task is delivered.
func TestFailedTextIsCompensated(t *testing.T) {
	t.Parallel()
	for policy, c := range map[string]struct {
		state    string
		timeline []string
	}{
		"keep_hold":    {"held", []string{"held", "text_failed", "code_revoked", "unreachable"}},
		"release_hold": {"expired", []string{"held", "text_failed", "code_revoked", "unreachable", "expired"}},
	} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.set(`{"failed_text":"` + policy + `"}`)
			r.start()
			id := r.hold(landline, at(2, 10, 0))
			eventually(t, 10*time.Second, "compensated", func() bool {
				return query[int](r, "SELECT count(*) FROM task WHERE type = 'compensate:verification' AND state = 'done'") == 1
			})
			if b := r.booking(id); b.State != c.state || b.CodeState != "revoked" || b.HoldExpires.After(time.Now()) != (c.state == "held") {
				t.Errorf("%s, code %s, hold until %v", b.State, b.CodeState, b.HoldExpires)
			}
			if got := r.timeline(id); !slices.Equal(got, c.timeline) {
				t.Errorf("timeline %v", got)
			}
			if c.state == "held" {
				r.expect(r.resend(id, bob), 200, "held")
				r.expect(r.verify(id, r.codeIn(r.texts(bob, 1)[0])), 200, "confirmed")
				return
			}
			r.expect(r.resend(id, bob), 409, "hold-expired")
			r.expect(r.claim(bob, at(2, 10, 0)), 201, "held") // the seat is free
		})
	}
}

// Of a booking that was given another number before the compensation came, or that has ended, nothing is compensated.
func TestCompensationComesLate(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(r *rig, id uuid.UUID){
		"another number": func(r *rig, id uuid.UUID) { r.expect(r.resend(id, bob), 200, "held") },
		"canceled":       func(r *rig, id uuid.UUID) { r.expect(r.cancelBooking(id), 200, "canceled") },
		"lapsed":         func(r *rig, id uuid.UUID) { r.lapse(id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.set(`{"failed_text":"release_hold"}`)
			late := r.delayed(tasks.CompensateVerification.Name)
			r.start()
			id := r.hold(landline, at(2, 10, 0))
			eventually(t, 10*time.Second, "the code is revoked", func() bool { return r.booking(id).CodeState == "revoked" })
			meanwhile(r, id)
			before := r.booking(id)
			late()
			r.idle(10 * time.Second)
			if got := r.booking(id); got.State != before.State || slices.Contains(r.timeline(id), "unreachable") {
				t.Errorf("%s became %s; timeline %v", before.State, got.State, r.timeline(id))
			}
		})
	}
}

// delayed keeps new tasks of a type from running until the function returned is called.
func (r *rig) delayed(typ string) (release func()) {
	r.t.Helper()
	r.exec(`CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN NEW.run_at := NEW.run_at + interval '1 hour'; NEW.check_at := NEW.run_at; RETURN NEW; END $$;
		CREATE TRIGGER later BEFORE INSERT ON task FOR EACH ROW WHEN (NEW.type = '` + typ + `') EXECUTE FUNCTION later()`)
	return func() {
		r.t.Helper()
		r.exec(`DROP TRIGGER later ON task;
			UPDATE task SET run_at = clock_timestamp(), check_at = clock_timestamp(), epoch = epoch + 1 WHERE state = 'pending' AND type = '` + typ + `'`)
	}
}

// A compensation that fails is tried again; when it dies too, an audit names the booking, and its row is a dead letter.
func TestCompensationThatDies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.exec(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
		CREATE TRIGGER broken BEFORE INSERT ON booking_event FOR EACH ROW WHEN (NEW.kind = 'unreachable') EXECUTE FUNCTION broken()`)
	r.start()
	id := r.hold(landline, at(2, 10, 0))
	attempts := func() int {
		return query[int](r, "SELECT COALESCE(max(attempt), 0) FROM task WHERE type = 'compensate:verification'")
	}
	eventually(t, 20*time.Second, "it is tried again", func() bool { return attempts() >= 2 })
	r.exec("UPDATE task SET attempt = 29, run_at = clock_timestamp(), check_at = clock_timestamp(), epoch = epoch + 1 WHERE type = 'compensate:verification'")
	eventually(t, 20*time.Second, "it is dead", func() bool {
		return query[int](r, "SELECT count(*) FROM task WHERE type = 'compensate:verification' AND state = 'dead'") == 1
	})
	report, err := store.Audit(t.Context(), r.db.Audit, auditOptions)
	r.must(err)
	i := slices.IndexFunc(report.Rows, func(row store.AuditRow) bool { return strings.Contains(row.Means, "is compensated") })
	if row := report.Rows[i]; row.Broken != 1 || row.First[0] != id.String() || report.Err() == nil {
		t.Errorf("%+v", row)
	}
}

// A callback that tells of an end compensates only what waits for that code: not when another text of it has arrived or
// is on its way, and not once the code was used.
func TestUndeliveredIsCompensatedWhenItMatters(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	confirmed := r.hold(ana, at(2, 10, 0))
	r.expect(r.verify(confirmed, r.codeIn(r.texts(ana, 1)[0])), 200, "confirmed")
	again := r.hold(bob, at(2, 11, 0))
	r.texts(bob, 1)
	r.ages(again, time.Minute)
	r.expect(r.resend(again, ""), 200, "held")
	r.failed(again)
	r.undelivered(confirmed)
	r.idle(10 * time.Second)
	for _, id := range []uuid.UUID{confirmed, again} {
		if got := r.timeline(id); slices.Contains(got, "code_revoked") || slices.Contains(got, "unreachable") {
			t.Errorf("timeline %v", got)
		}
	}
	alone := r.hold(eve, at(2, 12, 0))
	r.texts(eve, 1)
	r.undelivered(alone)
	eventually(t, 10*time.Second, "compensated", func() bool { return slices.Contains(r.timeline(alone), "unreachable") })
	r.undelivered(alone)
	r.idle(10 * time.Second)
	if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'compensate:verification'"); n != 1 {
		t.Errorf("%d compensations", n)
	}
}

// undelivered tells that a booking's code text did not arrive, as a callback does.
func (r *rig) undelivered(booking uuid.UUID) {
	r.t.Helper()
	_, err := store.InTx(r.t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error {
		m, err := store.LockMessage(r.t.Context(), tx, r.db.Keys, r.message(booking, "code").ID)
		if err != nil {
			return err
		}
		return TextFailed(r.t.Context(), tx, m, "sms-transient")
	})
	r.must(err)
}
