package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/speech"
	"holdfast/handlers"
	"holdfast/handlers/ijson"
	"holdfast/store"
	"holdfast/store/pii"
)

// Voice agents call tools in the middle of a conversation: a person waits on the line for each answer. So all
// is said in sentences, within a time, whatever happens behind.

// Sources of voice agents, which are scopes of idempotency keys.
const (
	sourceVapi   = "vapi"
	sourceRetell = "retell"
)

const (
	// voiceLimit is when a voice agent is answered at the latest, counted from when its request came.
	voiceLimit = 4500 * time.Millisecond
	// voiceWait is how much of it a task may take.
	voiceWait = 3800 * time.Millisecond
	// maxTools is how many calls of tools one request may make. What comes beyond is told so, which costs nothing to look up.
	maxTools = 16
	// maxAnswers is how many calls of one request are answered at all.
	maxAnswers = 100
)

// conversation is the call that a voice agent has with somebody.
type conversation struct {
	org    uuid.UUID
	source string
	id     string    // as the platform names it; "" = it does not say
	number pii.Phone // who is on the line, as the platform says; zero: unknown
	begun  time.Time // when the request came
}

// toolCall is one call of a tool.
type toolCall struct {
	id, name string
	args     toolArgs
	// key is the idempotency key; "" when nothing names the call.
	key string
	// broken says that it cannot be relied on: it, or what it stands in, is no I-JSON. It is answered, and nothing is done.
	broken bool
	// unnamed says that what proves the request does not cover the name.
	unnamed bool
	// delivery is the signature that brought it, where the platform signs; "" = none. The same again is no call of its own.
	delivery string
	// repeats says that the same key may come for something asked anew, since it is made of what was said.
	repeats bool
}

// toolArgs are what all tools take. Which of them a tool uses, docs/examples tells.
type toolArgs struct {
	Service  word `json:"service"`
	Resource word `json:"resource"`
	Start    word `json:"start"`
	Phone    word `json:"phone"`
	Name     word `json:"name"`
	Notes    word `json:"notes"`
	Code     word `json:"code"`
	Booking  word `json:"booking"`
}

// word is text, however a language model writes it: a code may come as a number, what is unknown as null.
type word string

// UnmarshalJSON takes every kind of value.
func (w *word) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
		if s == "null" || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
			s = ""
		}
	}
	*w = word(strings.TrimSpace(handlers.Spoken(s)))
	return nil
}

// argsOf reads arguments: an object, or a string that holds one. What is neither says nothing. They are broken when they are no
// I-JSON: with a booking that stands there twice, another one might be canceled.
func argsOf(raw json.RawMessage) (a toolArgs, broken bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	if err := unmarshal(raw, &a); err != nil {
		return toolArgs{}, errors.As(err, new(*ijson.Broken))
	}
	return a, false
}

// said is an answer to a tool call: a sentence, and what it says as fields for platforms that take them.
type said struct {
	text  string
	ok    bool // done or found; else the caller has to choose, to wait, or to say something else
	facts Facts
}

// Facts are the fields. They hold no phone and no name of a person.
type Facts struct {
	Status       string     `json:"status"`
	Booking      *uuid.UUID `json:"booking,omitempty"`
	State        string     `json:"state,omitempty"`
	Start        *time.Time `json:"start,omitempty"`
	Resource     string     `json:"resource,omitempty"`
	Alternatives []freeTime `json:"alternatives,omitempty"`
	AttemptsLeft *int       `json:"attempts_left,omitempty"`
	RetryAfter   int        `json:"retry_after,omitempty"`
}

// freeTime is a start that can be booked.
type freeTime struct {
	Start    time.Time `json:"start"`
	Resource string    `json:"resource,omitempty"`
}

// refusal is an answer on its way out as an error: there is nothing to do before the caller has said more.
type refusal struct{ said }

func (r *refusal) Error() string { return r.facts.Status }

// speak answers the calls of one request, one after the other, since the second may build on the first. Those
// that are not done when the time is over are answered too; what they have begun goes on. So are those beyond maxTools.
func (in *Ingress) speak(ctx context.Context, c conversation, calls []toolCall) []said {
	out := make([]said, len(calls))
	lang := speech.English
	if o, ok := in.orgs.get(c.org); ok {
		lang = speech.LangOf(o.Locale)
	}
	for i := range out {
		out[i] = said{text: lang.Say(speech.StillWorking, nil), ok: true, facts: Facts{Status: "pending"}}
		if i >= maxTools {
			out[i] = said{text: lang.Say(speech.OneAtATime, nil), facts: Facts{Status: "invalid-request"}}
		}
	}
	calls = calls[:min(len(calls), maxTools)]
	var mu sync.Mutex
	done := make(chan struct{})
	late := time.NewTimer(time.Until(c.begun.Add(voiceLimit)))
	defer late.Stop()
	work := context.WithoutCancel(ctx) // who hangs up keeps a hold
	in.voices.Go(func() {
		defer close(done)
		ctx, cancel := context.WithDeadline(work, c.begun.Add(voiceLimit))
		defer cancel()
		for i, call := range calls {
			s := in.useTool(ctx, c, call)
			mu.Lock()
			out[i] = s
			mu.Unlock()
		}
	})
	select {
	case <-done:
	case <-late.C:
	}
	mu.Lock()
	defer mu.Unlock()
	return append([]said(nil), out...)
}

// useTool answers one call. A panic is this call's alone.
func (in *Ingress) useTool(ctx context.Context, c conversation, call toolCall) (s said) {
	v := &voice{in: in, conversation: c, call: call, lang: speech.English}
	defer func() {
		if p := recover(); p != nil {
			in.log.ErrorContext(ctx, "panic", "tool", tools[call.name] != nil, "panic", fmt.Sprintf("%T", p))
			s = v.say(false, "internal-error", speech.WentWrong, nil)
		}
	}()
	run, ok := tools[call.name]
	err := v.listen(ctx)
	switch {
	case err != nil:
	case call.broken:
		return v.say(false, "invalid-json", speech.Unreadable, nil)
	case !ok:
		return v.say(false, "unknown-tool", speech.UnknownTool, nil)
	default:
		if err = v.bind(ctx); err == nil {
			s, err = run(v, ctx)
		}
	}
	if err != nil {
		return v.failed(ctx, err)
	}
	return s
}

// voice is one call of a tool, with what is known of who speaks.
type voice struct {
	in *Ingress
	conversation
	call   toolCall
	lang   speech.Lang
	region string
	zone   string // of the org
	now    time.Time
	caller store.Caller
	// joined is the request whose answer is the last that once found.
	joined uuid.UUID
}

// listen looks up who speaks.
func (v *voice) listen(ctx context.Context) error {
	o, err := v.in.org(ctx, v.org)
	if err != nil {
		return err
	}
	v.lang, v.region, v.zone = speech.LangOf(o.Locale), o.Region, o.TimeZone
	if v.now, err = v.in.clock.now(ctx); err != nil {
		return err
	}
	v.caller, err = read(ctx, v.in, v.org, func(ctx context.Context, tx *store.Tx) (store.Caller, error) {
		var hash []byte
		if !v.number.IsZero() {
			hash = store.PhoneHash(v.in.keys, v.org, v.number)
		}
		return store.LoadCaller(ctx, tx, v.in.keys, v.source, v.id, hash)
	})
	if v.caller.Locale != "" {
		v.lang = speech.LangOf(v.caller.Locale)
	}
	return err
}

func (v *voice) say(ok bool, status string, s speech.Sentence, values speech.Values) said {
	return said{text: v.lang.Say(s, values), ok: ok, facts: Facts{Status: status}}
}

// ask is what say says, as an error.
func (v *voice) ask(status string, s speech.Sentence, values speech.Values) error {
	return &refusal{v.say(false, status, s, values)}
}
