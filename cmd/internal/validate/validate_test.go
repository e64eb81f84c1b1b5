package validate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestValidate holds a running dev to its promises: all are kept, and each check goes red when its own is broken.
func TestValidate(t *testing.T) {
	r := newRig(t)
	t.Run("kept", func(t *testing.T) { testKept(t, r) })
	t.Run("broken", func(t *testing.T) { testBroken(t, r) })
}

// voiceless are the checks of routes that this system does not have yet.
func voiceless() []string { return names(vapiChecks, retellChecks) }

func names(subjects ...[]check) (names []string) {
	for _, c := range slices.Concat(subjects...) {
		names = append(names, c.name)
	}
	return names
}

func testKept(t *testing.T, r *rig) {
	var told []string
	results, err := Run(t.Context(), Of(r.Ready), Options{Tell: func(r Result) { told = append(told, r.Name); t.Log(r) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range results {
		switch {
		case slices.Contains(voiceless(), res.Name):
			if res.Passed == nil || *res.Passed || !strings.Contains(res.Evidence, "no such route") {
				t.Errorf("its route has come: let it be held to its promise here: %v", res)
			}
		case slices.Contains(names(beyondChecks), res.Name):
			if res.Passed != nil || res.Evidence == "" {
				t.Errorf("seen from outside? %v", res)
			}
		case res.Passed == nil || !*res.Passed:
			t.Error(res)
		}
	}
	if want := names(subjects...); !slices.Equal(told, want) {
		t.Errorf("told as %v, want %v", told, want)
	}
	r.clean(t)
}

// clean looks for what a run has left behind.
func (r *rig) clean(t *testing.T) {
	t.Helper()
	var left int
	if err := r.owner.QueryRow(t.Context(), "SELECT count(*) FROM hold WHERE live").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d holds and blocks are left, %v", left, err)
	}
}

// testBroken breaks the system in one way after the other and sees which lines turn red.
func testBroken(t *testing.T, r *rig) {
	target := r.target()
	unseen := slices.Concat(beyondChecks, vapiChecks, retellChecks)
	for _, name := range names(subjects...) {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.red == name }) && !slices.Contains(names(unseen), name) {
			t.Errorf("nothing shows that %s can fail", name)
		}
	}
	for _, f := range faults {
		t.Run(f.what, func(t *testing.T) {
			r.breaks(t, f)
			only := slices.DeleteFunc(names(subjects...), func(name string) bool {
				late := slices.Contains(names(lateChecks), name) // they wait for the end of holds
				return slices.Contains(names(unseen), name) || late && f.red != name
			})
			results, err := Run(t.Context(), target, Options{Only: only, Crowd: 24})
			if err != nil {
				t.Fatal(err)
			}
			seen := false
			for _, res := range results {
				red := res.Passed == nil || !*res.Passed
				seen = seen || red && res.Name == f.red
				switch {
				case res.Name == f.red && red:
					t.Log(res)
				case res.Name == f.red:
					t.Errorf("not seen: %v", res)
				case red != slices.Contains(f.also, res.Name):
					t.Errorf("goes along: %v", res)
				}
			}
			if !seen {
				t.Errorf("%s did not run", f.red)
			}
		})
		r.exec(t, "UPDATE hold SET live = false WHERE live") // what a broken system could not clean up
	}
}

// breaks breaks the system until the test ends.
func (r *rig) breaks(t *testing.T, f fault) {
	t.Helper()
	r.broken.Store(&f)
	t.Cleanup(func() { r.broken.Store(nil) })
	if f.trigger != "" {
		event, body, _ := strings.Cut(f.trigger, ": ")
		r.exec(t, fmt.Sprintf(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s RETURN NEW; END $$;
			CREATE TRIGGER spoil BEFORE %s FOR EACH ROW EXECUTE FUNCTION spoil()`, body, event))
		t.Cleanup(func() { r.mend(t, "DROP FUNCTION spoil CASCADE") })
	}
	if f.edit.function != "" {
		var good string
		if err := r.owner.QueryRow(t.Context(), "SELECT pg_get_functiondef($1::regprocedure)", f.edit.function).Scan(&good); err != nil {
			t.Fatal(err)
		}
		bad := regexp.MustCompile(f.edit.find).ReplaceAllString(good, f.edit.put)
		if bad == good {
			t.Fatalf("%s is not as it was: nothing was found to break\n%s", f.edit.function, good)
		}
		r.exec(t, bad)
		t.Cleanup(func() { r.mend(t, good) })
	}
}
