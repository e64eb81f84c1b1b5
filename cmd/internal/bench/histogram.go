package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// buckets are a Prometheus histogram: how many were at most so many seconds.
type buckets struct {
	le []float64
	n  []float64
}

// toProvider reads how long texts took from their commit to the call that sent them.
func (s *system) toProvider(ctx context.Context) (b buckets, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.OpsURL+"/metrics", http.NoBody)
	if err != nil {
		return b, err
	}
	req.Header.Set("Authorization", "Bearer "+s.OpsToken)
	resp, err := http.DefaultClient.Do(req) // #nosec G704 -- our own system
	if err != nil {
		return b, err
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	for in.Scan() {
		rest, ok := strings.CutPrefix(in.Text(), `holdfast_commit_to_provider_seconds_bucket{le="`)
		if !ok {
			continue
		}
		bound, count, _ := strings.Cut(rest, `"} `)
		le, err := strconv.ParseFloat(bound, 64)
		if err != nil {
			return b, err
		}
		n, err := strconv.ParseFloat(count, 64)
		if err != nil {
			return b, err
		}
		b.le, b.n = append(b.le, le), append(b.n, n)
	}
	if len(b.le) == 0 {
		return b, fmt.Errorf("metrics: no commit to provider time, status %d", resp.StatusCode)
	}
	return b, in.Err()
}

// minus is what came after an earlier look.
func (b buckets) minus(earlier buckets) buckets {
	d := buckets{le: b.le, n: slices.Clone(b.n)}
	for i := range min(len(d.n), len(earlier.n)) {
		d.n[i] -= earlier.n[i]
	}
	return d
}

// quantile is linear within a bucket, as Prometheus's histogram_quantile; of the last bucket it is the lower bound.
func (b buckets) quantile(q float64) time.Duration {
	if len(b.n) == 0 {
		return 0
	}
	rank := q * b.n[len(b.n)-1]
	low, below := 0.0, 0.0
	for i, n := range b.n {
		if n >= rank && n > below {
			if math.IsInf(b.le[i], 1) {
				break
			}
			low += (b.le[i] - low) * (rank - below) / (n - below)
			break
		}
		low, below = b.le[i], n
	}
	return time.Duration(low * float64(time.Second))
}
