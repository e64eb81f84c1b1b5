package twiliosim

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Kinds of faults.
const (
	FaultError          = "error"            // refuse with Code and Status
	FaultHang           = "hang"             // never accept; say nothing for MS (0: until the client goes)
	FaultAcceptThenHang = "accept_then_hang" // accept, but the answer never comes
	FaultReset          = "reset"            // reset the connection before acceptance
	FaultHTML503        = "html503"          // a 503 that is not JSON
	FaultDelay          = "delay"            // accept after MS, whether or not the client still waits
	FaultDropCallback   = "drop_callback"    // no status callback comes
	FaultDoubleCallback = "double_callback"  // each status callback comes twice
	FaultUndelivered    = "undelivered"      // ends undelivered with Code (default 30003)
)

var faultKinds = []string{
	FaultError, FaultHang, FaultAcceptThenHang, FaultReset, FaultHTML503,
	FaultDelay, FaultDropCallback, FaultDoubleCallback, FaultUndelivered,
}

const (
	maxFaults  = 1000
	maxFaultMS = 10 * 60 * 1000
)

// Fault is a rule: which messages, how often, and what goes wrong. Of several that match, the oldest acts.
type Fault struct {
	Match  FaultMatch `json:"match"`
	Times  int        `json:"times"` // 0 = always
	Do     string     `json:"do"`
	Code   int        `json:"code,omitempty"`
	Status int        `json:"status,omitempty"`
	MS     int        `json:"ms,omitempty"`

	ID    int `json:"id"`    // set by the Sim
	Fired int `json:"fired"` // set by the Sim
	seen  int
}

// FaultMatch is the condition of a rule; what is empty matches all. Only messages that would
// otherwise be accepted are counted.
type FaultMatch struct {
	To         string `json:"to,omitempty"`
	AccountSID string `json:"account_sid,omitempty"`
	Nth        int    `json:"nth,omitempty"` // only the nth matching message, from 1
}

type faultList struct {
	mu    sync.Mutex
	rules []*Fault
	next  int
}

// AddFault adds a rule, or says which field of it is wrong.
func (s *Sim) AddFault(f Fault) (Fault, error) {
	if err := f.check(); err != nil {
		return Fault{}, err
	}
	l := &s.faults
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rules) >= maxFaults {
		l.rules = slices.DeleteFunc(l.rules, func(f *Fault) bool { return f.spent() })
	}
	if len(l.rules) >= maxFaults {
		return Fault{}, fmt.Errorf("there are %d live rules: clear some", maxFaults)
	}
	l.next++
	f.ID, f.Fired, f.seen = l.next, 0, 0
	l.rules = append(l.rules, &f)
	s.hub.publish("faults", nil)
	return f, nil
}

// Faults lists the rules, spent ones too, oldest first.
func (s *Sim) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := []Fault{}
	for _, f := range s.faults.rules {
		out = append(out, *f)
	}
	return out
}

// ClearFaults forgets all rules.
func (s *Sim) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = nil
	s.hub.publish("faults", nil)
}

func (f *Fault) check() error {
	switch {
	case !slices.Contains(faultKinds, f.Do):
		return fmt.Errorf("do: must be one of %v", faultKinds)
	case f.Times < 0:
		return fmt.Errorf("times: must be 0 (always) or more")
	case f.Match.Nth < 0:
		return fmt.Errorf("match.nth: must be 1 or more, or left out")
	case f.Match.AccountSID != "" && !ValidAccountSID(f.Match.AccountSID):
		return fmt.Errorf("match.account_sid: must be AC and 32 hex digits")
	case f.MS < 0 || f.MS > maxFaultMS:
		return fmt.Errorf("ms: must be 0 to %d", maxFaultMS)
	case f.Do == FaultDelay && f.MS == 0:
		return fmt.Errorf("ms: is required with do=delay")
	case f.Do == FaultError && f.Code == 0:
		return fmt.Errorf("code: is required with do=error")
	case f.Code != 0 && (f.Code < 10000 || f.Code > 99999):
		return fmt.Errorf("code: must be a Twilio code of five digits")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status: must be 400 to 599")
	}
	return nil
}

func (f *Fault) spent() bool {
	return f.Times > 0 && f.Fired >= f.Times || f.Match.Nth > 0 && f.Fired > 0
}

// takeFault counts the message on every rule that it matches and uses up the first live one.
func (s *Sim) takeFault(m *record) *Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	var act *Fault
	for _, f := range s.faults.rules {
		if f.Match.To != "" && f.Match.To != m.to || f.Match.AccountSID != "" && f.Match.AccountSID != m.account {
			continue
		}
		f.seen++
		if act == nil && !f.spent() && (f.Match.Nth == 0 || f.Match.Nth == f.seen) {
			f.Fired++
			act = f
		}
	}
	if act == nil {
		return &Fault{}
	}
	s.hub.publish("faults", nil)
	taken := *act
	return &taken
}

// before does what comes before acceptance; true means that the request has ended.
func (s *Sim) before(f *Fault, m *record, w http.ResponseWriter, r *http.Request) bool {
	switch f.Do {
	case FaultError:
		writeError(w, failAs(m, f.Code, f.Status))
	case FaultHang:
		s.pause(f.MS, r.Context().Done())
		panic(http.ErrAbortHandler) // close without an answer
	case FaultReset:
		reset(w)
	case FaultHTML503:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<html><body><h1>503 Service Unavailable</h1>No server is available to handle this request.</body></html>\n"))
	case FaultDelay:
		s.pause(f.MS, nil) // Twilio does not watch whether the client still waits
		return false
	default:
		return false
	}
	return true
}

// shape marks the message for faults that show later.
func (f *Fault) shape(m *record) {
	switch f.Do {
	case FaultDropCallback:
		m.callbacks = 0
	case FaultDoubleCallback:
		m.callbacks = 2
	case FaultUndelivered:
		m.final, m.finalCode = statusUndelivered, f.Code
		if f.Code == 0 {
			m.finalCode = 30003
		}
	}
}

// after does what comes after acceptance; true means that the request has ended.
func (s *Sim) after(f *Fault, r *http.Request) bool {
	if f.Do != FaultAcceptThenHang {
		return false
	}
	s.pause(f.MS, r.Context().Done())
	panic(http.ErrAbortHandler)
}

// pause waits ms (0: without end), until the client goes, or until Close.
func (s *Sim) pause(ms int, gone <-chan struct{}) {
	var end <-chan time.Time
	if ms > 0 {
		t := time.NewTimer(time.Duration(ms) * time.Millisecond)
		defer t.Stop()
		end = t.C
	}
	select {
	case <-end:
	case <-gone:
	case <-s.ctx.Done():
	}
}

// reset makes the kernel send RST instead of FIN.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has no connection of its own to reset
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
