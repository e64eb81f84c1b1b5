package ingress

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"holdfast/handlers/settings"
	"holdfast/store/storetest"
)

// settings reads an answer as the document.
func (a answer) settings(t *testing.T, etag string) (d settings.Document) {
	t.Helper()
	if a.StatusCode != 200 || a.Header.Get("ETag") != etag {
		t.Fatalf("%d %s %s, want %s", a.StatusCode, a.Header.Get("ETag"), a.body, etag)
	}
	a.json(t, &d)
	return d
}

// TestSettings: the whole document is shown, replaced as a whole, and its changes are audited.
func TestSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.admin(t, "DELETE FROM settings")
	defaults := r.api(t, "GET", "/settings", "").settings(t, `"0"`)
	if !reflect.DeepEqual(defaults, settings.Defaults("US", r.in.defaults)) || defaults.QuietHours.String() != "21-8" {
		t.Errorf("defaults: %+v", defaults)
	}
	put := func(doc string) answer { return r.api(t, "PUT", "/settings", doc) }
	if d := put(`{"limits":{"phone":{"per_day":5}},"countries":["US","CA"]}`).settings(t, `"1"`); d.Limits.Phone.PerDay != 5 || d.Limits.Phone.PerTenMinutes != 3 {
		t.Errorf("%+v", d)
	}
	// Again, and as it is read: nothing changes.
	put(`{"countries":["US","CA"],"limits":{"phone":{"per_day":5}}}`).settings(t, `"1"`)
	read := r.api(t, "GET", "/settings", "")
	put(string(read.body)).settings(t, `"1"`)
	// What is left out has its default again.
	if d := put(`{"redaction":{"policy":"strict"}}`).settings(t, `"2"`); d.Limits.Phone.PerDay != 10 || len(d.Countries) != 1 || d.Redaction.Policy != "strict" {
		t.Errorf("%+v", d)
	}
	if d := r.api(t, "GET", "/settings", "").settings(t, `"2"`); d.Redaction.Policy != "strict" {
		t.Errorf("%+v", d)
	}
	var stored string
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT doc::text FROM settings").Scan(&stored); err != nil || stored != `{"redaction": {"policy": "strict"}}` {
		t.Errorf("stored: %s, %v", stored, err)
	}
	lines, err := r.db.Admin.Query(t.Context(), `SELECT actor = (SELECT id::text FROM api_key), action, request <> '', detail::text FROM audit_log ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	var log strings.Builder
	for lines.Next() {
		var mine, traced bool
		var action, detail string
		if err := lines.Scan(&mine, &action, &traced, &detail); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&log, mine, action, traced, detail)
	}
	if want := `true settings.change true {"changes": [{"new": ["US", "CA"], "old": ["US"], "path": "countries"}, {"new": 5, "old": 10, "path": "limits.phone.per_day"}], "version": 1}
true settings.change true {"changes": [{"new": ["US"], "old": ["US", "CA"], "path": "countries"}, {"new": 10, "old": 5, "path": "limits.phone.per_day"}, {"new": "strict", "old": "booking", "path": "redaction.policy"}], "version": 2}
`; log.String() != want {
		t.Errorf("the audit log:\n%swant\n%s", log.String(), want)
	}
	other := storetest.NewOrg(t, r.db, "garage")
	r.admin(t, "DELETE FROM settings")
	a := r.do(t, "GET", "/v1/orgs/"+other.ID.String()+"/settings", "", "Authorization", "Bearer "+other.Key.Reveal())
	if d := a.settings(t, `"0"`); !reflect.DeepEqual(d, defaults) {
		t.Errorf("another org's: %+v", d)
	}
}

// TestSettingsIfMatch: a change that was made for another version is refused, and writes nothing.
func TestSettingsIfMatch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, tt := range []struct {
		match string
		etag  string // "" = refused
	}{
		{`"1"`, ""}, {`"0"`, `"1"`}, {`"0"`, ""}, {`W/"1"`, ""}, {`1`, ""}, {`"7", "1"`, `"2"`}, {`*`, `"3"`}, {``, `"4"`}, {`"4"`, `"5"`},
	} {
		version := r.api(t, "GET", "/settings", "").Header.Get("ETag")
		a := r.api(t, "PUT", "/settings", fmt.Sprintf(`{"limits":{"phone":{"per_day":%d}}}`, 1+r.count(t, "audit_log")), "If-Match", tt.match)
		if tt.etag != "" {
			a.settings(t, tt.etag)
			continue
		}
		if p := a.problem(t); a.StatusCode != 412 || p.Type != "precondition-failed" || p.Field != "If-Match" {
			t.Errorf("%s: %d %+v", tt.match, a.StatusCode, p)
		}
		if now := r.api(t, "GET", "/settings", "").Header.Get("ETag"); now != version {
			t.Errorf("%s: version %s, was %s", tt.match, now, version)
		}
	}
	if n := r.count(t, "audit_log"); n != 5 {
		t.Errorf("%d lines in the audit log", n)
	}
}

// TestSettingsRefused: a document that breaks a rule says which, all of them, and changes nothing.
func TestSettingsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.admin(t, "DELETE FROM settings")
	for _, tt := range []struct {
		body   string
		status int
		kind   string
		fields []string
	}{
		{`{"limits":{"phone":{"per_day":-1}}}`, 422, "invalid-settings", []string{"limits.phone.per_day"}},
		{`{"templates":{"es":{"code":"{{.Org}} {{.Code}}"}},"what":1,"redaction":7}`, 422, "invalid-settings", []string{"redaction", "templates.es.code", "what"}},
		{`{"Countries":["US"]}`, 422, "invalid-settings", []string{""}},
		{`{"endpoint":{"url":"http://a.example/secret"}}`, 422, "invalid-settings", []string{"endpoint.url"}},
		{`{`, 400, "invalid-json", nil},
		{``, 400, "invalid-json", nil},
		{`[]`, 400, "invalid-json", nil},
		{`null`, 400, "invalid-json", nil},
	} {
		a := r.api(t, "PUT", "/settings", tt.body)
		p := a.problem(t)
		var fields []string
		for _, e := range p.Errors {
			fields = append(fields, e.Field)
			if e.Detail == "" || strings.Contains(string(a.body), "secret") {
				t.Errorf("%s: %s", tt.body, a.body)
			}
		}
		if a.StatusCode != tt.status || p.Type != tt.kind || !reflect.DeepEqual(fields, tt.fields) || len(fields) > 0 && (p.Field != fields[0] || p.Detail != p.Errors[0].Detail) {
			t.Errorf("%s: %d %s", tt.body, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "audit_log") + r.count(t, "settings"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// TestCountries: a phone of a country that the org does not text is refused before anything is written, from the
// moment of the change on; and the booking path has no round trip more for it (TestRoundTrips).
func TestCountries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := strings.Replace(bookingBody(tomorrow("10:00")), "+15550100042", "+14165550142", 1)
	for i, tt := range []struct {
		countries []string
		status    int
	}{{nil, 422}, {[]string{"CA"}, 202}, {[]string{"US", "MX"}, 422}, {[]string{"US", "CA"}, 202}} {
		if tt.countries != nil {
			doc, err := json.Marshal(map[string]any{"countries": tt.countries})
			if err != nil {
				t.Fatal(err)
			}
			if a := r.api(t, "PUT", "/settings", string(doc)); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		}
		before := r.count(t, "request") + r.count(t, "task")
		for _, headers := range [][]string{nil, {"Idempotency-Key", fmt.Sprint("k", i)}} {
			a := r.api(t, "POST", "/bookings", body, headers...)
			if a.StatusCode != tt.status {
				t.Fatalf("%v: %d %s", tt.countries, a.StatusCode, a.body)
			}
			if tt.status == 202 {
				continue
			}
			if p := a.problem(t); p.Type != "country-not-allowed" || p.Field != "customer.phone" {
				t.Errorf("%v: %+v", tt.countries, p)
			}
		}
		if n := r.count(t, "request") + r.count(t, "task"); tt.status != 202 && n != before {
			t.Errorf("%v: %d rows were written", tt.countries, n-before)
		}
	}
}
