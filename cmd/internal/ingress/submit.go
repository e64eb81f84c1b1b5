package ingress

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// kind is what a request can ask for, and the task that does it.
type kind struct {
	name string
	task tasks.Type[tasks.RequestPayload]
}

var (
	kindBooking = kind{"booking", tasks.BookingClaim}
	kindVerify  = kind{"verify", tasks.VerificationCheck}
	kindResend  = kind{"resend", tasks.VerificationResend}
	kindCancel  = kind{"cancel", tasks.BookingCancel}
	kindMark    = kind{"mark", tasks.BookingMark}
	kindBlock   = kind{"block", tasks.BlockCreate}
	kindUnblock = kind{"unblock", tasks.BlockDelete}

	kindReschedule = kind{"reschedule", tasks.BookingReschedule}
	kindTranscript = kind{"transcript", tasks.TranscriptRedact}
	kindReport     = kind{"report", tasks.TranscriptReport}
	kindErase      = kind{handlers.KindErase, tasks.CustomerErase}
)

// places are where what a request has made can be looked up, by the request's kind.
var places = map[string]string{kindBooking.name: "/bookings/", kindTranscript.name: "/transcripts/"}

// Scopes of idempotency keys: who asks.
const (
	sourceAPI    = "api"
	sourceEvents = "events"
)

// submission is a write that somebody asks for. Its own fields have been checked.
type submission struct {
	org     uuid.UUID
	source  string
	key     string // idempotency key, "" = none
	kind    kind
	body    any           // what the task needs; the key's fingerprint is taken over its JSON
	same    any           // over this instead, which a repeat has in common with it; nil: body
	booking uuid.NullUUID // what verify and cancel are about
	by      string        // who asks, for the limit of a source: an API key; "": source
	// phone is the number that it leads to a code for, and addressee finds it where it must be looked up; neither: it leads
	// to none.
	phone     pii.Phone
	addressee func(ctx context.Context, tx *store.Tx) (pii.Phone, error)
	// check asks the database whether the request can be met. What it returns is answered, and nothing is
	// written. Nil: there is nothing to ask.
	check  func(ctx context.Context, tx *store.Tx) error
	prefer preference
	// conversation is the call of a voice agent; "" = none. What was asked in it and is not answered yet is joined
	// also by another key: an agent that asks again makes a call of its own.
	conversation string
	// delivery is the signed delivery that asks; zero = none. A request that it led to before is answered again.
	delivery store.SignedDelivery
}

// reply answers a write.
type reply struct {
	Status      int
	ContentType string `header:"Content-Type" hidden:"true"`
	Location    string `header:"Location" doc:"Of a 201, what was made; of a 202, where its outcome will be."`
	RetryAfter  string `header:"Retry-After" doc:"Seconds until it is worth asking again."`
	Applied     string `header:"Preference-Applied" doc:"The wait that was granted."`
	Replayed    string `header:"Idempotency-Replayed" doc:"true: the answer was given before, and nothing was done now."`
	Body        []byte
}

// fromAPI completes a submission with what the API says in headers.
func (in *Ingress) fromAPI(ctx context.Context, c *call, s submission) (*reply, error) {
	key, err := idempotencyKey(c.header)
	if err != nil {
		return nil, err
	}
	s.org, s.source, s.by, s.key, s.prefer = c.org, sourceAPI, c.key.String(), key, preferenceOf(c.header)
	return in.submit(ctx, s)
}

// submit is the one way of all writes: the request and its task in one transaction, then the answer as far as
// the client wants to wait for it.
func (in *Ingress) submit(ctx context.Context, s submission) (*reply, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	spent, err := in.spend(ctx, &s)
	if err != nil {
		in.restore(ctx, spent)
		in.refused(ctx, s, err)
		return nil, err
	}
	// Whoever waits does so from before the push, or the news could come before it is listened for.
	t := in.join(s, id)
	defer func() { in.waiter.leave(t) }()
	start := time.Now()
	first, err := in.insert(ctx, s, id)
	telemetry.Mark(ctx, "db", time.Since(start))
	if first != id || err != nil { // nothing is begun by it
		in.restore(ctx, spent)
	}
	switch {
	case err != nil:
		in.refused(ctx, s, err)
		return nil, err
	case first != id:
		in.count(s, "again")
		in.waiter.leave(t)
		t = nil
		return in.again(ctx, s, first)
	}
	in.count(s, "fresh")
	r, err := in.await(ctx, s, id, t)
	if err == nil && r.Status >= http.StatusBadRequest { // no code either
		spent.often = nil // it was seen all the same: the next one like it shall not get so far
		in.restore(ctx, spent)
	}
	return r, err
}

// join begins to wait for a request, for a client that wants to.
func (in *Ingress) join(s submission, id uuid.UUID) *ticket {
	if s.prefer.wait <= 0 {
		return nil
	}
	return in.waiter.join(s.org, id)
}

func (in *Ingress) count(s submission, outcome string) {
	in.metrics.Writes.WithLabelValues(s.source, s.kind.name, outcome).Inc()
}

// refused counts a submission that was not written.
func (in *Ingress) refused(ctx context.Context, s submission, err error) {
	in.count(s, outcomeOf(err))
	in.limited.Note(ctx, s.org, &problemOf(err).Problem)
}

func outcomeOf(err error) string {
	if problemOf(err).Status < http.StatusInternalServerError {
		return "refused"
	}
	return "failed"
}

// insert writes the request and its task and returns the id of the request that counts: id, or the one that
// used the key before. A client that hangs up does not undo it.
//
// With a key the request is inserted before it is checked, and rolled back when it is refused: a repeat must
// find its first answer though it could no longer be met, its start having passed. Without one the insert
// waits, so that it goes out with the commit.
func (in *Ingress) insert(ctx context.Context, s submission, id uuid.UUID) (first uuid.UUID, err error) {
	raw, err := json.Marshal(s.body)
	if err != nil {
		return uuid.Nil, err
	}
	r := store.Request{ID: id, Kind: s.kind.name, Source: s.source, IdemKey: s.key, Body: pii.NewText(string(raw)), BookingID: s.booking,
		Conversation: s.conversation}
	if s.same != nil {
		same, err := json.Marshal(s.same)
		if err != nil {
			return uuid.Nil, err
		}
		r.Same = pii.NewText(string(same))
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	err = tasks.InTx(ctx, in.db, s.org, func(tx *store.Tx) error {
		if s.delivery.Key == "" {
			first, err = in.insertIn(ctx, tx, s, r)
			return err
		}
		led, err := store.TakeDelivery(ctx, tx, in.keys, s.delivery)
		if first = led.UUID; err != nil || led.Valid {
			return err
		}
		if first, err = in.insertIn(ctx, tx, s, r); err == nil {
			store.EndDelivery(tx, s.delivery, first)
		}
		return err
	})
	return first, err
}

// insertIn is insert in its transaction.
func (in *Ingress) insertIn(ctx context.Context, tx *store.Tx, s submission, r store.Request) (first uuid.UUID, err error) {
	if s.conversation != "" {
		if first, err = store.FindPending(ctx, tx, in.keys, r); !errors.Is(err, store.ErrNotFound) {
			return first, err
		}
	}
	if s.key != "" {
		var fresh bool
		if first, fresh, err = store.InsertRequest(ctx, tx, in.keys, r); err != nil || !fresh {
			return first, err
		}
	}
	if s.check != nil {
		if err := s.check(ctx, tx); err != nil {
			return first, err
		}
	}
	if s.key == "" {
		if first, _, err = store.InsertRequest(ctx, tx, in.keys, r); err != nil {
			return first, err
		}
	}
	_, err = s.kind.task.Enqueue(tx, tasks.RequestPayload{Request: r.ID}, tasks.Answers(r.ID))
	return first, err
}

// again answers a repeat: with the stored answer, or by joining the wait for it.
func (in *Ingress) again(ctx context.Context, s submission, first uuid.UUID) (*reply, error) {
	t := in.join(s, first)
	defer in.waiter.leave(t)
	a, err := in.readAnswer(ctx, s.org, first)
	if err != nil {
		return nil, err
	}
	if a.Status == 0 {
		return in.await(ctx, s, first, t)
	}
	r := in.answered(ctx, s, a)
	r.Replayed = "true"
	return r, nil
}

// await waits at t as long as the client prefers, and answers 202 when that was not enough. The request is
// written, so whatever fails here is no failure of it.
func (in *Ingress) await(ctx context.Context, s submission, id uuid.UUID, t *ticket) (*reply, error) {
	if t == nil {
		return in.pending(s, id), nil
	}
	start := time.Now()
	answered := in.waiter.wait(ctx, t, s.prefer.wait)
	telemetry.Mark(ctx, "wait", time.Since(start))
	if !answered {
		return in.pending(s, id), nil
	}
	a, err := in.readAnswer(ctx, s.org, id)
	if err != nil || a.Status == 0 {
		return in.pending(s, id), nil //nolint:nilerr // the client finds the answer where Location points
	}
	return in.answered(ctx, s, a), nil
}

func (in *Ingress) readAnswer(ctx context.Context, org, id uuid.UUID) (store.Answer, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	a, err := store.ReadAnswer(ctx, in.db.Pool, org, id)
	if err != nil {
		return a, err
	}
	if a, err = in.withText(ctx, org, a); err != nil {
		return a, err
	}
	return in.withProvider(ctx, org, a)
}

// requestView is a request and what it was answered with.
type requestView struct {
	ID     uuid.UUID   `json:"id"`
	Status string      `json:"status" enum:"pending,done"`
	Result *resultView `json:"result,omitempty"`
}

type resultView struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

func (in *Ingress) pending(s submission, id uuid.UUID) *reply {
	return &reply{
		Status: http.StatusAccepted, ContentType: "application/json", RetryAfter: "1",
		Location: orgPath(s.org) + "/requests/" + id.String(),
		Applied:  s.prefer.applied(),
		Body:     []byte(`{"id":"` + id.String() + `","status":"pending"}`),
	}
}

// answered is what the task has answered.
func (in *Ingress) answered(ctx context.Context, s submission, a store.Answer) *reply {
	r := &reply{Status: a.Status, ContentType: "application/json", Applied: s.prefer.applied(), Body: a.Body}
	switch {
	case a.Status >= http.StatusBadRequest:
		r.ContentType = "application/problem+json"
		r.Body = withRequestID(a.Body, telemetry.RequestID(ctx))
		r.RetryAfter = retryAfter(a)
	case a.Status == http.StatusCreated && places[s.kind.name] != "":
		var made struct {
			ID uuid.UUID `json:"id"`
		}
		if json.Unmarshal(a.Body, &made) == nil {
			r.Location = orgPath(s.org) + places[s.kind.name] + made.ID.String()
		}
	}
	return r
}

// retryAfter is when it is worth asking again after a stored problem: "" for those that time does not mend.
func retryAfter(a store.Answer) string {
	switch a.Status {
	case http.StatusServiceUnavailable:
		return strconv.Itoa(retryLater)
	case http.StatusTooManyRequests:
		var p handlers.Problem
		if json.Unmarshal(a.Body, &p) == nil && p.RetryAfter > 0 {
			return strconv.Itoa(p.RetryAfter)
		}
	}
	return ""
}

// withRequestID adds the id of this request to a stored problem, which was made in a task.
func withRequestID(body []byte, id string) []byte {
	if id == "" || len(body) < 3 || body[0] != '{' {
		return body
	}
	out := make([]byte, 0, len(body)+len(id)+20)
	out = append(out, `{"request_id":"`...)
	out = append(out, id...)
	out = append(out, `",`...)
	return append(out, body[1:]...)
}

func orgPath(org uuid.UUID) string { return "/v1/orgs/" + org.String() }
