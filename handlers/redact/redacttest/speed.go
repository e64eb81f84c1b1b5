package redacttest

import (
	"runtime"
	"slices"
	"time"
)

// Speed is how fast a text is read, line by line, on one thread.
type Speed struct {
	MBPerSecond float64 // 10^6 bytes; the median of the rounds
	Allocated   float64 // bytes for each byte of text
}

// rounds of which the median counts: others use the machine too.
const rounds = 5

// Time measures each find over all lines, after a first round that does not count. They take turns, so that what else
// the machine does meanwhile meets all of them.
func Time(lines []string, finds ...func(line string)) []Speed {
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	took := make([][]time.Duration, len(finds))
	speeds := make([]Speed, len(finds))
	for round := range rounds + 1 {
		for i, find := range finds {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			for _, line := range lines {
				find(line)
			}
			if round > 0 {
				took[i] = append(took[i], time.Since(begin))
				runtime.ReadMemStats(&after)
				speeds[i].Allocated += float64(after.TotalAlloc-before.TotalAlloc) / float64(rounds*size)
			}
		}
	}
	for i := range finds {
		slices.Sort(took[i])
		speeds[i].MBPerSecond = float64(size) / 1e6 / took[i][rounds/2].Seconds()
	}
	return speeds
}

// Allocations is how many objects f allocates when it finds what it reuses: the least of some runs, since with the race
// detector a sync.Pool loses a part of what it is given.
func Allocations(f func()) uint64 {
	least := ^uint64(0)
	for range 100 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}
