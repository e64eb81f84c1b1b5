package ops

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// floor is the operators' listener over real servers, with tasks of all states and nobody who works on them.
type floor struct {
	*desk
	db     *storetest.DB
	org    storetest.Org
	tasks  *tasks.DB
	redis  *asynq.Inspector
	client *asynq.Client
}

func openFloor(t *testing.T) *floor {
	t.Helper()
	url := storetest.RedisURL(t)
	f := &floor{db: storetest.New(t)}
	f.org = storetest.NewOrg(t, f.db, "one")
	rdb, err := tasks.OpenRedis(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rdb.Close() })
	f.tasks, f.redis = &tasks.DB{Pool: f.db.App, Broker: tasks.NewBroker(rdb)}, asynq.NewInspectorFromRedisClient(rdb)
	f.client = asynq.NewClientFromRedisClient(rdb)
	reg := prometheus.NewRegistry()
	mux := handlers.NewMux(handlers.Deps{Keys: f.db.Keys, Twilio: sms.New("http://127.0.0.1:9", 0, nil), Metrics: tasks.NewMetrics(reg), Texts: handlers.NewTexts(reg)}, nil)
	f.desk = open(t, func(o *Options) {
		o.RedisURL = pii.NewToken(url)
		o.QueueAction = (&TaskVerbs{Operator: &handlers.Operator{DB: f.tasks, Mux: mux}, Redis: f.redis, Log: slog.New(slog.DiscardHandler)}).Before
	})
	return f
}

// add makes a task of an inbound text and brings it to where asynqmon shows it in the state.
func (f *floor) add(state string) (id uuid.UUID, asynqID string) {
	f.t.Helper()
	must := func(err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatalf("%s: %v", state, err)
		}
	}
	_, err := store.InTx(f.t.Context(), f.db.App, f.org.ID, func(tx *store.Tx) (err error) {
		id, err = tasks.SMSInbound.Enqueue(tx, tasks.InboundPayload{Inbound: uuid.New()})
		return err
	})
	must(err)
	asynqID = id.String() + ":1"
	must(f.tasks.Broker.Push(f.t.Context(), []store.TaskRef{{Org: f.org.ID, ID: id, Type: tasks.SMSInbound.Name, Queue: tasks.QueueDefault, Epoch: 1}}))
	if state == "archived" {
		_, err := f.db.Admin.Exec(f.t.Context(), "UPDATE task SET state = 'dead', last_error = 'hopeless', finished_at = now() WHERE id = $1", id)
		must(err)
		must(f.redis.ArchiveTask(tasks.QueueDefault, asynqID))
	}
	return id, asynqID
}

// row is a task's state, epoch and how it is to end, and what the audit log has of it.
func (f *floor) row(id uuid.UUID) string {
	f.t.Helper()
	var s string
	err := f.db.Admin.QueryRow(f.t.Context(), `SELECT concat_ws(' ', t.state, t.epoch, t.stop, a.actor, a.action, a.detail->>'why', NULLIF(a.request, '') IS NOT NULL)
		FROM task t LEFT JOIN audit_log a ON a.subject = t.id::text WHERE t.id = $1`, id).Scan(&s)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

const defaultTasks = "/queues/api/queues/default/"

// asks sends what asynqmon's page sends.
func (f *floor) asks(method, path, body string) answer {
	f.t.Helper()
	return f.do(method, defaultTasks+path, body, bearer(token))
}

// Each button acts in Postgres, and Redis shows what came of it.
func TestVerbsOfOneTask(t *testing.T) {
	f := openFloor(t)
	for _, c := range []struct{ state, method, verb, row, epoch string }{
		{"archived", "POST", ":run", "pending 2 asynqmon task.replay run t", "2"},
		{"archived", "DELETE", "", "discarded 1 asynqmon task.discard delete t", ""},
		{"pending", "POST", ":archive", "pending 2 dead asynqmon task.stop archive t", "2"},
		{"pending", "DELETE", "", "pending 2 discarded asynqmon task.stop delete t", "2"},
		{"retry", "POST", ":run", "pending 2 asynqmon task.hasten run t", "2"},
		{"scheduled", "POST", ":run", "pending 2 asynqmon task.hasten run t", "2"},
	} {
		id, asynqID := f.add(c.state)
		a := f.asks(c.method, c.state+"_tasks/"+asynqID+c.verb, "")
		if a.StatusCode != 204 || a.body != "" {
			t.Errorf("%+v: %d %s", c, a.StatusCode, a.body)
		}
		if got := f.row(id); got != c.row {
			t.Errorf("%s %s: row %q, want %q", c.method, c.state+c.verb, got, c.row)
		}
		if a := f.get(defaultTasks + "tasks/" + asynqID); a.StatusCode != 404 {
			t.Errorf("%+v: asynqmon still shows it: %s", c, a.body)
		}
		if c.epoch == "" {
			continue
		}
		if a := f.get(defaultTasks + "tasks/" + id.String() + ":" + c.epoch); !strings.Contains(a.body, `"state":"pending"`) {
			t.Errorf("%+v: the new epoch: %d %s", c, a.StatusCode, a.body)
		}
	}
}

// What Postgres declines is told in words that asynqmon's page shows, and changes nothing in Redis either.
func TestVerbsDeclined(t *testing.T) {
	f := openFloor(t)
	id, asynqID := f.add("archived")
	if _, err := f.db.Admin.Exec(t.Context(), "UPDATE task SET state = 'done' WHERE id = $1", id); err != nil {
		t.Fatal(err)
	}
	a := f.asks("POST", "archived_tasks/"+asynqID+":run", "")
	if a.StatusCode != 409 || a.body != "it is no dead letter, it is done\n" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := f.get(defaultTasks + "archived_tasks"); !strings.Contains(a.body, asynqID) {
		t.Errorf("Redis was changed: %s", a.body)
	}
	if a := f.asks("POST", "archived_tasks/"+uuid.NewString()+":1:run", ""); a.StatusCode != 404 {
		t.Errorf("of what Redis does not have: %d", a.StatusCode)
	}
	for _, bad := range []string{"DELETE ", "DELETE archived_tasks:run_all", "POST archived_tasks:delete_all", "PUT archived_tasks/" + asynqID,
		"POST archived_tasks", "POST archived_tasks/" + asynqID + ":cancel", "POST archived_tasks/" + asynqID + ":run_all", "POST groups/g/aggregating_tasks:run_all"} {
		method, path, _ := strings.Cut(bad, " ")
		if a := f.asks(method, path, ""); a.StatusCode != 405 {
			t.Errorf("%s: %d %s", bad, a.StatusCode, a.body)
		}
	}
	cross := func(r *http.Request) { bearer(token)(r); r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if a := f.do("POST", defaultTasks+"archived_tasks:run_all", "", cross); a.StatusCode != 403 {
		t.Errorf("from another site: %d", a.StatusCode)
	}
	if got := f.row(id); got != "done 1 f" {
		t.Errorf("row %q", got)
	}
}

// Batches and buttons for all tasks answer with what was done and what was not, as the page reads it.
func TestVerbsOfManyTasks(t *testing.T) {
	f := openFloor(t)
	for _, c := range []struct{ state, verb, done, failed, count string }{
		{"archived", "run", "pending_ids", "error_ids", "scheduled"},
		{"archived", "delete", "deleted_ids", "failed_ids", "deleted"},
		{"pending", "archive", "archived_ids", "error_ids", "archived"},
	} {
		one, first := f.add(c.state)
		two, second := f.add(c.state)
		lost := uuid.NewString() + ":1"
		body := fmt.Sprintf(`{"task_ids":[%q,%q,%q]}`, first, lost, second)
		var got map[string][]string
		a := f.asks("POST", c.state+"_tasks:batch_"+c.verb, body)
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != 200 || !slices.Equal(got[c.done], []string{first, second}) || !slices.Equal(got[c.failed], []string{lost}) {
			t.Errorf("%+v: %d %s", c, a.StatusCode, a.body)
		}
		if f.row(one) != f.row(two) || strings.HasSuffix(f.row(one), "1 f") {
			t.Errorf("%+v: rows %q and %q", c, f.row(one), f.row(two))
		}
	}
	if a := f.asks("POST", "archived_tasks:batch_run", `{"task_ids":7}`); a.StatusCode != 400 {
		t.Errorf("a body that is none: %d", a.StatusCode)
	}
	one, _ := f.add("archived")
	two, _ := f.add("archived")
	if _, err := f.db.Admin.Exec(t.Context(), "UPDATE task SET request_id = NULL, type = 'test:newer' WHERE id = $1", two); err != nil {
		t.Fatal(err)
	}
	if a := f.asks("POST", "archived_tasks:run_all", ""); a.StatusCode != 200 || a.body != `{"scheduled":1}`+"\n" {
		t.Errorf("run_all, one of which is declined: %d %s", a.StatusCode, a.body)
	}
	if a := f.asks("DELETE", "archived_tasks:delete_all", ""); a.StatusCode != 200 || a.body != `{"deleted":1}`+"\n" {
		t.Errorf("delete_all: %d %s", a.StatusCode, a.body)
	}
	if !strings.HasPrefix(f.row(one), "pending 2") || !strings.HasPrefix(f.row(two), "discarded") {
		t.Errorf("rows %q and %q", f.row(one), f.row(two))
	}
}

// A tick has no row; what is done to it is done in Redis. What is active is cancelled there too.
func TestVerbsOfWhatHasNoRow(t *testing.T) {
	f := openFloor(t)
	if _, err := f.client.Enqueue(asynq.NewTask(tasks.HoldsExpire, nil), asynq.Queue(tasks.QueueTick), asynq.TaskID("tick")); err != nil {
		t.Fatal(err)
	}
	if a := f.do("DELETE", "/queues/api/queues/tick/pending_tasks/tick", "", bearer(token)); a.StatusCode != 204 {
		t.Errorf("a tick: %d %s", a.StatusCode, a.body)
	}
	if _, err := f.redis.GetTaskInfo(tasks.QueueTick, "tick"); err == nil {
		t.Error("the tick is still there")
	}
	if a := f.asks("POST", "active_tasks:cancel_all", ""); a.StatusCode >= 500 && !strings.Contains(a.body, "not found") {
		t.Errorf("cancel: %d %s", a.StatusCode, a.body)
	}
	// Without Postgres nothing is changed anywhere.
	id, asynqID := f.add("archived")
	f.db.App.Close()
	if a := f.asks("POST", "archived_tasks/"+asynqID+":run", ""); a.StatusCode != 503 || strings.Contains(a.body, "5432") {
		t.Errorf("without Postgres: %d %s", a.StatusCode, a.body)
	}
	if got := f.row(id); got != "dead 1 f" {
		t.Errorf("row %q", got)
	}
}
