package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// away is a Redis that is not there: half of the time it refuses connections, half of the time it takes them and says
// nothing. The API goes on taking bookings, as fast as ever, and nobody spins.
func (c *chaos) away(ctx context.Context, length time.Duration) (*report, error) {
	s, err := start(ctx, c.dir+"/away", c.bin, parts{workers: 1, schedulers: 1})
	if err != nil {
		return nil, err
	}
	defer s.close()
	d, err := newDriver(ctx, s, c.seed)
	if err != nil {
		return nil, err
	}
	d.api.wait = 0
	if err := s.running(ctx); err != nil {
		return nil, err
	}
	r := &report{}
	r.Away = append(r.Away, s.measure(ctx, d, "there", min(5*time.Second, length)))
	s.proxies.redis.Stop()
	r.Away = append(r.Away, s.measure(ctx, d, "refuses", length/2))
	if err := toxic(s.proxies.redis, "timeout", "downstream", `{"timeout":0}`); err != nil {
		return nil, err
	}
	if err := s.proxies.redis.Start(); err != nil {
		return nil, err
	}
	r.Away = append(r.Away, s.measure(ctx, d, "says nothing", length/2))
	s.proxies.heal(ctx)
	return r, s.verdict(ctx, d, r)
}

// absence is what it was like while Redis was away.
type absence struct {
	redis           string
	posts, refused  int
	p95             time.Duration
	ingress, worker float64 // cores in use
}

func (a absence) String() string {
	return fmt.Sprintf("%d bookings asked for, %d not answered 202, p95 %d ms; cores in use: ingress %.2f, worker %.2f",
		a.posts, a.refused, a.p95.Milliseconds(), a.ingress, a.worker)
}

// arrivals is how many bookings a second are asked for meanwhile.
const arrivals = 20

// measure asks for bookings by the clock for a while, and looks at what the processes use.
func (s *system) measure(ctx context.Context, d *driver, redis string, length time.Duration) absence {
	tick := time.NewTicker(time.Second / arrivals)
	defer tick.Stop()
	start, ingress, worker := time.Now(), cpu(s.ingress.running()), cpu(s.workers[0].running())
	results := make(chan time.Duration, 1000)
	n := 0
	for time.Since(start) < length && ctx.Err() == nil {
		<-tick.C
		n++
		go func() { results <- d.post(ctx) }()
	}
	a := absence{redis: redis, posts: n}
	took := make([]time.Duration, n)
	for i := range took {
		if took[i] = <-results; took[i] == time.Hour {
			a.refused++
		}
	}
	slices.Sort(took)
	if n > 0 {
		a.p95 = took[n*95/100]
	}
	used := time.Since(start).Seconds()
	a.ingress = (cpu(s.ingress.running()) - ingress).Seconds() / used
	a.worker = (cpu(s.workers[0].running()) - worker).Seconds() / used
	return a
}

// cpu is what a process has used of all cores, by /proc (in hundredths of a second).
func cpu(pid int) time.Duration {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	const utime, stime = 11, 12 // counted from behind the name
	if len(fields) <= stime {
		return 0
	}
	user, _ := strconv.Atoi(fields[utime])
	system, _ := strconv.Atoi(fields[stime])
	return time.Duration(user+system) * 10 * time.Millisecond
}
