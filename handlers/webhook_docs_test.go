package handlers

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
	"holdfast/tasks"
)

var update = flag.Bool("update", false, "write golden files")

// TestWebhookDocs keeps what docs/webhooks.md shows to what is sent: an example of each event, and the schedule.
func TestWebhookDocs(t *testing.T) {
	t.Parallel()
	const path, open, end = "../docs/webhooks.md", "<!-- events -->\n", "<!-- /events -->"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), open)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no %s… %s", path, open, end)
	}
	var b strings.Builder
	for _, event := range settings.Defaults("US", settings.Installation{}).Endpoint.Events {
		body, err := json.MarshalIndent(ViewEvent(exampleEvent(strings.TrimPrefix(event, "booking."))), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "```json\n%s\n```\n\n", body)
	}
	want := head + open + b.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(page) != want {
		t.Error("the examples are stale; see whether they should change, then go test -update")
	}

	waits := make([]string, tasks.WebhookDeliver.MaxAttempts-1)
	for i := range waits {
		waits[i] = strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(tasks.DeliverAfter(i).String())
	}
	if schedule := strings.Join(waits, ", "); !strings.Contains(want, "after "+schedule) {
		t.Errorf("the page does not say: after %s", schedule)
	}
}

// exampleEvent is an event of a booking as it is soon after.
func exampleEvent(kind string) store.Told {
	at := time.Date(2026, 11, 20, 14, 0, 0, 120e6, time.UTC)
	start := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	confirmed := at.Add(72 * time.Second)
	b := store.Booking{
		ID: uuid.MustParse("0190a111-2222-7333-8444-555566667777"), ResourceID: uuid.MustParse("0190a000-0000-7000-8000-0000000000c1"),
		CustomerID: uuid.MustParse("0190a111-2222-7333-8444-5555666677c2"), State: store.BookingHeld, CodeState: "pending",
		Span: calendar.Span{Start: start, End: start.Add(30 * time.Minute)}, HoldExpires: at.Add(5 * time.Minute),
		CreatedAt: at, TimeZone: "America/New_York", PhoneLast2: "61",
	}
	switch kind {
	case "confirmed":
		at = confirmed
		b.State, b.CodeState, b.ConfirmedAt = store.BookingConfirmed, "verified", &confirmed
	case "expired":
		at = b.HoldExpires.Add(4 * time.Second)
		b.State, b.CodeState = store.BookingExpired, "sent"
	case "canceled":
		at = at.Add(2 * time.Hour)
		b.State, b.CodeState, b.ConfirmedAt = store.BookingCanceled, "verified", &confirmed
	case "rescheduled":
		at = at.Add(3 * time.Hour)
		b.State, b.CodeState, b.ConfirmedAt = store.BookingConfirmed, "verified", &confirmed
		b.Span = calendar.Span{Start: start.Add(24 * time.Hour), End: start.Add(24*time.Hour + 30*time.Minute)}
	case "completed", "no_show":
		at = start.Add(31 * time.Minute)
		b.State, b.CodeState, b.ConfirmedAt = kind, "verified", &confirmed
	case "unreachable":
		at = at.Add(6 * time.Second)
		b.CodeState = "revoked"
	}
	if kind == store.KindReply {
		return store.Told{Kind: kind, At: at.Add(4 * time.Minute), Reply: &store.ToldReply{ID: uuid.MustParse("0190a111-3333-7444-8555-666677778888"),
			Booking: uuid.NullUUID{UUID: b.ID, Valid: true}, Customer: uuid.NullUUID{UUID: b.CustomerID, Valid: true}, PhoneLast2: b.PhoneLast2,
			Intent: "unknown", Text: pii.NewText("can I bring my dog? my other number is [PHONE_NUMBER]")}}
	}
	return store.Told{Kind: kind, At: at, Booking: b}
}
