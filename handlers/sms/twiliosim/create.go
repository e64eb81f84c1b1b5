package twiliosim

import (
	"errors"
	"net/http"
	"time"
)

// maxRequest is far above a legal form: 1600 characters of 4 bytes, each percent-encoded, and URLs.
const maxRequest = 64 << 10

// Twilio's test credentials know these numbers; here they work for every account.
var (
	magicTo = map[string]int{
		"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408, "+15005550004": 21610, "+15005550009": 21614,
	}
	magicFrom = map[string]int{"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
)

const magicSender = "+15005550006"

func (s *Sim) create(w http.ResponseWriter, r *http.Request, account string) {
	if !readForm(w, r) {
		return
	}
	m, bad := parse(r.PostForm, time.Now())
	if bad == nil {
		m.account = account
		bad = s.refusal(m)
	}
	if bad != nil {
		writeError(w, bad)
		return
	}
	// A rule counts only messages that would be accepted, so that "nth" means what it says.
	fault := s.takeFault(m)
	if s.before(fault, m, w, r) {
		return
	}
	fault.shape(m)
	view, bad := s.accept(m)
	if bad != nil {
		writeError(w, bad)
		return
	}
	if s.after(fault, r) {
		return
	}
	writeJSON(w, http.StatusCreated, view)
}

// readForm reads the whole body: net/http notices a client that hangs up only after that.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	err := r.ParseForm()
	if err == nil {
		return true
	}
	bad := fail(20001, "{it}", "in the request body")
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		bad.Status = http.StatusRequestEntityTooLarge
	}
	writeError(w, bad)
	return false
}

// refusal checks what depends on state: magic numbers, ownership, opt-outs. It settles the sender.
func (s *Sim) refusal(m *record) *apiError {
	if code := magicTo[m.to]; code != 0 {
		return failFor(m, code)
	}
	if code := magicFrom[m.sender]; code != 0 {
		return failFor(m, code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusalLocked(m)
}

func (s *Sim) refusalLocked(m *record) *apiError {
	if m.sender == "" {
		m.sender = s.pick(m.account, m.service)
	}
	if m.sender != magicSender && s.numbers[m.sender].account != m.account {
		return failFor(m, 21606)
	}
	if s.stopped[optOut{m.account, m.sender, m.to}] || s.stopped[optOut{m.account, m.service, m.to}] {
		return fail(21610)
	}
	return nil
}

// pick is the sender pool of a Messaging Service: a number bound to it, else any of the account.
// The least one wins, so that a conversation keeps its sender.
func (s *Sim) pick(account, service string) string {
	var best number
	for _, n := range s.numbers {
		if n.account != account {
			continue
		}
		better := best.number == "" || n.number < best.number
		if bound := n.service == service; bound != (best.service == service) {
			better = bound
		}
		if better {
			best = n
		}
	}
	if best.number == "" {
		return magicSender
	}
	return best.number
}

// accept checks once more, since a STOP may have come during an injected delay, and starts its life.
func (s *Sim) accept(m *record) (wire, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad := s.refusalLocked(m); bad != nil {
		return wire{}, bad
	}
	s.enter(m)
	return m.wire(), nil
}

// enter books a message and plans its life. The caller holds s.mu.
func (s *Sim) enter(m *record) {
	m.created = time.Now()
	m.updated = m.created
	m.sid = "SM" + randomHex()
	if m.media > 0 {
		m.sid = "MM" + m.sid[2:]
	}
	s.book.add(m)
	s.hub.publish("message", m)
	s.plan(m)
}
