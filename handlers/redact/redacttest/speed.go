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

// Time measures find over all lines, after a first round that does not count.
func Time(lines []string, find func(line string)) Speed {
	size := 0
	for _, line := range lines {
		size += len(line)
		find(line)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	took := make([]time.Duration, rounds)
	for i := range took {
		begin := time.Now()
		for _, line := range lines {
			find(line)
		}
		took[i] = time.Since(begin)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	return Speed{
		MBPerSecond: float64(size) / 1e6 / took[rounds/2].Seconds(),
		Allocated:   float64(after.TotalAlloc-before.TotalAlloc) / float64(rounds*size),
	}
}
