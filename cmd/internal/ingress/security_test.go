package ingress

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// TestBadSignatures: an org is told of forged and stale signatures by route. Of orgs that do not exist nobody is told.
func TestBadSignatures(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	org := r.org.ID.String()
	form := url.Values{"AccountSid": {r.org.Account.SID}, "MessageSid": {"SM1"}, "MessageStatus": {"sent"}, "From": {"+15550100042"}}
	inbound, status := "/webhooks/twilio/"+org+"/inbound", "/webhooks/twilio/"+org+"/status/"+uuid.NewString()
	forged := pii.NewToken("0123456789abcdef0123456789abcdef")
	old := time.Now().Add(-6 * time.Minute)
	wanted := map[string]int{}
	for route, tries := range map[string][]answer{
		"/webhooks/twilio/{org}/inbound": {
			r.do(t, "POST", inbound, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", sms.Sign(forged, publicURL+inbound, form)),
		},
		"/webhooks/twilio/{org}/status/{message}": {
			r.do(t, "POST", status, form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", sms.Sign(r.org.Account.Token, publicURL+inbound, form)),
		},
		"/webhooks/events/{org}": {
			r.do(t, "POST", "/webhooks/events/"+org, "{}", sign(t, pii.NewToken("whsec_Zm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2Vk"), "m", time.Now(), "{}")...),
			r.do(t, "POST", "/webhooks/events/"+org, "{}", sign(t, r.org.Events, "m", old, "{}")...),
		},
		"/webhooks/vapi/{org}": {
			r.do(t, "POST", "/webhooks/vapi/"+org, "{}", "X-Vapi-Secret", vapiSecret+"x"),
			r.do(t, "POST", "/webhooks/vapi/"+org, "{}"),
		},
		"/webhooks/retell/{org}": {
			r.do(t, "POST", "/webhooks/retell/"+org, "{}", "X-Retell-Signature", retellSign("{} ", time.Now())),
			r.do(t, "POST", "/webhooks/retell/"+org, "{}", "X-Retell-Signature", retellSign("{}", old)),
			r.do(t, "POST", "/webhooks/retell/"+org, "{}", "X-Retell-Signature", "v=1"),
		},
	} {
		for _, a := range tries {
			if a.StatusCode != 401 || a.problem(t).Type != "invalid-signature" {
				t.Errorf("%s: %d %s", route, a.StatusCode, a.body)
			}
		}
		seen := fmt.Sprintf("security_event WHERE kind = 'bad-signature' AND key_id IS NULL AND org_id = '%s' AND route = '%s'", org, route)
		until(t, func() bool { return r.count(t, seen) == 1 })
		wanted[seen] = len(tries)
	}
	for _, path := range []string{"/webhooks/events/", "/webhooks/vapi/", "/webhooks/retell/"} {
		r.do(t, "POST", path+uuid.NewString(), "{}")
	}
	r.in.Close()
	for seen, want := range wanted { // the first is one row, all that followed another
		if n := r.sum(t, seen); n != want {
			t.Errorf("%s: %d were written, %d were seen", seen, n, want)
		}
	}
	if n := r.sum(t, "security_event"); n != 9 {
		t.Errorf("%d events in all, want 9", n)
	}
}

// sum is how often all that is in rows of security_event was seen.
func (r *rig) sum(t *testing.T, rows string) (n int) {
	t.Helper()
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT COALESCE(sum(n), 0) FROM "+rows).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFlood: one row at once, and one for all that follow within a minute.
func TestFlood(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := "/v1/orgs/" + uuid.NewString() + "/bookings"
	try := func() time.Duration {
		start := time.Now()
		if a := r.do(t, "GET", path, "", "Authorization", "Bearer "+r.org.Key.Reveal()); a.StatusCode != 403 || a.problem(t).Type != "forbidden" {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return time.Since(start)
	}
	try()
	told := time.Now()
	until(t, func() bool { return r.count(t, "security_event") == 1 })
	if d := time.Since(told); d > time.Second {
		t.Errorf("it was told of after %v", d)
	}
	for range 300 {
		try()
	}
	r.in.security.Note(r.org.ID, uuid.Nil, "another", "/") // it is written, and all that is due with it
	until(t, func() bool { return r.count(t, "security_event WHERE kind = 'another'") == 1 })
	if n := r.count(t, "security_event WHERE kind = 'cross-org'"); n != 1 {
		t.Errorf("%d rows within a minute", n)
	}
	if n := counters(t, r.in.metrics)["holdfast_ingress_denied_total cross-org"]; n != 301 {
		t.Errorf("%v were counted", n)
	}
	r.in.security.mu.Lock()
	for _, tally := range r.in.security.seen { // the minute is over
		tally.due = time.Now()
	}
	r.in.security.mu.Unlock()
	until(t, func() bool { return r.count(t, "security_event WHERE kind = 'cross-org'") == 2 })
	if n := r.sum(t, "security_event WHERE n = 300 AND route = '/v1/orgs/{org}/bookings'"); n != 300 {
		t.Errorf("%d in the row that counts", n)
	}
}

// TestSecurityBounds: what is not seen again is forgotten; there are never more than fit, and the rest is counted as lost.
func TestSecurityBounds(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	s := newSecurity(nil, nil, m)
	for range maxSightings + 7 {
		s.Note(uuid.New(), uuid.Nil, "bad-signature", "/")
	}
	if n := counters(t, m)["holdfast_security_events_lost_total"]; len(s.seen) != maxSightings || n != 7 {
		t.Errorf("%d remembered, %v lost", len(s.seen), n)
	}
	now := time.Now()
	if due := s.take(now, false); len(due) != maxSightings || len(s.take(now.Add(59*time.Second), false)) != 0 {
		t.Errorf("%d due", len(due))
	}
	if s.take(now.Add(time.Minute), false); len(s.seen) != 0 {
		t.Errorf("%d remembered for ever", len(s.seen))
	}
}

// TestSecurityWaits: what cannot be written is kept, and what is left at the end is written then.
func TestSecurityWaits(t *testing.T) {
	t.Parallel()
	a := newRig(t)
	r, g := a.behindGate(t, 2)
	r.in.security.Note(r.org.ID, uuid.Nil, "first", "/")
	until(t, func() bool { return r.count(t, "security_event WHERE kind = 'first'") == 1 })
	if _, err := r.db.Admin.Exec(t.Context(), "REVOKE INSERT ON security_event FROM holdfast_app"); err != nil {
		t.Fatal(err)
	}
	r.in.security.Note(r.org.ID, uuid.Nil, "second", "/")
	until(t, func() bool { return strings.Contains(r.log.String(), "security events are not written") })
	if _, err := r.db.Admin.Exec(t.Context(), "GRANT INSERT ON security_event TO holdfast_app"); err != nil {
		t.Fatal(err)
	}
	r.in.security.Note(r.org.ID, uuid.Nil, "second", "/")
	r.in.Close()
	if n := r.sum(t, "security_event WHERE kind = 'second'"); n != 2 {
		t.Errorf("%d were written", n)
	}
	_ = g.Close()
}

// TestKeyUse: a key's last use is written at the end, and meanwhile only when it has moved by a minute.
func TestKeyUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	storetest.NewKey(t, r.db, r.org.ID, store.ScopeAdmin) // is not used
	for range 3 {
		r.api(t, "GET", "/bookings", "")
	}
	if n := r.count(t, "api_key WHERE last_used_at IS NOT NULL"); n != 0 {
		t.Error("a request has written a use")
	}
	r.in.Close()
	if n := r.count(t, "api_key WHERE last_used_at > clock_timestamp() - interval '1 min'"); n != 1 {
		t.Errorf("%d keys were used", n)
	}
	u := newKeyUses(nil, nil)
	k, now := store.Key{Org: uuid.New(), ID: uuid.New()}, time.Now()
	u.note(k)
	if n := len(u.take(now)[k.Org]); n != 1 {
		t.Errorf("the first use: %d", n)
	}
	u.note(k)
	if n := len(u.take(now.Add(usesEvery))); n != 0 {
		t.Errorf("one of the same minute: %d", n)
	}
	u.uses[keyRef{k.Org, k.ID}].last = now.Add(useMoves + time.Second)
	if n := len(u.take(now.Add(useMoves + usesEvery))); n != 1 {
		t.Errorf("one a minute later: %d", n)
	}
	if u.take(now.Add(time.Hour)); len(u.uses) != 0 {
		t.Error("it is remembered for ever")
	}
}
