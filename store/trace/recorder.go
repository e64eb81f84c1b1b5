// Package trace records what a system asks of PostgreSQL: for golden numbers of statements, round trips and
// commits, and for a pgbench script that asks exactly the same.
//
// It sees what goes over a connection whose config has a Recorder as its Tracer. Only transactions of an org are
// recorded: they begin by naming it, which the loops that keep the system going do not.
package trace

import (
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"holdfast/store/logctx"
)

// Statement is one statement as it was sent.
type Statement struct {
	SQL  string
	Args []any
}

// Transaction is one transaction of an org, in the order of its round trips.
type Transaction struct {
	// Label is the type of the task that it belongs to, or "" outside of tasks.
	Label string
	// Trips are the round trips: what went out together.
	Trips [][]Statement
	// Committed tells a transaction that ended by COMMIT, or that was one batch without BEGIN, which commits
	// itself. What was rolled back has changed nothing.
	Committed bool
}

// Statements is how many statements the transaction has.
func (t *Transaction) Statements() (n int) {
	for _, trip := range t.Trips {
		n += len(trip)
	}
	return n
}

// Recorder is a pgx tracer. It is safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	open map[*pgx.Conn]*Transaction
	all  []*Transaction
}

var (
	_ pgx.QueryTracer = (*Recorder)(nil)
	_ pgx.BatchTracer = (*Recorder)(nil)
)

// Take returns what was recorded since the last Take, in the order in which the transactions began.
func (r *Recorder) Take() []*Transaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// namesOrg begins every transaction of an org (store.Begin, store.ReadAnswer).
const namesOrg = "set_config('app.org_id'"

// note adds a round trip to the transaction that is open on conn, or opens one.
func (r *Recorder) note(ctx context.Context, conn *pgx.Conn, trip []Statement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, inside := r.open[conn]
	if !inside {
		if !names(trip) {
			return
		}
		t = &Transaction{Label: logctx.Value(ctx, logctx.TaskType)}
		r.all = append(r.all, t)
		if r.open == nil {
			r.open = make(map[*pgx.Conn]*Transaction)
		}
		r.open[conn] = t
	}
	t.Trips = append(t.Trips, trip)
	switch last := strings.ToLower(trip[len(trip)-1].SQL); {
	case last == "commit", !begins(t.Trips[0]):
		t.Committed = true
		delete(r.open, conn)
	case last == "rollback":
		delete(r.open, conn)
	}
}

func names(trip []Statement) bool {
	for _, s := range trip {
		if strings.Contains(s.SQL, namesOrg) {
			return true
		}
	}
	return false
}

func begins(trip []Statement) bool { return strings.EqualFold(trip[0].SQL, "begin") }

// TraceQueryStart implements pgx.QueryTracer.
func (r *Recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.note(ctx, conn, []Statement{{data.SQL, data.Args}})
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (r *Recorder) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	trip := make([]Statement, len(data.Batch.QueuedQueries))
	for i, q := range data.Batch.QueuedQueries {
		trip[i] = Statement{q.SQL, q.Arguments}
	}
	r.note(ctx, conn, trip)
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
