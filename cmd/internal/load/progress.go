package load

import (
	"fmt"
	"sync"
	"time"
)

// progress tells each second how it goes, until the function returned is called: on a terminal in one line, else a
// line each.
func (r *run) progress() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		begin, before := time.Now(), [3]int64{}
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			now := [3]int64{r.pulse.held.Load(), r.pulse.asked.Load(), r.pulse.nanos.Load()}
			held, asked, nanos := now[0]-before[0], now[1]-before[1], now[2]-before[2]
			before = now
			start, end := "", "\n"
			if r.Terminal {
				start, end = "\r", "\x1b[K" // over the last line, and nothing left of it
			}
			fmt.Fprintf(r.Out, "%s%4.0f s  %6d held/s  POST bookings %8s on average  %d answers  %d errors  %d turned away%s", start,
				time.Since(begin).Seconds(), held, short(time.Duration(nanos/max(asked, 1))), r.pulse.done.Load(), r.pulse.errors.Load(), r.missed.Load(), end)
		}
	})
	return func() {
		close(done)
		wg.Wait()
		if r.Terminal {
			fmt.Fprintln(r.Out)
		}
	}
}
