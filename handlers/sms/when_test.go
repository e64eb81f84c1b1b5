package sms_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/handlers/sms"
)

// A time names its zone where the resource's clock shows another hour, or the customer's shows this one twice: the
// whole hour, and nothing beside it.
func TestZoneIsNamed(t *testing.T) {
	const newYork, lordHowe = "America/New_York", "Australia/Lord_Howe"
	for _, c := range []struct{ customer, resource, start, want string }{
		{newYork, newYork, "2026-11-01T04:59:00Z", "12:59 AM."},
		{newYork, newYork, "2026-11-01T05:00:00Z", "1:00 AM EDT."},
		{newYork, newYork, "2026-11-01T05:59:00Z", "1:59 AM EDT."},
		{newYork, newYork, "2026-11-01T06:00:00Z", "1:00 AM EST."},
		{newYork, newYork, "2026-11-01T06:59:00Z", "1:59 AM EST."},
		{newYork, newYork, "2026-11-01T07:00:00Z", "2:00 AM."},
		{newYork, newYork, "2027-03-14T06:59:00Z", "1:59 AM."},
		{newYork, newYork, "2027-03-14T07:00:00Z", "3:00 AM."},
		{lordHowe, lordHowe, "2026-04-04T14:29:00Z", "1:29 AM."}, // goes back by half an hour
		{lordHowe, lordHowe, "2026-04-04T14:30:00Z", "1:30 AM UTC+11."},
		{lordHowe, lordHowe, "2026-04-04T15:29:00Z", "1:59 AM UTC+10:30."},
		{lordHowe, lordHowe, "2026-04-04T15:30:00Z", "2:00 AM."},
		{newYork, "Europe/Madrid", "2026-11-24T15:00:00Z", "10:00 AM EST."},
		{"Asia/Kathmandu", newYork, "2026-11-24T15:00:00Z", "8:45 PM UTC+5:45."},
		{"UTC", newYork, "2026-11-24T15:00:00Z", "3:00 PM UTC."},
		{"America/Phoenix", "America/Denver", "2026-11-24T15:00:00Z", "8:00 AM."}, // the same in winter
		{"America/Phoenix", "America/Denver", "2026-07-24T15:00:00Z", "8:00 AM MST."},
	} {
		s := render(t, sms.KindConfirmation, "en", at(t, example(t), c.customer, c.resource, c.start))
		if !strings.Contains(s, ", "+c.want) {
			t.Errorf("%s, %s: %s", c.customer, c.start, s)
		}
	}
	d := example(t)
	d.Place = nil
	if s := render(t, sms.KindConfirmation, "en", d); !strings.Contains(s, "3:00 PM.") {
		t.Errorf("without a place: %s", s)
	}
}

// Choices say as little as tells them apart.
func TestChoices(t *testing.T) {
	const newYork, la = "America/New_York", "America/Los_Angeles"
	for _, c := range []struct {
		locale, customer, start string
		after                   []time.Duration
		want                    string
	}{
		{"en", newYork, "2026-11-24T20:00:00Z", []time.Duration{30 * time.Minute, time.Hour, 18 * time.Hour}, "1) 3:30 PM 2) 4 PM 3) Wed 25 Nov, 9 AM"},
		{"es", newYork, "2026-11-24T20:00:00Z", []time.Duration{30 * time.Minute, time.Hour, 18 * time.Hour}, "1) 15:30 2) 16:00 3) mié 25 nov, 09:00"},
		{"en", newYork, "2026-11-24T20:00:00Z", []time.Duration{7 * 24 * time.Hour}, "1) Tue 1 Dec, 3 PM"},
		{"en", newYork, "2026-11-24T20:00:00Z", []time.Duration{365 * 24 * time.Hour}, "1) Wed 24 Nov, 3 PM"},
		{"en", newYork, "2026-11-24T17:00:00Z", []time.Duration{-12 * time.Hour, -time.Hour}, "1) 12 AM 2) 11 AM"},
		// Out of the hour that comes twice, into it, and from its first time to its second.
		{"en", newYork, "2026-11-01T05:30:00Z", []time.Duration{time.Hour, 2 * time.Hour, -time.Hour}, "1) 1:30 AM EST 2) 2:30 AM 3) 12:30 AM"},
		{"en", newYork, "2026-11-01T04:30:00Z", []time.Duration{time.Hour, 2 * time.Hour}, "1) 1:30 AM EDT 2) 1:30 AM EST"},
		{"en", newYork, "2026-11-01T05:00:00Z", []time.Duration{15 * time.Minute, 30 * time.Minute}, "1) 1:15 AM EDT 2) 1:30 AM EDT"},
		// Of a customer elsewhere, the zone is named with the time that was asked for.
		{"en", la, "2026-10-31T20:00:00Z", []time.Duration{time.Hour, 24 * time.Hour}, "1) 2 PM 2) Sun 1 Nov, 12 PM"},
		// In Bogota it is as late as in New York until clocks change there, and then not.
		{"en", "America/Bogota", "2027-03-14T17:00:00Z", []time.Duration{time.Hour}, "1) 1 PM"},
		{"en", "America/Bogota", "2027-03-13T20:00:00Z", []time.Duration{time.Hour, 24 * time.Hour, 25 * time.Hour}, "1) 4 PM 2) Sun 14 Mar, 3 PM UTC-5 3) Sun 14 Mar, 4 PM"},
	} {
		d := at(t, example(t), c.customer, newYork, c.start)
		d.Choices = nil
		for _, after := range c.after {
			d.Choices = append(d.Choices, sms.Choice{Start: d.Start.Add(after)})
		}
		if s := render(t, sms.KindAlternatives, c.locale, d); !strings.Contains(s, ": "+c.want+". ") {
			t.Errorf("want %s in %s", c.want, s)
		}
	}
}
