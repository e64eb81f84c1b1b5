package main

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// points are the failpoints of a run, by the part of the system that passes them. They are learned from what the
// processes note themselves: nobody lists them.
type points struct {
	dir  string
	mu   sync.Mutex
	dice *rand.Rand
	want map[string][]string   // by part, those that it has to die at; nil: nobody dies
	held map[*process][]string // those that each process is armed with
}

// kinds are the parts that have failpoints.
var kinds = []string{"worker", "ingress", "scheduler"}

func newPoints(dir string, seed uint64) *points {
	return &points{dir: dir, held: make(map[*process][]string), dice: rand.New(rand.NewPCG(seed, 4))} // #nosec G404 -- it is to be repeated
}

func (p *points) file(kind string) string { return filepath.Join(p.dir, "points-"+kind+".log") }

// noted lists what the processes of a kind have passed, or died at.
func (p *points) noted(kind, what string) []string {
	raw, err := os.ReadFile(p.file(kind))
	if err != nil {
		return nil // none has been started
	}
	names := make(map[string]bool)
	for line := range bytes.Lines(raw) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(line)), what+" "); ok {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// demand wants a death at every point passed so far, or at so many of them as most says (0: all).
func (p *points) demand(most int) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want = make(map[string][]string)
	for _, kind := range kinds {
		list := p.noted(kind, "passed")
		p.dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		if most > 0 { // each kind has its share
			list = list[:min(len(list), max(2, most*len(list)/200))]
		}
		p.want[kind] = list
		n += len(list)
	}
	return n
}

// rest are the points of a kind that nobody has died at yet.
func (p *points) rest(kind string) (left []string) {
	died := p.noted(kind, "died")
	for _, name := range p.want[kind] {
		if !slices.Contains(died, name) {
			left = append(left, name)
		}
	}
	return left
}

// left are all that nobody has died at yet.
func (p *points) left() (left []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kind := range kinds {
		left = append(left, p.rest(kind)...)
	}
	return left
}

// armedWith is to how many points one process is armed. With all of them at once the same tasks would kill one
// process after the other, and be given up.
const armedWith = 8

// arm is the environment of a process of a kind that is about to start: points that no other is armed with, as long as
// there are enough.
func (p *points) arm(kind string, by *process) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.rest(kind)
	if len(left) > 3*armedWith {
		delete(p.held, by)
		left = slices.DeleteFunc(left, func(name string) bool {
			for _, held := range p.held {
				if slices.Contains(held, name) {
					return true
				}
			}
			return false
		})
		p.dice.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		left = left[:min(armedWith, len(left))]
	}
	p.held[by] = left
	return []string{"HOLDFAST_FAILPOINT_LOG=" + p.file(kind), "HOLDFAST_FAILPOINT=" + strings.Join(left, ",")}
}

// disarm lets everybody live.
func (p *points) disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want = nil
}

// died are all points at which a process died.
func (p *points) died() (all []string) {
	for _, kind := range kinds {
		for _, name := range p.noted(kind, "died") {
			all = append(all, kind+": "+name)
		}
	}
	return all
}
