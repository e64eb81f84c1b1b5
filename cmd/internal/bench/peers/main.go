// Command peers times package redact beside what else finds personal data in Go, on one text in one run, and counts what
// each makes of the phones in Holdfast's own labelled cases. It is a module of its own, so that Holdfast does not depend
// on what it is compared with.
//
//	cd cmd/internal/bench/peers && go run .
package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"

	"github.com/hoophq/alcatraz"
	"github.com/hoophq/alcatraz/entities"
	"github.com/nyaruka/phonenumbers/v2"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

const (
	goal = 50        // MB/s
	size = 1_000_000 // bytes of the transcript
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// peer finds personal data. phones are those of a text in a region; all is everything that it looks for in a line.
type peer struct {
	name   string
	all    func(line string)
	phones func(text, region string) []span
}

type span struct{ start, end int }

func run(out io.Writer) error {
	cases, err := redacttest.Load(os.DirFS("../../../../handlers/redact/testdata/cases"))
	if err != nil {
		return err
	}
	ours, err := holdfast(cases)
	if err != nil {
		return err
	}
	lines := redacttest.Transcript(size)
	fmt.Fprintf(out, "a transcript of %d bytes, line by line, one thread; phones in %d labelled cases\n\n", size, len(cases))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHO\tMB/s\tHOLDFAST IS\tBYTES ALLOCATED PER BYTE\tPHONES FOUND\tTO THE BYTE\tMISSED\tFALSE")
	peers := []peer{ours, fiveTypes(), valid(), possible()}
	var finds []func(string)
	for _, p := range peers {
		finds = append(finds, p.all)
	}
	speeds := redacttest.Time(lines, finds...)
	for i, p := range peers {
		c := tally(cases, p.phones)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f x\t%.2f\t%d\t%d\t%d\t%d\n",
			p.name, speeds[i].MBPerSecond, speeds[0].MBPerSecond/speeds[i].MBPerSecond, speeds[i].Allocated, c.found, c.exact, c.missed, c.extra)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\ngoal: %d MB/s, reached %.2f times\n", goal, speeds[0].MBPerSecond/goal)
	return nil
}

// holdfast looks for all types, with as many terms of an org's own as it may have.
func holdfast(cases []redacttest.Case) (peer, error) {
	engine, err := redact.Policy{Terms: redacttest.Terms()}.Compile()
	if err != nil {
		return peer{}, err
	}
	byRegion := map[string]*redact.Engine{}
	for _, c := range cases {
		region := cmp.Or(c.Policy.Region, "US")
		if byRegion[region], err = (redact.Policy{Region: region}).Compile(); err != nil {
			return peer{}, err
		}
	}
	var spans []redact.Span
	return peer{
		name: "holdfast, 12 types, 10,000 terms",
		all:  func(line string) { spans = engine.Find(spans[:0], line) },
		phones: func(text, region string) (found []span) {
			for _, s := range byRegion[region].Find(nil, text) {
				if s.Type == redact.PhoneNumber {
					found = append(found, span{s.Start, s.End})
				}
			}
			return found
		},
	}, nil
}

// fiveTypes is alcatraz with the types that both know.
func fiveTypes() peer {
	engine := alcatraz.NewEngine()
	o := alcatraz.Options{Entities: []string{
		entities.PhoneNumber, entities.EmailAddress, entities.USSSN, entities.CreditCard, entities.IPAddress,
	}}
	return peer{
		name: "alcatraz v0.23.0, 5 types",
		all:  func(line string) { engine.Analyze(line, o) },
		phones: func(text, _ string) (found []span) {
			for _, r := range engine.Analyze(text, o) {
				if r.EntityType == entities.PhoneNumber {
					found = append(found, span{r.Start, r.End})
				}
			}
			return found
		},
	}
}

func valid() peer { return phonesOnly("phonenumbers v2.0.7, phones that exist", phonenumbers.VALID) }

func possible() peer {
	return phonesOnly("phonenumbers v2.0.7, phones of the right length", phonenumbers.POSSIBLE)
}

func phonesOnly(name string, l phonenumbers.Leniency) peer {
	find := func(text, region string) (found []span) {
		for m := range phonenumbers.FindNumbersWithLeniency(text, region, l, math.MaxInt) {
			found = append(found, span{m.Start(), m.End()})
		}
		return found
	}
	return peer{name: name, all: func(line string) { find(line, "US") }, phones: find}
}
