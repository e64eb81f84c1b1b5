package ingress

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

const (
	vapiSecret = "vapi-secret-of-the-test-org"
	retellKey  = "key_of_the_test_org_with_a_badge"
)

// agent is a voice agent in one conversation.
type agent struct {
	r        *rig
	platform string
	talk     string // the call's id
	number   string // who is on the line
	calls    int
}

// heard is what an agent was answered.
type heard struct {
	text string
	ok   bool
	Facts
}

// voiceRig is a rig whose org has both secrets.
func voiceRig(t testing.TB) *rig {
	t.Helper()
	r := newRig(t)
	r.voiceSecrets(t)
	return r
}

func (r *rig) voiceSecrets(t testing.TB) {
	t.Helper()
	for kind, secret := range map[string]string{"vapi": vapiSecret, "retell": retellKey} {
		if err := store.SetWebhookSecret(t.Context(), r.db.Owner, r.db.Keys, r.org.ID, kind, pii.NewToken(secret)); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *rig) agent(platform, number string) *agent {
	return &agent{r: r, platform: platform, talk: "call-" + uuid.NewString(), number: number}
}

// platforms runs a test for an agent on each.
func platforms(t *testing.T, f func(t *testing.T, platform string)) {
	t.Helper()
	for _, p := range []string{sourceVapi, sourceRetell} {
		t.Run(p, func(t *testing.T) {
			t.Parallel()
			f(t, p)
		})
	}
}

// body is one call of a tool, as the platform sends it. args are pairs.
func (a *agent) body(t *testing.T, tool string, args ...string) string {
	t.Helper()
	m := map[string]string{}
	for i := 0; i < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	a.calls++
	var v any
	if a.platform == sourceVapi {
		v = map[string]any{"message": map[string]any{"type": "tool-calls", "timestamp": 1, "toolCallList": []any{
			map[string]any{"id": fmt.Sprintf("toolu_%d", a.calls), "name": tool, "arguments": m}},
			"call": map[string]any{"id": a.talk, "customer": map[string]any{"number": a.number}}}}
	} else {
		v = map[string]any{"name": tool, "args": m, "call": map[string]any{"call_id": a.talk, "from_number": a.number, "transcript": strconv.Itoa(a.calls)}}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// use calls a tool and hears the answer.
func (a *agent) use(t *testing.T, tool string, args ...string) heard {
	t.Helper()
	return a.send(t, a.body(t, tool, args...))
}

func (a *agent) send(t *testing.T, body string) heard {
	t.Helper()
	return a.hear(t, a.post(t, body))
}

func (a *agent) post(t *testing.T, body string) answer {
	t.Helper()
	path := "/webhooks/" + a.platform + "/" + a.r.org.ID.String()
	if a.platform == sourceVapi {
		return a.r.do(t, "POST", path, body, "X-Vapi-Secret", vapiSecret)
	}
	return a.r.do(t, "POST", path, body, "X-Retell-Signature", retellSign(body, time.Now()))
}

func retellSign(body string, at time.Time) string {
	return "v=" + strconv.FormatInt(at.UnixMilli(), 10) + ",d=" + hex.EncodeToString(retellDigest(retellKey, []byte(body), at))
}

// hear reads an answer and checks what holds for all of them.
func (a *agent) hear(t *testing.T, got answer) (h heard) {
	t.Helper()
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", got.StatusCode, got.body)
		return h
	}
	if a.platform == sourceVapi {
		var v vapiAnswer
		got.json(t, &v)
		if len(v.Results) != 1 || v.Results[0].ToolCallID == "" || (v.Results[0].Result == "") == (v.Results[0].Error == "") {
			t.Errorf("%s", got.body)
			return h
		}
		h.text, h.ok = v.Results[0].Result+v.Results[0].Error, v.Results[0].Error == ""
	} else {
		var v retellAnswer
		got.json(t, &v)
		h.text, h.Facts = v.Result, v.Facts
		if len(got.body) > 15000 || v.Status == "" {
			t.Errorf("%d bytes: %.200s", len(got.body), got.body)
		}
	}
	if h.text == "" || strings.ContainsAny(h.text, "\n\r{}•") || strings.Contains(h.text, "-0") {
		t.Errorf("no voice can read %q", h.text)
	}
	return h
}

// says fails unless what was heard begins with the words.
func (h heard) says(t *testing.T, words string) {
	t.Helper()
	if !strings.HasPrefix(h.text, words) {
		t.Errorf("heard %q, want %q", h.text, words)
	}
}

// spokenDay is how the day of tomorrow is named, and tomorrow's weekday.
func spokenDay(days int) (day time.Time) {
	zone, _ := time.LoadLocation("America/New_York")
	y, m, d := time.Now().In(zone).AddDate(0, 0, days).Date()
	return time.Date(y, m, d, 12, 0, 0, 0, zone)
}
