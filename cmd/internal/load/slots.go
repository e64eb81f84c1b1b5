package load

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// slot is a time that one booking takes: one seat of a resource.
type slot struct {
	org      *api
	resource string
	start    string // as the API writes it
	seats    int    // that were free when it was found
	round    int    // it is so many-th of its resource's day
}

// slots hands each user a slot of its own. They are taken a round over all days and resources before the next, so
// that no day is fuller than others and claimants of one resource are as far apart as the calendar lets them.
type slots struct {
	mu   sync.Mutex
	free []slot
	all  int
	end  bool // all that can be booked was looked at
}

// pageDays is the longest range that the API lists; horizonPages reach as far ahead as bookings are taken.
const (
	pageDays     = 31
	horizonPages = 2*365/pageDays + 1
)

// findSlots looks for want slots from tomorrow on, and for as many again, to be spread over more days.
func findSlots(ctx context.Context, orgs []*api, minutes, want int) (*slots, error) {
	s := &slots{}
	var buf bytes.Buffer
	from := time.Now().AddDate(0, 0, 1)
	for page := range horizonPages {
		if s.all >= 2*want {
			break
		}
		for _, org := range orgs {
			if err := s.page(ctx, &buf, org, minutes, from.AddDate(0, 0, page*pageDays)); err != nil {
				return nil, err
			}
		}
		s.end = page == horizonPages-1
	}
	if s.all == 0 {
		return nil, fmt.Errorf("load: no slot of %d minutes is free", minutes)
	}
	slices.SortStableFunc(s.free, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.round, b.round), cmp.Compare(a.start[:len(time.DateOnly)], b.start[:len(time.DateOnly)]))
	})
	return s, nil
}

// page adds what a month of an org has.
func (s *slots) page(ctx context.Context, buf *bytes.Buffer, org *api, minutes int, from time.Time) error {
	q := url.Values{"duration": {fmt.Sprint(minutes)}, "from": {from.Format(time.DateOnly)}, "to": {from.AddDate(0, 0, pageDays).Format(time.DateOnly)}}
	if org.org.Service != "" {
		q.Set("service", org.org.Service)
	} else {
		q.Set("resource", org.org.Resource)
	}
	a := org.get(ctx, buf, "/availability?"+q.Encode())
	if a.status != http.StatusOK {
		return fmt.Errorf("load: availability: %s", problem(a))
	}
	var open struct {
		Slots []struct {
			Resource, Start string
			Seats           int
		}
	}
	if err := json.Unmarshal(a.body, &open); err != nil {
		return fmt.Errorf("load: availability: %w", err)
	}
	day := make(map[string]int) // slots by resource and day
	for _, o := range open.Slots {
		if len(o.Start) < len(time.DateOnly) {
			return fmt.Errorf("load: availability: %q is no start", o.Start)
		}
		of := o.Resource + o.Start[:len(time.DateOnly)]
		for range o.Seats {
			s.free = append(s.free, slot{org: org, resource: o.Resource, start: o.Start, seats: o.Seats, round: day[of]})
			day[of]++
			s.all++
		}
	}
	return nil
}

// take hands out a slot; ok is false when all are used up.
func (s *slots) take() (x slot, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		return slot{}, false
	}
	x, s.free = s.free[0], s.free[1:]
	return x, true
}

// give takes a slot back whose booking was canceled.
func (s *slots) give(x slot) {
	s.mu.Lock()
	s.free = append(s.free, x)
	s.mu.Unlock()
}

// left is how many are free.
func (s *slots) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.free)
}
