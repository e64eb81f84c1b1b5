package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

// reminders is one batch of the sweep, whose texts it counts.
func reminders(w *world, texts *int) sweep {
	return func(tx *store.Tx) (int, bool, error) {
		all, n, more, err := store.TakeReminders(w.t.Context(), tx)
		*texts += len(all)
		return n, more, err
	}
}

// booked writes a confirmed booking that starts so long from now, as if it had been confirmed long ago: its first
// reminder is the org's first.
func (w *world) booked(in time.Duration) (id uuid.UUID) {
	w.t.Helper()
	id = uuid.New()
	w.admin(`INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at, confirmed_at)
		SELECT $1, $2, $3, $4, 'confirmed', at, at + interval '30 min', now(), now() FROM (SELECT date_trunc('second', now()) + $5::interval AS at) x`,
		w.org.ID, id, w.org.Chair, w.customer, in)
	w.admin("UPDATE booking SET reminder_at = reminder_next(org_id, starts_at, '-infinity') WHERE id = $1", id)
	return id
}

// occasions lists what a booking's customer was reminded of: minutes before the start.
func (w *world) occasions(id uuid.UUID) (all []string) {
	w.t.Helper()
	return value[[]string](w, `SELECT ARRAY(SELECT split_part(occasion, ':', 3) || CASE WHEN split_part(occasion, ':', 2)::bigint <> extract(epoch FROM b.starts_at) THEN ' of before' ELSE '' END
		FROM message m JOIN booking b ON b.id = m.booking_id WHERE m.booking_id = $1 AND m.kind = 'reminder' ORDER BY m.created_at)`, id)
}

func (w *world) next(id uuid.UUID) string {
	w.t.Helper()
	return value[string](w, "SELECT COALESCE((extract(epoch FROM starts_at - reminder_at) / 60)::int::text, 'none') FROM booking WHERE id = $1", id)
}

// Each offset is reminded of once; of those that passed unseen, the last.
func TestTakeReminders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	texts := 0
	scan := reminders(w, &texts)
	far, day, hour, late := w.booked(30*time.Hour), w.booked(23*time.Hour), w.booked(time.Hour), w.booked(-time.Minute)
	if got := w.swept(scan); got != "3 false" || texts != 3 {
		t.Errorf("took %s, %d texts", got, texts)
	}
	for id, want := range map[uuid.UUID]struct {
		told []string
		next string
	}{far: {[]string{}, "1440"}, day: {[]string{"1440"}, "120"}, hour: {[]string{"120"}, "none"}, late: {[]string{"120"}, "none"}} {
		if got := w.occasions(id); !slices.Equal(got, want.told) || w.next(id) != want.next {
			t.Errorf("reminded %v, next %s; want %v", got, w.next(id), want)
		}
	}
	// Moved ahead, it is reminded anew; and never twice of the same.
	w.admin("UPDATE booking SET starts_at = starts_at + interval '1 h', ends_at = ends_at + interval '1 h' WHERE id = $1", day)
	w.admin("UPDATE booking SET reminder_at = now() - interval '1 s' WHERE id = ANY ($1)", []uuid.UUID{day, hour})
	w.swept(scan)
	if got := w.occasions(day); !slices.Equal(got, []string{"1440 of before", "1440"}) {
		t.Errorf("moved: %v", got)
	}
	if got := w.occasions(hour); !slices.Equal(got, []string{"120", "60"}) {
		t.Errorf("by hand: %v", got)
	}
	before := texts
	w.admin("UPDATE booking SET reminder_at = reminder_next(org_id, starts_at, '-infinity') WHERE id = ANY ($1)", []uuid.UUID{hour, late})
	if w.swept(scan); texts != before {
		t.Errorf("%d texts of what was reminded of before", texts-before)
	}
	// What is no longer confirmed is not.
	w.admin("UPDATE booking SET state = 'canceled' WHERE id = $1", far)
	w.admin("UPDATE booking SET reminder_at = now() WHERE id = $1", far)
	if w.swept(scan); texts != before || w.due("reminders:scan") {
		t.Errorf("%d texts of a booking that is over", texts-before)
	}
}

func TestTakeRemindersInBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two, customer := w.second()
	for _, o := range []struct {
		org, chair, customer uuid.UUID
		n                    int
	}{{w.org.ID, w.org.Chair, w.customer, 501}, {two.ID, two.Chair, customer, 1}} {
		w.admin(`INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at, confirmed_at)
			SELECT $1, gen_random_uuid(), $2, $3, 'confirmed', at, at + interval '30 min', now(), now()
			  FROM generate_series(1, $4) i, LATERAL (SELECT clock_timestamp() + interval '23 h' + i * interval '1 s') x(at)`, o.org, o.chair, o.customer, o.n)
	}
	w.admin("UPDATE booking SET reminder_at = starts_at - interval '1 day'")
	texts := 0
	scan := reminders(w, &texts)
	release := w.apart(func(tx *store.Tx) error {
		_, err := store.LockBooking(t.Context(), tx, value[uuid.UUID](w, "SELECT id FROM booking WHERE org_id = $1 ORDER BY reminder_at LIMIT 1", w.org.ID))
		return err
	})
	for _, want := range []string{"500 true", "0 false"} {
		if got := w.swept(scan); got != want {
			t.Errorf("took %s, want %s", got, want)
		}
	}
	release()
	if got := w.swept(scan); got != "1 false" || texts != 501 {
		t.Errorf("at last: %s, %d texts", got, texts)
	}
	if n := value[int](w, "SELECT count(*) FROM booking WHERE org_id = $1 AND reminder_at < now()", two.ID); n != 1 {
		t.Errorf("of another org %d are due, want 1", n)
	}
}

// Bookings get their new reminders in the order in which everybody locks them: who has one and goes on to a later one is not
// in the way.
func TestMoveRemindersInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	low, high := uuid.UUID{15: 1}, uuid.Max
	early := w.booked(30 * time.Hour) // found first, by time and as it was written
	w.booked(31 * time.Hour)
	w.admin("UPDATE booking SET id = CASE id WHEN $1 THEN $2::uuid ELSE $3 END", early, high, low)
	release := w.apart(func(tx *store.Tx) error { _, err := store.LockBooking(t.Context(), tx, low); return err })
	done := make(chan error, 1)
	go func() {
		done <- w.once(func(tx *store.Tx) error {
			if _, err := store.LockSettings(t.Context(), tx); err != nil {
				return err
			}
			store.SaveSettings(tx, []byte(`{"reminders":{"minutes_before":[600]}}`))
			store.MoveReminders(tx)
			return nil
		})
	}()
	w.await("it stands in line", func() bool { return value[int](w, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0 })
	if _, err := w.Admin.Exec(t.Context(), "SELECT FROM booking WHERE id = $1 FOR NO KEY UPDATE NOWAIT", high); err != nil {
		t.Errorf("the later one: %v", err)
	}
	release()
	if err := <-done; err != nil || w.next(low) != "600" || w.next(high) != "600" {
		t.Errorf("%v; next are %s and %s", err, w.next(low), w.next(high))
	}
}

// A change of the org's reminders counts for what is confirmed already, and for no other org; what is due stays due.
func TestMoveReminders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two, customer := w.second()
	far, due, near := w.booked(30*time.Hour), w.booked(23*time.Hour), w.booked(90*time.Minute)
	w.admin("UPDATE booking SET reminder_at = NULL WHERE id = $1", near)
	other := uuid.New()
	w.admin(`INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at, confirmed_at)
		SELECT $1, $2, $3, $4, 'confirmed', now() + interval '30 h', now() + interval '31 h', now(), now()`, two.ID, other, two.Chair, customer)
	set := func(minutes string) {
		w.in(func(tx *store.Tx) error {
			if _, err := store.LockSettings(t.Context(), tx); err != nil {
				return err
			}
			store.SaveSettings(tx, []byte(`{"reminders":{"minutes_before":`+minutes+`}}`))
			store.MoveReminders(tx)
			return nil
		})
	}
	for _, c := range []struct{ minutes, want string }{{"[600, 60]", "600 1440 60"}, {"[]", "none 1440 none"}, {"[1500]", "1500 1440 none"}} {
		set(c.minutes)
		if got := fmt.Sprint(w.next(far), " ", w.next(due), " ", w.next(near)); got != c.want {
			t.Errorf("%s: next are %s, want %s", c.minutes, got, c.want)
		}
	}
	if w.next(other) != "1440" {
		t.Errorf("another org's is %s", w.next(other))
	}
}
