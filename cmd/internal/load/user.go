package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// user is one who asks. It belongs to one goroutine, and keeps what it saw to itself until the end.
type user struct {
	run      *run
	buf      bytes.Buffer
	meters   meters
	bookings []*booking
}

// booking is what a user was granted.
type booking struct {
	slot                slot
	id, phone           string
	asked, held         time.Time // when it was asked for, and when the answer came
	confirmed, canceled bool
}

// wins is who has won what, over all users.
type wins struct {
	mu  sync.Mutex
	by  map[string]int    // winners who still have it, by resource and start
	ids map[string]string // phone by booking
}

// add notes a winner, and says what is wrong with that.
func (w *wins) add(b *booking) (breach string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if other, ok := w.ids[b.id]; ok && other != b.phone {
		return fmt.Sprintf("booking %s was granted to two customers", b.id)
	}
	if _, ok := w.ids[b.id]; ok {
		return "" // the same customer was told again
	}
	w.ids[b.id] = b.phone
	key := b.slot.resource + b.slot.start
	if w.by[key]++; w.by[key] > b.slot.seats {
		return fmt.Sprintf("%s at %s has %d seats and %d winners", b.slot.resource, b.slot.start, b.slot.seats, w.by[key])
	}
	return ""
}

func (w *wins) drop(b *booking) {
	w.mu.Lock()
	w.by[b.slot.resource+b.slot.start]--
	w.mu.Unlock()
}

// record notes an answer to a step, and whether it is one that the step may get. What is cut off by the end of an
// interrupted run is not the system's fault.
func (u *user) record(ctx context.Context, s step, since time.Time, a answer, want ...int) bool {
	if a.err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	took := a.at.Sub(since)
	u.meters.record(s, took, a.status)
	u.run.pulse.done.Add(1)
	if s == stepHold {
		u.run.pulse.asked.Add(1)
		u.run.pulse.nanos.Add(int64(took))
	}
	if slices.Contains(want, a.status) {
		return true
	}
	if a.status != http.StatusTooManyRequests {
		u.fault(s, problem(a))
	}
	return false
}

// fault counts an answer, or the lack of one, that a step should not get.
func (u *user) fault(s step, what string) {
	u.meters.of(s).errors++
	u.run.pulse.errors.Add(1)
	u.run.mu.Lock()
	u.run.unexpected[stepNames[s]+": "+what]++
	u.run.mu.Unlock()
}

// wish is the body of a request for a slot.
func (u *user) wish(x slot, phone string) []byte {
	b := make([]byte, 0, 192)
	b = append(b, `{"resource":"`...)
	b = append(b, x.resource...)
	b = append(b, `","start":"`...)
	b = append(b, x.start...)
	b = fmt.Appendf(b, `","duration":%d,"customer":{"phone":"`, u.run.Minutes)
	b = append(b, phone...)
	return append(b, `"}}`...)
}

// slot is one that nobody else was given. When there are no more, the user cancels what it has had longest.
func (u *user) slot(ctx context.Context) (slot, bool) {
	if x, ok := u.run.slots.take(); ok {
		return x, true
	}
	for _, b := range u.bookings {
		if !b.canceled && u.cancel(ctx, b) {
			return u.run.slots.take()
		}
	}
	u.fault(stepHold, "the calendar is full")
	return slot{}, false
}

// hold asks for x and returns the booking that was granted, or nil.
func (u *user) hold(ctx context.Context, s step, x slot, due time.Time, key string) *booking {
	b := &booking{slot: x, phone: u.run.phones.take(), asked: time.Now()}
	a := x.org.post(ctx, &u.buf, "/bookings", u.wish(x, b.phone), key)
	if !u.record(ctx, s, due, a, http.StatusCreated, http.StatusAccepted) {
		return nil
	}
	if a = u.outcome(ctx, s, x.org, a, http.StatusCreated); a.status != http.StatusCreated || !u.granted(b, a) {
		return nil
	}
	u.run.pulse.held.Add(1)
	return b
}

// granted reads the booking that an answer grants, and holds it against what was asked.
func (u *user) granted(b *booking, a answer) bool {
	var v struct {
		ID, State, Resource, Start string
		Customer                   struct{ Phone string }
	}
	if err := json.Unmarshal(a.body, &v); err != nil || v.ID == "" {
		u.run.breach("a booking was granted in an answer that cannot be read")
		return false
	}
	b.id, b.held = v.ID, a.at
	if v.Resource != b.slot.resource || v.Start != b.slot.start || v.State != "held" || !strings.HasSuffix(v.Customer.Phone, b.phone[len(b.phone)-2:]) {
		u.run.breach("booking %s is not what was asked for: %s of %s at %s for %s", v.ID, v.State, v.Resource, v.Start, v.Customer.Phone)
	}
	if breach := u.run.wins.add(b); breach != "" {
		u.run.breach("%s", breach)
	}
	u.bookings = append(u.bookings, b)
	return true
}

// outcome is a itself, or, when the API would not wait any longer, what became of the request. Another status than
// those wanted is a fault of the step.
func (u *user) outcome(ctx context.Context, s step, org *api, a answer, want ...int) answer {
	if a.status != http.StatusAccepted {
		return a
	}
	_, path, _ := strings.Cut(a.header.Get("Location"), org.org.ID)
	for end := time.Now().Add(time.Minute); path != "" && time.Now().Before(end) && ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
		var v struct {
			Status string
			Result struct {
				Status int
				Body   json.RawMessage
			}
		}
		a := org.get(ctx, &u.buf, path)
		if a.status == http.StatusOK && json.Unmarshal(a.body, &v) == nil && v.Status == "done" {
			a.status, a.body = v.Result.Status, v.Result.Body
			if !slices.Contains(want, a.status) {
				u.fault(s, "202, then "+problem(a))
			}
			return a
		}
	}
	u.fault(s, "202 without an outcome")
	return answer{}
}

// code waits for the code text of b and returns the code; "" when none came. What is timed is from the answer
// that granted the booking to the moment in which the double wrote the text down.
func (u *user) code(ctx context.Context, s step, b *booking) string {
	const patience = 15 * time.Second
	wait := 4 * time.Millisecond
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; wait = min(2*wait, 250*time.Millisecond) {
		pause(ctx, wait)
		texts, err := u.run.double.texts(ctx, &u.buf, b.phone, 3)
		if err != nil {
			continue
		}
		for _, t := range texts {
			if code, ok := t.code(); ok && t.At.After(b.asked.Add(-clocks)) {
				u.record(ctx, s, b.held, answer{status: http.StatusOK, at: t.At}, http.StatusOK)
				return code
			}
		}
	}
	u.record(ctx, s, b.held, answer{at: time.Now(), err: errors.New("no code text")})
	return ""
}

// clocks is how much the double's clock may differ from ours.
const clocks = time.Second

// verify gives a code and expects one of the statuses wanted.
func (u *user) verify(ctx context.Context, s step, b *booking, code string, want int) bool {
	since := time.Now()
	a := b.slot.org.post(ctx, &u.buf, "/bookings/"+b.id+"/verify", []byte(`{"code":"`+code+`"}`), "")
	if !u.record(ctx, s, since, a, want, http.StatusAccepted) || u.outcome(ctx, s, b.slot.org, a, want).status != want {
		return false
	}
	b.confirmed = b.confirmed || want == http.StatusOK
	return true
}

// cancel gives a booking up, and its slot back.
func (u *user) cancel(ctx context.Context, b *booking) bool {
	since := time.Now()
	a := b.slot.org.post(ctx, &u.buf, "/bookings/"+b.id+"/cancel", []byte("{}"), "")
	if !u.record(ctx, stepCancel, since, a, http.StatusOK, http.StatusAccepted) || u.outcome(ctx, stepCancel, b.slot.org, a, http.StatusOK).status != http.StatusOK {
		return false
	}
	b.canceled = true
	u.run.wins.drop(b)
	u.run.slots.give(b.slot)
	return true
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
