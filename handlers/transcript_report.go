package handlers

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"holdfast/handlers/redact"
	"holdfast/store"
	"holdfast/store/pii"
)

// TranscriptReport does transcript:report: it keeps what a reader found wrong in a transcript, and counts it.
type TranscriptReport struct {
	Keys    *pii.Keyring
	Metrics *RedactionMetrics // nil: counted nowhere
}

// The kinds of a report.
const (
	reportMissed = "missed" // personal data was left in the text
	reportFalse  = "false"  // something was taken out that was none
)

// ReportBody says what is wrong: POST …/transcripts/{id}/reports. Start and end are bytes of the text as it was returned,
// end exclusive.
type ReportBody struct {
	Kind  string `json:"kind" enum:"missed,false"`
	Start *int   `json:"start"`
	End   *int   `json:"end"`
	Type  string `json:"type,omitempty"`
}

// ReportRef is what a request to report holds: the report, what it is of and who made it.
type ReportRef struct {
	Transcript uuid.UUID  `json:"transcript"`
	Actor      string     `json:"actor"` // the API key's id
	Report     ReportBody `json:"report"`
}

// ReportView is a report as answers show it.
type ReportView struct {
	ID         uuid.UUID `json:"id"`
	Transcript uuid.UUID `json:"transcript"`
	Kind       string    `json:"kind" enum:"missed,false"`
	Start      int       `json:"start"`
	End        int       `json:"end"`
	Type       *string   `json:"type"`
	CreatedAt  time.Time `json:"created_at"`
}

// Check finds the first field that breaks a rule that needs no text.
func (b ReportBody) Check() *Problem {
	switch {
	case b.Kind == "":
		return NewProblem("missing-field", "kind", "missed or false")
	case b.Kind != reportMissed && b.Kind != reportFalse:
		return NewProblem("invalid-request", "kind", "missed or false")
	case b.Start == nil:
		return NewProblem("missing-field", "start", "the first byte of the text that it is about")
	case b.End == nil:
		return NewProblem("missing-field", "end", "the byte behind the last one that it is about")
	}
	if _, known := redact.ParseType(b.Type); b.Type != "" && !known {
		return NewProblem("invalid-request", "type", "as in redactions, such as PHONE_NUMBER")
	}
	return nil
}

// Answer does the task.
func (h *TranscriptReport) Answer(ctx context.Context, tx *store.Tx, _ store.Opened, ref ReportRef) (store.Answer, error) {
	r, t, err := ResolveReport(ctx, tx, h.Keys, ref)
	if err != nil {
		return store.Answer{}, err
	}
	if r.ID, err = uuid.NewV7(); err != nil {
		return store.Answer{}, err
	}
	if err := store.InsertTranscriptReport(ctx, tx, &r); err != nil {
		return store.Answer{}, err
	}
	h.Metrics.reported(r.Kind, r.Type)
	v := ReportView{ID: r.ID, Transcript: r.Transcript, Kind: r.Kind, Start: r.From, End: r.To,
		CreatedAt: r.CreatedAt.In(store.Resource{TimeZone: t.TimeZone}.Zone()).Truncate(time.Millisecond)}
	if r.Type != "" {
		v.Type = &r.Type
	}
	return answer(201, v), nil
}

// ResolveReport holds a report against the text that it is about. A false one is about a redaction, which says its type
// itself. What is wrong is a *store.Refusal. The ingress asks it before anything is written, and the task again.
func ResolveReport(ctx context.Context, tx *store.Tx, k *pii.Keyring, ref ReportRef) (r store.TranscriptReport, t store.Transcript, err error) {
	if t, err = store.LoadTranscript(ctx, tx, k, ref.Transcript); err != nil {
		return r, t, err
	}
	text, from, to := t.Text.Reveal(), *ref.Report.Start, *ref.Report.End
	r = store.TranscriptReport{Transcript: t.ID, Kind: ref.Report.Kind, Type: ref.Report.Type, From: from, To: to, Actor: ref.Actor}
	if from < 0 || from >= len(text) || !utf8.RuneStart(text[from]) {
		return r, t, invalid("start", fmt.Sprintf("want 0 to %d, where a character of the text begins", len(text)-1))
	}
	if to <= from || to > len(text) || to < len(text) && !utf8.RuneStart(text[to]) {
		return r, t, invalid("end", fmt.Sprintf("want more than start and at most %d, where a character of the text ends", len(text)))
	}
	if r.Kind == reportMissed {
		return r, t, nil
	}
	found := replaced(text[from:to])
	switch {
	case found == "":
		return r, t, invalid("start", "want a redaction as [PHONE_NUMBER], from its first byte to its last")
	case r.Type != "" && r.Type != found:
		return r, t, invalid("type", "the redaction is of another type")
	}
	r.Type = found
	return r, t, nil
}

func invalid(field, rule string) error {
	return &store.Refusal{Kind: "invalid-request", Field: field, Detail: rule}
}

// replaced is the type that a redaction names, as [PHONE_NUMBER] or [PHONE_NUMBER:*0142]; "" when the span is none.
func replaced(span string) string {
	inner, opened := strings.CutPrefix(span, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	name, _, _ := strings.Cut(inner, ":")
	if _, known := redact.ParseType(name); !opened || !closed || !known || strings.ContainsAny(inner, "[]") {
		return ""
	}
	return name
}
