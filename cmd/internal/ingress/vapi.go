package ingress

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"holdfast/store/pii"
)

type vapiInput struct {
	Org    string `path:"org"`
	Secret string `header:"X-Vapi-Secret" doc:"The org's secret of kind vapi; Authorization: Bearer does as well."`
}

// vapiBody documents what is read of a message of Vapi's.
type vapiBody struct {
	Message vapiMessage `json:"message"`
}

// vapiMessage is one message. Tool calls come in up to three lists, in three shapes.
type vapiMessage struct {
	Type                 string     `json:"type,omitempty"`
	ToolCallList         []vapiCall `json:"toolCallList,omitempty"`
	ToolCalls            []vapiCall `json:"toolCalls,omitempty"`
	ToolWithToolCallList []vapiCall `json:"toolWithToolCallList,omitempty"`
	Call                 vapiTalk   `json:"call,omitzero"`
	Customer             vapiNumber `json:"customer,omitzero"`
}

// vapiTalk is the call that the message belongs to.
type vapiTalk struct {
	ID       string     `json:"id,omitempty"`
	Customer vapiNumber `json:"customer,omitzero"`
}

type vapiNumber struct {
	Number string `json:"number,omitempty"`
}

// vapiCall is a call of a tool: flat, as OpenAI writes it, or beside the tool that it calls.
type vapiCall struct {
	ID         string          `json:"id,omitempty"`
	Name       string          `json:"name,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Function   *vapiCall       `json:"function,omitempty"`
	ToolCall   *vapiCall       `json:"toolCall,omitempty"`
}

// vapiAnswer is what Vapi reads, whatever came of the calls, if the status is 200. It takes no fields besides.
type vapiAnswer struct {
	Results []vapiResult `json:"results"`
}

// vapiResult answers one call, in one line.
type vapiResult struct {
	ToolCallID string `json:"toolCallId"`
	Name       string `json:"name"`
	Result     string `json:"result,omitempty"`
	Error      string `json:"error,omitempty"`
}

// spoken answers a voice agent.
type spoken struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

func speaking(v any) (*spoken, error) {
	body, err := json.Marshal(v)
	return &spoken{"application/json", body}, err
}

func (in *Ingress) vapiRoutes() {
	register(in, opVapi, func(ctx context.Context, c *call, i *vapiInput) (*spoken, error) {
		begun := time.Now()
		org, err := in.fromVapi(ctx, c, i)
		if err != nil {
			return nil, err
		}
		talk, calls, odd := readVapi(c.body)
		if odd {
			in.metrics.Unreadable.WithLabelValues(sourceVapi).Inc()
		}
		if len(calls) == 0 {
			return speaking(struct{}{}) // something that Vapi tells, and waits for nothing
		}
		talk.org, talk.begun = org, begun
		out := vapiAnswer{Results: make([]vapiResult, len(calls))}
		for n, s := range in.speak(ctx, talk, calls) {
			r := vapiResult{ToolCallID: calls[n].id, Name: calls[n].name}
			if r.Result = s.text; !s.ok {
				r.Result, r.Error = "", s.text
			}
			out.Results[n] = r
		}
		return speaking(out)
	})
}

// vapiParts are the members of a message that are read.
type vapiParts struct {
	Type                 part `json:"type"`
	ToolCallList         part `json:"toolCallList"`
	ToolCalls            part `json:"toolCalls"`
	ToolWithToolCallList part `json:"toolWithToolCallList"`
	Call                 part `json:"call"`
	Customer             part `json:"customer"`
}

// readVapi reads the calls of tools of a message, in whose conversation they were made. There are none in what is no
// message of that type. odd: something could not be read; calls that it leaves open are broken, and only those
// without an id are not among them, since Vapi could not tell what is answered.
func readVapi(raw []byte) (talk conversation, calls []toolCall, odd bool) {
	var body struct {
		Message part `json:"message"`
	}
	talk = conversation{source: sourceVapi}
	if json.Unmarshal(raw, &body) != nil {
		return talk, nil, true
	}
	ps := parts{odd: len(body.Message.values) > 1}
	var lists []part
	for _, raw := range body.Message.values {
		var m vapiParts
		if json.Unmarshal(raw, &m) != nil {
			ps.odd = true
			continue
		}
		if kind := ps.text(m.Type); kind == "" || kind == "tool-calls" {
			lists = append(lists, m.ToolCallList, m.ToolCalls, m.ToolWithToolCallList)
			ps.vapiTalk(m, &talk)
		}
	}
	call := talk.id
	talk.id = callID(call)
	calls, lost := vapiCalls(lists, call)
	odd = ps.odd || lost
	for i := range calls {
		calls[i].broken = calls[i].broken || ps.odd
		odd = odd || calls[i].broken
	}
	return talk, calls, odd
}

// vapiTalk reads which call it is, and who is on the line.
func (ps *parts) vapiTalk(m vapiParts, talk *conversation) {
	var call struct {
		ID       part `json:"id"`
		Customer part `json:"customer"`
	}
	ps.open(m.Call, &call)
	talk.id = ps.text(call.ID)
	for _, customer := range []part{call.Customer, m.Customer} {
		var c struct {
			Number part `json:"number"`
		}
		ps.open(customer, &c)
		if p, err := pii.ParsePhone(ps.text(c.Number), ""); err == nil && talk.number.IsZero() {
			talk.number = p
		}
	}
}

// fromVapi proves a request by the secret that Vapi sends along.
func (in *Ingress) fromVapi(ctx context.Context, c *call, i *vapiInput) (uuid.UUID, error) {
	given := []string{i.Secret}
	if token, ok := bearer(c.header); ok {
		given = append(given, token.Reveal())
	}
	return in.bySecret(ctx, i.Org, sourceVapi, func(secret pii.Token) bool {
		right := 0
		for _, g := range given {
			right |= sameSecret(secret.Reveal(), g)
		}
		return right == 1
	})
}

// sameSecret compares in constant time, also for other lengths. A short secret lets nobody in.
func sameSecret(secret, given string) int {
	a, b := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(given))
	same := subtle.ConstantTimeCompare(a[:], b[:])
	if len(secret) < minSecret {
		return 0
	}
	return same
}

// vapiCalls lists the calls of all lists, each once and in order, up to maxAnswers. lost: there are some whose id cannot be read.
func vapiCalls(lists []part, talk string) (all []toolCall, lost bool) {
	seen := map[string]bool{}
	for _, list := range lists {
		for _, raw := range list.values {
			var items []json.RawMessage
			lost = json.Unmarshal(raw, &items) != nil || lost
			for _, item := range items {
				var c vapiCall
				err := unmarshal(item, &c)
				t := c.tool()
				t.broken = t.broken || err != nil || len(list.values) > 1
				if t.broken && t.id == "" {
					lost = true
					continue
				}
				if t.id != "" && seen[t.id] || len(all) == maxAnswers {
					continue
				}
				seen[t.id] = true
				if t.id != "" {
					t.key = keyOf(sourceVapi, talk, t.id)
				}
				all = append(all, t)
			}
		}
	}
	return all, lost
}

// tool reads any of the shapes.
func (c vapiCall) tool() toolCall {
	t := toolCall{id: c.ID, name: c.Name}
	args := c.Arguments
	if args == nil {
		args = c.Parameters
	}
	for _, inner := range []*vapiCall{c.Function, c.ToolCall} {
		if inner == nil {
			continue
		}
		i := inner.tool()
		if i.id != "" {
			t.id = i.id
		}
		if i.name != "" {
			t.name = i.name
		}
		t.args, t.broken = i.args, t.broken || i.broken
		args = nil
	}
	if args != nil {
		t.args, t.broken = argsOf(args)
	}
	return t
}
