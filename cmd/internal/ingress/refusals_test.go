package ingress

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"holdfast/handlers"
)

// TestEveryRouteRefuses: what is refused before an operation looks at it is refused by all of them.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := []string{"Authorization", "Bearer " + r.org.Key.Reveal()}
	for _, page := range []string{"/openapi.json", "/docs", "/healthz", "/problems/slot-taken"} {
		r.tooLarge(t, "GET", page)
	}
	if a := r.do(t, "GET", "/problems/lateness", ""); a.problem(t).Type != "not-found" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for _, rt := range routesOf(r, r.org.ID.String(), uuid.NewString()) {
		r.tooLarge(t, rt.method, rt.path)
		if a := r.do(t, rt.method, rt.path, "", append(key, "Accept", "text/html")...); a.StatusCode != 406 || a.problem(t).Type != "not-acceptable" {
			t.Errorf("%s %s, as HTML: %d %s", rt.method, rt.path, a.StatusCode, a.body)
		}
		if rt.scheme == schemeKey {
			a := r.do(t, rt.method, rt.path, "x", append(key, "Content-Type", "text/plain")...)
			if a.StatusCode != 415 || a.problem(t).Type != "unsupported-media" {
				t.Errorf("%s %s, plain text: %d %s", rt.method, rt.path, a.StatusCode, a.body)
			}
		}
	}
}

// tooLarge announces a body that is not read. It is not sent either: the answer could be lost with the connection.
func (r *rig) tooLarge(t *testing.T, method, path string) {
	t.Helper()
	conn, err := net.Dial("tcp", r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", method, path, bodyLimit(path)+1)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if a := (answer{resp, body}); err != nil || a.StatusCode != 413 || a.problem(t).Type != "body-too-large" {
		t.Errorf("%s %s: %d %s %v", method, path, a.StatusCode, body, err)
	}
}

// TestEveryWriteKnowsItsKey: a bad key, a key that was used for something else, and a stored answer.
func TestEveryWriteKnowsItsKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	on := r.fixtures(t)
	if a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("12:00")), "Idempotency-Key", "used"); a.StatusCode != 202 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for name, w := range writes(on) {
		if p := r.api(t, w.method, w.path, w.body, "Idempotency-Key", "two words").problem(t); p.Type != "invalid-request" || p.Field != headerKey {
			t.Errorf("%s: %+v", name, p)
		}
		if p := r.api(t, w.method, w.path, w.body, "Idempotency-Key", "used").problem(t); p.Type != "key-reused" || p.Field != headerKey {
			t.Errorf("%s: %+v", name, p)
		}
		if a := r.api(t, w.method, w.path, w.body, "Idempotency-Key", name); a.StatusCode != 202 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	event := `{"type":"booking.canceled","data":{"booking":"` + on.booking.ID.String() + `"}}`
	if a := r.event(t, "given-up", event); a.StatusCode != 202 {
		t.Errorf("event: %d %s", a.StatusCode, a.body)
	}
	// None of them was ever done: that is what a task's death leaves behind.
	dead := handlers.NewProblem("request-failed", "", "").Answer()
	if _, err := r.db.Admin.Exec(t.Context(), "UPDATE request SET done_at = clock_timestamp(), body_sealed = NULL, status = $1, answer = $2 WHERE done_at IS NULL", dead.Status, dead.Body); err != nil {
		t.Fatal(err)
	}
	for name, w := range writes(on) {
		a := r.api(t, w.method, w.path, w.body, "Idempotency-Key", name)
		if a.StatusCode != 500 || a.problem(t).Type != "request-failed" || a.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := r.event(t, "given-up", event); a.StatusCode != 500 || a.problem(t).Type != "request-failed" {
		t.Errorf("event: %d %s", a.StatusCode, a.body)
	}
}

// TestStandings: what verify, resend, cancel and their events answer by how a booking stands.
func TestStandings(t *testing.T) {
	t.Parallel()
	const resend, other, cancel, verify, move, mark = "resend", "other number", "cancel", "verify", "reschedule", "mark"
	for name, tt := range map[string]struct {
		sql  string
		want map[string]string
	}{
		"confirmed": {"UPDATE booking SET state = 'confirmed', confirmed_at = clock_timestamp()",
			map[string]string{verify: "already-confirmed", resend: "already-confirmed", mark: "not-begun"}},
		"begun": {"UPDATE booking SET state = 'confirmed', confirmed_at = clock_timestamp(), starts_at = clock_timestamp() - interval '1 s'",
			map[string]string{move: "booking-ended"}},
		"held":     {"", map[string]string{mark: "booking-ended"}},
		"canceled": {"UPDATE booking SET state = 'canceled', confirmed_at = clock_timestamp()", map[string]string{move: "booking-ended", mark: "booking-ended"}},
		"over": {"UPDATE booking SET state = 'completed', confirmed_at = clock_timestamp()",
			map[string]string{verify: "booking-ended", resend: "booking-ended", cancel: "booking-ended", move: "booking-ended"}},
		"revoked": {"UPDATE verification SET state = 'revoked'",
			map[string]string{verify: "code-revoked", resend: "code-revoked"}},
		"code expired": {"UPDATE verification SET state = 'sent', first_sent_at = clock_timestamp(), expires_at = clock_timestamp()",
			map[string]string{verify: "code-expired", resend: "code-expired"}},
		"lapsed and taken": {"UPDATE booking SET hold_expires_at = clock_timestamp(); UPDATE hold SET expires_at = clock_timestamp()",
			map[string]string{verify: "hold-expired", other: "hold-expired", move: "hold-expired"}},
		"opted out": {"INSERT INTO suppression (org_id, pool, phone_hash) SELECT m.org_id, COALESCE(NULLIF(a.messaging_service_sid, ''), a.from_number), m.to_hash FROM message m JOIN sms_account a USING (org_id)",
			map[string]string{resend: "opted-out"}},
		"confirmed, opted out": {"UPDATE booking SET state = 'confirmed', confirmed_at = clock_timestamp(); INSERT INTO suppression (org_id, pool, phone_hash) SELECT m.org_id, COALESCE(NULLIF(a.messaging_service_sid, ''), a.from_number), m.to_hash FROM message m JOIN sms_account a USING (org_id)",
			map[string]string{move: "opted-out"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.worker(t)
			b, _ := r.booked(t)
			code := r.code(t, b.ID)
			if _, err := r.db.Admin.Exec(t.Context(), tt.sql); err != nil {
				t.Fatal(err)
			}
			if name == "lapsed and taken" {
				taken := strings.Replace(bookingBody(tomorrow("10:00")), "0042", "0043", 1)
				if a := r.api(t, "POST", "/bookings", taken, "Prefer", "wait=10"); a.StatusCode != 201 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
			}
			at, wait := "/bookings/"+b.ID.String(), []string{"Prefer", "wait=10"}
			for what, want := range tt.want {
				var answers []answer
				switch what {
				case verify:
					answers = append(answers, r.api(t, "POST", at+"/verify", `{"code":"`+code+`"}`, wait...),
						r.event(t, "given", `{"type":"booking.code_given","data":{"booking":"`+b.ID.String()+`","code":"`+code+`"}}`, wait...))
				case resend:
					answers = append(answers, r.api(t, "POST", at+"/resend", "", wait...))
				case other:
					answers = append(answers, r.api(t, "POST", at+"/resend", `{"phone":"+15550100044"}`, wait...))
				case move:
					answers = append(answers, r.api(t, "POST", at+"/reschedule", `{"start":"`+tomorrow("15:00")+`"}`, wait...))
				case mark:
					answers = append(answers, r.api(t, "POST", at+"/mark", `{"state":"completed"}`, wait...))
				case cancel:
					answers = append(answers, r.api(t, "POST", at+"/cancel", "", wait...),
						r.event(t, "canceled", `{"type":"booking.canceled","data":{"booking":"`+b.ID.String()+`"}}`, wait...))
				}
				for _, a := range answers {
					if p := a.problem(t); p.Type != want {
						t.Errorf("%s: %s, want %s", what, a.body, want)
					}
				}
			}
		})
	}
}

// TestWishesRefused: what can be wrong with a wish, by the API and by an event.
func TestWishesRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.fixtures(t).booking
	wish := func(resource, start, phone string) string {
		return `{` + resource + `,"start":"` + start + `","customer":{"phone":"` + phone + `"}}`
	}
	const chair, phone = `"resource":"chair"`, "+15550100045"
	for want, body := range map[string]string{
		"unknown-resource": wish(`"resource":"sofa"`, tomorrow("10:00"), phone), "unknown-service": wish(`"service":"haircut"`, tomorrow("10:00"), phone),
		"time-does-not-exist": wish(chair, "2027-03-14T02:30", phone), "start-in-past": wish(chair, "2020-01-06T10:00", phone),
		"start-too-far": wish(chair, "2100-01-04T10:00", phone), "outside-hours": wish(chair, tomorrow("03:00"), phone),
		"invalid-start": wish(chair, "soon", phone), "country-not-allowed": wish(chair, tomorrow("10:00"), "+442079460018"),
	} {
		for from, a := range map[string]answer{
			"API":   r.api(t, "POST", "/bookings", body),
			"event": r.event(t, "wish-"+want, `{"type":"booking.requested","data":`+body+`}`),
		} {
			if p := a.problem(t); p.Type != want {
				t.Errorf("%s: %s, want %s", from, a.body, want)
			}
		}
	}
	for want, start := range map[string]string{"time-does-not-exist": "2027-03-14T02:30", "start-in-past": "2020-01-06T10:00", "start-too-far": "2100-01-04T10:00",
		"outside-hours": tomorrow("03:00"), "invalid-start": "soon"} {
		if a := r.api(t, "POST", "/bookings/"+b.ID.String()+"/reschedule", `{"start":"`+start+`"}`); a.problem(t).Type != want {
			t.Errorf("reschedule: %s, want %s", a.body, want)
		}
	}
	block := `{"resource":"chair","start":"2027-03-14T02:30","end":"2027-03-14T08:00"}`
	of := "/bookings/" + b.ID.String()
	for want, a := range map[string]answer{
		"time-does-not-exist":  r.api(t, "POST", "/blocks", block),
		"time-does-not-exist ": r.api(t, "GET", "/availability?resource=chair&from=2027-03-14T02:30", ""),
		"invalid-json":         r.api(t, "POST", "/blocks", "{"),
		"country-not-allowed":  r.api(t, "POST", of+"/resend", `{"phone":"+442079460018"}`),
		"not-found":            r.api(t, "POST", "/bookings/"+uuid.NewString()+"/resend", ""),
		"unsupported-media":    r.event(t, "plain", "x", "Content-Type", "text/plain"),
		"missing-field":        r.twilio(t, "/status/"+uuid.NewString(), map[string][]string{"MessageStatus": {"sent"}}),
	} {
		if p := a.problem(t); p.Type != strings.TrimSpace(want) {
			t.Errorf("%s, want %s", a.body, want)
		}
	}
	r.worker(t)
	wait := []string{"Prefer", "wait=10"}
	taken := strings.Replace(bookingBody(tomorrow("10:00")), "0042", "0046", 1)
	for want, a := range map[string]answer{
		"slot-taken":      r.event(t, "taken", `{"type":"booking.requested","data":`+taken+`}`, wait...),
		"wrong-code":      r.event(t, "wrong", `{"type":"booking.code_given","data":{"booking":"`+b.ID.String()+`","code":"`+wrong(r.code(t, b.ID))+`"}}`, wait...),
		"block-conflicts": r.api(t, "POST", "/blocks", `{"resource":"chair","start":"`+tomorrow("09:00")+`","end":"`+tomorrow("12:00")+`"}`, wait...),
	} {
		if p := a.problem(t); p.Type != want {
			t.Errorf("%s, want %s", a.body, want)
		}
	}
	if _, err := r.db.Admin.Exec(t.Context(), "DELETE FROM sms_account"); err != nil {
		t.Fatal(err)
	}
	bare := rigOn(t, r.db, r.tasks.Broker) // remembers no credentials; its own org has some
	bare.org = r.org
	for from, a := range map[string]answer{
		"resend": bare.api(t, "POST", of+"/resend", `{"phone":"+15550100047"}`),
		"event":  bare.event(t, "no-credentials", `{"type":"booking.requested","data":`+bookingBody(tomorrow("15:00"))+`}`),
	} {
		if p := a.problem(t); p.Type != "sms-unavailable" {
			t.Errorf("%s: %s", from, a.body)
		}
	}
}

// wrong is a code that differs from code.
func wrong(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}
