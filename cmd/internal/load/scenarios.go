package load

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"time"
)

// flows are the scenarios that one user follows alone, from when it was due.
func (r *run) flows() map[string]func(context.Context, *user, time.Time) {
	booking := (*run).book
	if r.HoldOnly {
		booking = (*run).holdOnly
	}
	bind := func(f func(*run, context.Context, *user, time.Time)) func(context.Context, *user, time.Time) {
		return func(ctx context.Context, u *user, due time.Time) { f(r, ctx, u, due) }
	}
	return map[string]func(context.Context, *user, time.Time){
		Booking: bind(booking), Mixed: bind((*run).mixed), Contention: bind((*run).holdOnly),
	}
}

// holdOnly asks for a booking and leaves its code unread.
func (*run) holdOnly(ctx context.Context, u *user, due time.Time) { u.holdOne(ctx, due) }

func (u *user) holdOne(ctx context.Context, due time.Time) *booking {
	before := time.Now()
	x, ok := u.slot(ctx)
	if !ok {
		pause(ctx, 100*time.Millisecond)
		return nil
	}
	return u.hold(ctx, stepHold, x, due.Add(time.Since(before)), "") // making room is no part of it
}

// book is the whole way: a request, its code, and the code given back.
func (*run) book(ctx context.Context, u *user, due time.Time) {
	if b := u.holdOne(ctx, due); b != nil {
		if code := u.code(ctx, stepText, b); code != "" {
			u.verify(ctx, stepVerify, b, code, http.StatusOK)
		}
	}
}

// mixed is what a day is made of: of ten users three only look, and of the others some ask twice, mistype or think
// better of it.
func (r *run) mixed(ctx context.Context, u *user, due time.Time) {
	switch dice := rand.IntN(10); { // #nosec G404 -- which request comes next is no secret
	case dice < 3:
		u.look(ctx, due)
	case dice < 5:
		if b := u.holdOne(ctx, due); b != nil {
			u.cancel(ctx, b)
		}
	case dice < 6:
		u.twice(ctx, due)
	case dice < 7:
		b := u.holdOne(ctx, due)
		if b == nil {
			return
		}
		if code := u.code(ctx, stepText, b); code != "" {
			u.verify(ctx, stepWrong, b, other(code), http.StatusUnprocessableEntity)
			u.verify(ctx, stepVerify, b, code, http.StatusOK)
		}
	default:
		r.book(ctx, u, due)
	}
}

// other is a code that code is not.
func other(code string) string {
	first := byte('0')
	if code[0] == first {
		first = '1'
	}
	return string(first) + code[1:]
}

// look reads what a day of some resource has.
func (u *user) look(ctx context.Context, due time.Time) {
	org := u.run.orgs[rand.IntN(len(u.run.orgs))]           // #nosec G404 -- which request comes next is no secret
	from := time.Now().AddDate(0, 0, 1+rand.IntN(pageDays)) // #nosec G404 -- which request comes next is no secret
	what, name := "resource", org.org.Resource
	if org.org.Service != "" {
		what, name = "service", org.org.Service
	}
	a := org.get(ctx, &u.buf, "/availability?"+what+"="+name+"&from="+from.Format(time.DateOnly)+"&to="+from.AddDate(0, 0, 1).Format(time.DateOnly))
	u.record(ctx, stepLook, due, a, http.StatusOK)
}

// twice asks with a key, and again with the same one: the answer must be the same.
func (u *user) twice(ctx context.Context, due time.Time) {
	x, ok := u.slot(ctx)
	if !ok {
		return
	}
	key := "load-" + randomKey()
	b := u.hold(ctx, stepHold, x, due, key)
	if b == nil {
		return
	}
	since := time.Now()
	a := x.org.post(ctx, &u.buf, "/bookings", u.wish(x, b.phone), key)
	if !u.record(ctx, stepAgain, since, a, http.StatusCreated) {
		return
	}
	// It has been answered before, so there is no 202.
	var again struct{ ID string }
	if json.Unmarshal(a.body, &again) != nil || again.ID != b.id || a.header.Get("Idempotency-Replayed") != "true" {
		u.run.breach("a repeated key was granted %s, not %s", again.ID, b.id)
	}
}
