package main

import (
	"cmp"
	"slices"

	"holdfast/handlers/redact"
	"holdfast/handlers/redact/redacttest"
)

// count is what a peer makes of the labelled phones. Found is one of which half is covered; extra touches no phone.
type count struct{ found, exact, missed, extra int }

func tally(cases []redacttest.Case, phones func(text, region string) []span) count {
	var c count
	for _, k := range cases {
		got := phones(k.Text, cmp.Or(k.Policy.Region, "US"))
		var want []span
		for _, s := range k.Want {
			if s.Type == redact.PhoneNumber {
				want = append(want, span{s.Start, s.End})
			}
		}
		for _, w := range want {
			covered := 0
			for _, g := range got {
				covered += max(0, min(g.end, w.end)-max(g.start, w.start))
			}
			switch {
			case slices.Contains(got, w):
				c.found++
				c.exact++
			case 2*covered >= w.end-w.start:
				c.found++
			default:
				c.missed++
			}
		}
		for _, g := range got {
			touches := func(w span) bool { return g.start < w.end && w.start < g.end }
			if !slices.ContainsFunc(want, touches) {
				c.extra++
			}
		}
	}
	return c
}
