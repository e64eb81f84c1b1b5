package hook

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := uuid.New(), uuid.New()
		p := &Pace{Most: 2}
		begin := func(org uuid.UUID) func(bool) {
			t.Helper()
			end, wait := p.Begin(org)
			if end == nil {
				t.Fatalf("waits %v", wait)
			}
			return end
		}
		// waits fails unless a call has to wait, from least to twice that.
		waits := func(org uuid.UUID, least time.Duration) {
			t.Helper()
			end, wait := p.Begin(org)
			if end != nil || wait < least || wait > 2*least || p.Wait(org) < least {
				t.Errorf("waits %v and %v, want %v", wait, p.Wait(org), least)
			}
		}
		one, two := begin(a), begin(a)
		waits(a, busyWait)
		begin(b)(true) // another org's goes
		one(true)
		one = begin(a)
		one(false)
		two(false) // both make one pause
		waits(a, leastPause)
		begin(b)(true)
		// Each pause is twice the one before, up to the longest.
		for pause := leastPause; ; pause = min(2*pause, mostPause) {
			time.Sleep(pause)
			if p.Wait(a) != 0 {
				t.Fatalf("the pause of %v does not end", pause)
			}
			begin(a)(false)
			if pause == mostPause {
				break
			}
		}
		time.Sleep(mostPause)
		begin(a)(true) // an answer ends it all
		if p.Wait(a) != 0 || len(p.orgs) != 0 {
			t.Errorf("waits %v; %d orgs are remembered", p.Wait(a), len(p.orgs))
		}
		begin(a)(false)
		waits(a, leastPause)
	})
	if end, _ := new(Pace).Begin(uuid.New()); end == nil {
		t.Error("the zero Pace lets nobody through")
	}
}
