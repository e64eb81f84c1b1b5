package handlers

import (
	"context"
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
	ahead, err := store.Ahead(ctx, tx, ref.Customer)
	if err != nil {
		return err
	}
	for i := range ahead { // without a text: there is nobody left to tell
		store.CancelBooking(tx, &ahead[i])
	}
	e.Canceled = len(ahead)
	copies, err := store.EraseCustomer(ctx, tx, h.Keys, ref.Customer, hash, &e)
	if err != nil {
		return err
	}
	for _, id := range copies {
		if _, err := tasks.SMSRedact.Enqueue(tx, tasks.TextPayload{Text: id}, tasks.Once(id.String())); err != nil {
			return err
		}
	}
	store.NoteAudit(tx, store.AuditEntry{Actor: ref.Actor, Action: store.ActionErase, Subject: ref.Customer.String(), Detail: e})
	return nil
}
