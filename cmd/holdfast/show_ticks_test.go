package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"holdfast/store"
)

// TestShowTicks tells of the last runs of a sweep, the last first, also of one that has not finished.
func TestShowTicks(t *testing.T) {
	s := openShop(t)
	s.value(`INSERT INTO tick (name, due_window, finished_at, rows_done, error)
		SELECT 'holds:expire', '2100-01-01Z'::timestamptz, NULL::timestamptz, NULL::int, NULL UNION ALL SELECT 'holds:expire', '2099-12-31Z', '2099-12-31 00:00:01Z', 12, 'postgres-40001'
		UNION ALL SELECT 'holds:expire', '2099-01-01'::timestamptz + i * interval '1 min', now(), 0, NULL FROM generate_series(1, 30) i RETURNING name`)
	lines := strings.Split(strings.TrimSpace(s.prints("show", "holds:expire")), "\n")
	if len(lines) != 21 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range []string{`^WINDOW +FINISHED +ROWS +ERROR`, `^2100-01-01T00:00:00.000Z +- +- +-`, `^2099-12-31T00:00:00.000Z +2099-12-31T00:00:01.000Z +12 +postgres-40001`} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("%q", lines[i])
		}
	}
	var shown struct {
		Name  string
		Ticks []store.Tick
	}
	if err := json.Unmarshal([]byte(s.prints("show", "holds:expire", "--json")), &shown); err != nil || shown.Name != "holds:expire" || len(shown.Ticks) != 20 || shown.Ticks[1].Rows != 12 {
		t.Errorf("%v %+v", err, shown)
	}
	if _, err := s.holdfast("show", "holds:lapse"); err == nil || err.Error() != "show: nothing has that id" {
		t.Errorf("%v", err)
	}
}
