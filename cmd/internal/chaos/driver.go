package main

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cmd/internal/load"
)

// slot is a time of a resource that can be booked.
type slot struct {
	resource, start string
	seats           int
}

// driver is the customers of a run.
type driver struct {
	api    *client
	double *provider
	ledger *ledger

	phones []string
	mu     sync.Mutex
	slots  []slot
	next   atomic.Int64 // visits so far
}

// newDriver reads what can be booked.
func newDriver(ctx context.Context, s *system, seed uint64) (*driver, error) {
	d := &driver{api: s.client(), double: s.provider(), ledger: &ledger{}, phones: load.Fiction()}
	dice := mathrand.New(mathrand.NewPCG(seed, 1)) // #nosec G404 -- it is to be repeated
	dice.Shuffle(len(d.phones), func(i, j int) { d.phones[i], d.phones[j] = d.phones[j], d.phones[i] })
	tomorrow := time.Now().AddDate(0, 0, 2)
	for _, r := range s.resources {
		a := d.api.get(ctx, "/availability?"+url.Values{"resource": {r}, "duration": {"10"},
			"from": {tomorrow.Format(time.DateOnly)}, "to": {tomorrow.AddDate(0, 0, 30).Format(time.DateOnly)}}.Encode())
		var open struct {
			Slots []struct {
				Start string
				Seats int
			}
		}
		if a.status != 200 || !a.decode(&open) {
			return nil, errors.New("availability: " + a.String())
		}
		for _, o := range open.Slots {
			d.slots = append(d.slots, slot{r, o.Start, o.Seats})
		}
	}
	dice.Shuffle(len(d.slots), func(i, j int) { d.slots[i], d.slots[j] = d.slots[j], d.slots[i] })
	return d, nil
}

// crowd is customers who come one after the other, each of n at a time, until ctx ends. Whoever has begun then finishes
// within patience. Kinds of visits take turns, so that each has its share.
func (d *driver) crowd(ctx context.Context, n int, patience time.Duration, kinds []flow) {
	finish, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { pause(finish, patience); cancel() })()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				f := kinds[int(d.next.Add(1))%len(kinds)]
				f.do(finish, d, f.name)
				pause(ctx, 50*time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// open begins a visit with a slot and a phone that nobody else has.
func (d *driver) open(flow string) *visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.slots) == 0 || len(d.phones) < 2 {
		return nil
	}
	v := &visit{flow: flow, slot: d.slots[0], phone: d.phones[0]}
	d.slots, d.phones = d.slots[1:], d.phones[1:]
	d.ledger.add(v)
	return v
}

// another is a second phone.
func (d *driver) another() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	phone := d.phones[0]
	d.phones = d.phones[1:]
	return phone
}

// ask makes a write for v, in its record from before it is sent.
func (d *driver) ask(ctx context.Context, v *visit, method, path string, body any) answer {
	w := &asked{path: path, key: rand.Text()}
	v.writes = append(v.writes, w)
	return d.api.write(ctx, w, method, body)
}

// book asks for the visit's slot; ok when it was granted.
func (d *driver) book(ctx context.Context, v *visit) bool {
	a := d.ask(ctx, v, "POST", "/bookings", v.wish())
	return v.granted(a)
}

func (v *visit) wish() map[string]any {
	return map[string]any{"resource": v.slot.resource, "start": v.slot.start, "duration": 10, "customer": map[string]any{"phone": v.phone}}
}

// granted reads the booking of a 201.
func (v *visit) granted(a answer) bool {
	var b struct{ ID string }
	if a.status != 201 || !a.decode(&b) {
		return false
	}
	v.booking = b.ID
	return true
}

// verify gives a code.
func (d *driver) verify(ctx context.Context, v *visit, code string) answer {
	a := d.ask(ctx, v, "POST", "/bookings/"+v.booking+"/verify", map[string]string{"code": code})
	if a.status == 200 {
		v.confirmed = true
	}
	return a
}

func (d *driver) cancel(ctx context.Context, v *visit) {
	if d.ask(ctx, v, "POST", "/bookings/"+v.booking+"/cancel", nil).status == 200 {
		v.canceled = true
	}
}
