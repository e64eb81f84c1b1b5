package tasks

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
)

// Metrics is what a worker counts.
type Metrics struct {
	Runs      *prometheus.CounterVec   // by type and outcome
	Seconds   *prometheus.HistogramVec // by type
	Relayed   prometheus.Counter
	Orphans   prometheus.Counter
	RedisLost prometheus.Counter
	ToCall    prometheus.Histogram // from a text's commit to the provider call
	Ticks     *prometheus.CounterVec
}

// NewMetrics makes them and registers them with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		Runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_task_runs_total", Help: "Deliveries of tasks by type and outcome."}, []string{"type", "outcome"}),
		Seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "holdfast_task_seconds", Help: "Time from delivery to the last commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"type"}),
		Relayed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_relay_pushed_total", Help: "Tasks pushed by the relay since Redis did not have them."}),
		Orphans: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_orphans_total", Help: "Tasks taken over from a worker that was lost."}),
		RedisLost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "holdfast_redis_lost_total", Help: "Times that Redis was found lost or away and brought up to date."}),
		ToCall: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "holdfast_commit_to_provider_seconds", Help: "From the commit that wrote a text to the call that sends it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}),
		Ticks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_tick_rows_total", Help: "Rows changed by periodic tasks."}, []string{"name"}),
	}
	reg.MustRegister(m.Runs, m.Seconds, m.Relayed, m.Orphans, m.RedisLost, m.ToCall, m.Ticks)
	return m
}

// Backlog is a collector of what waits in Postgres, asked at each scrape.
type Backlog struct {
	Pool *pgxpool.Pool
}

var (
	backlogTasks    = prometheus.NewDesc("holdfast_tasks", "Tasks by type and state (pending, dead).", []string{"type", "state"}, nil)
	backlogOldest   = prometheus.NewDesc("holdfast_oldest_pending_seconds", "How long the oldest due task has waited.", nil, nil)
	backlogUnsealed = prometheus.NewDesc("holdfast_audit_unsealed_seconds", "How long the oldest row of the audit log has waited for its link.", nil, nil)
	backlogPaused   = prometheus.NewDesc("holdfast_sms_breaker_open", "Orgs whose texts wait, since their account was refused or an operator paused them.", nil, nil)
)

// Describe implements prometheus.Collector.
func (b Backlog) Describe(ch chan<- *prometheus.Desc) {
	ch <- backlogTasks
	ch <- backlogOldest
	ch <- backlogPaused
	ch <- backlogUnsealed
}

// Collect implements prometheus.Collector. When Postgres does not answer within 2 s the metrics are absent.
func (b Backlog) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	stats, err := store.TaskStats(ctx, b.Pool)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(backlogTasks, err)
		return
	}
	oldest := 0.0
	for _, s := range stats {
		ch <- prometheus.MustNewConstMetric(backlogTasks, prometheus.GaugeValue, float64(s.N), s.Type, s.State)
		if s.State == "pending" {
			oldest = max(oldest, time.Since(s.OldestDue).Seconds())
		}
	}
	ch <- prometheus.MustNewConstMetric(backlogOldest, prometheus.GaugeValue, oldest)
	paused, err := store.OpenBreakers(ctx, b.Pool)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(backlogPaused, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(backlogPaused, prometheus.GaugeValue, float64(paused))
	unsealed, err := store.AuditUnsealed(ctx, b.Pool)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(backlogUnsealed, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(backlogUnsealed, prometheus.GaugeValue, unsealed.Seconds())
}
