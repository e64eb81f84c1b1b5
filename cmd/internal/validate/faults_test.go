package validate

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

// fault breaks the system in one way.
type fault struct {
	what string
	red  string   // the line that must tell it
	also []string // lines that necessarily go with it

	first   string  // what is done to the database before
	trigger string  // what PL/pgSQL does before a row is written, as "INSERT ON table: statements"
	edit    edit    // of a function of the database
	front   spoiler // what stands before the API
}

// edit replaces what a regular expression finds in the definition of a function.
type edit struct{ function, find, put string }

// faults has one for every check at least. Most are switches in the database; a front before the API does what
// only another program could do.
var faults = []fault{
	{what: "the timeline forgets confirmations", red: "booking",
		trigger: "INSERT ON booking_event: IF NEW.kind = 'confirmed' THEN RETURN NULL; END IF;"},
	{what: "a held slot is still offered", red: "booking", also: []string{"block"}, front: func(_ *rig, req *http.Request) func(*http.Response) error {
		if !strings.HasSuffix(req.URL.Path, "/availability") {
			return nil
		}
		at, _ := json.Marshal(req.URL.Query().Get("from"))
		return func(res *http.Response) error {
			return recast(res, 0, func(body []byte) []byte {
				return bytes.Replace(body, []byte(`"slots":[]`), []byte(`"slots":[{"start":`+string(at)+`}]`), 1)
			})
		}
	}},
	{what: "202 does not tell where", red: "no-wait", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		if req.Header.Get("Prefer") != "" {
			return nil
		}
		return func(res *http.Response) error { res.Header.Del("Location"); return nil }
	}},
	{what: "a claim finds one seat more than there is", red: "contention", edit: edit{
		"hold_take(uuid, uuid, uuid, timestamptz, timestamptz, interval)",
		`(?s)IF NOT FOUND THEN RETURN; END IF;(.*)(hold_free\(p_org, p_resource, p_booking, p_from, p_to\)) LOOP`,
		`$1 $2 UNION ALL SELECT 1000 + floor(random() * 1000000)::int WHERE p_ttl IS NOT NULL
			AND NOT EXISTS (SELECT FROM hold_in_way(p_org, p_resource, p_from, p_to) h WHERE h.block_id IS NOT NULL) LOOP`}},
	{what: "alternatives are not free", red: "contention", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		var wanted []byte
		reword(req, func(body []byte) []byte { wanted = startOf.Find(body); return body })
		return func(res *http.Response) error {
			if res.StatusCode != http.StatusConflict || len(wanted) == 0 {
				return nil
			}
			return recast(res, 0, func(body []byte) []byte { return startOf.ReplaceAll(body, wanted) })
		}
	}},
	{what: "idempotency keys are forgotten", red: "idempotency",
		trigger: "INSERT ON request: IF NEW.source = 'api' THEN NEW.idem_key := NULL; END IF;"},
	{what: "a replay does not say so", red: "idempotency", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		if !strings.HasPrefix(req.URL.Path, "/v1/") {
			return nil
		}
		return func(res *http.Response) error { res.Header.Del("Idempotency-Replayed"); return nil }
	}},
	{what: "a wrong code counts twice", red: "wrong-code",
		trigger: "UPDATE ON booking: IF NEW.code_attempts > OLD.code_attempts THEN NEW.code_attempts := NEW.code_attempts + 1; END IF;"},
	{what: "wrong codes never end a code", red: "fifth-wrong",
		trigger: `UPDATE ON verification: IF NEW.state = 'revoked' AND EXISTS (SELECT FROM booking b WHERE b.org_id = NEW.org_id
			AND b.id = NEW.booking_id AND b.state = 'held' AND b.code_attempts > 0) THEN RETURN NULL; END IF;`},
	{what: "a used code is fine", red: "used-code", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		return func(res *http.Response) error {
			if res.StatusCode != http.StatusConflict {
				return nil
			}
			return recast(res, 0, func(body []byte) []byte {
				if bytes.Contains(body, []byte("/already-confirmed")) {
					res.StatusCode = http.StatusOK
				}
				return body
			})
		}
	}},
	{what: "a reply does not confirm", red: "sms-reply",
		trigger: `UPDATE ON booking: IF NEW.state = 'confirmed' AND NOT EXISTS (SELECT FROM request q WHERE q.org_id = NEW.org_id
			AND q.booking_id = NEW.id AND q.kind = 'verify') THEN RETURN NULL; END IF;`},
	{what: "a code dies with its hold", red: "late-hold",
		trigger: `INSERT ON request: IF NEW.kind = 'verify' THEN UPDATE verification v SET expires_at = clock_timestamp() FROM booking b
			WHERE v.org_id = NEW.org_id AND v.booking_id = NEW.booking_id AND b.org_id = NEW.org_id AND b.id = NEW.booking_id
			  AND b.hold_expires_at <= clock_timestamp(); END IF;`},
	{what: "a code that is given lives again", red: "late-code",
		trigger: `INSERT ON request: IF NEW.kind = 'verify' THEN UPDATE verification v SET expires_at = clock_timestamp() + '1 min'
			WHERE v.org_id = NEW.org_id AND v.booking_id = NEW.booking_id AND v.expires_at <= clock_timestamp(); END IF;`},
	{what: "the timeline forgets what lapsed", red: "expiry", trigger: "INSERT ON booking_event: IF NEW.kind = 'expired' THEN RETURN NULL; END IF;"},
	{what: "nobody is followed up", red: "follow-up", also: []string{"keep-reply", "stop-sentence"},
		trigger: "UPDATE ON booking: IF NEW.state = 'expired' THEN NEW.followup_from := NULL; END IF;"},
	{what: "what has lapsed is not kept", red: "keep-reply",
		trigger: `UPDATE ON booking: IF NEW.state = 'confirmed' AND OLD.state = 'expired' THEN RETURN NULL; END IF;`},
	{what: "opt-outs are forgotten", red: "stop-sentence", also: []string{"stop"}, trigger: "INSERT ON suppression: RETURN NULL;"},
	{what: "a time that does not exist is moved", red: "dst-skipped", front: localTimes(func(at time.Time, exists bool) time.Time {
		if exists {
			return time.Time{}
		}
		return at
	})},
	{what: "a time that occurs twice means the second", red: "dst-twice", front: localTimes(func(at time.Time, exists bool) time.Time {
		if later := at.Add(time.Hour); exists && later.Format(localTime) == at.Format(localTime) {
			return later
		}
		return time.Time{}
	})},
	{what: "offsets of the day before", red: "dst-day", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		from := req.URL.Query().Get("from")
		if !strings.HasSuffix(req.URL.Path, "/availability") || len(from) != len(time.DateOnly) {
			return nil
		}
		zone, _ := time.LoadLocation("America/New_York")
		day, _ := time.ParseInLocation(time.DateOnly, from, zone)
		wrong, right := day.Format("-07:00"), day.Add(12*time.Hour).Format("-07:00")
		if wrong == right {
			return nil
		}
		return func(res *http.Response) error {
			return recast(res, 0, func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(right+`"`), []byte(wrong+`"`)) })
		}
	}},
	{what: "blocks are not looked at", red: "block", edit: edit{"hold_in_way(uuid, uuid, timestamptz, timestamptz)",
		`AND h\.live`, `AND h.live AND h.block_id IS NULL`}},
	{what: "a block passes over bookings", red: "block-conflict", edit: edit{"block_take(uuid, uuid, uuid, timestamptz, timestamptz)",
		`(?s)(SELECT DISTINCT h\.booking_id, h\.block_id FROM hold_in_way\([^)]*\) h)(.*)IF got < wanted`, `$1 WHERE h.block_id IS NOT NULL$2 IF false`}},
	{what: "a bad phone is taken for another", red: "bad-input", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		reword(req, func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(`"call me"`), []byte(`"+15550100042"`)) })
		return nil
	}},
	{what: "all bad input is told alike", red: "bad-input", front: func(*rig, *http.Request) func(*http.Response) error {
		return func(res *http.Response) error {
			if res.StatusCode != http.StatusUnprocessableEntity {
				return nil
			}
			return recast(res, 0, func(body []byte) []byte {
				return bytes.ReplaceAll(body, []byte("/unknown-resource"), []byte("/invalid-request"))
			})
		}
	}},
	{what: "any key is good", red: "credentials", front: func(r *rig, req *http.Request) func(*http.Response) error {
		if strings.HasPrefix(req.URL.Path, "/v1/") && req.Header.Get("Authorization") != "Bearer "+r.OtherAPIKey {
			req.Header.Set("Authorization", "Bearer "+r.APIKey)
		}
		return nil
	}},
	{what: "a key opens any org", red: "tenancy", front: func(r *rig, req *http.Request) func(*http.Response) error {
		if strings.Contains(req.URL.Path, r.Org.String()) && req.Header.Get("Authorization") == "Bearer "+r.OtherAPIKey {
			req.Header.Set("Authorization", "Bearer "+r.APIKey)
		}
		return nil
	}},
	{what: "ids are looked up in all orgs", red: "tenancy", also: []string{"tenancy-keys"}, front: func(r *rig, req *http.Request) func(*http.Response) error {
		if strings.Contains(req.URL.Path, r.OtherOrg.String()) {
			req.URL.Path = strings.Replace(req.URL.Path, r.OtherOrg.String(), r.Org.String(), 1)
			req.Header.Set("Authorization", "Bearer "+r.APIKey)
		}
		return nil
	}},
	{what: "what one org has signed is good for all", red: "tenancy-webhooks", front: func(r *rig, req *http.Request) func(*http.Response) error {
		if strings.HasPrefix(req.URL.Path, "/webhooks/events/") {
			req.URL.Path = strings.Replace(req.URL.Path, r.OtherOrg.String(), r.Org.String(), 1)
		}
		return nil
	}},
	{what: "status callbacks are taken from anybody's account", red: "tenancy-webhooks", front: func(r *rig, req *http.Request) func(*http.Response) error {
		if !strings.HasPrefix(req.URL.Path, "/webhooks/twilio/"+r.OtherOrg.String()) {
			return nil
		}
		return func(res *http.Response) error {
			return recast(res, http.StatusNoContent, func([]byte) []byte { return nil })
		}
	}},
	{what: "all orgs share their idempotency keys", red: "tenancy-keys", front: func(r *rig, req *http.Request) func(*http.Response) error {
		if req.Header.Get("Idempotency-Key") != "" && strings.Contains(req.URL.Path, r.OtherOrg.String()) {
			req.URL.Path = strings.Replace(req.URL.Path, r.OtherOrg.String(), r.Org.String(), 1)
			req.Header.Set("Authorization", "Bearer "+r.APIKey)
		}
		return nil
	}},
	{what: "nobody is told of a key on another org's path", red: "security-events", first: "DELETE FROM security_event",
		trigger: "INSERT ON security_event: IF NEW.kind = 'cross-org' THEN RETURN NULL; END IF;"},
	{what: "nobody is told of a forged callback", red: "security-events", first: "DELETE FROM security_event",
		trigger: "INSERT ON security_event: IF NEW.route LIKE '%/status/%' THEN RETURN NULL; END IF;"},
	{what: "events are not told apart by their ids", red: "events",
		trigger: "INSERT ON request: IF NEW.source = 'events' THEN NEW.idem_key := NULL; END IF;"},
	{what: "the signatures of events are not looked at", red: "events", front: func(r *rig, req *http.Request) func(*http.Response) error {
		if strings.HasPrefix(req.URL.Path, "/webhooks/events/") {
			reword(req, func(body []byte) []byte {
				good, _ := event{req.Header.Get("webhook-id"), time.Now(), body}.headers(r.WebhookSecret)
				for i := 0; i+1 < len(good); i += 2 {
					req.Header.Set(good[i], good[i+1])
				}
				return body
			})
		}
		return nil
	}},
	{what: "signatures of status callbacks are not looked at", red: "twilio-status", front: twilioSigned("/status/")},
	{what: "status callbacks change nothing", red: "twilio-status", also: []string{"undelivered-text"},
		trigger: "UPDATE ON message: IF NEW.state = 'undelivered' THEN RETURN NULL; END IF;"},
	{what: "a text that failed is not made good", red: "failed-text", trigger: unmade("failed")},
	{what: "a text that did not arrive is not made good", red: "undelivered-text", trigger: unmade("undelivered")},
	{what: "a dead letter that is run does nothing", red: "dead-letter",
		trigger: "UPDATE ON message: IF OLD.state = 'failed' AND NEW.state = 'queued' THEN RETURN NULL; END IF;"},
	{what: "an org whose credentials are refused goes on", red: "no-credentials", trigger: "INSERT ON sms_breaker: RETURN NULL;"},
	{what: "signatures of replies are not looked at", red: "stop", front: twilioSigned("/inbound")},
	{what: "STOP is forgotten", red: "stop", trigger: "INSERT ON suppression: RETURN NULL;"},
	{what: "START is forgotten", red: "stop", trigger: "DELETE ON suppression: RETURN NULL;"},
}

// unmade keeps a hold whose text ended in a state from being compensated.
func unmade(state string) string {
	return `INSERT ON booking_event: IF NEW.kind = 'unreachable' AND EXISTS (SELECT FROM message m
		WHERE m.booking_id = NEW.booking_id AND m.state = '` + state + `') THEN RETURN NULL; END IF;`
}

var startOf = regexp.MustCompile(`"start":"[^"]*"`)

// localTimes reads local times for the API, as a careless program would. What read leaves zero is handed on as it is.
func localTimes(read func(at time.Time, exists bool) time.Time) spoiler {
	local := regexp.MustCompile(`"(start|end)":"(\d{4}-\d\d-\d\dT\d\d:\d\d)"`)
	return func(_ *rig, req *http.Request) func(*http.Response) error {
		if req.Method != http.MethodPost {
			return nil
		}
		zone, _ := time.LoadLocation("America/New_York")
		reword(req, func(body []byte) []byte {
			return local.ReplaceAllFunc(body, func(m []byte) []byte {
				part := local.FindSubmatch(m)
				at, err := time.ParseInLocation(localTime, string(part[2]), zone)
				if err != nil {
					return m
				}
				if at = read(at, at.Format(localTime) == string(part[2])); at.IsZero() {
					return m
				}
				return []byte(`"` + string(part[1]) + `":"` + at.Format(time.RFC3339) + `"`)
			})
		})
		return nil
	}
}

// twilioSigned signs whatever comes for a webhook of Twilio's.
func twilioSigned(path string) spoiler {
	return func(r *rig, req *http.Request) func(*http.Response) error {
		if strings.HasPrefix(req.URL.Path, "/webhooks/twilio/") && strings.Contains(req.URL.Path, path) {
			reword(req, func(body []byte) []byte {
				form, _ := url.ParseQuery(string(body))
				req.Header.Set("X-Twilio-Signature", sms.Sign(pii.NewToken(r.TwilioAuthToken), r.APIURL+req.URL.Path, form))
				return body
			})
		}
		return nil
	}
}
