package hook

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Pace keeps the endpoint of one org from taking the workers from everybody else, whose texts and replies go through
// the same queue: so many calls at a time, and after one that was not answered a pause, during which the org's other
// events wait without a call. It is what one process remembers; the zero Pace lets one call through at a time.
type Pace struct {
	Most int // calls of one org at a time

	mu   sync.Mutex
	orgs map[uuid.UUID]*lane
}

// lane is an org's calls.
type lane struct {
	calls int
	pause time.Duration // after the last call, 0 when it was answered
	until time.Time     // the pause's end
}

const (
	leastPause = 5 * time.Second
	mostPause  = 5 * time.Minute
	// busyWait is when to ask again while the org's calls are as many as may be.
	busyWait = time.Second
)

// Wait is how long a call to the org's endpoint should wait; 0 when it may be made.
func (p *Pace) Wait(org uuid.UUID) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wait(p.orgs[org])
}

func (p *Pace) wait(l *lane) time.Duration {
	switch {
	case l == nil:
		return 0
	case time.Now().Before(l.until):
		return spread(time.Until(l.until))
	case l.calls >= max(p.Most, 1):
		return spread(busyWait)
	}
	return 0
}

// spread adds up to as much again, at most a minute, so that what waits does not come all at once.
func spread(d time.Duration) time.Duration {
	return d + time.Duration(rand.Float64()*float64(min(d, time.Minute)))
}

// Begin notes that a call begins. When it has to wait, end is nil; else end is called when it is over, and told
// whether the endpoint answered.
func (p *Pace) Begin(org uuid.UUID) (end func(answered bool), wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.orgs[org]
	if wait := p.wait(l); wait > 0 {
		return nil, wait
	}
	if l == nil {
		l = &lane{}
		if p.orgs == nil {
			p.orgs = make(map[uuid.UUID]*lane)
		}
		p.orgs[org] = l
	}
	l.calls++
	return func(answered bool) { p.end(org, l, answered) }, 0
}

func (p *Pace) end(org uuid.UUID, l *lane, answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.calls--
	switch now := time.Now(); {
	case answered:
		l.pause, l.until = 0, time.Time{}
	case !now.Before(l.until): // calls that were under way together make one pause
		l.pause = min(max(2*l.pause, leastPause), mostPause)
		l.until = now.Add(l.pause)
	}
	if l.calls == 0 && l.pause == 0 {
		delete(p.orgs, org)
	}
}
