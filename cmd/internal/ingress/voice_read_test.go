package ingress

import (
	"fmt"
	"strings"
	"testing"
)

// oddities are what platforms send in members that nobody reads here; each stands where %s does in a member's value.
var oddities = map[string]string{
	"half of an emoji":    `"hi \ud83d"`,
	"an old encoding":     "\"caf\xe9\"",
	"a key twice":         `{"x":1,"x":2}`,
	"twice, by case":      `{"message":"x","Message":"y"}`,
	"half a pair, a key":  `{"\ude00":1}`,
	"deep":                strings.Repeat("[", 500) + strings.Repeat("]", 500),
	"more than I-JSON's":  "[" + strings.Repeat("0,", 250_000) + "0]",
	"our own names, deep": `{"toolCallList":[],"toolCallList":7,"call":{"call_id":1,"call_id":2}}`,
}

// TestOddTalk: what the talk holds does not stand in the way of a tool call.
func TestOddTalk(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	const want = "I need the six digits of the code."
	for name, odd := range oddities {
		a := r.agent(sourceVapi, "")
		a.send(t, `{"message":{"type":"tool-calls","artifact":{"messages":[`+odd+`]},"odd":1,"odd":2,"toolCallList":[{"id":"1","name":"verify_code","arguments":{"code":"1"}}],
			"call":{"id":"c","assistant":`+odd+`},"x":`+odd+`},"y":`+odd+`}`).says(t, want)
		b := r.agent(sourceRetell, "")
		b.send(t, `{"name":"verify_code","call":{"call_id":"c","transcript":`+odd+`},"y":`+odd+`,"args":{"code":"1"}}`).says(t, want)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if n := counters(t, r.in.metrics); n["holdfast_ingress_unreadable_total vapi"] != 0 || n["holdfast_ingress_unreadable_total retell"] != 0 {
		t.Errorf("%v", n)
	}
}

// TestOddCalls: a call that is no I-JSON, or stands in what is twice there, is answered and not done; what has no id is counted.
func TestOddCalls(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	const sorry = "I could not read that. Please ask me again."
	post := func(body string) answer {
		return r.do(t, "POST", "/webhooks/vapi/"+r.org.ID.String(), body, "X-Vapi-Secret", vapiSecret)
	}
	const call = `{"id":"1","name":"cancel_booking"}`
	bad := 0
	for name, body := range map[string]string{
		"arguments, half":    `{"message":{"toolCallList":[{"id":"1","name":"cancel_booking","arguments":{"name":"\ud83d"}}]}}`,
		"arguments, twice":   `{"message":{"toolCallList":[{"id":"1","name":"cancel_booking","arguments":{"booking":"a","Booking":"b"}}]}}`,
		"arguments, as text": `{"message":{"toolCallList":[{"id":"1","name":"cancel_booking","arguments":"{\"booking\":\"a\",\"booking\":\"b\"}"}]}}`,
		"a name twice":       `{"message":{"toolCallList":[{"id":"1","name":"verify_code","name":"cancel_booking"}]}}`,
		"deep":               `{"message":{"toolCallList":[{"id":"1","name":"cancel_booking","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}]}}`,
		"a list twice":       `{"message":{"toolCallList":[` + call + `],"toolcalllist":[` + call + `]}}`,
		"a message twice":    `{"message":{"toolCallList":[` + call + `]},"Message":{}}`,
		"the call twice":     `{"message":{"toolCallList":[` + call + `],"call":{"id":"a"},"call":{"id":"b"}}}`,
		"its id twice":       `{"message":{"toolCallList":[` + call + `],"call":{"id":"a","id":"b"}}}`,
		"a number, half":     `{"message":{"toolCallList":[` + call + `],"customer":{"number":"+1555\ud83d"}}}`,
		"a type twice":       `{"message":{"toolCallList":[` + call + `],"type":"tool-calls","Type":"tool-calls"}}`,
	} {
		bad++
		want := `{"results":[{"toolCallId":"1","name":"cancel_booking","error":"` + sorry + `"}]}`
		if a := post(body); a.StatusCode != 200 || string(a.body) != want {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	for _, body := range []string{`{`, `7`, `{"message":{"toolCallList":[{"name":"x","name":"y"}]}}`, `{"message":{"toolCallList":7}}`, strings.Repeat(`{"message":`, 10_001)} {
		bad++
		if a := post(body); a.StatusCode != 200 || string(a.body) != "{}" {
			t.Errorf("%.40s: %d %s", body, a.StatusCode, a.body)
		}
	}
	if n := counters(t, r.in.metrics)["holdfast_ingress_unreadable_total vapi"]; n != float64(bad) {
		t.Errorf("%v counted, want %d", n, bad)
	}
	// What no document allows, read past the rig's.
	if _, calls, odd := readVapi([]byte(`{"message":{"toolCallList":[7,{"id":2},` + call + `]}}`)); !odd || len(calls) != 1 || calls[0].id != "1" || calls[0].broken {
		t.Errorf("beside calls that have no id: %v, %+v", odd, calls)
	}
	if _, tool := readRetell([]byte("{"), "cancel_booking", r.db.Keys, r.org.ID); !tool.broken {
		t.Error("no JSON is relied on")
	}
	retell := []string{`{"call":{"call_id":"a"},"name":"cancel_booking","args":{"booking":"a","booking":"b"}}`, `{"call":{"call_id":"a"},"name":"cancel_booking","args":{},"Args":{}}`,
		`{"call":{"call_id":"a","call_id":"b"},"name":"cancel_booking","args":{}}`, `{"call":{"call_id":"a"},"name":"cancel_booking","name":"cancel_booking","args":{}}`, `{"booking":"a","booking":"b"}`}
	for _, body := range retell {
		r.agent(sourceRetell, "").send(t, body).says(t, sorry)
	}
	if n := counters(t, r.in.metrics)["holdfast_ingress_unreadable_total retell"]; n != float64(len(retell)) {
		t.Errorf("%v counted, want %d", n, len(retell))
	}
}

// TestTooManyCalls: calls beyond maxTools cost no look-up, and beyond maxAnswers no answer.
func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	r := voiceRig(t)
	calls := make([]string, 30_000)
	for i := range calls {
		calls[i] = fmt.Sprintf(`{"id":"%d","name":"fly"}`, i)
	}
	a := r.agent(sourceVapi, "")
	a.use(t, "fly") // the org is known
	begun := r.db.App.Stat().AcquireCount()
	got := a.post(t, `{"message":{"type":"tool-calls","toolCallList":[`+strings.Join(calls, ",")+`]}}`)
	var v vapiAnswer
	got.json(t, &v)
	if len(v.Results) != maxAnswers || strings.Count(string(got.body), "Those are too many") != maxAnswers-maxTools || v.Results[maxAnswers-1].ToolCallID != "99" {
		t.Errorf("%d answers: %.300s", len(v.Results), got.body)
	}
	if n := r.db.App.Stat().AcquireCount() - begun; n > maxTools+10 { // a clock and secrets besides
		t.Errorf("%d look-ups for %d calls", n, len(calls))
	}
}
