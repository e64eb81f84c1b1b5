package ingress

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/handlers/redact/redacttest"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
)

// bare is an ingress without servers behind it: what decodes needs none, once org and clock are known.
func bare(t testing.TB) *Ingress {
	t.Helper()
	k, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := pii.NewKeyring(k)
	if err != nil {
		t.Fatal(err)
	}
	in := &Ingress{keys: keys, public: publicURL, orgs: newCache[uuid.UUID, store.Org](believeOrg), clock: &clock{measured: time.Now().AddDate(1, 0, 0)}}
	in.orgs.put(fuzzOrg, store.Org{Region: "US", TimeZone: "America/New_York"}, time.Now().AddDate(1, 0, 0))
	return in
}

var fuzzOrg = uuid.MustParse(exampleIDs["org"].(string))

// decoder is how the body of an operation is read, with an example of it. It returns what is then worked with.
type decoder struct {
	example any
	read    func(in *Ingress, raw []byte) (any, error)
}

// decoders are those of all operations that take a JSON body, by operation.
var decoders = func() map[string]decoder {
	of := func(read func(in *Ingress, raw []byte) (submission, error)) func(*Ingress, []byte) (any, error) {
		return func(in *Ingress, raw []byte) (any, error) {
			s, err := read(in, raw)
			return s.body, err
		}
	}
	return map[string]decoder{
		opBook.id:   {exampleBooking, of(func(in *Ingress, raw []byte) (submission, error) { return in.book(contextOf(), fuzzOrg, raw) })},
		opVerify.id: {exampleCode, of(func(_ *Ingress, raw []byte) (submission, error) { return verify(fuzzOrg, raw) })},
		opResend.id: {exampleResend, of(func(in *Ingress, raw []byte) (submission, error) {
			return in.resend(contextOf(), fuzzOrg, fuzzOrg, raw)
		})},
		opReschedule.id: {exampleReschedule, of(func(in *Ingress, raw []byte) (submission, error) { return in.reschedule(fuzzOrg, raw) })},
		opMark.id:       {exampleMark, of(func(_ *Ingress, raw []byte) (submission, error) { return mark(fuzzOrg, raw) })},
		opBlock.id:      {exampleBlock, of(func(_ *Ingress, raw []byte) (submission, error) { return block(raw) })},
		opTranscript.id: {exampleTranscript, of(func(in *Ingress, raw []byte) (submission, error) { return in.transcript(raw) })},
		opReport.id: {exampleReport, func(in *Ingress, raw []byte) (any, error) {
			s, err := in.report(fuzzOrg, fuzzOrg, raw)
			if err != nil {
				return nil, err
			}
			return s.body.(handlers.ReportRef).Report, nil
		}},
		opEvents.id: {exampleEvent, of(func(in *Ingress, raw []byte) (submission, error) { return in.ofEvent(contextOf(), fuzzOrg, raw) })},
		opSetSettings.id: {exampleSetSettings, func(_ *Ingress, raw []byte) (any, error) {
			if _, err := decode[map[string]json.RawMessage](raw, ""); err != nil {
				return nil, err
			}
			return settings.Parse(raw, "US", settings.Installation{})
		}},
	}
}()

// TestEveryBodyIsFuzzed: what takes a JSON body stands in the table.
func TestEveryBodyIsFuzzed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	others := []string{opTwilioStatus.id, opTwilioInbound.id, opVapi.id, opRetell.id} // FuzzTwilioForm, FuzzVapi, FuzzRetell
	for path, item := range r.in.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil || op.RequestBody == nil || slices.Contains(others, op.OperationID) {
				continue
			}
			if _, ok := decoders[op.OperationID]; !ok {
				t.Errorf("%s %s (%s): no fuzz test reads its body", op.Method, path, op.OperationID)
			}
		}
	}
}

// nasty are bodies that somebody might send, around the one that is right.
func nasty(example any) (all []string) {
	raw, err := json.Marshal(example)
	if err != nil {
		return nil
	}
	good := string(raw)
	all = []string{good, "", "{", "null", "[]", `"x"`, "7", "{}", good + "{}", " " + good + "\n", strings.Repeat("[", 200), "\ufeff" + good, "\xff\xfe{}"}
	for _, change := range [][2]string{
		{`":"`, `":"\u202e`}, {`":"`, `":"\udb40\udd01`}, {`":"`, `":"\u0000`}, {`":"`, `":"\ud83d`}, {`":"`, "\":\"\xc0\xaf"}, {`":"`, `":1e400,"x":"`}, {`":"`, `":null,"x":"`}, {`":"`, `":{},"x":"`},
		{`{"`, `{"x":1,"x":2,"`}, {`{"`, `{"X":{"+15550100042":1},"x":2,"`}, {`":"`, `":"` + strings.Repeat("é", 300)}, {`"}`, `","zzz":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}`},
	} {
		parts := strings.Split(good, change[0])
		for i := 1; i < len(parts); i++ { // in each place by itself
			all = append(all, strings.Join(parts[:i], change[0])+change[1]+strings.Join(parts[i:], change[0]))
		}
	}
	return all
}

var (
	digitRun = regexp.MustCompile(`[0-9]{5,}`)
	// ruleNumbers stand in rules themselves.
	ruleNumbers = []string{"12000", "60000", "10000", "10080", "1000000", "200000"}
)

// refused holds an error to what is promised of all: it is a problem of a known kind, which names a field where one can be
// named, and quotes nothing.
func refused(t *testing.T, raw string, err error) {
	t.Helper()
	p := problemOf(err)
	var invalid settings.Invalid
	if errors.As(err, &invalid) {
		p = withHeaders(handlers.InvalidSettings(invalid))
	}
	kind := strings.TrimPrefix(p.Type, handlers.ProblemBase)
	if _, ok := handlers.ProblemKinds[kind]; !ok || p.Status < 400 || p.Status > 499 {
		t.Fatalf("%q: %v is %+v", raw, err, p.Problem)
	}
	if p.Status == 422 && p.Field == "" && kind != "invalid-settings" && !errors.As(err, new(*store.Refusal)) {
		t.Fatalf("%q: %+v names no field", raw, p.Problem)
	}
	text, _ := json.Marshal(p)
	for _, run := range digitRun.FindAllString(string(text), -1) {
		if !slices.Contains(ruleNumbers, run) {
			t.Fatalf("%q: %s quotes digits", raw, text)
		}
	}
	if strings.ContainsFunc(p.Field+p.Detail, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError }) {
		t.Fatalf("%q: %q quotes its input", raw, text)
	}
}

// FuzzBodies reads the body of each operation, as its route does. What is taken reads the same when it is written and read
// again, and has nothing unseen in its texts.
func FuzzBodies(f *testing.F) {
	ids := make([]string, 0, len(decoders))
	for id := range decoders {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		for _, raw := range nasty(decoders[id].example) {
			f.Add(uint8(i), []byte(raw))
		}
	}
	examples, err := filepath.Glob("../../../docs/examples/*.http")
	if err != nil || len(examples) == 0 {
		f.Fatal("no examples")
	}
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "\n\n")
		for i := range ids {
			f.Add(uint8(i), []byte(strings.ReplaceAll(body, "{{start}}", "2026-11-24T15:00")))
		}
	}
	in := bare(f)
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		id := ids[int(which)%len(ids)]
		d := decoders[id]
		body, err := d.read(in, raw)
		if err != nil {
			refused(t, string(raw), err)
			return
		}
		if body == nil && len(raw) > 0 {
			t.Fatalf("%s: %q says nothing", id, raw)
		}
		once, err := json.Marshal(body)
		if err != nil {
			t.Fatalf("%s: %q: %v", id, raw, err)
		}
		if id == opEvents.id { // what it holds is the body of another route
			id = ofBody(body)
			if d = decoders[id]; id == "" {
				return
			}
		}
		again, err := d.read(in, once)
		if err != nil {
			t.Fatalf("%s: %q became %s: %v", id, raw, once, problemOf(err).Problem)
		}
		if twice, _ := json.Marshal(again); string(twice) != string(once) {
			t.Fatalf("%s: %q became %s, then %s", id, raw, once, twice)
		}
		for _, s := range textsOf(body) {
			if strings.ContainsFunc(s, func(r rune) bool {
				return redacttest.Hidden(r) || unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r)
			}) {
				t.Fatalf("%s: %q became %q", id, raw, s)
			}
		}
	})
}

// ofBody is the operation whose body it is.
func ofBody(body any) string {
	switch body.(type) {
	case handlers.BookingBody:
		return opBook.id
	case handlers.CodeBody:
		return opVerify.id
	case handlers.TranscriptBody:
		return opTranscript.id
	}
	return "" // to cancel, there is nothing to say
}

// textsOf are what people have written of a body.
func textsOf(body any) []string {
	switch b := body.(type) {
	case handlers.BookingBody:
		return []string{b.Customer.Name, b.Notes, b.Resource, b.Service, b.Start, b.Customer.Locale, b.Customer.TimeZone}
	case handlers.BlockBody:
		return []string{b.Resource, b.Reason, b.Start, b.End}
	case handlers.RescheduleBody:
		return []string{b.Start}
	case handlers.TranscriptBody:
		return []string{b.CallID, b.Text}
	}
	return nil
}
