package handlers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/tasks"
)

// A customer misses the code and answers the follow-up, moves the booking, and cancels it: each text, and what the
// timeline tells, in both languages. Nothing is waited for: the clock is moved by hand.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, locale := range []string{"en", "es"} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "2026-11-20 16:00")
			booking := s.story(locale)
			golden := filepath.Join("testdata", "story."+locale+".golden")
			got := s.told(booking)
			if *update {
				s.must(os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			s.must(err)
			if got != string(want) {
				t.Errorf("the story is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// story is told with a time of day at which nobody is texted in the midst of it.
func (s *stage) story(locale string) uuid.UUID {
	s.t.Helper()
	who := CustomerBody{Phone: ana, Name: "Ana Lee", Locale: locale}
	b := s.request(tasks.BookingClaim, BookingBody{Resource: "chair", Service: "cleaning", Start: "2026-11-24T15:00", Customer: who}, uuid.Nil)
	s.expect(b, 201, "held")
	s.note("POST bookings: %s", b.State)
	s.pass(5 * time.Minute)
	s.note("silence: %s", s.booking(b.ID).State)
	s.pass(stageFollowup)
	s.note("two minutes later")
	s.reply(ana, "K")
	s.note("< K: %s", s.booking(b.ID).State)
	s.reply(ana, "k")
	s.note("< k")
	s.until(s.moment("2026-11-23 15:00"))
	s.note("a day before")
	s.expect(s.request(tasks.BookingReschedule, RescheduleBody{Start: "2026-11-25T10:30"}, b.ID), 200, "confirmed")
	s.note("POST reschedule")
	code := s.code(ana)
	s.reply(ana, code)
	s.note("< the code: starts %s", s.booking(b.ID).Span.Start.In(s.zone).Format("Mon 2 Jan 15:04"))
	s.until(s.moment("2026-11-24 10:30"))
	s.note("a day before the new time")
	s.until(s.moment("2026-11-25 08:30"))
	s.note("two hours before")
	s.reply(ana, "C")
	s.note("< C: %s", s.booking(b.ID).State)
	s.reply(ana, "c")
	s.note("< c: %s", s.booking(b.ID).State)
	s.until(s.moment("2026-12-01 12:00"))
	s.note("a week later")
	return b.ID
}

// A follow-up that falls into the night waits for the morning; by then the time is taken, and a digit takes another.
func TestNightStory(t *testing.T) {
	t.Parallel()
	s := newStage(t, "2026-11-20 20:55")
	b := s.request(tasks.BookingClaim, BookingBody{Resource: "chair", Start: "2026-11-23T15:00", Customer: CustomerBody{Phone: ana}, Notes: "first visit"}, uuid.Nil)
	s.expect(b, 201, "held")
	s.pass(10 * time.Minute)
	other := s.request(tasks.BookingClaim, BookingBody{Resource: "chair", Start: "2026-11-23T15:00", Customer: CustomerBody{Phone: bob}}, uuid.Nil)
	s.expect(other, 201, "held")
	s.expect(s.request(tasks.VerificationCheck, CodeBody{Code: s.code(bob)}, other.ID), 200, "confirmed")
	s.until(s.moment("2026-11-21 07:59"))
	if n := len(s.sim.Messages(ana)); n != 1 {
		t.Fatalf("%d texts in the night, want the code alone", n)
	}
	s.until(s.moment("2026-11-21 08:01"))
	all := s.sim.Messages(ana)
	if len(all) != 2 || !strings.Contains(all[1].Body, "is taken") {
		t.Fatalf("in the morning: %d texts, %q", len(all), all[len(all)-1].Body)
	}
	s.reply(ana, "2")
	got := s.booking(b.ID)
	if at := got.Span.Start.In(s.zone).Format("15:04"); got.State != "confirmed" || at == "15:00" {
		t.Errorf("%s at %s", got.State, at)
	}
}

// What an answer said of a booking stays true for the audit when the booking has gone elsewhere since by a reply.
func TestAuditKnowsAlternatives(t *testing.T) {
	t.Parallel()
	s := newStage(t, "2026-11-20 10:00")
	b := s.request(tasks.BookingClaim, BookingBody{Resource: "chair", Start: "2026-11-23T15:00", Customer: CustomerBody{Phone: ana}}, uuid.Nil)
	s.expect(s.request(tasks.BookingReschedule, RescheduleBody{Start: "2026-11-23T16:00"}, b.ID), 200, "held")
	s.pass(5 * time.Minute)
	other := s.request(tasks.BookingClaim, BookingBody{Resource: "chair", Start: "2026-11-23T16:00", Customer: CustomerBody{Phone: bob}}, uuid.Nil)
	s.expect(other, 201, "held")
	s.pass(stageFollowup)
	s.reply(ana, "1")
	if got := s.booking(b.ID); got.State != "confirmed" || got.Span.Start.In(s.zone).Hour() == 16 {
		t.Fatalf("%s at %v", got.State, got.Span.Start)
	}
	report, err := store.Audit(t.Context(), s.db.Audit, auditOptions)
	s.must(err)
	s.must(report.Err())
}
