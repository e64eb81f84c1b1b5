package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// CustomerErase does customer:erase. All that is in the database is emptied by one commit; the provider's copies of texts are
// emptied after it, each by a task of its own (sms:redact).
type CustomerErase struct{ Keys *pii.Keyring }

// KindErase is the kind of requests that ask for an erasure.
const KindErase = "erase"

// EraseRef asks for the erasure of a customer: DELETE …/customers/{id}.
type EraseRef struct {
	Customer uuid.UUID `json:"customer"`
	Actor    string    `json:"actor"` // as in the audit log
	// Former says that it was not asked for by itself: he is the first number of a customer who is erased.
	Former bool `json:"former,omitempty"`
}

// ErasureView is what became of an erasure.
type ErasureView struct {
	ID       uuid.UUID        `json:"id"` // the customer's
	ErasedAt time.Time        `json:"erased_at"`
	Erased   store.Erased     `json:"erased"`
	Provider store.AtProvider `json:"provider"`
}

// ViewErasure shows an erasure.
func ViewErasure(e store.Erasure) ErasureView {
	return ErasureView{ID: e.Customer, ErasedAt: e.At.UTC().Truncate(time.Millisecond), Erased: e.Erased, Provider: e.Provider}
}

// Answer does the task. To erase somebody twice is no error: the second time there is nothing to do.
func (h CustomerErase) Answer(ctx context.Context, tx *store.Tx, _ store.Opened, ref EraseRef) (store.Answer, error) {
	hash, err := store.LockErasure(ctx, tx, ref.Customer)
	if err != nil {
		return store.Answer{}, err
	}
	if hash != nil && ref.Former {
		if has, err := store.HasBookings(ctx, tx, ref.Customer); err != nil || has { // he has come to book
			return NewProblem("not-found", "", "the number has bookings of its own").Answer(), err
		}
	}
	if hash != nil {
		if err := h.erase(ctx, tx, ref, hash); err != nil {
			return store.Answer{}, err
		}
	}
	done, err := store.LoadErasure(ctx, tx, ref.Customer)
	return answer(200, ViewErasure(done)), err
}

func (h CustomerErase) erase(ctx context.Context, tx *store.Tx, ref EraseRef, hash []byte) error {
	var e store.Erased
	former, err := store.FormerCustomers(ctx, tx, ref.Customer)
	if err != nil {
		return err
	}
	for _, id := range former {
		if _, err := AskErasure(ctx, tx, h.Keys, "erasure", EraseRef{Customer: id, Actor: ref.Actor, Former: true}); err != nil {
			return err
		}
	}
	ahead, err := store.Ahead(ctx, tx, ref.Customer)
	if err != nil {
		return err
	}
	for i := range ahead { // without a text: there is nobody left to tell
		store.CancelBooking(tx, &ahead[i])
	}
	e.Canceled = len(ahead)
	copies, lost, err := store.EraseCustomer(ctx, tx, h.Keys, ref.Customer, hash, &e)
	if err != nil {
		return err
	}
	for _, id := range lost {
		if _, err := tasks.SMSReconcile.Enqueue(tx, tasks.MessagePayload{Message: id}, tasks.Once(id.String())); err != nil {
			return err
		}
	}
	for _, id := range copies {
		if _, err := tasks.SMSRedact.Enqueue(tx, tasks.TextPayload{Text: id}, tasks.Once(id.String())); err != nil {
			return err
		}
	}
	store.NoteAudit(tx, store.AuditEntry{Actor: ref.Actor, Action: store.ActionErase, Subject: ref.Customer.String(), Detail: e})
	return nil
}

// AskErasure writes the request and the task of an erasure that nobody waits for, and returns the request's id.
func AskErasure(ctx context.Context, tx *store.Tx, keys *pii.Keyring, source string, ref EraseRef) (uuid.UUID, error) {
	body, err := json.Marshal(ref)
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	if _, _, err := store.InsertRequest(ctx, tx, keys, store.Request{ID: id, Kind: KindErase, Source: source, Body: pii.NewText(string(body))}); err != nil {
		return uuid.Nil, err
	}
	_, err = tasks.CustomerErase.Enqueue(tx, tasks.RequestPayload{Request: id}, tasks.Answers(id))
	return id, err
}
