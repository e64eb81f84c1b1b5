package storetest

import (
	"fmt"
	"os"
	"testing"
)

// CountsVar names the file that Count appends to.
const CountsVar = "HOLDFAST_SECURITY_COUNTS"

// Count tells how much of something a proof has covered. `make security` prints the counts as a table, and fails when one
// is missing or nothing: a proof that covered nothing has proved nothing.
func Count(t testing.TB, what string, n int) {
	t.Helper()
	t.Logf("%s: %d", what, n)
	if n <= 0 {
		t.Errorf("%s: none", what)
	}
	file := os.Getenv(CountsVar)
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) // #nosec G304 G703 -- who runs the tests has named it
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s\t%d\n", what, n); err != nil {
		t.Fatal(err)
	}
}
