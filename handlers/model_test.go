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

func (b *mBooking) String() string {
	move := ""
	if b.move != nil {
		move = fmt.Sprintf(" (to %s)", b.move.start.Format("02 15:04"))
	}
	return fmt.Sprintf("%s %s %s%s", b.phone[len(b.phone)-2:], b.state, b.start.Format("02 15:04"), move)
}
