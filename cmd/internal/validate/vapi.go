package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Shapes of a tool call at Vapi.
const (
	vapiFlat      = "toolCallList"
	vapiFunction  = "toolCalls, function, arguments as text"
	vapiContained = "toolWithToolCallList"
)

var vapiChecks = platform{
	name: "vapi",
	need: func(s *system) string {
		if s.VapiSecret == "" {
			return "no secret of Vapi's was given"
		}
		return ""
	},
	secret: func(s *system) string { return s.VapiSecret },
	shapes: []string{vapiFlat, vapiFunction, vapiContained},
	send:   sendVapi,
}.checks()

// vapiBody is a message as Vapi sends it.
func vapiBody(t talk, u use, shape string) map[string]any {
	message := map[string]any{
		"timestamp": time.Now().UnixMilli(), "type": "tool-calls", "artifact": map[string]any{}, "assistant": map[string]any{},
		"call": map[string]any{"id": t.id, "type": "inboundPhoneCall", "customer": map[string]any{"number": t.phone}},
	}
	call := map[string]any{"id": u.id, "type": "function", "function": map[string]any{"name": u.tool, "arguments": u.args}}
	switch shape {
	case vapiFunction:
		call["function"] = map[string]any{"name": u.tool, "arguments": string(asJSON(u.args))}
		message["toolCalls"] = []any{call}
	case vapiContained:
		message["toolWithToolCallList"] = []any{map[string]any{"type": "function", "name": u.tool, "toolCall": call}}
	default:
		message["toolCallList"] = []any{map[string]any{"id": u.id, "name": u.tool, "arguments": u.args}}
	}
	return map[string]any{"message": message}
}

func sendVapi(ctx context.Context, t talk, u use, shape string) (said string, status int, err error) {
	a, err := t.s.open.do(ctx, http.MethodPost, "/webhooks/vapi/"+t.s.Org, vapiBody(t, u, shape), "X-Vapi-Secret", t.secret)
	if err != nil || a.status != http.StatusOK {
		return "", a.status, err
	}
	var answer struct {
		Results []struct {
			ToolCallID string `json:"toolCallId"`
			Result     string `json:"result"`
			Error      string `json:"error"`
		} `json:"results"`
	}
	if json.Unmarshal(a.raw, &answer) != nil || len(answer.Results) != 1 || answer.Results[0].ToolCallID != u.id {
		return "", a.status, errors.New("the answer is no result of this tool call")
	}
	r := answer.Results[0]
	if r.Error != "" {
		return "", a.status, fmt.Errorf("%s: %s", u.tool, r.Error)
	}
	return r.Result, a.status, nil
}
