package ingress

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPreference(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lines   string // separated by |
		wait    int    // seconds
		applied string
	}{
		{"wait=5", 5, "wait=5"},
		{"Wait=5", 5, "wait=5"},
		{"wait = 5", 5, "wait=5"},
		{`wait="7"`, 7, "wait=7"},
		{"wait=0", 0, "wait=0"},
		{"wait=20", 20, "wait=20"},
		{"wait=21", 20, "wait=20"},
		{"wait=99999999999999999999", 20, "wait=20"},
		{"respond-async", 0, ""},
		{"respond-async, wait=10", 10, "wait=10"},
		{"wait=10;foo=bar", 10, "wait=10"},
		{`respond-async; x="a, wait=3", wait=4`, 4, "wait=4"},
		{`note="a \", wait=3", wait=4`, 4, "wait=4"},
		{"wait=3, wait=4", 3, "wait=3"},
		{"return=minimal|wait=6", 6, "wait=6"},
		{"wait=x|wait=6", 6, "wait=6"},
		{"wait=x, wait=6", 6, "wait=6"},
		{"wait", 0, ""},
		{"wait=", 0, ""},
		{"wait=-1", 0, ""},
		{"wait=+1", 0, ""},
		{"wait=1.5", 0, ""},
		{"wait=1s", 0, ""},
		{"wait=٣", 0, ""},
		{"waiting=3", 0, ""},
		{`"wait=3`, 0, ""},
		{",,;,=", 0, ""},
		{"", 0, ""},
	} {
		p := preferenceOf(http.Header{"Prefer": strings.Split(tt.lines, "|")})
		if p.wait != time.Duration(tt.wait)*time.Second || p.applied() != tt.applied {
			t.Errorf("%q: %v, %q; want %d s, %q", tt.lines, p.wait, p.applied(), tt.wait, tt.applied)
		}
	}
	if p := preferenceOf(http.Header{}); p.given {
		t.Error("no header, but a preference")
	}
}

// FuzzPreference: nothing panics, and nothing exceeds the limit.
func FuzzPreference(f *testing.F) {
	for _, s := range []string{"wait=5", `a="b;c,`, `\`, `x="\`, "wait=1;;,", "respond-async, wait=10", "wait=99999999999999999999", "wait=-1", `wait="5"`, "WAIT = 5 ; x", "wait=5, wait=9", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		p := preferenceOf(http.Header{"Prefer": {line}})
		if p.wait < 0 || p.wait > maxWait || p.wait%time.Second != 0 || p.wait > 0 && !p.given {
			t.Fatalf("%q: %+v", line, p)
		}
		// What is told to have been applied is what was, and the first of several counts.
		if again := preferenceOf(http.Header{"Prefer": {p.applied(), "wait=3"}}); p.given && again != p || !p.given && again.wait != 3*time.Second {
			t.Fatalf("%q: %+v, then %+v", line, p, again)
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []string
		key    string
		ok     bool
	}{
		{nil, "", true},
		{[]string{"k"}, "k", true},
		{[]string{`"8e03978e-40d5-43dd-bc93-6894a57f9324"`}, `"8e03978e-40d5-43dd-bc93-6894a57f9324"`, true},
		{[]string{strings.Repeat("k", 255)}, strings.Repeat("k", 255), true},
		{[]string{strings.Repeat("k", 256)}, "", false},
		{[]string{""}, "", false},
		{[]string{"a b"}, "", false},
		{[]string{"a\tb"}, "", false},
		{[]string{"ä"}, "", false},
		{[]string{"\x7f"}, "", false},
		{[]string{"a", "b"}, "", false},
	} {
		key, err := idempotencyKey(http.Header{"Idempotency-Key": tt.values})
		if key != tt.key || (err == nil) != tt.ok {
			t.Errorf("%q: %q, %v", tt.values, key, err)
		}
		if err != nil && problemOf(err).Field != "Idempotency-Key" {
			t.Errorf("%q: %v", tt.values, problemOf(err))
		}
	}
}
