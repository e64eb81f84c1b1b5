package telemetry

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// request is what the middleware remembers of one request. Handlers reach it by the context.
type request struct {
	id    string
	start time.Time

	mu    sync.Mutex // handlers may mark from several goroutines
	marks []mark
}

type mark struct {
	name string
	d    time.Duration
}

type requestKey struct{}

// RequestID returns the id of the request that ctx belongs to, or "" outside of one.
func RequestID(ctx context.Context) string {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q.id
	}
	return ""
}

// Mark adds a step to the Server-Timing header of the answer. Name is a token of RFC 9110 ("db"). A
// mark that comes after the header, or outside a request, is lost.
func Mark(ctx context.Context, name string, d time.Duration) {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		q.mu.Lock()
		q.marks = append(q.marks, mark{name, d})
		q.mu.Unlock()
	}
}

// serverTiming is the header's value (W3C Server Timing; durations in milliseconds).
func (q *request) serverTiming() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "total;dur=%.3f", ms(time.Since(q.start)))
	for _, m := range q.marks {
		fmt.Fprintf(&b, ", %s;dur=%.3f", m.name, ms(m.d))
	}
	return b.String()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// generated matches ids that a machine made: a UUID, 32 hex digits (trace ids, nginx), a ULID.
var generated = regexp.MustCompile(`^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[0-7][0-9A-HJKMNP-TV-Z]{25})$`)

// requestID takes over the caller's id when it is of a form that only machines make. Free text is
// replaced: the id goes into the log, and somebody's idea of an id is the customer's phone number.
func requestID(inbound string) string {
	if generated.MatchString(inbound) {
		return inbound
	}
	return uuid.Must(uuid.NewV7()).String() // fails only when the system has no randomness
}
