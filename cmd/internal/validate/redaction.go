package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"holdfast/store"
)

var redactionChecks = []check{
	{name: "redact-ordinary", promise: "dates, times, addresses and prices stay in a transcript", run: redactOrdinary},
	{name: "redact-phones", promise: "phones are taken out of a transcript, written and spoken", run: redactPhones},
	{name: "redact-trail", promise: "each redaction of a transcript and of notes has its audit row", needs: []need{needAuditor}, run: redactTrail},
	{name: "redact-token", promise: "one number is one token, written and spoken, from the moment that the org wants tokens", alone: true, run: redactToken},
}

func needAuditor(s *system) string {
	if s.AuditURL == "" {
		return "the database was not given, and no answer shows the rows"
	}
	return ""
}

// transcript has a text redacted, and reads back what is left of it.
func (s *system) transcript(ctx context.Context, text string) (transcriptView, error) {
	a, err := s.write(ctx, http.MethodPost, s.api.route("/transcripts"), map[string]string{"call_id": "validate-" + uuid.NewString(), "text": text})
	if err != nil || a.status != http.StatusCreated {
		return transcriptView{}, or(err, fmt.Sprintf("a transcript: %v, want 201", a))
	}
	return get[transcriptView](ctx, s.api, s.api.route("/transcripts/"+read[transcriptView](a).ID))
}

func redactOrdinary(ctx context.Context, s *system) (string, error) {
	set, err := get[settingsView](ctx, s.api, s.api.route("/settings"))
	if err != nil {
		return "", err
	}
	if set.Redaction.Policy == "strict" {
		return "", &cannot{"the org's policy is strict, which takes dates and addresses too"}
	}
	const text = "Agent: Tuesday, December 1st 2026 at 3:30 pm is free, or 2026-12-02 from 9:00 to 11:30. Caller: last time was 10/14/2026, half past five. " +
		"Agent: it is $120.50, 20% less on the second visit. We are at 1200 North Main Street, Suite 210. Your order is 4471-2093. " +
		"Agente: el martes 1 de diciembre a las tres y media, son 85 euros, en la calle Mayor 12."
	t, err := s.transcript(ctx, text)
	if err != nil {
		return "", err
	}
	if n := total(t.Redactions); t.Text != text || n > 0 {
		return "", fmt.Errorf("of a transcript without personal data %d things were taken out; it came back the same: %v", n, t.Text == text)
	}
	return "dates, times, prices, addresses and an order number came back as they were", nil
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// numbers are phones as people write and say them, each with what must not be left of it.
var numbers = map[string]string{
	"(202) 555-0142": "555-0142", "+1 202 555 0143": "555 0143", "202.555.0144": "555.0144",
	"two oh two, five five five, oh one four five":          "five five five",
	"dos cero dos, cinco cinco cinco, cero uno cuatro seis": "cinco cinco cinco",
}

func redactPhones(ctx context.Context, s *system) (string, error) {
	var b strings.Builder
	for phone := range numbers {
		fmt.Fprintf(&b, "Caller: call me back at %s.\nAgent: thank you.\n", phone)
	}
	t, err := s.transcript(ctx, b.String())
	if err != nil {
		return "", err
	}
	for phone, rest := range numbers {
		if strings.Contains(t.Text, rest) {
			return "", fmt.Errorf("%q, or a part of it, came back", phone)
		}
	}
	if n := t.Redactions["PHONE_NUMBER"]; n != len(numbers) {
		return "", fmt.Errorf("of %d phones %d were counted", len(numbers), n)
	}
	return fmt.Sprintf("%d phones, written and spoken in English and Spanish, are gone", len(numbers)), nil
}

// redactTrail looks where no answer shows it: what the rows of a transcript and of notes say.
func redactTrail(ctx context.Context, s *system) (string, error) {
	t, err := s.transcript(ctx, "Call (202) 555-0142 or write to ana.lee@example.com, on Tuesday.")
	if err != nil {
		return "", err
	}
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	wish := s.wish(day[0].Start, s.phones.fresh())
	wish["notes"] = "Ana says: call 202 555 0142 before noon"
	a, err := s.write(ctx, http.MethodPost, s.api.route("/bookings"), wish)
	if err != nil || a.status != http.StatusCreated {
		return "", or(err, fmt.Sprintf("a booking with notes: %v, want 201", a))
	}
	booking := read[bookingView](a).ID
	s.keep(booking)
	db, err := store.Open(ctx, s.AuditURL, 1)
	if err != nil {
		return "", &cannot{"the database that was given does not answer"}
	}
	defer db.Close()
	for _, of := range []struct {
		source, subject string
		want            []string
	}{
		{store.RedactedTranscript, t.ID, []string{"PHONE_NUMBER", "EMAIL"}},
		{store.RedactedNote, booking, []string{"NAME", "PHONE_NUMBER"}},
	} {
		id, err := uuid.Parse(of.subject)
		if err != nil {
			return "", err
		}
		rows, err := store.FindRedactions(ctx, db, of.source, id)
		if err != nil {
			return "", errors.New("the rows cannot be read: " + store.Safe(err))
		}
		var types []string
		for _, r := range rows {
			types = append(types, r.Type)
		}
		if !slices.Equal(types, of.want) {
			return "", fmt.Errorf("the rows of a %s tell of %v, want %v", of.source, types, of.want)
		}
	}
	return "a transcript and the notes of a booking have 2 rows each, of the types that were taken out", nil
}

var tokens = regexp.MustCompile(`\[PHONE_NUMBER:[^\]]+\]`)

// redactToken sets what the org wants, and then sets what it has wanted before.
func redactToken(ctx context.Context, s *system) (evidence string, err error) {
	before, err := s.api.do(ctx, http.MethodGet, s.api.route("/settings"), nil)
	if err != nil || before.status != http.StatusOK {
		return "", or(err, fmt.Sprintf("GET settings: %v", before))
	}
	var set map[string]json.RawMessage
	var part map[string]any
	if err := errors.Join(json.Unmarshal(before.raw, &set), json.Unmarshal(set["redaction"], &part)); err != nil {
		return "", fmt.Errorf("settings: %w", err)
	}
	part["actions"] = map[string]string{"PHONE_NUMBER": "token"}
	set["redaction"] = asJSON(part)
	a, err := s.api.do(ctx, http.MethodPut, s.api.route("/settings"), set, "If-Match", before.header.Get("ETag"))
	if err != nil || a.status != http.StatusOK {
		return "", or(err, fmt.Sprintf("PUT settings: %v, want 200", a))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
		defer cancel()
		back, failed := s.api.do(ctx, http.MethodPut, s.api.route("/settings"), before.raw, "If-Match", a.header.Get("ETag"))
		if err == nil && (failed != nil || back.status != http.StatusOK) {
			err = or(failed, fmt.Sprintf("the settings of before could not be set again: %v", back))
		}
	}()
	t, err := s.transcript(ctx, "It's (202) 555-0142. I repeat: two oh two, five five five, oh one four two. In full +1 202 555 0142. Or call 202 555 0143.")
	if err != nil {
		return "", err
	}
	found := tokens.FindAllString(t.Text, -1)
	if len(found) != 4 || found[0] != found[1] || found[0] != found[2] || found[0] == found[3] {
		return "", fmt.Errorf("a number three times and another one: %d tokens, %d different, want 4 and 2", len(found), len(slices.Compact(slices.Sorted(slices.Values(found)))))
	}
	again, err := s.transcript(ctx, "(202) 555-0142")
	if err == nil && again.Text != found[0] {
		err = errors.New("another transcript has another token of the same number")
	}
	return "three forms of one number and its return in another transcript are one token, another number another", err
}
