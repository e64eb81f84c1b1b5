package twiliosim

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// step is one change of status that is due at a time.
type step struct {
	at     time.Time
	m      *record
	status string
	code   int
}

// lifecycle runs the steps of all messages from one goroutine: a timer per message would be
// hundreds of thousands of them.
type lifecycle struct {
	do   func(step)
	wake chan struct{}
	wg   sync.WaitGroup

	mu  sync.Mutex
	due steps
}

func newLifecycle(ctx context.Context, do func(step)) *lifecycle {
	l := &lifecycle{do: do, wake: make(chan struct{}, 1)}
	l.wg.Go(func() { l.run(ctx) })
	return l
}

func (l *lifecycle) wait() { l.wg.Wait() }

func (l *lifecycle) add(st step) {
	l.mu.Lock()
	heap.Push(&l.due, st)
	first := l.due[0].m == st.m
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default: // it is awake already
		}
	}
}

func (l *lifecycle) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(l.runDue())
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// runDue does what is due and tells how long it is to the next.
func (l *lifecycle) runDue() time.Duration {
	for {
		l.mu.Lock()
		if len(l.due) == 0 {
			l.mu.Unlock()
			return time.Hour
		}
		if wait := time.Until(l.due[0].at); wait > 0 {
			l.mu.Unlock()
			return wait
		}
		st := heap.Pop(&l.due).(step)
		l.mu.Unlock()
		l.do(st)
	}
}

// steps is a heap by time.
type steps []step

func (s steps) Len() int           { return len(s) }
func (s steps) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s steps) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *steps) Push(x any)        { *s = append(*s, x.(step)) }
func (s *steps) Pop() any {
	old := *s
	last := len(old) - 1
	st := old[last]
	old[last] = step{} // let the record go
	*s = old[:last]
	return st
}

// plan sets the next step of a message in its present status. The caller holds s.mu.
func (s *Sim) plan(m *record) {
	switch {
	case m.status == statusScheduled:
		s.life.add(step{m.sendAt, m, statusQueued, 0})
	case m.waiting() && m.validity < s.sentAfter:
		s.life.add(step{m.updated.Add(m.validity), m, statusFailed, 30036})
	case m.waiting():
		s.life.add(step{m.updated.Add(s.sentAfter), m, statusSent, 0})
	case m.status == statusSent:
		s.life.add(step{m.sent.Add(max(s.deliveredAfter-s.sentAfter, 0)), m, m.final, m.finalCode})
	}
}

// advance takes a step unless the message was canceled meanwhile, and calls back.
func (s *Sim) advance(st step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.m.status == statusCanceled {
		return
	}
	if st.status == statusSent {
		st.m.sent, st.m.assigned = time.Now(), true
	}
	s.turn(st.m, st.status, st.code)
	s.plan(st.m)
}

// turn gives a message its next status and tells the page and the callback. The caller holds s.mu.
func (s *Sim) turn(m *record, status string, code int) {
	m.status, m.errorCode, m.updated = status, code, time.Now()
	s.hub.publish("message", m)
	if m.callback == "" || m.gone {
		return
	}
	form := statusForm(m)
	for range m.callbacks {
		s.courier.send(&delivery{sid: m.sid, url: m.callback, token: s.accounts[m.account].token, form: form})
	}
}
