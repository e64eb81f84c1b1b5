package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// step is a kind of thing that users do and that is timed.
type step int

// The steps, as the table lists them.
const (
	stepHold step = iota
	stepText
	stepVerify
	stepWrong
	stepAgain
	stepCancel
	stepLook
	stepOtherHold
	stepOtherText
	steps
)

var stepNames = [steps]string{
	"POST bookings", "code text", "POST verify", "wrong code", "repeated key", "POST cancel", "GET availability",
	"other org: POST bookings", "other org: code text",
}

// kind is a kind of answer.
type kind int

const (
	kindCreated kind = iota
	kindOK
	kindAccepted
	kindUnauthorized
	kindForbidden
	kindConflict
	kindInvalid
	kindTooMany
	kindOther
	kindServer
	kindNone
	kinds
)

var kindNames = [kinds]string{"201", "200", "202", "401", "403", "409", "422", "429", "other", "5xx", "no answer"}

func kindOf(status int) kind {
	switch {
	case status == 0:
		return kindNone
	case status == http.StatusCreated:
		return kindCreated
	case status == http.StatusOK:
		return kindOK
	case status == http.StatusAccepted:
		return kindAccepted
	case status == http.StatusUnauthorized:
		return kindUnauthorized
	case status == http.StatusForbidden:
		return kindForbidden
	case status == http.StatusConflict:
		return kindConflict
	case status == http.StatusUnprocessableEntity:
		return kindInvalid
	case status == http.StatusTooManyRequests:
		return kindTooMany
	case status >= http.StatusInternalServerError:
		return kindServer
	}
	return kindOther
}

// meter is what one user saw of one step. It has no lock: users have their own, and they are put together at the end.
type meter struct {
	took    *hdrhistogram.Histogram // µs
	answers [kinds]int64
	errors  int64 // answers that the step should not get; a 429 is none
}

// longest is the longest time that is told apart; two digits are exact (what is shown is off by 1 % at most).
const (
	longest = 2 * time.Minute
	digits  = 2
)

func newMeter() *meter {
	return &meter{took: hdrhistogram.New(1, longest.Microseconds(), digits)}
}

func (m *meter) add(o *meter) {
	m.took.Merge(o.took)
	for k, n := range o.answers {
		m.answers[k] += n
	}
	m.errors += o.errors
}

// meters are one user's.
type meters [steps]*meter

func (m *meters) of(s step) *meter {
	if m[s] == nil {
		m[s] = newMeter()
	}
	return m[s]
}

func (m *meters) record(s step, took time.Duration, status int) { m.of(s).record(took, status) }

func (m *meter) record(took time.Duration, status int) {
	m.answers[kindOf(status)]++
	_ = m.took.RecordValue(min(max(took, time.Microsecond), longest).Microseconds()) // it is in range
}

// problem says of an answer what may be printed: its status and the problem's kind.
func problem(a answer) string {
	if a.status == 0 {
		return fmt.Sprintf("no answer (%v)", a.err)
	}
	var p struct{ Type string }
	_ = json.Unmarshal(a.body, &p) // no problem: its status tells
	if p.Type == "" {
		return fmt.Sprint(a.status)
	}
	return fmt.Sprintf("%d %s", a.status, p.Type[strings.LastIndexByte(p.Type, '/')+1:])
}
