package tasks

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store"
	"holdfast/store/storetest"
)

// The metrics of what waits see every org, though a scrape belongs to none.
func TestBacklogCountsPauses(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	reg := prometheus.NewRegistry()
	reg.MustRegister(Backlog{Pool: db.App})
	paused := func() float64 {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "holdfast_sms_breaker_open" {
				return f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		return -1
	}
	if n := paused(); n != 0 {
		t.Errorf("%v orgs wait before there are any", n)
	}
	for _, slug := range []string{"one", "two"} {
		org := storetest.NewOrg(t, db, slug)
		if _, err := store.InTx(t.Context(), db.Owner, org.ID, func(tx *store.Tx) error { store.PauseTexts(tx, "cli", "a test"); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n := paused(); n != 2 {
		t.Errorf("%v orgs wait, want 2", n)
	}
}
