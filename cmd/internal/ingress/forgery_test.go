package ingress

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
	"holdfast/store/trace"
)

// forgery is a request with a proof that is none.
type forgery struct {
	path, body string
	headers    []string
}

func forgeries(org string) map[string]forgery {
	now := time.Now()
	secret := dummySecret()
	return map[string]forgery{
		"status": {"/webhooks/twilio/" + org + "/status/" + uuid.NewString(), "MessageSid=SM1&MessageStatus=sent&AccountSid=AC1",
			[]string{"Content-Type", "application/x-www-form-urlencoded", "X-Twilio-Signature", "forged"}},
		"inbound": {"/webhooks/twilio/" + org + "/inbound?bodySHA256=00", "{", []string{"X-Twilio-Signature", "forged"}},
		"events":  {"/webhooks/events/" + org, "{", []string{"webhook-id", "m", "webhook-timestamp", unix(now), "webhook-signature", "v1,Zm9yZ2Vk"}},
		"vapi":    {"/webhooks/vapi/" + org, "{", []string{"X-Vapi-Secret", secret.Reveal()}},
		"retell":  {"/webhooks/retell/" + org, "{", []string{"X-Retell-Signature", strings.Replace(retellSign("{", now), "d=", "d=00", 1)}},
	}
}

// TestForgedReachesNothing: a request whose proof is none is 401 whatever its body is, and of all that it could do only the
// look-up of the secret reaches PostgreSQL: once, and not again for the next ones. Of an unknown org it is the same.
func TestForgedReachesNothing(t *testing.T) {
	t.Parallel()
	base := voiceRig(t)
	rec := &trace.Recorder{}
	pool, err := store.OpenPool(t.Context(), base.db.AppURL, store.Pool{Max: 4, Tracer: rec})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	r := rigOn(t, &storetest.DB{App: pool, Owner: base.db.Owner, Admin: base.db.Admin, Keys: base.db.Keys}, base.tasks.Broker)
	looked := map[string][2]int{}
	for i, org := range []string{base.org.ID.String(), uuid.NewString()} {
		for kind, f := range forgeries(org) {
			start := time.Now()
			for range 5 {
				if a := r.do(t, "POST", f.path, f.body, f.headers...); a.StatusCode != 401 || a.problem(t).Type != "invalid-signature" {
					t.Errorf("%s: %d %s", kind, a.StatusCode, a.body)
				}
			}
			most := 1 + int(time.Since(start)/lookEvery)
			all := slices.DeleteFunc(rec.Take(), tellsOrg)
			for _, tx := range all {
				for _, trip := range tx.Trips {
					for _, s := range trip {
						if word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(s.SQL)), " "); word != "begin" && word != "commit" && word != "rollback" && word != "select" {
							t.Errorf("%s: %s", kind, s.SQL)
						}
					}
				}
			}
			if n := len(all); n > most {
				t.Errorf("%s: %d transactions for 5 forged requests of %s", kind, n, []string{"an org", "nobody"}[i])
			}
			n := looked[kind]
			n[i] = len(all)
			looked[kind] = n
		}
	}
	total := [2]int{}
	for kind, n := range looked {
		total[0] += n[0]
		total[1] += n[1]
		if n[0] != n[1] && n[0]+n[1] > 3 {
			t.Errorf("%s: %d look-ups of an org, %d of nobody", kind, n[0], n[1])
		}
	}
	if total[0] != total[1] || total[0] != 4 { // the account of both Twilio routes is one
		t.Errorf("%d look-ups of an org, %d of nobody, want 4", total[0], total[1])
	}
}

// tellsOrg is a transaction that writes security events, which is done in the background and once for many.
func tellsOrg(tx *trace.Transaction) bool {
	return slices.ContainsFunc(tx.Trips, func(trip []trace.Statement) bool {
		return slices.ContainsFunc(trip, func(s trace.Statement) bool { return strings.Contains(s.SQL, "INTO security_event") })
	})
}

// TestTwilioBehindProxy: what is signed is the configured URL, whatever prefix a proxy takes off, with the standard port or
// without; repeated keys are signed with all their values; JSON by its hash in the URL; and the account must be the org's.
func TestTwilioBehindProxy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.in.public = "https://example.com/holdfast"
	path := "/webhooks/twilio/" + r.org.ID.String() + "/inbound"
	at, ported := r.in.public+path, "https://example.com:443/holdfast"+path
	token := r.org.Account.Token
	form := url.Values{"AccountSid": {r.org.Account.SID}, "MessageSid": {"SM1"}, "From": {"+15550100042"}, "To": {"+15005550006"}, "Body": {"hi"}}
	media := url.Values{"MediaUrl": {"b", "a", "b"}}
	for k, v := range form {
		media[k] = v
	}
	appended := url.Values{}
	for k, v := range media {
		appended[k] = v
	}
	appended["Body"] = []string{"hi", "STOP"}
	many := url.Values{}
	for i := range maxFormFields {
		many["f"+unix(time.Unix(int64(i), 0))] = []string{"x"}
	}
	for k, v := range form {
		many[k] = v
	}
	body := func(account string) string {
		return `{"AccountSid":"` + account + `","MessageSid":"SM2","From":"+15550100042","To":"+15005550006","Body":"hi","NumMedia":0}`
	}
	hashed := func(body string) string { return "?bodySHA256=" + sha256Hex(body) }
	other := storetest.NewOrg(t, r.db, "garage")
	const asForm, asJSON = "application/x-www-form-urlencoded", "application/json"
	for _, tt := range []struct {
		name, query, body, media, signature string
		status                              int
	}{
		{"with the prefix", "", form.Encode(), asForm, sms.Sign(token, at, form), 200},
		{"with the port", "", form.Encode(), asForm, sms.Sign(token, ported, form), 200},
		{"without the prefix", "", form.Encode(), asForm, sms.Sign(token, "https://example.com"+path, form), 401},
		{"another port", "", form.Encode(), asForm, sms.Sign(token, "https://example.com:8443/holdfast"+path, form), 401},
		{"repeated keys", "", media.Encode(), asForm, sms.Sign(token, at, media), 200},
		{"an appended value", "", appended.Encode(), asForm, sms.Sign(token, at, media), 401},
		{"too many fields", "", many.Encode(), asForm, sms.Sign(token, at, many), 401},
		{"a form that cannot be read", "", "a=%zz", asForm, sms.Sign(token, at, nil), 401},
		{"JSON", hashed(body(r.org.Account.SID)), body(r.org.Account.SID), asJSON, sms.Sign(token, at+hashed(body(r.org.Account.SID)), nil), 200},
		{"JSON, other body", hashed(body(r.org.Account.SID)), body(r.org.Account.SID) + " ", asJSON, sms.Sign(token, at+hashed(body(r.org.Account.SID)), nil), 401},
		{"JSON without a hash", "", body(r.org.Account.SID), asJSON, sms.Sign(token, at, nil), 401},
		{"JSON of another account", hashed(body(other.Account.SID)), body(other.Account.SID), asJSON, sms.Sign(token, at+hashed(body(other.Account.SID)), nil), 401},
		{"a form with a hash", hashed(""), form.Encode(), asForm, sms.Sign(token, at+hashed(""), nil), 401},
	} {
		a := r.do(t, "POST", path+tt.query, tt.body, "Content-Type", tt.media, "X-Twilio-Signature", tt.signature)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "inbound"); n != 2 { // SM1 was delivered three times
		t.Errorf("%d texts", n)
	}
}

// TestEventHeaders: what stands in the headers of Standard Webhooks, besides what TestEventSignatures tries.
func TestEventHeaders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"type":"booking.requested","data":` + bookingBody(tomorrow("10:00")) + `}`
	now := time.Now()
	good := sign(t, r.org.Events, "m", now, body)
	bad := sign(t, pii.NewToken("whsec_"+strings.Repeat("QUJD", 8)), "m", now, body)
	with := func(signature string) []string { return append(good[:5:5], signature) }
	bare := strings.TrimPrefix(good[5], "v1,")
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"the last of many", with(strings.Repeat(bad[5]+" ", 20) + "v1a,x v2," + bare + " " + good[5]), 202},
		{"upper case version", with("V1," + bare), 401},
		{"another version", with("v1a," + bare), 401},
		{"no version", with(bare), 401},
		{"by commas", with(bad[5] + "," + good[5]), 401},
		{"a time that is none", append([]string{"webhook-id", "m", "webhook-timestamp", "now"}, good[4:]...), 401},
		{"a time in milliseconds", append([]string{"webhook-id", "m", "webhook-timestamp", unix(now) + "000"}, good[4:]...), 401},
		{"a time that is out of range", append([]string{"webhook-id", "m", "webhook-timestamp", "99999999999999999999"}, good[4:]...), 401},
		{"another id besides", append([]string{"webhook-id", "n"}, good...), 400},
		{"the id twice", append([]string{"webhook-id", "m"}, good...), 400},
		{"another time besides", append([]string{"webhook-timestamp", "1"}, good...), 400},
		{"another signature besides", append([]string{"webhook-signature", bad[5]}, good...), 400},
	} {
		a := r.do(t, "POST", "/webhooks/events/"+r.org.ID.String(), body, tt.headers...)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %d %s", tt.name, a.StatusCode, a.body)
		}
	}
	if n := r.count(t, "request"); n != 1 {
		t.Errorf("%d requests", n)
	}
}
