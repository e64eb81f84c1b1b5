package dev

import (
	"testing"

	"holdfast/handlers/settings"
	"holdfast/store"
)

// Dev's orgs are exempt from the limits of follow-ups and codes, and have all else by default.
func TestOrgSettings(t *testing.T) {
	d := settings.Read(store.Settings{Doc: []byte(orgSettings), Region: "US"}, settings.Installation{})
	if d.Followup != (settings.Followup{Enabled: true}) {
		t.Errorf("%+v", d.Followup)
	}
	if d.Limits != (settings.Limits{Ratio: settings.RatioLimit{AfterTexts: d.Limits.Ratio.AfterTexts}}) {
		t.Errorf("%+v", d.Limits)
	}
	if _, err := settings.Parse([]byte(orgSettings), "US", settings.Installation{}); err != nil {
		t.Error(err)
	}
}
