package handlers

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"holdfast/store"
	"holdfast/tasks"
)

// TestAuditHeadIsLogged: each batch of links leaves the chain's new head in the log, in the words that `holdfast audit chain
// --expect` reads.
func TestAuditHeadIsLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run := r.process()
	var out bytes.Buffer
	run.Log = slog.New(slog.NewJSONHandler(&out, nil))
	seal := func() {
		t.Helper()
		_, err := run.sweep(t.Context(), tasks.AuditSeal, run.Mux.sweeps[tasks.AuditSeal])
		r.must(err)
	}
	r.set(`{"countries":["US","CA"]}`)
	seal()
	seal()
	r.set(`{}`)
	seal()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want one for each batch: %s", len(lines), out.String())
	}
	for i, line := range lines {
		var said struct{ Msg, Org, Head string }
		r.must(json.Unmarshal([]byte(line), &said))
		head, err := store.ParseChainHead(said.Head)
		r.must(err)
		if said.Msg != "audit log sealed" || said.Org != r.org.ID.String() || head.Seq != int64(i+1) {
			t.Errorf("%s", line)
		}
		chain, err := store.VerifyChain(t.Context(), r.db.Audit, r.db.Keys, store.Org{ID: r.org.ID}, &head)
		r.must(err)
		if chain.Broken != nil {
			t.Errorf("%s: %+v", said.Head, chain.Broken)
		}
	}
}
