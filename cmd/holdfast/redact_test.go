package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// redacted runs the command on input.
func redacted(t *testing.T, input string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, complaints bytes.Buffer
	getenv := func(string) (string, bool) { return "", false }
	err = run(t.Context(), append([]string{"redact"}, args...), getenv, strings.NewReader(input), &out, &complaints)
	return out.String(), complaints.String(), err
}

// TestRedactLines: a line for each line, ids as they came, offsets in bytes of the text.
func TestRedactLines(t *testing.T) {
	in := `{"id":"a","text":"Ré 😀: call 202-555-0142, not at 10:15"}
{"text":"caf\u00e9 ana@example.com","id":{"n": 1.00e400, "s":"<é\u00e9>"}}

{"id":7,"text":"Ana called on 11/24/2026"}
{"id":null,"text":"Phone: 020 7946 0018","region":"GB","more":true}
{"text":""}`
	want := `{"id":"a","unit":"byte","spans":[{"start":15,"end":27,"type":"PHONE_NUMBER"}]}
{"id":{"n":1.00e400,"s":"<é\u00e9>"},"unit":"byte","spans":[{"start":6,"end":21,"type":"EMAIL"}]}
{"id":7,"unit":"byte","spans":[{"start":0,"end":3,"type":"NAME"}]}
{"id":null,"unit":"byte","spans":[{"start":7,"end":20,"type":"PHONE_NUMBER"}]}
{"id":null,"unit":"byte","spans":[]}
`
	if out, complaints, err := redacted(t, in, "--names", "Ana"); err != nil || out != want || complaints != "" {
		t.Errorf("%v %s\n got %s\nwant %s", err, complaints, out, want)
	}
	strict := `{"id":7,"unit":"byte","spans":[{"start":14,"end":24,"type":"DATE"}]}`
	if out, _, err := redacted(t, in, "--policy", "strict"); err != nil || !strings.Contains(out, strict) {
		t.Errorf("%v\n got %s\nwant %s", err, out, strict)
	}
}

// TestRedactBadLines: a line that cannot be read is told by its number alone, the others are answered, and it fails.
func TestRedactBadLines(t *testing.T) {
	good := `{"id":1,"text":"none"}`
	answer := `{"id":1,"unit":"byte","spans":[]}` + "\n"
	for bad, why := range map[string]string{
		`call 202-555-0142`:                           "want a JSON object",
		`["202-555-0142"]`:                            "want a JSON object",
		`{"id":1,"text":"202-555-0142"`:               "want a JSON object",
		`{"id":1,"text":"x"} {"id":2,"text":"y"}`:     "want a JSON object",
		`{"id":1,"text":["202-555-0142"]}`:            "text: want a string",
		`{"id":1,"txt":"202-555-0142"}`:               "text: want a string",
		`{"id":1,"text":null}`:                        "text: want a string",
		`{"id":1,"text":"x","region":"202-555-0142"}`: "region: want an ISO 3166 region, as US",
		`{"id":1,"text":"x","region":1}`:              "region: want an ISO 3166 region, as US",
		"{\"id\":1,\"text\":\"\xff 202-555-0142\"}":   "not UTF-8",
	} {
		out, complaints, err := redacted(t, good+"\n"+bad+"\n"+good)
		if !errors.Is(err, errFailed) || out != answer+answer || complaints != "holdfast: line 2: "+why+"\n" {
			t.Errorf("%.60q: %v %q\n%s", bad, err, complaints, tail(out, 300))
		}
	}
	if _, _, err := redacted(t, good, "--region", "Texas"); err == nil || !strings.Contains(err.Error(), "--region: want an ISO 3166 region") {
		t.Error(err)
	}
	if _, _, err := redacted(t, good, "--text", "--explain"); err == nil {
		t.Error("--text with --explain was taken")
	}
}

// TestReadLine: a line may be as long as the limit, also with an end of two bytes and over many reads; a longer one is
// passed over as a whole, and the next is as it is.
func TestReadLine(t *testing.T) {
	limit := strings.Repeat("5", 100)
	for in, want := range map[string][]string{
		limit + "\n" + limit + "\r\n" + limit: {limit + "\n", limit + "\r\n", limit},
		limit + "5\nnext\n":                   {"too long", "next\n", ""},
		strings.Repeat(limit, 10) + "\nnext":  {"too long", "next"},
		"first\n" + strings.Repeat(limit, 10): {"first\n", "too long", ""},
		"":                                    {""},
		"\n\n":                                {"\n", "\n", ""},
		strings.Repeat(limit, 2) + "\r\n" + limit + "5": {"too long", "too long", ""},
	} {
		r := bufio.NewReaderSize(strings.NewReader(in), 16)
		var got []string
		var err error
		for err == nil {
			var line []byte
			line, err = readLine(r, nil, len(limit))
			if errors.Is(err, errLong) {
				line, err = []byte("too long"), nil
			}
			got = append(got, string(line))
		}
		if !errors.Is(err, io.EOF) || !slices.Equal(got, want) {
			t.Errorf("%q: %v\n got %q\nwant %q", in, err, got, want)
		}
	}
}

// TestRedactLongLine: what is longer than 16 MiB is told like any other bad line.
func TestRedactLongLine(t *testing.T) {
	out, complaints, err := redacted(t, strings.Repeat("5", maxLine+1)+"\n"+`{"id":1,"text":""}`)
	if !errors.Is(err, errFailed) || complaints != "holdfast: line 1: longer than 16 MiB\n" || !strings.HasPrefix(out, `{"id":1,`) {
		t.Errorf("%v %q %s", err, complaints, tail(out, 300))
	}
}

// TestRedactExplain tells why each candidate is personal data, or is not.
func TestRedactExplain(t *testing.T) {
	out, _, err := redacted(t, `{"id":1,"text":"order 4155550142, call 202-555-0142"}`, "--explain")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"candidates":[`, `{"start":6,"end":16,"type":"PHONE_NUMBER","rule":"`, `"found":false,"why":"`,
		`{"start":23,"end":35,"type":"PHONE_NUMBER","rule":"`, `"found":true,"why":"`, `"confidence":9`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	if out, _, err := redacted(t, `{"id":1,"text":""}`, "--explain"); err != nil || !strings.Contains(out, `"candidates":[]`) {
		t.Errorf("%v %s", err, out)
	}
}

// TestRedactText replaces what it finds and leaves every other byte as it is, also such that are no text.
func TestRedactText(t *testing.T) {
	in := "Ana, at 10:15:\tcall two oh two five five five oh one four two.\r\n\xff\x00 ana@example.com"
	want := "[NAME], at 10:15:\tcall [PHONE_NUMBER].\r\n\xff\x00 [EMAIL]"
	if out, complaints, err := redacted(t, in, "--text", "--names", "Ana Lee"); err != nil || out != want || complaints != "" {
		t.Errorf("%v %s\n got %q\nwant %q", err, complaints, out, want)
	}
}

// endless is a text of n bytes, which notes what is kept in memory while it is read.
type endless struct {
	n    int
	kept uint64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	if e.n>>20 != (e.n-len(p))>>20 {
		e.kept = max(e.kept, kept())
	}
	e.n -= len(p)
	const text = "nothing to see here, come at ten; call 202-555-0142 when you are there. "
	for i := range p {
		p[i] = text[i%len(text)]
	}
	return len(p), nil
}

// kept is what is in use, in bytes.
func kept() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestRedactTextInConstantMemory: the text is three times what memory may grow by, and is one line.
func TestRedactTextInConstantMemory(t *testing.T) {
	if _, _, err := redacted(t, "once, for what is made once", "--text"); err != nil {
		t.Fatal(err)
	}
	before := kept()
	in := &endless{n: 6 << 20}
	getenv := func(string) (string, bool) { return "", false }
	if err := run(t.Context(), []string{"redact", "--text"}, getenv, in, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if grown := int64(in.kept) - int64(before); grown > 2<<20 {
		t.Errorf("%d KiB more are kept", grown>>10)
	}
}

// TestRedactAnswersAtOnce: whoever writes a line and waits gets its answer, and an interrupt ends it, though stdin is open.
func TestRedactAnswersAtOnce(t *testing.T) {
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, "redact")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string)
	go func() {
		defer close(answers)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			answers <- s.Text()
		}
	}()
	for _, part := range []string{`{"id":1,"text":"a"}` + "\n", `{"id":2,"text":"b"}` + "\n" + `{"id":3,`} { // the third is not whole yet
		if _, err := io.WriteString(stdin, part); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-answers:
			if !strings.Contains(got, `"unit":"byte","spans":[]`) {
				t.Errorf("%s: %s", part, got)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no answer to %s", part)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case got, more := <-answers:
		if more {
			t.Errorf("one more answer: %s", got)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("an interrupt does not end it")
	}
	if err := cmd.Wait(); err == nil {
		t.Error("interrupted, it says that all is well")
	}
}
