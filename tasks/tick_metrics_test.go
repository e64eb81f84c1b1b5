package tasks

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
	"holdfast/store/storetest"
)

// Every worker tells of the last tick that has finished, whoever ran it; one that never did is late from this process's
// beginning on.
func TestTickMetrics(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	table := []Periodic{{HoldsExpire, 15 * time.Second}, {RemindersScan, 15 * time.Second}, {FollowupsScan, time.Minute}}
	ctx := t.Context()
	for i, c := range []struct {
		name, failure string
		rows          int
		done          bool
	}{{HoldsExpire, "", 99, true}, {HoldsExpire, "", 7, true}, {HoldsExpire, "", 0, false}, {RemindersScan, "postgres-40001", 3, true}} {
		window := time.Now().Add(time.Duration(i) * time.Minute)
		if _, err := db.Admin.Exec(ctx, "INSERT INTO tick (name, due_window) VALUES ($1, $2)", c.name, window); err != nil {
			t.Fatal(err)
		}
		if c.done {
			if err := store.FinishTick(ctx, db.App, c.name, window, c.rows, c.failure); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := db.Admin.Exec(ctx, "UPDATE tick SET finished_at = clock_timestamp() - interval '50 s' WHERE finished_at IS NOT NULL"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // workers
		reg := prometheus.NewRegistry()
		reg.MustRegister(TickMetrics{Pool: db.App, Table: table, Begun: time.Now().Add(-time.Hour)})
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
		for name, want := range map[string]float64{
			"holdfast_tick_last_rows holds:expire": 7, "holdfast_tick_failed holds:expire": 0, "holdfast_tick_interval_seconds holds:expire": 15,
			"holdfast_tick_last_rows reminders:scan": 3, "holdfast_tick_failed reminders:scan": 1, "holdfast_tick_interval_seconds followups:scan": 60,
			"holdfast_tick_since_finish_seconds holds:expire": 50, "holdfast_tick_since_finish_seconds followups:scan": 3600,
		} {
			if v, ok := got[name]; !ok || v < want || v > want+30 {
				t.Errorf("%s is %v, want %v", name, v, want)
			}
		}
		if _, ok := got["holdfast_tick_last_rows followups:scan"]; ok {
			t.Error("rows of what never ran")
		}
	}
}
