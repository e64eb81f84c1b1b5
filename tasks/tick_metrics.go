package tasks

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
)

// TickMetrics is a collector of how periodic tasks went last, asked of Postgres at each scrape: every worker tells the same,
// whichever ran them.
type TickMetrics struct {
	Pool  *pgxpool.Pool
	Table []Periodic
	// Begun is when this process began to look: a task that has never finished is late from then on.
	Begun time.Time
}

var (
	tickInterval = prometheus.NewDesc("holdfast_tick_interval_seconds", "How often a periodic task is due.", []string{"name"}, nil)
	tickSince    = prometheus.NewDesc("holdfast_tick_since_finish_seconds", "Since a periodic task finished last, or since this process began if it never did.", []string{"name"}, nil)
	tickRows     = prometheus.NewDesc("holdfast_tick_last_rows", "Rows that a periodic task changed last.", []string{"name"}, nil)
	tickFailed   = prometheus.NewDesc("holdfast_tick_failed", "1 when a periodic task failed last, for one org at least.", []string{"name"}, nil)
)

// Describe implements prometheus.Collector.
func (t TickMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tickInterval, tickSince, tickRows, tickFailed} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. When Postgres does not answer within 2 s only the intervals are there.
func (t TickMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	names := make([]string, len(t.Table))
	never := make(map[string]bool)
	for i, p := range t.Table {
		names[i], never[p.Name] = p.Name, true
		ch <- prometheus.MustNewConstMetric(tickInterval, prometheus.GaugeValue, p.Every.Seconds(), p.Name)
	}
	stats, err := store.TickStats(ctx, t.Pool, names)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(tickSince, err)
		return
	}
	for _, s := range stats {
		delete(never, s.Name)
		failed := 0.0
		if s.Failed {
			failed = 1
		}
		ch <- prometheus.MustNewConstMetric(tickSince, prometheus.GaugeValue, s.Since.Seconds(), s.Name)
		ch <- prometheus.MustNewConstMetric(tickRows, prometheus.GaugeValue, float64(s.Rows), s.Name)
		ch <- prometheus.MustNewConstMetric(tickFailed, prometheus.GaugeValue, failed, s.Name)
	}
	for name := range never {
		ch <- prometheus.MustNewConstMetric(tickSince, prometheus.GaugeValue, time.Since(t.Begun).Seconds(), name)
	}
}
