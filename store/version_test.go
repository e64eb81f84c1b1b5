package store_test

import (
	"strings"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

func TestFlaws(t *testing.T) {
	t.Parallel()
	for version, want := range map[int]string{
		150002: "CVE-2025-8713 CVE-2024-10976 CVE-2023-39418 CVE-2023-2455", 150003: "CVE-2025-8713 CVE-2024-10976 CVE-2023-39418",
		150008: "CVE-2025-8713 CVE-2024-10976", 150013: "CVE-2025-8713", 150014: "", 170000: "CVE-2025-8713 CVE-2024-10976", 170005: "CVE-2025-8713",
		170006: "", 180000: "", 140007: "CVE-2025-8713 CVE-2024-10976 CVE-2023-2455", 190000: "",
	} {
		var got []string
		for _, f := range store.Flaws(version) {
			cve, _, _ := strings.Cut(f, ":")
			got = append(got, cve)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d: %v, want %s", version, got, want)
		}
	}
	db := storetest.New(t)
	version, err := store.ServerVersion(t.Context(), db.App)
	if err != nil || version < 130000 {
		t.Errorf("%d, %v", version, err)
	}
}
