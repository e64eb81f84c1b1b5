package load

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

func (r *rig) refused(t *testing.T) RefusedOptions {
	t.Helper()
	o := r.orgs[0]
	secrets := Secrets{Events: o.Events.Reveal(), Vapi: "vapi-secret-of-the-test-org", Retell: "key_of_the_test_org_with_a_badge",
		TwilioSID: o.Account.SID, TwilioToken: o.Account.Token.Reveal()}
	for kind, secret := range map[string]string{"vapi": secrets.Vapi, "retell": secrets.Retell} {
		if err := store.SetWebhookSecret(t.Context(), r.db.Owner, r.db.Keys, o.ID, kind, pii.NewToken(secret)); err != nil {
			t.Fatal(err)
		}
	}
	audit, err := store.Open(t.Context(), r.db.AuditURL, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(audit.Close)
	return RefusedOptions{APIURL: r.opts.APIURL, PublicURL: "http://127.0.0.1:9", Org: r.opts.Orgs[0], Other: r.orgs[1].ID, Secrets: secrets,
		Requests: 200, Users: 4, OpsURL: r.ops, OpsToken: opsToken, Database: audit, Out: &r.out}
}

// TestRefused: all are refused, nothing is written, all are counted, in equal parts.
func TestRefused(t *testing.T) {
	r := newRig(t)
	o := r.refused(t)
	t.Run("can fail", func(t *testing.T) { testRefusedCanFail(t, r, o) })
	r.out.Reset()
	res, err := RunRefused(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, &r.out)
	}
	parts := make(map[string]int64)
	var all int64
	for _, s := range res.Steps {
		part, _, _ := strings.Cut(s.Step, ":")
		if strings.HasPrefix(part, "other ") {
			part = "stale"
		}
		if parts[part] += s.Requests; s.Requests == 0 || s.Errors != 0 || s.P50 <= 0 || s.P50 > s.P95 {
			t.Errorf("%+v", s)
		}
	}
	for part, n := range parts {
		all += n
		if n != 40 || len(parts) != 5 {
			t.Errorf("%d of %s", n, part)
		}
	}
	storetest.Count(t, "requests refused, and nothing written", int(all))
	for _, want := range []string{"all refusals: p50 ", "counted by /metrics: cross-org 40, signature 80, unknown-key 80", "rows of security events: "} {
		if !strings.Contains(r.out.String(), want) {
			t.Errorf("no %q in\n%s", want, &r.out)
		}
	}
	// It has sent what it says: with the right secrets the same is let in.
	tries := &refusals{RefusedOptions: o}
	list, err := tries.allTries()
	if err != nil || len(list) != 11 {
		t.Fatal(len(list), err)
	}
	for name, req := range map[string]*http.Request{
		"key":    tries.byKey(0, o.Org.ID, o.Org.Key),
		"Twilio": tries.twilio(o.Secrets.TwilioToken, "/inbound", "/inbound"),
		"Vapi":   tries.vapi(o.Secrets.Vapi),
	} {
		a, err := http.DefaultClient.Do(req.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		if a.Body.Close(); a.StatusCode != 200 {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
}

// TestRefusedUntold: security events that are not written are missed, also when all else is as it should be.
func TestRefusedUntold(t *testing.T) {
	r := newRig(t)
	o := r.refused(t)
	o.Requests = 50
	for kind, want := range map[string]string{"cross-org": "no security event cross-org", "bad-signature": "no security event bad-signature"} {
		if _, err := r.db.Admin.Exec(t.Context(), "DELETE FROM security_event; CREATE RULE lost AS ON INSERT TO security_event WHERE NEW.kind = '"+kind+"' DO INSTEAD NOTHING"); err != nil {
			t.Fatal(err)
		}
		if _, err := RunRefused(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := r.db.Admin.Exec(t.Context(), "DROP RULE lost ON security_event"); err != nil {
			t.Fatal(err)
		}
	}
}

// testRefusedCanFail: each check of it goes red.
func testRefusedCanFail(t *testing.T, r *rig, o RefusedOptions) {
	for want, spoil := range map[string]func(*RefusedOptions){
		"10 of 50 were not refused as they should be: map[another org's path: 200:10]": func(o *RefusedOptions) {
			o.APIURL = before(t, o.APIURL, func(res *http.Response, body string) string {
				if res.StatusCode == http.StatusForbidden {
					res.StatusCode = http.StatusOK
					return "{}"
				}
				return body
			})
		},
		"something was written": func(o *RefusedOptions) {
			r.once(t, o, fmt.Sprintf(`INSERT INTO request (org_id, id, kind, source, fingerprint)
			VALUES ('%s', gen_random_uuid(), 'booking', 'api', '')`, o.Org.ID))
		},
		"AuditRows:1": func(o *RefusedOptions) {
			r.once(t, o, fmt.Sprintf("INSERT INTO audit_log (org_id, actor, action) VALUES ('%s', 'x', 'x')", o.Other))
		},
		"Suppressions:1": func(o *RefusedOptions) {
			r.once(t, o, fmt.Sprintf("INSERT INTO suppression (org_id, pool, phone_hash) VALUES ('%s', 'x', '\\x00')", o.Other))
		},
		"Customers:1": func(o *RefusedOptions) {
			r.once(t, o, fmt.Sprintf(`INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2) VALUES ('%s', gen_random_uuid(), '', '', '')`, o.Other))
		},
		"Settings:": func(o *RefusedOptions) {
			r.once(t, o, fmt.Sprintf("INSERT INTO settings (org_id, version) VALUES ('%[1]s', 1) ON CONFLICT (org_id) DO UPDATE SET version = settings.version + 1", o.Other))
		},
		"rows of security events, want": func(o *RefusedOptions) {
			r.once(t, o, fmt.Sprintf("INSERT INTO security_event (org_id, kind) SELECT '%s', 'bad-signature' FROM generate_series(1, 100)", o.Org.ID))
		},
		"10 were refused as cross-org, 11 were counted": func(o *RefusedOptions) {
			var n int
			o.OpsURL = before(t, o.OpsURL, func(_ *http.Response, body string) string {
				if n++; n == 1 {
					return body
				}
				line := regexp.MustCompile(regexp.QuoteMeta(deniedMetric+`cross-org"} `) + `(\d+)`)
				return line.ReplaceAllStringFunc(body, func(l string) string {
					n, _ := strconv.Atoi(line.FindStringSubmatch(l)[1])
					return deniedMetric + `cross-org"} ` + strconv.Itoa(n+1)
				})
			})
		},
	} {
		o := o
		o.Requests = 50
		spoil(&o)
		if _, err := RunRefused(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") != 0 {
			t.Errorf("want %s: %v", want, err)
		}
	}
	o.Secrets.Retell = ""
	if _, err := RunRefused(t.Context(), o); err == nil {
		t.Error("took no secret for one")
	}
}

// once changes the database when the first answer comes.
func (r *rig) once(t *testing.T, o *RefusedOptions, sql string) {
	var first sync.Once
	o.APIURL = before(t, o.APIURL, func(_ *http.Response, body string) string {
		first.Do(func() {
			if _, err := r.db.Admin.Exec(t.Context(), sql); err != nil {
				t.Error(err)
			}
		})
		return body
	})
}
