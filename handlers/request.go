package handlers

import (
	"context"
	"encoding/json"
	"errors"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Answerer does the task of a request: it works on the request's body and answers it, in one transaction.
type Answerer[B any] interface {
	Answer(ctx context.Context, tx *store.Tx, req store.Opened, body B) (store.Answer, error)
}

// Answering is the Worker of an Answerer. The request is opened before and its answer written down after; a
// *store.Refusal or store.ErrNotFound is answered as its problem: the rules changed, or time passed, since the ingress
// checked.
func Answering[B any](keys *pii.Keyring, h Answerer[B]) Worker[tasks.RequestPayload] {
	return &answering[B]{keys, h}
}

type answering[B any] struct {
	keys *pii.Keyring
	h    Answerer[B]
}

// Work does the task.
func (w *answering[B]) Work(ctx context.Context, tx *store.Tx, t store.Task, _ tasks.RequestPayload) error {
	req, err := store.OpenRequest(w.keys, t)
	if err != nil {
		return err
	}
	var body B
	if err := json.Unmarshal([]byte(req.Body.Reveal()), &body); err != nil {
		return tasks.Dead("body", err)
	}
	a, err := w.h.Answer(ctx, tx, req, body)
	var refused *store.Refusal
	switch {
	case errors.As(err, &refused):
		a = Refused(refused).Answer()
	case errors.Is(err, store.ErrNotFound):
		a = NewProblem("not-found", "", "").Answer()
	case err != nil:
		return err
	}
	store.AnswerRequest(tx, t.Request.UUID, a)
	return nil
}

// bookingAnswer is the booking as it is now, or the problem if there is one.
func bookingAnswer(b store.Booking, problem *Problem) store.Answer {
	if problem != nil {
		return problem.Answer()
	}
	return answer(200, ViewBooking(b))
}
