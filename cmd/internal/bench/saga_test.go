package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/store/trace"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestSagaCosts: the golden numbers of one booking, from the request to the delivered confirmation: what it asks of
// PostgreSQL and of Redis. A run whose caches have gone cold asks more, so one of several must be the golden one.
func TestSagaCosts(t *testing.T) {
	rec := &trace.Recorder{}
	s, err := startSystem(t.Context(), t.TempDir(), rec)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	const path = "testdata/saga.golden"
	want, _ := os.ReadFile(path)
	var got string
	for i := range 10 {
		if got = s.outline(t, rec, i, string(want)); got == string(want) {
			return
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the cost of a booking has changed (run with -update after a look): got\n%s\nwant\n%s", got, want)
}

// outline runs the ith saga and tells what it cost, once that is what is wanted, or after two seconds in which the
// last callbacks and acknowledgements come in.
func (s *system) outline(t *testing.T, rec *trace.Recorder, i int, want string) (got string) {
	t.Helper()
	day := time.Now().UTC().AddDate(0, 0, 40).Format(time.DateOnly)
	slot := func(i int) string { return fmt.Sprintf("%sT%02d:%02d:00", day, 9+i/2, i%2*30) }
	if i > 0 { // caches are warmed by a wish for a time that is taken
		body := map[string]any{"resource": s.Resource, "start": slot(i - 1), "customer": map[string]string{"phone": "+12025550199"}}
		if status, err := s.call(t.Context(), http.MethodPost, "/bookings", body, nil); err != nil || status != http.StatusConflict {
			t.Fatalf("taken: %d, %v", status, err)
		}
	}
	lines := s.monitor(t)
	rec.Take()
	if err := s.saga(t.Context(), slot(i), fmt.Sprintf("+120255501%02d", i)); err != nil {
		t.Fatal(err)
	}
	var list []*trace.Transaction
	var seen commands
	_ = poll(t.Context(), 2*time.Second, func() (bool, error) {
		list = append(list, rec.Take()...)
		seen.read(lines)
		got = trace.Outline(list) + fmt.Sprintf("%d Redis commands\n", seen.n)
		return got == want, nil
	})
	return got
}

// monitor yields what Redis is asked from now on, as its command MONITOR tells.
func (s *system) monitor(t *testing.T) <-chan string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.RedisURL, "redis://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	in := bufio.NewScanner(conn)
	in.Buffer(nil, 1<<20)
	if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil || !in.Scan() || in.Text() != "+OK" {
		t.Fatalf("monitor: %q, %v", in.Text(), err)
	}
	lines := make(chan string, 1<<16)
	go func() {
		for in.Scan() {
			lines <- in.Text()
		}
	}()
	return lines
}

// commands counts what Redis is asked for the tasks and the answers of a saga, polls that find nothing left out. Within
// a script, a MONITOR line says so instead of an address: there the one that makes a task active stands for its dequeue.
// Periodic tasks, in the queue tick, are nobody's booking.
type commands struct{ n int }

var (
	direct  = regexp.MustCompile(`^\+\S+ \[\d+ [^l]\S*\] "(evalsha|eval|publish)"`)
	carried = regexp.MustCompile(`:t:[0-9a-f-]{36}:\d|holdfast:answered`)
	active  = regexp.MustCompile(`^\+\S+ \[\d+ lua\] "hset" "asynq:\{(?:claim|send|default|low)\}:t:[^"]+" "state" "active"`)
)

func (c *commands) read(lines <-chan string) {
	for {
		select {
		case line := <-lines:
			if active.MatchString(strings.ToLower(line)) || direct.MatchString(line) && carried.MatchString(line) {
				c.n++
			}
		default:
			return
		}
	}
}
