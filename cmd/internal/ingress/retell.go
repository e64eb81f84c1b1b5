package ingress

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/store/pii"
)

type retellInput struct {
	Org       string `path:"org"`
	Tool      string `query:"tool" doc:"The function's name, where its payload is set to \"args only\"."`
	Signature string `header:"X-Retell-Signature" doc:"v=<unix milliseconds>,d=<hex of HMAC-SHA256 over the body followed by that number>, with the API key of kind retell."`
}

// retellBody is a call of a function. With "args only" the body is Args alone.
type retellBody struct {
	Name string          `json:"name,omitempty"`
	Call *retellTalk     `json:"call,omitempty"`
	Chat *retellTalk     `json:"chat,omitempty"`
	Args json.RawMessage `json:"args,omitempty"`
}

// retellTalk is the call, or the chat, that the function was called in.
type retellTalk struct {
	CallID     string `json:"call_id,omitempty"`
	ChatID     string `json:"chat_id,omitempty"`
	Direction  string `json:"direction,omitempty"`
	FromNumber string `json:"from_number,omitempty"`
	ToNumber   string `json:"to_number,omitempty"`
}

// retellAnswer is the sentence, and what it says as fields.
type retellAnswer struct {
	Result string `json:"result"`
	Facts
}

// retellWindow is how far a signature's time may lie from now, before or after.
const retellWindow = 5 * time.Minute

func (in *Ingress) retellRoutes() {
	register(in, opRetell, func(ctx context.Context, c *call, i *retellInput) (*spoken, error) {
		begun := time.Now()
		org, err := in.fromRetell(ctx, c, i)
		if err != nil {
			return nil, err
		}
		talk, tool := readRetell(c.body, i.Tool, in.keys, org)
		talk.org, talk.begun = org, begun
		tool.delivery = deliveryOf(i.Signature)
		if tool.broken {
			in.metrics.Unreadable.WithLabelValues(sourceRetell).Inc()
		}
		s := in.speak(ctx, talk, []toolCall{tool})[0]
		return speaking(retellAnswer{s.text, s.facts})
	})
}

// fromRetell proves a request by its signature over the raw body.
func (in *Ingress) fromRetell(ctx context.Context, c *call, i *retellInput) (uuid.UUID, error) {
	at, digest, ok := splitRetell(i.Signature)
	young := ok && time.Since(at).Abs() <= retellWindow
	return in.bySecret(ctx, i.Org, sourceRetell, func(key pii.Token) bool {
		return young && len(key.Reveal()) >= minSecret && hmac.Equal(digest, retellDigest(key.Reveal(), c.body, at))
	})
}

// splitRetell splits "v=<unix milliseconds>,d=<hex>".
func splitRetell(header string) (at time.Time, digest []byte, ok bool) {
	v, d, ok := strings.Cut(header, ",")
	v, okV := strings.CutPrefix(strings.TrimSpace(v), "v=")
	d, okD := strings.CutPrefix(strings.TrimSpace(d), "d=")
	millis, err := strconv.ParseInt(v, 10, 64)
	digest, err2 := hex.DecodeString(d)
	return time.UnixMilli(millis), digest, ok && okV && okD && err == nil && err2 == nil && strconv.FormatInt(millis, 10) == v
}

// deliveryOf is the key of a delivery, by its signature: digest and time.
func deliveryOf(header string) string {
	at, digest, ok := splitRetell(header)
	if !ok {
		return ""
	}
	return keyOf(sourceRetell, strconv.FormatInt(at.UnixMilli(), 10), hex.EncodeToString(digest))
}

func retellDigest(key string, body []byte, at time.Time) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write(body) // a hash never fails
	_, _ = mac.Write([]byte(strconv.FormatInt(at.UnixMilli(), 10)))
	return mac.Sum(nil)
}

// retellParts are the members of a call, or a chat, that are read.
type retellParts struct {
	CallID     part `json:"call_id"`
	ChatID     part `json:"chat_id"`
	Direction  part `json:"direction"`
	FromNumber part `json:"from_number"`
	ToNumber   part `json:"to_number"`
}

// readRetell reads either shape of a body. Retell names no call of a function, so that the key is made of what
// was said; asked the same anew, it is the same key. A delivery that comes again is known by its signature (deliveryOf).
func readRetell(raw []byte, name string, keys *pii.Keyring, org uuid.UUID) (conversation, toolCall) {
	talk := conversation{source: sourceRetell}
	var b struct {
		Name part `json:"name"`
		Call part `json:"call"`
		Chat part `json:"chat"`
		Args part `json:"args"`
	}
	if err := json.Unmarshal(raw, &b); err != nil || !b.Call.object() && !b.Chat.object() && !b.Args.object() {
		tool := toolCall{name: name, unnamed: true}
		tool.args, tool.broken = argsOf(raw)
		tool.broken = tool.broken || !json.Valid(raw)
		return talk, tool
	}
	var ps parts
	tool := toolCall{name: ps.text(b.Name), repeats: true}
	if tool.name == "" {
		tool.name, tool.unnamed = name, true
	}
	for _, p := range []part{b.Call, b.Chat} {
		if p.object() {
			var t retellParts
			ps.open(p, &t)
			said := retellTalk{CallID: ps.text(t.CallID), ChatID: ps.text(t.ChatID), Direction: ps.text(t.Direction), FromNumber: ps.text(t.FromNumber), ToNumber: ps.text(t.ToNumber)}
			talk.id, talk.number = callID(said.CallID+said.ChatID), said.customer()
		}
	}
	for _, raw := range b.Args.values {
		tool.args, tool.broken = argsOf(raw)
	}
	tool.broken = tool.broken || ps.odd || len(b.Args.values) > 1
	if talk.id != "" {
		tool.key = keyOf(sourceRetell, talk.id, tool.name, tool.args.hash(keys, org))
	}
	return talk, tool
}

// customer is who is on the line: who called, or who was called.
func (t retellTalk) customer() pii.Phone {
	number := t.FromNumber
	if t.Direction == "outbound" {
		number = t.ToNumber
	}
	p, err := pii.ParsePhone(number, "")
	if err != nil {
		return pii.Phone{}
	}
	return p
}

// hash tells arguments apart, however they were spelled as JSON. It is keyed: among them are codes and phones, which
// a plain hash would let anybody guess who reads the table.
func (a toolArgs) hash(keys *pii.Keyring, org uuid.UUID) string {
	canonical, err := json.Marshal(a)
	if err != nil { // strings only: they marshal
		return ""
	}
	return hex.EncodeToString(keys.Fingerprint(org, "voice.arguments", string(canonical))[:16])
}
