package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"holdfast/handlers/redact"
)

type redactCmd struct {
	Text    bool     `xor:"form" help:"Stdin is plain text of any length: write it to stdout with its personal data replaced, as by [PHONE_NUMBER]."`
	Explain bool     `xor:"form" help:"Add candidates to each result: what was looked at, by which rule, and why it is personal data or not."`
	Policy  string   `enum:"booking,strict" default:"booking" help:"booking leaves dates, times and addresses; strict takes addresses, dates, URLs and ages over 89 too."`
	Region  string   `default:"US" help:"Country (ISO 3166) whose phones are written without a country code; a line's own region goes before it."`
	Names   []string `placeholder:"NAME" help:"Names that are known, as of the customer; each word of them counts."`
}

// Help is what `holdfast redact --help` adds to the flags.
func (*redactCmd) Help() string {
	return `Stdin is a JSON object a line, {"id": …, "text": "…", "region": "GB"}; region may be left out, and id is anything. Each is answered
with a line {"id": …, "unit": "byte", "spans": [{"start": 5, "end": 17, "type": "PHONE_NUMBER"}]}; end is exclusive. A line
that cannot be read is told on stderr by its number, and the exit status is 1 after all others have been answered.`
}

// maxLine is the longest line that is read, in bytes; memory stays within a small multiple of it.
const maxLine = 16 << 20

// Run redacts until stdin ends.
func (c *redactCmd) Run(e *env) error {
	engines := engines{policy: redact.Policy{Name: c.Policy}}
	engine, err := engines.of(c.Region)
	if err != nil {
		return fmt.Errorf("--region: %w", err)
	}
	out := bufio.NewWriterSize(e.stdout, 64<<10)
	in := prompt{e.stdin, out}
	done := make(chan error, 1)
	go func() { // a read from a terminal cannot be interrupted, but left
		if c.Text {
			done <- errors.Join(c.stream(in, out, engine), out.Flush())
		} else {
			l := lines{cmd: c, engines: engines, out: json.NewEncoder(out), stderr: e.stderr}
			l.out.SetEscapeHTML(false)
			done <- errors.Join(l.answer(in), out.Flush())
		}
	}()
	select {
	case err := <-done:
		return err
	case <-e.ctx.Done():
		return e.ctx.Err()
	}
}

// stream redacts plain text as it comes. A word whose meaning depends on the next ones waits for them.
func (c *redactCmd) stream(in io.Reader, out io.Writer, engine *redact.Engine) error {
	w := engine.NewWriter(out, redact.Key(rand.Text()), nil, c.Names...)
	_, err := io.Copy(w, in)
	return errors.Join(err, w.Close())
}

// prompt is an input that is not waited for with answers still held back.
type prompt struct {
	io.Reader
	out *bufio.Writer
}

// Read flushes what has been answered, then reads.
func (p prompt) Read(b []byte) (int, error) {
	if err := p.out.Flush(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

// engines are compiled once for each region that is asked for. Only regions that exist have one, so there are few.
type engines struct {
	policy redact.Policy
	region map[string]*redact.Engine
}

func (s *engines) of(region string) (*redact.Engine, error) {
	if engine, ok := s.region[region]; ok {
		return engine, nil
	}
	p := s.policy
	p.Region = region
	engine, err := p.Compile()
	if err != nil {
		return nil, err
	}
	if s.region == nil {
		s.region = make(map[string]*redact.Engine)
	}
	s.region[region] = engine
	return engine, nil
}

// lines answers JSON lines.
type lines struct {
	cmd     *redactCmd
	engines engines
	out     *json.Encoder
	stderr  io.Writer
	found   []redact.Span
}

// Why a line has no answer. What stands in it is never told: it may be what is to be hidden.
var (
	errLong   = errors.New("longer than 16 MiB")
	errUTF8   = errors.New("not UTF-8")
	errObject = errors.New("want a JSON object")
	errText   = errors.New("text: want a string")
	errRegion = errors.New("region: want an ISO 3166 region, as US")
)

// answer reads to the end of in. Lines that cannot be read make it fail in the end.
func (l *lines) answer(in io.Reader) error {
	r := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	var bad, end error
	for n := 1; end == nil; n++ {
		line, end = readLine(r, line[:0], maxLine)
		if end != nil && !errors.Is(end, io.EOF) && !errors.Is(end, errLong) {
			return fmt.Errorf("line %d: %w", n, end)
		}
		why := error(nil)
		if errors.Is(end, errLong) {
			why, end = errLong, nil
		} else if len(bytes.TrimSpace(line)) > 0 {
			var res result
			if res, why = l.result(line); why == nil {
				if err := l.out.Encode(res); err != nil {
					return err
				}
			}
		}
		if why != nil {
			bad = errFailed
			fmt.Fprintf(l.stderr, "holdfast: line %d: %v\n", n, why)
		}
	}
	return bad
}

// readLine appends the next line to line. One that is longer than limit, not counting its end, is passed over.
func readLine(r *bufio.Reader, line []byte, limit int) ([]byte, error) {
	long := false
	for {
		part, err := r.ReadSlice('\n')
		long = long || len(line)+len(bytes.TrimRight(part, "\r\n")) > limit
		if !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case long && (err == nil || errors.Is(err, io.EOF)):
			return line[:0], errLong
		default:
			return line, err
		}
	}
}

// request is a line of the input.
type request struct {
	ID     json.RawMessage `json:"id"`
	Text   *string         `json:"text"`
	Region string          `json:"region"`
}

// result is a line of the output.
type result struct {
	ID         json.RawMessage `json:"id"`
	Unit       string          `json:"unit"`
	Spans      []span          `json:"spans"`
	Candidates *[]candidate    `json:"candidates,omitempty"`
}

type span struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Type  string `json:"type"`
}

// candidate is what --explain tells of a place.
type candidate struct {
	span
	Rule       string `json:"rule"`
	Confidence uint8  `json:"confidence"` // percent
	Found      bool   `json:"found"`
	Why        string `json:"why"`
}

func (l *lines) result(line []byte) (result, error) {
	if !utf8.Valid(line) { // the decoder would put in U+FFFD, and the offsets would be another text's
		return result{}, errUTF8
	}
	var q request
	if err := json.Unmarshal(line, &q); err != nil {
		if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			switch t.Field {
			case "text":
				return result{}, errText
			case "region":
				return result{}, errRegion
			}
		}
		return result{}, errObject
	}
	if q.Text == nil {
		return result{}, errText
	}
	if q.Region == "" {
		q.Region = l.cmd.Region
	}
	engine, err := l.engines.of(q.Region)
	if err != nil {
		return result{}, errRegion
	}
	l.found = engine.Find(l.found[:0], *q.Text, l.cmd.Names...)
	r := result{ID: q.ID, Unit: "byte", Spans: make([]span, 0, len(l.found))}
	for _, f := range l.found {
		r.Spans = append(r.Spans, span{f.Start, f.End, f.Type.String()})
	}
	if l.cmd.Explain {
		all := []candidate{}
		for _, c := range engine.Explain(*q.Text, l.cmd.Names...) {
			all = append(all, candidate{span{c.Start, c.End, c.Type.String()}, c.Rule.Name, c.Rule.Confidence, c.Found, c.Why})
		}
		r.Candidates = &all
	}
	return r, nil
}
