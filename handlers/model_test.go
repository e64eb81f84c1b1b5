package handlers

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// model is what DESIGN.md says of bookings, in the fewest words: no table, no task, no lock. TestModel drives it beside
// the real thing.
type model struct {
	now      time.Time
	seats    map[uuid.UUID]int // of a resource
	bookings []*mBooking       // in the order in which they were made
	out      map[string]bool   // phones that want no texts
	asked    map[string]*mQuestion
}

type mBooking struct {
	id       uuid.UUID
	phone    string
	resource uuid.UUID
	start    time.Time
	state    string
	until    time.Time // of the hold
	code     *mCode    // the newest: of the booking, or of its move
	wrong    int
	follow   time.Time // when its follow-up is due; zero: there is none
	followed time.Time // when it went out
	kept     time.Time // when it was confirmed
	move     *mMove
}

type mCode struct {
	text  string
	until time.Time
	dead  bool
	used  bool
	moves bool // it proves a move
	texts int  // that carry it and have not failed
}

type mMove struct {
	start   time.Time
	until   time.Time
	expired bool
}

type mQuestion struct {
	about   *mBooking
	cancel  bool
	choices []mChoice
	until   time.Time
}

type mChoice struct {
	resource uuid.UUID
	start    time.Time
}

const (
	mLength = 30 * time.Minute
	mHold   = 5 * time.Minute
	mCodeIn = 10 * time.Minute
	mRecall = time.Hour // a question whether to cancel
)

func (b *mBooking) end() time.Time { return b.start.Add(mLength) }

// live reports whether the booking has its seat.
func (b *mBooking) live() bool { return b.state == "held" || b.state == "confirmed" }

// free reports whether somebody other than b can have a seat. Slots are hours apart, so that they overlap only when they
// are equal.
func (m *model) free(resource uuid.UUID, start time.Time, b *mBooking) bool {
	taken := 0
	for _, o := range m.bookings {
		if o == b || o.resource != resource {
			continue
		}
		if o.live() && o.start.Equal(start) || o.move != nil && !o.move.expired && o.move.start.Equal(start) {
			taken++
		}
	}
	return taken < m.seats[resource]
}

// pass lets what is due happen, one after the other, until a moment.
func (m *model) pass(to time.Time) {
	for {
		var first func()
		at := to
		due := func(when time.Time, do func()) {
			if !when.IsZero() && !when.After(at) {
				at, first = when, do
			}
		}
		for _, b := range m.bookings {
			switch b.state {
			case "held":
				due(b.until, func() { b.state = "expired"; b.follow = m.followup(b) })
			case "confirmed":
				due(b.end(), func() { b.state, b.code.dead = "completed", true; m.endMove(b) })
			}
			if b.state == "confirmed" && b.move != nil && !b.move.expired {
				due(b.move.until, func() { b.move.expired = true })
			}
			due(b.follow, func() { b.follow = time.Time{}; m.ask(b) })
		}
		if first == nil {
			m.now = to
			return
		}
		m.now = at
		first()
	}
}

// followup is when a hold that has ended is followed up: its code's text has gone out unless its phone had opted out.
func (m *model) followup(b *mBooking) time.Time {
	if b.code.texts == 0 {
		return time.Time{}
	}
	return m.now.Add(stageFollowup)
}

func (m *model) endMove(b *mBooking) { b.move = nil }

// ask is a follow-up, if there is still a reason for it. What it offers is learned from the system, and judged.
func (m *model) ask(b *mBooking) {
	rebooked := slices.ContainsFunc(m.bookings[slices.Index(m.bookings, b)+1:], func(o *mBooking) bool { return o.phone == b.phone && o.live() })
	if b.state != "expired" || rebooked || b.code.texts == 0 || m.out[b.phone] || !b.start.After(m.now) {
		return
	}
	b.followed = m.now
	m.asked[b.phone] = &mQuestion{about: b, until: earlier(m.now.Add(stageWindow), b.start)}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// question is what is open to a phone.
func (m *model) question(phone string) *mQuestion {
	if q := m.asked[phone]; q != nil && q.until.After(m.now) {
		return q
	}
	return nil
}

func (m *model) answered(phone string) { delete(m.asked, phone) }

// verify is a code by the API.
func (m *model) verify(b *mBooking, text string) string {
	switch {
	case b.state == "confirmed" && (!b.code.moves || b.code.used):
		return "already-confirmed"
	case b.state != "held" && b.state != "expired" && b.state != "confirmed":
		return "booking-ended"
	case b.code.dead || b.code.used:
		return "code-revoked"
	case !b.code.until.After(m.now):
		return "code-expired"
	case text != b.code.text:
		if b.wrong++; b.wrong >= 5 {
			b.code.dead = true
			if b.state == "confirmed" {
				m.endMove(b)
			}
		}
		return "wrong-code"
	case b.state == "confirmed":
		if b.move.expired && !(m.free(b.resource, b.move.start, b) && b.move.start.After(m.now)) {
			return "hold-expired"
		}
		b.start, b.wrong, b.code.used = b.move.start, 0, true
		m.endMove(b)
		return "confirmed"
	case b.state == "expired" && !(m.free(b.resource, b.start, b) && b.start.After(m.now)):
		return "hold-expired"
	}
	m.confirm(b)
	return "confirmed"
}

func (m *model) confirm(b *mBooking) {
	b.state, b.follow, b.wrong, b.kept = "confirmed", time.Time{}, 0, m.now
	b.code.used = true
}

func (m *model) cancel(b *mBooking) string {
	switch b.state {
	case "completed", "no_show":
		return "booking-ended"
	}
	b.state, b.follow, b.code.dead = "canceled", time.Time{}, true
	m.endMove(b)
	return "canceled"
}

func (m *model) mark(b *mBooking, state string) string {
	switch {
	case b.state == "completed" || b.state == "no_show":
	case b.state != "confirmed":
		return "booking-ended"
	case b.start.After(m.now):
		return "not-begun"
	}
	b.state, b.code.dead = state, true
	m.endMove(b)
	return state
}

// reschedule is a wish for another time. pace is what the system said when it is a text too many: how they are spaced is
// tested elsewhere.
func (m *model) reschedule(b *mBooking, start time.Time, said string) string {
	switch {
	case b.state == "expired":
		return "hold-expired"
	case b.state != "held" && b.state != "confirmed", b.state == "confirmed" && !b.start.After(m.now):
		return "booking-ended"
	case start.Equal(b.start):
		if b.move != nil {
			b.code.dead = true
			m.endMove(b)
		}
		return b.state
	case b.state == "confirmed" && b.move != nil && !b.move.expired && b.move.start.Equal(start):
		return b.state
	case !start.After(m.now):
		return "start-in-past"
	case b.state == "held":
		if !m.free(b.resource, start, b) {
			return "slot-taken"
		}
		b.start = start
		return "held"
	case m.out[b.phone]:
		return "opted-out"
	case said == "too-soon" || said == "too-many-sends":
		return said
	case !m.free(b.resource, start, b):
		return "slot-taken"
	}
	b.move = &mMove{start: start, until: m.now.Add(mHold)}
	b.code, b.wrong = &mCode{until: m.now.Add(mCodeIn), moves: true, texts: 1}, 0
	return "confirmed"
}

// book is a wish for a time.
func (m *model) book(phone string, resource uuid.UUID, start time.Time) (*mBooking, string) {
	if !start.After(m.now) {
		return nil, "start-in-past"
	}
	for _, b := range m.bookings {
		if b.phone == phone && b.resource == resource && b.start.Equal(start) && b.live() {
			return b, b.state
		}
	}
	if !m.free(resource, start, nil) {
		return nil, "slot-taken"
	}
	b := &mBooking{phone: phone, resource: resource, start: start, state: "held", until: m.now.Add(mHold),
		code: &mCode{until: m.now.Add(mCodeIn), texts: 1}}
	if m.out[phone] {
		b.code.texts, b.code.dead = 0, true
	}
	m.bookings = append(m.bookings, b)
	return b, "held"
}

// resend is a wish for the code again. said is as in reschedule.
func (m *model) resend(b *mBooking, said string) string {
	moving := b.state == "confirmed" && b.code.moves && !b.code.dead && !b.code.used
	switch {
	case b.state == "confirmed" && !moving:
		return "already-confirmed"
	case b.state != "held" && b.state != "expired" && !moving:
		return "booking-ended"
	case b.wrong >= 5, b.code.dead || b.code.used:
		return "code-revoked"
	case !b.code.until.After(m.now):
		return "code-expired"
	case m.out[b.phone]:
		return "opted-out"
	case said == "too-soon" || said == "too-many-sends":
		return said
	}
	b.code.texts++
	return b.state
}

// undelivered is a callback of a text with a code.
func (m *model) undelivered(b *mBooking, c *mCode) {
	c.texts--
	if c != b.code || c.texts > 0 || c.dead || c.used {
		return
	}
	switch {
	case b.state == "held" || b.state == "expired":
		c.dead = true
	case b.state == "confirmed" && b.move != nil:
		c.dead = true
		m.endMove(b)
	}
}

func (b *mBooking) String() string {
	move := ""
	if b.move != nil {
		move = fmt.Sprintf(" (to %s)", b.move.start.Format("02 15:04"))
	}
	return fmt.Sprintf("%s %s %s%s", b.phone[len(b.phone)-2:], b.state, b.start.Format("02 15:04"), move)
}
