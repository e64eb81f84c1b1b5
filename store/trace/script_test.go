package trace_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store/trace"
)

// TestScript: a recorded transaction is played again with the same statements in the same pipelines, and with values of
// its own wherever the recorded ones would be in the way.
func TestScript(t *testing.T) {
	t.Parallel()
	org, as, id := uuid.New(), uuid.New(), uuid.New()
	start := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	hash := []byte(strings.Repeat("h", 32))
	list := []*trace.Transaction{
		{Committed: true, Trips: [][]trace.Statement{
			{{SQL: "begin"}, {SQL: "SELECT $1, $2\n  ::text", Args: []any{org, id}}},
			{{SQL: "INSERT $1 $2 $3 $4", Args: []any{[]byte(`{"a":"` + id.String() + `","o":"` + org.String() + `"}`), hash, start.Add(30 * time.Minute), nil}}},
			{{SQL: "UPDATE $1 $2", Args: []any{hash, "SM" + strings.Repeat("0", 32)}}, {SQL: "commit"}},
		}},
		{Committed: false, Trips: [][]trace.Statement{{{SQL: "rolled back"}}}},
	}
	got, err := trace.Script{Fixed: map[uuid.UUID]uuid.UUID{org: as}, Start: start}.String(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{org.String(), id.String(), "rolled back", "$"} {
		if strings.Contains(got, gone) {
			t.Errorf("%s is still in it", gone)
		}
	}
	_, body, _ := strings.Cut(got, `\gset`)
	want := regexp.MustCompile(`^
\\startpipeline
begin;
SELECT '` + as.String() + `', (:v\d+) ::text;
\\endpipeline
INSERT (:t\d+) (:v\d+) (:v\d+) NULL;
\\startpipeline
UPDATE (:v\d+) (:v\d+);
commit;
\\endpipeline
$`)
	m := want.FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("got\n%s", got)
	}
	if m[3] != m[5] {
		t.Error("the hash that finds a row again is another one the second time")
	}
	for _, made := range []string{"gen_random_uuid()) AS " + m[1][1:], ":slot", "interval '1800.000000 s') AS " + m[4][1:], "md5(random()"} {
		if !strings.Contains(got, made) {
			t.Errorf("no %s in\n%s", made, got)
		}
	}
	if _, err := (trace.Script{}).String([]*trace.Transaction{{Committed: true, Trips: [][]trace.Statement{{{SQL: "$1", Args: []any{struct{}{}}}}}}}); err == nil {
		t.Error("took a value that it cannot vary")
	}
}
