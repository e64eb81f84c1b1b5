package handlers

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/logctx"
	"holdfast/store/pii"
)

// limitDetails say, by limit, whose codes are spent. A prefix's limit and its ratio are not told apart: who walks through a
// block of numbers need not know what gave him away.
var limitDetails = map[string]string{
	"phone_10_minutes": "of this number",
	"phone_day":        "of this number",
	"prefix":           "of numbers like this one",
	"ratio":            "of numbers like this one",
	"org":              "of the org",
	"source":           "of this key or agent",
	"country":          "of numbers of this country",
}

// TooManyCodes is the problem of a code that a limit keeps from being texted, for a time. field is where the number was
// given that has had too many; "" when it was not given, or when it has not.
func TooManyCodes(limit, field string, wait time.Duration) *Problem {
	p := NewProblem("too-many-codes", field, limitDetails[limit])
	p.RetryAfter, p.Limit = seconds(wait), limit
	return p
}

// limited is the problem of a number that gets no code now; nil when it gets one.
func limited(l store.CodeLimit, field string) *Problem {
	if l.Name == "" {
		return nil
	}
	return TooManyCodes(l.Name, field, l.Wait)
}

// seconds is a time for Retry-After: whole seconds, one at least, not too few.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// addressee is a number as limits count it.
func addressee(keys *pii.Keyring, org uuid.UUID, p pii.Phone) store.Addressee {
	return store.AddresseeOf(keys, org, p, settings.DefaultLimits)
}

// CheckCodeLimit tells why a booking's number, given in field, would get no code now; it changes nothing.
func CheckCodeLimit(ctx context.Context, tx *store.Tx, keys *pii.Keyring, phone pii.Phone, field string) (*Problem, error) {
	l, err := store.FindCodeLimit(ctx, tx, addressee(keys, tx.Org, phone))
	return limited(l, field), err
}

// Limited counts what limits refuse, and tells the log so once in a while. It is safe for concurrent use; a nil one
// does neither.
type Limited struct {
	log   *slog.Logger
	total *prometheus.CounterVec
	mu    sync.Mutex
	told  map[limitOf]time.Time
}

// limitOf is a limit of an org.
type limitOf struct {
	org   uuid.UUID
	limit string
}

const (
	// tellEvery is how often the log has a line of one limit of one org.
	tellEvery = time.Minute
	// maxTold bounds what is remembered for that: when there is more, lines come more often.
	maxTold = 1024
)

// NewLimited makes the counter and registers it with reg.
func NewLimited(reg prometheus.Registerer, log *slog.Logger) *Limited {
	l := &Limited{log: log, told: make(map[limitOf]time.Time), total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_limited_total", Help: "Codes that were not texted since a limit of the org was reached, by limit."}, []string{"limit"})}
	reg.MustRegister(l.total)
	return l
}

// Note counts a problem of an org, if it is a limit's. The log says whose limit it is and which, never whose number.
func (l *Limited) Note(ctx context.Context, org uuid.UUID, p *Problem) {
	if l == nil || p == nil || p.Limit == "" {
		return
	}
	l.total.WithLabelValues(p.Limit).Inc()
	if l.tell(limitOf{org, p.Limit}, time.Now()) {
		ctx = logctx.With(ctx, slog.String(logctx.OrgID, org.String()))
		l.log.InfoContext(ctx, "codes limited", "limit", p.Limit, "retry_after", p.RetryAfter)
	}
}

// tell reports whether a line is due.
func (l *Limited) tell(of limitOf, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.told[of]; ok && now.Sub(last) < tellEvery {
		return false
	}
	if len(l.told) >= maxTold {
		clear(l.told)
	}
	l.told[of] = now
	return true
}

// CodeTo is the number that a code goes to when a booking is moved to start, or its code is texted again (""); zero when none
// goes. ErrNotFound: the org has no such booking.
func CodeTo(ctx context.Context, tx *store.Tx, keys *pii.Keyring, booking uuid.UUID, start string) (to pii.Phone, err error) {
	b, err := store.FindBooking(ctx, tx, booking)
	if err != nil {
		return to, err
	}
	if start != "" {
		at, err := calendar.ParseStart(start, store.Resource{TimeZone: b.TimeZone}.Zone())
		if w := (anotherTime{start: at}); err != nil || b.State != store.BookingConfirmed || w.own(b) || w.there(b) {
			return to, nil //nolint:nilerr // the check says what is wrong with it
		}
	}
	c, err := store.LoadCustomer(ctx, tx, keys, b.CustomerID)
	return c.Phone, err
}
