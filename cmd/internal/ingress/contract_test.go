package ingress

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast/cmd/internal/contract"
)

// promised is the document, and what all tests of this package have seen of it.
var promised struct {
	sync.Mutex
	*contract.Contract
}

// watch holds every exchange with a rig against the document.
func watch(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	promised.Lock()
	defer promised.Unlock()
	if promised.Contract == nil {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
		var err error
		if promised.Contract, err = contract.Read(w.Body.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return promised.Watch(h, func(finding string) { t.Error(finding) })
}

// TestMain looks, once all tests have run, for what the document promises and none of them has seen.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && promised.Contract != nil && whole() {
		answers, problems := promised.Unseen()
		for _, s := range append(answers, slices.DeleteFunc(problems, unprovable)...) {
			fmt.Println("FAIL: documented and never seen:", s)
			code = 1
		}
	}
	os.Exit(code)
}

// unprovable are problems that nobody can ask for: internal-error is a defect.
func unprovable(problem string) bool { return strings.HasSuffix(problem, " internal-error") }

// whole reports whether no test was left out.
func whole() bool {
	for _, name := range []string{"run", "skip", "list"} {
		if f := flag.Lookup("test." + name); f != nil && strings.TrimSpace(f.Value.String()) != "" {
			return false
		}
	}
	return true
}
