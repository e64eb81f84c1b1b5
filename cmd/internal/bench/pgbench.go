package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// played is what pgbench made of a script.
type played struct {
	rate    float64 // scripts a second
	latency time.Duration
}

// pgbench plays a script on the system's database as its app, with so many clients.
func (b *bench) pgbench(ctx context.Context, s *system, script string, clients int) (p played, err error) {
	program, err := findPgbench()
	if err != nil {
		return p, err
	}
	file, err := os.CreateTemp("", "holdfast-bench-*.sql")
	if err != nil {
		return p, err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(script); err != nil {
		return p, errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, program, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2", // #nosec G204 -- a program of PostgreSQL, found among its known places
		"-T", strconv.Itoa(int(b.duration/time.Second)), "-f", file.Name(), s.AppDatabaseURL)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return p, fmt.Errorf("pgbench: %w: %.500s", err, out)
	}
	p.rate = number(`(?m)^tps = ([\d.]+)`, out)
	p.latency = time.Duration(number(`(?m)^latency average = ([\d.]+) ms`, out) * float64(time.Millisecond))
	if p.rate == 0 {
		return p, fmt.Errorf("pgbench: %.500s", out)
	}
	return p, nil
}

func number(pattern string, in []byte) float64 {
	if m := regexp.MustCompile(pattern).FindSubmatch(in); m != nil {
		n, _ := strconv.ParseFloat(string(m[1]), 64) // the pattern allows nothing else
		return n
	}
	return 0
}

// findPgbench looks where distributions put it beside the server.
func findPgbench() (string, error) {
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") // the pattern is well formed
	if len(found) == 0 {
		return "", errors.New("pgbench was not found; it comes with PostgreSQL's server package")
	}
	return slices.Max(found), nil
}
