package ops

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"

	"github.com/hibiken/asynq"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/store"
	"holdfast/tasks"
)

// TaskVerbs is what asynqmon's buttons do to a task: in Postgres first, whose row decides. asynqmon itself only shows
// what came of it.
//
//	archived           run = replay, delete = discard
//	retry, scheduled   run = due now
//	all that wait      archive = dead letter, delete = discarded, each by way of a worker, which undoes and answers
type TaskVerbs struct {
	Operator *handlers.Operator
	Redis    *asynq.Inspector
	Log      *slog.Logger
}

// taskRoute is a change of tasks in asynqmon's API: queue, state, one id or none, and the verb, which is left out where
// the method says it (DELETE of one task).
var taskRoute = regexp.MustCompile(`^` + queuesPath + `/api/queues/([^/:]+)/(active|pending|scheduled|retry|archived|completed)_tasks` +
	`(?:/([^/]+?))?(?::(run|archive|cancel|batch_run|batch_archive|batch_delete|batch_cancel|run_all|archive_all|delete_all|cancel_all))?$`)

// wish is what somebody asks of some tasks.
type wish struct {
	queue, state string
	verb         string // run, delete or archive
}

// allAtOnce bounds what one press of a button for all tasks does; its answer tells how many it was.
const allAtOnce = 1000

// Before stands before asynqmon, for requests that change something. It is an Options.QueueAction.
func (v *TaskVerbs) Before(mon http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := taskRoute.FindStringSubmatch(r.URL.Path)
		if m == nil {
			useDeadletter(w, r)
			return
		}
		ask, id := wish{queue: m[1], state: m[2]}, m[3]
		switch route := r.Method + " " + m[4]; {
		case ask.state == "completed", ask.state == "active":
			// What is finished is garbage in Redis; to cancel is to ask the worker, which rolls back and tries again.
			v.Log.InfoContext(r.Context(), "asynqmon", "path", r.URL.Path)
			mon.ServeHTTP(w, r)
		case id != "" && (route == "POST run" || route == "POST archive" || route == "DELETE "):
			ask.verb = m[4]
			if ask.verb == "" {
				ask.verb = "delete"
			}
			v.one(w, r, ask, id)
		case id == "" && (route == "POST batch_run" || route == "POST batch_archive" || route == "POST batch_delete"):
			ask.verb = m[4][len("batch_"):]
			v.batch(w, r, ask)
		case id == "" && (route == "POST run_all" || route == "POST archive_all" || route == "DELETE delete_all"):
			ask.verb = m[4][:len(m[4])-len("_all")]
			v.all(w, r, ask)
		default:
			useDeadletter(w, r)
		}
	})
}

// one answers as asynqmon does; its page shows the text of a refusal.
func (v *TaskVerbs) one(w http.ResponseWriter, r *http.Request, ask wish, id string) {
	err := v.do(r.Context(), ask, id)
	var declined *handlers.Declined
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.As(err, &declined):
		http.Error(w, declined.Why, http.StatusConflict)
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		http.Error(w, "Redis no longer has it: reload the page", http.StatusNotFound)
	default:
		http.Error(w, "nothing was changed: Postgres or Redis does not answer as it should", http.StatusServiceUnavailable)
	}
}

// answered are the fields of asynqmon's answers to a batch, and the one to a wish for all tasks.
var answered = map[string]struct{ done, failed, count string }{
	"run":     {"pending_ids", "error_ids", "scheduled"},
	"delete":  {"deleted_ids", "failed_ids", "deleted"},
	"archive": {"archived_ids", "error_ids", "archived"},
}

func (v *TaskVerbs) batch(w http.ResponseWriter, r *http.Request, ask wish) {
	var body struct {
		IDs []string `json:"task_ids"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		http.Error(w, "the body is no list of ids", http.StatusBadRequest)
		return
	}
	done, failed := v.each(r.Context(), ask, body.IDs)
	writeJSON(w, map[string][]string{answered[ask.verb].done: done, answered[ask.verb].failed: failed})
}

func (v *TaskVerbs) all(w http.ResponseWriter, r *http.Request, ask wish) {
	list := map[string]func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		"pending": v.Redis.ListPendingTasks, "scheduled": v.Redis.ListScheduledTasks,
		"retry": v.Redis.ListRetryTasks, "archived": v.Redis.ListArchivedTasks,
	}[ask.state]
	shown, err := list(ask.queue, asynq.PageSize(allAtOnce), asynq.Page(1))
	if err != nil {
		http.Error(w, "the tasks cannot be listed", http.StatusInternalServerError)
		return
	}
	ids := make([]string, len(shown))
	for i, t := range shown {
		ids[i] = t.ID
	}
	done, _ := v.each(r.Context(), ask, ids)
	writeJSON(w, map[string]int{answered[ask.verb].count: len(done)})
}

// each does what is asked to one task after the other, and tells which were done and which were not.
func (v *TaskVerbs) each(ctx context.Context, ask wish, ids []string) (done, failed []string) {
	done, failed = []string{}, []string{}
	for _, id := range ids {
		if v.do(ctx, ask, id) == nil {
			done = append(done, id)
		} else {
			failed = append(failed, id)
		}
	}
	return done, failed
}

// do does what is asked to one task.
func (v *TaskVerbs) do(ctx context.Context, ask wish, id string) error {
	err := v.inPostgres(ctx, ask, id)
	if err != nil {
		v.Log.WarnContext(ctx, "asynqmon: not done", "verb", ask.verb, "queue", ask.queue, "task", id, "error", store.Safe(err))
	}
	return err
}

func (v *TaskVerbs) inPostgres(ctx context.Context, ask wish, id string) error {
	info, err := v.Redis.GetTaskInfo(ask.queue, id)
	if err != nil {
		return err
	}
	d, err := tasks.ParseDelivery(id, info.Payload)
	if err != nil { // a tick has no row
		return v.inRedis(ask, id)
	}
	by := handlers.By{Who: "asynqmon", Why: ask.verb, Request: telemetry.RequestID(ctx)}
	switch archived := ask.state == "archived"; {
	case ask.verb == "run" && archived:
		return v.Operator.Replay(ctx, d.Org, d.Task, by)
	case ask.verb == "run":
		return v.Operator.Hasten(ctx, d.Org, d.Task, by)
	case ask.verb == "delete" && archived:
		return v.Operator.Discard(ctx, d.Org, d.Task, by)
	}
	return v.Operator.Stop(ctx, d.Org, d.Task, ask.verb == "delete", by)
}

// inRedis does what is asked to a message without a row.
func (v *TaskVerbs) inRedis(ask wish, id string) error {
	switch ask.verb {
	case "run":
		return v.Redis.RunTask(ask.queue, id)
	case "delete":
		return v.Redis.DeleteTask(ask.queue, id)
	}
	return v.Redis.ArchiveTask(ask.queue, id)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who asked may be gone
}
