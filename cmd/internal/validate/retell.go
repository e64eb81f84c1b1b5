package validate

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Shapes of a tool call at Retell.
const (
	retellWhole = "name, call and args"
	retellArgs  = "args only"
)

var retellChecks = platform{
	name: "retell",
	need: func(s *system) string {
		if s.RetellKey == "" {
			return "no key of Retell's was given"
		}
		return ""
	},
	secret: func(s *system) string { return s.RetellKey },
	shapes: []string{retellWhole, retellArgs},
	send:   sendRetell,
}.checks()

func sendRetell(ctx context.Context, t talk, u use, shape string) (said string, status int, err error) {
	path := "/webhooks/retell/" + t.s.Org
	body := asJSON(map[string]any{"name": u.tool, "args": u.args,
		"call": map[string]any{"call_id": t.id, "from_number": t.phone, "transcript": ""}})
	if shape == retellArgs { // the function is named by the URL, and who calls by the agent
		args := maps.Clone(u.args)
		args["phone"] = t.phone
		path, body = path+query("tool", u.tool), asJSON(args)
	}
	a, err := t.s.open.do(ctx, http.MethodPost, path, body,
		"X-Retell-Signature", retellSignature(t.secret, body))
	if err != nil || a.status != http.StatusOK {
		return "", a.status, err
	}
	said, err = spoken(a.raw, u.tool == "hold_slot")
	return said, a.status, err
}

// retellSignature signs a body as Retell does: over it and the milliseconds that go along.
func retellSignature(key string, body []byte) string {
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write(append(bytes.Clone(body), at...)) // a hash never fails
	return "v=" + at + ",d=" + hex.EncodeToString(mac.Sum(nil))
}

// spoken is the sentence of an answer, which may be a text or an object with one. Other times instead of the one
// that was to be held are an error, as Vapi's answers call them.
func spoken(raw []byte, hold bool) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var object struct {
		Result       string            `json:"result"`
		Alternatives []json.RawMessage `json:"alternatives"`
	}
	if err := json.Unmarshal(raw, &object); err != nil || object.Result == "" {
		return "", errors.New("the answer holds no sentence")
	}
	if hold && len(object.Alternatives) > 0 {
		return "", errors.New(object.Result)
	}
	return object.Result, nil
}
