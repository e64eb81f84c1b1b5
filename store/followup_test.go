package store_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/storetest"
)

// missed writes n bookings of an org whose holds ended unconfirmed, one after the other.
func (w *world) missed(org storetest.Org, customer uuid.UUID, n int) {
	w.t.Helper()
	w.admin(`INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at, followup_from)
		SELECT $1, gen_random_uuid(), $2, $3, 'expired', at, at + interval '30 min', now(), now() - interval '3 min' + i * interval '1 ms'
		  FROM generate_series(1, $4) i, LATERAL (SELECT clock_timestamp() + interval '1 h' * i) x(at)`, org.ID, org.Chair, customer, n)
}

// second is another org with a customer.
func (w *world) second() (storetest.Org, uuid.UUID) {
	w.t.Helper()
	org, customer := storetest.NewOrg(w.t, w.DB, "two"), uuid.New()
	_, err := store.InTx(w.t.Context(), w.App, org.ID, func(tx *store.Tx) error {
		return store.InsertCustomer(tx, w.Keys, store.Customer{ID: customer, Phone: phone42})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return org, customer
}

// followups is one batch of the sweep, whose texts it counts.
func followups(w *world, texts *int, after time.Duration, wanted bool) sweep {
	return func(tx *store.Tx) (int, bool, error) {
		all, n, more, err := store.TakeFollowups(w.t.Context(), tx, after, wanted)
		*texts += len(all)
		return n, more, err
	}
}

func TestTakeFollowups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two, customer := w.second()
	w.missed(w.org, w.customer, 501)
	w.missed(two, customer, 2)
	texts := 0
	scan := followups(w, &texts, 2*time.Minute, true)
	if got := w.swept(followups(w, &texts, time.Hour, true)); got != "0 false" {
		t.Errorf("before its time: %s", got)
	}
	// The one that has waited longest is being worked on: it is left, and does not end the sweep early.
	release := w.apart(func(tx *store.Tx) error {
		_, err := store.LockBooking(t.Context(), tx, value[uuid.UUID](w, "SELECT id FROM booking WHERE org_id = $1 ORDER BY followup_from LIMIT 1", w.org.ID))
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
	if n := value[int](w, `SELECT count(*) FROM message m JOIN booking b ON b.org_id = m.org_id AND b.id = m.booking_id JOIN customer c ON c.org_id = b.org_id AND c.id = b.customer_id
		WHERE m.kind = 'followup' AND m.occasion = 'followup' AND m.state = 'queued' AND m.to_hash = c.phone_hash AND b.followup_from IS NULL`); n != 501 {
		t.Errorf("%d texts, want one for each", n)
	}
	if n := value[int](w, "SELECT count(*) FROM booking WHERE followup_from IS NOT NULL AND org_id = $1", two.ID); n != 2 {
		t.Errorf("of another org %d are due, want 2", n)
	}
	// A hold has one follow-up, whoever thinks of it again; who is booked after all has none, nor an org that wants none.
	w.admin("UPDATE booking SET followup_from = now() - interval '1 h'")
	w.admin("UPDATE booking SET state = 'canceled' WHERE org_id = $1", two.ID)
	w.swept(scan)
	w.org = two
	if got := w.swept(scan); got != "2 false" || texts != 501 {
		t.Errorf("again: %s, %d texts", got, texts)
	}
	w.admin("UPDATE booking SET state = 'expired', followup_from = now() - interval '1 h' WHERE org_id = $1", two.ID)
	if got := w.swept(followups(w, &texts, 0, false)); got != "2 false" || texts != 501 || w.due("followups:scan") {
		t.Errorf("where none is wanted: %s, %d texts", got, texts)
	}
}

// Sweeps of several workers and claims meet; each hold has one follow-up.
func TestFollowupsOfManySweeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.missed(w.org, w.customer, 1200)
	var mu sync.Mutex
	texts := 0
	together(4, func(int) {
		for more := true; more; {
			err := w.once(func(tx *store.Tx) error {
				all, n, _, err := store.TakeFollowups(t.Context(), tx, 0, true)
				mu.Lock()
				defer mu.Unlock()
				texts += len(all)
				more = n > 0
				return err
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	if n := value[int](w, "SELECT count(DISTINCT booking_id) FROM message WHERE kind = 'followup'"); n != 1200 || texts != 1200 {
		t.Errorf("%d texts for %d holds", texts, n)
	}
}

// What a sweep takes is found by its index from what is due on, under row-level security too: not by a walk over
// everything that will be due one day.
func TestSweepsWalkTheirIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.missed(w.org, w.customer, 3000)
	w.admin("UPDATE booking SET reminder_at = starts_at, followup_from = starts_at")
	w.admin("ANALYZE booking")
	for _, c := range []struct {
		index, column, sql string
		args               []string
	}{
		{"booking_followup", "followup_from", store.TakeFollowupsSQL, []string{"'2 min'::interval", "500", "true"}},
		{"booking_reminder", "reminder_at", store.TakeRemindersSQL, []string{"500"}},
	} {
		plan := func(sql string) (plan string) {
			sql = strings.ReplaceAll(sql, "$1", "'"+w.org.ID.String()+"'::uuid")
			for i, a := range c.args {
				sql = strings.ReplaceAll(sql, fmt.Sprintf("$%d", i+2), a)
			}
			w.in(func(tx *store.Tx) error {
				rows, err := tx.Query(t.Context(), "EXPLAIN "+sql)
				if err != nil {
					return err
				}
				defer rows.Close()
				for rows.Next() {
					plan += string(rows.RawValues()[0]) + "\n"
				}
				return rows.Err()
			})
			return plan
		}
		want := regexp.MustCompile(`Index Cond: .*\b` + c.column + ` <= `)
		if p := plan(c.sql); !want.MatchString(p) || !strings.Contains(p, c.index) {
			t.Errorf("%s is not walked from what is due on:\n%s", c.index, p)
		}
		moving := strings.NewReplacer("<= (SELECT clock_timestamp())", "<= clock_timestamp()", "<= (SELECT at FROM clock)", "<= clock_timestamp()")
		if want.MatchString(plan(moving.Replace(c.sql))) {
			t.Errorf("%s: the control uses the index too", c.index)
		}
	}
}
