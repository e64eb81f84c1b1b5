package tasks

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"holdfast/store"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestTypes holds every type to what the first of the four steps promises: a name of noun:verb that never
// changes, a queue that somebody serves, a payload of ids only, of which a golden tells when it changes.
func TestTypes(t *testing.T) {
	t.Parallel()
	var served []string
	for _, c := range Classes(1, 1, 1, 1, 1) {
		served = append(served, c.Queue)
	}
	name := regexp.MustCompile(`^[a-z]+:[a-z]+$`)
	seen := make(map[string]bool)
	for _, info := range All() {
		if !name.MatchString(info.Name) || seen[info.Name] {
			t.Errorf("%s is not noun:verb, or there are two", info.Name)
		}
		seen[info.Name] = true
		if !slices.Contains(served, info.Queue) || info.Queue == QueueTick {
			t.Errorf("%s goes to queue %q, which no server takes tasks from", info.Name, info.Queue)
		}
		if info.MaxAttempts < 1 || info.GiveUp <= 0 || info.GiveUp > 30*24*time.Hour {
			t.Errorf("%s: %d attempts, given up after %v", info.Name, info.MaxAttempts, info.GiveUp)
		}
		for _, bad := range notIDs(reflect.TypeOf(info.Payload)) {
			t.Errorf("%s: payload: %s", info.Name, bad)
		}
		golden(t, strings.ReplaceAll(info.Name, ":", "_")+".json", example(t, info.Payload))
	}
	for _, p := range PeriodicTable(time.Second) {
		if !regexp.MustCompile(`^[a-z]+:[a-z]+$`).MatchString(p.Name) || seen[p.Name] || p.Every < time.Second {
			t.Errorf("periodic %s every %v", p.Name, p.Every)
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(seen) {
		t.Errorf("%d goldens of %d types: a type's name never changes (%v)", len(files), len(seen), err)
	}
}

// notIDs lists the fields of a payload that are anything but an id, or that JSON would not name.
func notIDs(p reflect.Type) (bad []string) {
	if p == nil || p.Kind() != reflect.Struct {
		return []string{"is no struct"}
	}
	for f := range p.Fields() {
		switch tag := f.Tag.Get("json"); {
		case f.Type != reflect.TypeFor[uuid.UUID]() && f.Type != reflect.TypeFor[uuid.NullUUID]() && f.Type != reflect.TypeFor[[]uuid.UUID]():
			bad = append(bad, f.Name+" is a "+f.Type.String()+", not an id")
		case tag == "" || tag == "-" || !f.IsExported():
			bad = append(bad, f.Name+" has no name in JSON")
		}
	}
	return bad
}

func TestNotIDs(t *testing.T) {
	t.Parallel()
	for _, bad := range []any{
		struct {
			Phone string `json:"phone"`
		}{},
		struct{ Message uuid.UUID }{},
		struct {
			At time.Time `json:"at"`
		}{},
		"x", nil,
	} {
		if len(notIDs(reflect.TypeOf(bad))) == 0 {
			t.Errorf("%T passes", bad)
		}
	}
	if bad := notIDs(reflect.TypeFor[MessagePayload]()); bad != nil {
		t.Error(bad)
	}
}

// example is a payload with every field filled in.
func example(t *testing.T, payload any) string {
	t.Helper()
	v := reflect.New(reflect.TypeOf(payload)).Elem()
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case uuid.UUID:
			f.Set(reflect.ValueOf(id))
		case uuid.NullUUID:
			f.Set(reflect.ValueOf(uuid.NullUUID{UUID: id, Valid: true}))
		case []uuid.UUID:
			f.Set(reflect.ValueOf([]uuid.UUID{id}))
		}
	}
	raw, err := json.MarshalIndent(v.Interface(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; tasks of the old form may be waiting (run with -update after a look):\n got %s\nwant %s", path, got, want)
	}
}

// The nth wait is 1, 2, 4 … 60 s, spread by 20 % either way.
func TestBackoff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(0, 1000).Draw(t, "attempt")
		r := rapid.Float64Range(0, 0.999999).Draw(t, "r")
		middle := 60.0
		if attempt < 6 {
			middle = float64(int(1) << attempt)
		}
		got := Backoff(attempt, r).Seconds()
		if got < 0.8*middle-1e-6 || got > 1.2*middle+1e-6 {
			t.Fatalf("attempt %d waits %v s, want %v ± 20 %%", attempt, got, middle)
		}
		if more := Backoff(attempt, r+1e-7); more < Backoff(attempt, r) {
			t.Fatal("r does not spread it")
		}
		if attempt < 20 && Backoff(attempt+1, r) < Backoff(attempt, r) {
			t.Fatal("a later attempt waits shorter")
		}
	})
}

// A message names its task twice; what does not agree is not ours.
func TestParseDelivery(t *testing.T) {
	t.Parallel()
	org, task := uuid.New(), uuid.New()
	raw, err := json.Marshal(message{org, task})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"org":"` + org.String() + `","task":"` + task.String() + `"}`; string(raw) != want {
		t.Errorf("Redis is told %s, want %s and nothing more", raw, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		epoch := rapid.IntRange(1, 1<<30).Draw(t, "epoch")
		d, err := ParseDelivery(taskID(store.TaskRef{ID: task, Epoch: epoch}), raw)
		if err != nil || d != (Delivery{org, task, epoch}) {
			t.Fatalf("%+v %v", d, err)
		}
	})
	for id, payload := range map[string]string{
		task.String():                string(raw),
		task.String() + ":":          string(raw),
		task.String() + ":x":         string(raw),
		uuid.NewString() + ":1":      string(raw),
		task.String() + ":1 ":        string(raw),
		task.String() + ":1":         `{"task":"` + task.String() + `"}`,
		uuid.Nil.String() + ":1":     `{}`,
		"00000000:1":                 `[]`,
		task.String() + ":00000001x": `{"org":1}`,
	} {
		if d, err := ParseDelivery(id, []byte(payload)); err == nil {
			t.Errorf("%s %s passes as %+v", id, payload, d)
		}
	}
}
