// Command security runs the proofs of docs/security.md and prints what they covered:
//
//	go run ./store/embedded/withservers -- go run ./cmd/internal/security
//
// All of them but the fuzzing are part of `make test` as well. It fails when a proof fails, and when one covered nothing.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// countsVar is storetest.CountsVar, which tests alone may import.
const countsVar = "HOLDFAST_SECURITY_COUNTS"

// proof is a run of tests.
type proof struct{ pkg, run string }

var proofs = []proof{
	{"./store", "^(TestCatalog|TestTwoOrgs|TestTruncateAndLock|TestErrorsTellNothing|TestSafeQuotesNothing|TestAppRoleMayNot|TestDefinerIgnoresTemporaryTables|" +
		"TestCheck|TestNothingInClear|TestSealed|TestAuditChain|TestSealersDoNotFork|TestKey)"},
	{"./handlers", "^(TestPhoneLimits|TestPrefixLimit|TestRatioBreaker|TestErasure|TestWrongCodes|TestAuditHeadIsLogged)"},
	{"./cmd/internal/ingress", "^(TestForeignIDs|TestForge|TestScope|TestBodies|TestOddRequests|TestTrickle|TestEveryRouteIsGuarded|TestPumping|TestLimitsWithoutRedis|TestTwilioBehindProxy|TestEventSignatures|TestReplayed)"},
	{"./cmd/internal/load", "^TestRefused$"},
	{"./cmd/holdfast", "^(TestPgBouncer|TestOpenTables|TestServerVersion|TestRotationUnderLoad|TestDev)$"},
}

// covered are the rows of the table: what the tests count, in storetest.Count's words.
var covered = []string{"tables covered", "probes tried", "policies mutated", "catalog rules broken", "ids of another org tried",
	"requests refused, and nothing written", "sealed values moved", "audit chains tampered with", "markers searched"}

func main() {
	fuzz := flag.Duration("fuzz", 3*time.Second, "how long each decoder is fuzzed; 0 leaves that out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *fuzz); err != nil {
		fmt.Fprintln(os.Stderr, "security:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, fuzz time.Duration) error {
	dir, err := os.MkdirTemp("", "holdfast-security-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "counts")
	var failed error
	for _, p := range proofs {
		failed = errors.Join(failed, goTest(ctx, out, file, "-count=1", "-run", p.run, p.pkg))
	}
	counts, err := sums(file)
	if err != nil {
		return errors.Join(failed, err)
	}
	decoders := 0
	if fuzz > 0 {
		targets, err := fuzzTargets(ctx)
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, p := range targets {
			failed = errors.Join(failed, goTest(ctx, out, file, "-run", "^$", "-fuzz", p.run, "-fuzztime", fuzz.String(), p.pkg))
		}
		decoders = len(targets)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, what := range covered {
		fmt.Fprintf(w, "%d\t  %s\n", counts[what], what)
		if counts[what] == 0 {
			failed = errors.Join(failed, errors.New(what+": none"))
		}
	}
	fmt.Fprintf(w, "%d\t  decoders fuzzed, %v each\n", decoders, fuzz)
	return errors.Join(w.Flush(), failed)
}

// goTest runs tests, which count into a file.
func goTest(ctx context.Context, out io.Writer, file string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...) // #nosec G204 -- from the lists above
	cmd.Env = append(os.Environ(), countsVar+"="+file)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go test %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// sums adds up what was counted.
func sums(file string) (map[string]int, error) {
	f, err := os.Open(file) // #nosec G304 -- our own file
	if err != nil {
		return nil, err
	}
	defer f.Close()
	counts := make(map[string]int)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		what, text, _ := strings.Cut(lines.Text(), "\t")
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("counts: %q", lines.Text())
		}
		counts[what] += n
	}
	return counts, nil
}

// fuzzTargets lists every fuzz test below the folder that it runs in: its package, and a pattern for it alone. None is an error.
func fuzzTargets(ctx context.Context) (targets []proof, err error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("list of fuzz tests: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Fuzz"):
			names = append(names, words[0])
		case words[0] == "ok":
			for _, name := range names {
				targets = append(targets, proof{pkg: words[1], run: "^" + name + "$"})
			}
			names = nil
		}
	}
	if len(targets) == 0 {
		return nil, errors.New("decoders fuzzed: no fuzz test was found")
	}
	return targets, nil
}
