package validate

import (
	"encoding/json"
	"fmt"
	"io"
)

// Result is what became of a check.
type Result struct {
	Name     string  `json:"name"`
	Promise  string  `json:"promise"`
	Passed   *bool   `json:"passed"` // null: it could not be checked here, and Evidence says why
	Evidence string  `json:"evidence"`
	Seconds  float64 `json:"seconds"`
}

// String is the result as one line.
func (r Result) String() string {
	word, evidence := "----", r.Promise+": "+r.Evidence
	switch {
	case r.Passed != nil && *r.Passed:
		word, evidence = "PASS", r.Evidence
	case r.Passed != nil:
		word = "FAIL"
	}
	return fmt.Sprintf("%s %-19s %s", word, r.Name, evidence)
}

// Count counts what has passed and what has failed. What could not be checked is neither.
func Count(results []Result) (passed, failed int) {
	for _, r := range results {
		switch {
		case r.Passed == nil:
		case *r.Passed:
			passed++
		default:
			failed++
		}
	}
	return passed, failed
}

// Summary is the last line of a run.
func Summary(results []Result) string {
	passed, failed := Count(results)
	return fmt.Sprintf("RESULTS: %d passed, %d failed", passed, failed)
}

// WriteJSON writes the results as an array.
func WriteJSON(w io.Writer, results []Result) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is read by people, too
	e.SetIndent("", "  ")
	return e.Encode(results)
}
