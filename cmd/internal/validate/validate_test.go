package validate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestValidate holds a running dev to its promises: all are kept, and each check goes red when its own is broken.
func TestValidate(t *testing.T) {
	r := newRig(t)
	t.Run("kept", func(t *testing.T) { testKept(t, r) })
	t.Run("broken", func(t *testing.T) { testBroken(t, r) })
}

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
	unseen, all := names(beyondChecks), slices.Concat(faults, voiceFaults, redactionFaults)
	for _, name := range names(subjects...) {
		if !slices.ContainsFunc(all, func(f fault) bool { return f.red == name }) && !slices.Contains(unseen, name) {
			t.Errorf("nothing shows that %s can fail", name)
		}
	}
	for _, together := range runs(all) {
		t.Run(together[0].what, func(t *testing.T) { testRed(t, r, together, unseen) })
		// What a broken system could not clean up.
		r.exec(t, "UPDATE hold SET live = false WHERE live")
		r.exec(t, "UPDATE booking SET state = 'canceled' WHERE state IN ('held', 'confirmed')")
	}
}

// runs puts faults together that turn different lines red, so that one run sees many: a run takes some seconds.
func runs(all []fault) (runs [][]fault) {
	lines := func(f fault) []string {
		if slices.Contains(names(lateChecks), f.red) { // one lengthens the lives that another shortens
			return []string{f.red, "late"}
		}
		return append([]string{f.red}, f.also...)
	}
	for _, f := range all {
		i := slices.IndexFunc(runs, func(run []fault) bool {
			return !slices.ContainsFunc(run, func(other fault) bool {
				return slices.ContainsFunc(lines(other), func(line string) bool { return slices.Contains(lines(f), line) })
			})
		})
		if i < 0 {
			i, runs = len(runs), append(runs, nil)
		}
		runs[i] = append(runs[i], f)
	}
	return runs
}

// testRed breaks the system in some ways and sees their lines turn red, and no others. unseen are not looked at.
func testRed(t *testing.T, r *rig, together []fault, unseen []string) {
	var red, also []string
	var fronts []spoiler
	for i, f := range together {
		r.breaks(t, f, i)
		red, also = append(red, f.red), append(also, f.also...)
		if f.front != nil {
			fronts = append(fronts, f.front)
		}
	}
	front := behind(fronts)
	r.front.Store(&front)
	t.Cleanup(func() { r.front.Store(nil) })
	only := slices.DeleteFunc(names(subjects...), func(name string) bool {
		// They wait for the end of holds, or until a text is tried again.
		late := slices.Contains(names(lateChecks, followupChecks), name) || name == "no-credentials"
		late = late || name == "security-events" // it would wait a minute for what is counted
		return slices.Contains(unseen, name) || late && !slices.Contains(red, name)
	})
	results, err := Run(t.Context(), r.target(), Options{Only: only, Crowd: 24, Patience: 12 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, res := range results {
		failed := res.Passed == nil || !*res.Passed
		switch {
		case slices.Contains(red, res.Name) && failed:
			seen++
			t.Log(res)
		case slices.Contains(red, res.Name):
			t.Errorf("not seen: %v", res)
		case failed != slices.Contains(also, res.Name):
			t.Errorf("goes along: %v", res)
		}
	}
	if seen != len(red) {
		t.Errorf("%d of %v are red", seen, red)
	}
}

// breaks breaks the system until the test ends. n tells the faults of one test apart.
func (r *rig) breaks(t *testing.T, f fault, n int) {
	t.Helper()
	if f.first != "" {
		r.exec(t, f.first)
	}
	if f.trigger != "" {
		event, body, _ := strings.Cut(f.trigger, ": ")
		r.exec(t, fmt.Sprintf(`CREATE FUNCTION spoil_%[1]d() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %[3]s RETURN NEW; END $$;
			CREATE TRIGGER spoil_%[1]d BEFORE %[2]s FOR EACH ROW EXECUTE FUNCTION spoil_%[1]d()`, n, event, body))
		t.Cleanup(func() { r.mend(t, fmt.Sprintf("DROP FUNCTION spoil_%d CASCADE", n)) })
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
