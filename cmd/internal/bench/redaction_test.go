package main

import (
	"io"
	"strings"
	"testing"
)

// TestRedactionRows: the rows are made, and text with nothing to hide costs no garbage. How fast is not for a test.
func TestRedactionRows(t *testing.T) {
	b := &bench{out: io.Discard}
	if err := b.redaction(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(b.rows) != 3 || b.rows[0].ratio <= 0 || !strings.HasPrefix(b.rows[0].goal, ">= 50") {
		t.Errorf("%+v", b.rows)
	}
}
