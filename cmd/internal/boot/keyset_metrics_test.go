package boot

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/store/pii"
)

// TestKeysetMetrics: /metrics tells the keys that a process has at that moment, and which of them seals.
func TestKeysetMetrics(t *testing.T) {
	generated, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := pii.NewKeyring(generated)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(keysetMetrics{keys})
	first := keys.Primary()
	added, second, err := pii.AddKey(generated.Keyset)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		keyset string
		want   map[string]float64
	}{
		{generated.Keyset, map[string]float64{fmt.Sprint(first): 1}},
		{added, map[string]float64{fmt.Sprint(first): 1, fmt.Sprint(second): 0}},
	} {
		if err := keys.SetKeyset(step.keyset); err != nil {
			t.Fatal(err)
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]float64)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				got[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(step.want) {
			t.Errorf("%v, want %v", got, step.want)
		}
	}
}
