package handlers

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"holdfast/store"
	"holdfast/tasks"
)

// Operators see in asynqmon what a tick did, for an hour, and which of several schedulers' ticks did nothing.
func TestTicksTellWhatTheyDid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	table := []tasks.Periodic{{Name: tasks.HoldsExpire, Every: time.Second}}
	w, err := startWorker(r.cfg, r.logger(), table)
	r.must(err)
	t.Cleanup(w.stop)
	rdb, err := tasks.OpenRedis(t.Context(), r.cfg.RedisURL)
	r.must(err)
	defer rdb.Close()
	for range 2 {
		stop, err := tasks.StartScheduler(rdb, table, r.logger())
		r.must(err)
		defer stop()
	}
	seen := map[string]*asynq.TaskInfo{}
	eventually(t, 10*time.Second, "both results", func() bool {
		done, err := r.look.ListCompletedTasks(tasks.QueueTick)
		if err != nil { // no tick has come yet
			return false
		}
		for _, info := range done {
			seen[string(info.Result)] = info
		}
		return seen[`{"rows":0}`] != nil && seen[`{"taken_by_another":true}`] != nil
	})
	for result, info := range seen {
		if info.Type != tasks.HoldsExpire || info.Retention != time.Hour || result == "" {
			t.Errorf("%s %s, kept for %v", info.Type, result, info.Retention)
		}
	}
}

// A tick that failed tells how many rows were done all the same, and why: in a code that quotes nothing.
func TestTicksTellWhatFailed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	r.lapse(r.request(run, ana, at(2, 10, 0)))
	fail := func(context.Context, *store.Tx) (int, bool, error) { return 0, false, errors.New("+15550100042") }
	got := run.tick(t.Context(), tasks.HoldsExpire, Sweep{Every: time.Hour, Do: fail})
	if got.Rows == nil || *got.Rows != 0 || got.Error != "error" || got.TakenByAnother {
		t.Errorf("%+v", got)
	}
	if got := run.tick(t.Context(), tasks.HoldsExpire, Sweep{Every: time.Hour, Do: fail}); !got.TakenByAnother {
		t.Errorf("%+v", got)
	}
	if ticks, err := store.ListTicks(t.Context(), r.db.Audit, tasks.HoldsExpire, 5); err != nil || len(ticks) != 1 || ticks[0].Error != "error" || ticks[0].Finished == nil {
		t.Errorf("%+v, %v", ticks, err)
	}
}
