package handlers

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// What the model says of replies.

// keepable is what K is about when nothing is asked: the newest that is held, or has expired and could be kept; else one
// that is confirmed.
func (m *model) keepable(phone string) *mBooking {
	for _, confirmed := range []bool{false, true} {
		for _, b := range slices.Backward(m.bookings) {
			if b.phone != phone || !b.start.After(m.now) {
				continue
			}
			can := b.state == "held" || b.state == "expired" && (!b.code.dead && !b.code.used && b.code.until.After(m.now) ||
				!b.followed.IsZero() && b.followed.Add(stageWindow).After(m.now))
			if confirmed {
				can = b.state == "confirmed"
			}
			if can {
				return b
			}
		}
	}
	return nil
}

// keep is the reply K.
func (m *model) keep(phone string) {
	q := m.question(phone)
	switch {
	case q != nil && q.cancel:
		m.answered(phone)
	case q != nil:
		m.take(q.about, q.about.resource, q.about.start, phone)
	case slices.ContainsFunc(m.bookings, func(b *mBooking) bool {
		return b.phone == phone && b.state == "confirmed" && b.kept.Add(time.Minute).After(m.now)
	}):
		// said twice
	default:
		if b := m.keepable(phone); b != nil {
			m.take(b, b.resource, b.start, phone)
		}
	}
}

// take confirms a booking at a time if it can be had. If not, others are offered, which are learned from the system.
func (m *model) take(b *mBooking, resource uuid.UUID, start time.Time, phone string) {
	same := b.resource == resource && b.start.Equal(start)
	switch {
	case !b.live() && b.state != "expired", b.state == "confirmed":
		m.answered(phone)
	case b.state == "held" && same, m.free(resource, start, b) && start.After(m.now):
		b.resource, b.start = resource, start
		m.answered(phone)
		m.confirm(b)
	}
}

// choose is the reply of a digit.
func (m *model) choose(phone string, n int) {
	if q := m.question(phone); q != nil && !q.cancel && n <= len(q.choices) {
		m.take(q.about, q.choices[n-1].resource, q.choices[n-1].start, phone)
	}
}

// recall is the reply C.
func (m *model) recall(phone string) {
	q := m.question(phone)
	if q != nil && q.cancel {
		m.answered(phone)
		m.cancel(q.about)
		return
	}
	var next *mBooking
	for _, b := range m.bookings {
		if b.phone == phone && b.state == "confirmed" && b.start.After(m.now) && (next == nil || b.start.Before(next.start)) {
			next = b
		}
	}
	switch {
	case next != nil:
		if !m.out[phone] {
			m.asked[phone] = &mQuestion{about: next, cancel: true, until: m.now.Add(mRecall)}
		}
	case q != nil:
		m.letGo(q.about, phone)
	default:
		if b := m.keepable(phone); b != nil {
			m.letGo(b, phone)
		}
	}
}

func (m *model) letGo(b *mBooking, phone string) {
	if b.state == "held" || b.state == "expired" {
		m.cancel(b)
		m.answered(phone)
	}
}

// code is a code by text: of the newest three that live it is the one that it matches, else it counts against the newest.
func (m *model) texted(phone, text string) {
	var open []*mBooking
	for _, b := range slices.Backward(m.bookings) {
		if b.phone == phone && b.code.text != "" && !b.code.dead && !b.code.used && b.code.until.After(m.now) && len(open) < 3 {
			open = append(open, b)
		}
	}
	if len(open) == 0 {
		return
	}
	meant := open[0]
	for _, b := range open {
		if b.code.text == text {
			meant = b
		}
	}
	m.verify(meant, text)
}
