package ingress

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

// TestVapiShapes: each shape and each list of calls; each call is answered once and in order.
func TestVapiShapes(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	post := func(message string) answer {
		return r.do(t, "POST", "/webhooks/vapi/"+r.org.ID.String(), `{"message":`+message+`}`, "X-Vapi-Secret", vapiSecret)
	}
	for name, calls := range map[string]string{
		"flat, arguments":    `"toolCallList":[{"id":"1","name":"verify_code","arguments":{"code":"12"}}]`,
		"flat, parameters":   `"toolCallList":[{"id":"1","name":"verify_code","parameters":{"code":12}}]`,
		"OpenAI, object":     `"toolCalls":[{"id":"1","type":"function","function":{"name":"verify_code","arguments":{"code":"12"}}}]`,
		"OpenAI, string":     `"toolCallList":[{"id":"1","type":"function","function":{"name":"verify_code","arguments":"{\"code\":\"12\"}"}}]`,
		"with tool":          `"toolWithToolCallList":[{"type":"function","name":"verify_code","parameters":{},"toolCall":{"id":"1","function":{"name":"verify_code","parameters":{"code":"12"}}}}]`,
		"with tool, flat":    `"toolWithToolCallList":[{"name":"verify_code","toolCall":{"id":"1","name":"verify_code","arguments":{"code":"12"}}}]`,
		"in all lists":       `"toolCallList":[{"id":"1","name":"verify_code","arguments":{"code":"12"}}],"toolCalls":[{"id":"1","function":{"name":"verify_code","arguments":"{}"}}]`,
		"arguments are null": `"toolCallList":[{"id":"1","name":"verify_code","arguments":null}]`,
		"arguments are text": `"toolCallList":[{"id":"1","name":"verify_code","arguments":"no JSON"}]`,
	} {
		a := post(`{"type":"tool-calls",` + calls + `}`)
		want := `{"results":[{"toolCallId":"1","name":"verify_code","error":"I need the six digits of the code. Please say them one by one."}]}`
		if a.StatusCode != 200 || string(a.body) != want {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	a := post(`{"type":"tool-calls","toolCallList":[{"id":"a","name":"cancel_booking"},{"id":"b","name":"fly"}],"toolCalls":[{"id":"c","function":{"name":"verify_code"}},{"id":"a"}]}`)
	var v vapiAnswer
	a.json(t, &v)
	var ids string
	for _, res := range v.Results {
		ids += res.ToolCallID
	}
	if ids != "abc" || v.Results[0].Error != "I find no appointment of yours. Which day and time would you like?" || !strings.HasPrefix(v.Results[1].Error, "I cannot do that.") {
		t.Errorf("several: %s", a.body)
	}
	for _, other := range []string{`{"type":"status-update","status":"ended"}`, `{"type":"end-of-call-report","toolCallList":[{"id":"1","name":"cancel_booking"}]}`,
		`{"type":"assistant-request"}`, `{"type":"tool-calls"}`, `{}`, `null`, `7`, `{`} {
		if a := post(other); a.StatusCode != 200 || string(a.body) != "{}" {
			t.Errorf("%s: %d %s", other, a.StatusCode, a.body)
		}
	}
	many := `{"type":"tool-calls","toolCallList":[` + strings.Repeat(`{"name":"fly"},`, 40) + `{"name":"fly"}]}`
	if a := post(many); strings.Count(string(a.body), "Those are too many") != 41-maxTools {
		t.Errorf("many: %s", a.body)
	}
	long := `{"type":"tool-calls","toolCallList":[{"id":"1","name":"fly"}],"artifact":{"messages":["` + strings.Repeat("x", 500_000) + `"]}}`
	if a := post(long); a.StatusCode != 200 {
		t.Errorf("a long call: %d %s", a.StatusCode, a.body)
	}
}

// TestVoiceProof: who cannot prove itself is answered 401, whatever is wrong.
func TestVoiceProof(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	body := `{"name":"verify_code","args":{"code":"1"},"call":{"call_id":"c"}}`
	now := time.Now()
	of := func(platform, org string) string { return "/webhooks/" + platform + "/" + org }
	mine := r.org.ID.String()
	for name, tt := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"secret":            {of("vapi", mine), "{}", []string{"X-Vapi-Secret", vapiSecret}, 200},
		"bearer":            {of("vapi", mine), "{}", []string{"Authorization", "Bearer " + vapiSecret}, 200},
		"wrong":             {of("vapi", mine), "{}", []string{"X-Vapi-Secret", vapiSecret + "x"}, 401},
		"none":              {of("vapi", mine), "{}", nil, 401},
		"empty":             {of("vapi", mine), "{}", []string{"X-Vapi-Secret", ""}, 401},
		"Retell's":          {of("vapi", mine), "{}", []string{"X-Vapi-Secret", retellKey}, 401},
		"no such org":       {of("vapi", uuid.NewString()), "{}", []string{"X-Vapi-Secret", vapiSecret}, 401},
		"no org":            {of("vapi", "7"), "{}", []string{"X-Vapi-Secret", vapiSecret}, 401},
		"signed":            {of("retell", mine), body, []string{"X-Retell-Signature", retellSign(body, now)}, 200},
		"four minutes old":  {of("retell", mine), body, []string{"X-Retell-Signature", retellSign(body, now.Add(-4*time.Minute))}, 200},
		"six minutes old":   {of("retell", mine), body, []string{"X-Retell-Signature", retellSign(body, now.Add(-6*time.Minute))}, 401},
		"six minutes ahead": {of("retell", mine), body, []string{"X-Retell-Signature", retellSign(body, now.Add(6*time.Minute))}, 401},
		"other body":        {of("retell", mine), body + " ", []string{"X-Retell-Signature", retellSign(body, now)}, 401},
		"other time": {of("retell", mine), body, []string{"X-Retell-Signature",
			strings.Replace(retellSign(body, now), "v=", "v=0", 1)}, 401},
		"no signature": {of("retell", mine), body, nil, 401},
		"garbage":      {of("retell", mine), body, []string{"X-Retell-Signature", "v=x,d=zz"}, 401},
		"other org":    {of("retell", uuid.NewString()), body, []string{"X-Retell-Signature", retellSign(body, now)}, 401},
	} {
		a := r.do(t, "POST", tt.path, tt.body, tt.headers...)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
		if tt.status == 401 && a.problem(t).Type != "invalid-signature" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if err := store.SetWebhookSecret(t.Context(), r.db.Owner, r.db.Keys, r.org.ID, "vapi", pii.NewToken("short")); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { // what was believed of the old one ends
		return r.do(t, "POST", of("vapi", mine), "{}", "X-Vapi-Secret", vapiSecret).StatusCode == 401
	})
	if a := r.do(t, "POST", of("vapi", mine), "{}", "X-Vapi-Secret", "short"); a.StatusCode != 401 {
		t.Errorf("a short secret lets in: %d", a.StatusCode)
	}
}

// TestCallID: what transcripts could name too stays as it is; all else is a hash, as long as any.
func TestCallID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "call_7f3a", strings.Repeat("c", 128)} {
		if got := callID(id); got != id {
			t.Errorf("%q: %q", id, got)
		}
	}
	seen := map[string]bool{}
	for _, id := range []string{strings.Repeat("c", 129), strings.Repeat("c", 5000), "two words", "\u202e", "\x00", "\xff"} {
		got := callID(id)
		if len(got) != 64 || seen[got] || callID(got) != got {
			t.Errorf("%.20q: %q", id, got)
		}
		seen[got] = true
	}
}
