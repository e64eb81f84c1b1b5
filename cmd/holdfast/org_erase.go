package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

type orgEraseCmd struct {
	Org      string   `arg:"" help:"Id or slug."`
	Customer []string `arg:"" help:"Ids of customers, as bookings and the audit log have them."`
}

// Run asks for the erasure of customers, as DELETE …/customers/{id} does, and prints the request of each. A worker does it. After a
// restore from a backup it is how those are erased again who were erased since.
func (c *orgEraseCmd) Run(e *env) error {
	ids := make([]uuid.UUID, len(c.Customer))
	for i, raw := range c.Customer {
		var err error
		if ids[i], err = uuid.Parse(raw); err != nil {
			return errors.New("erase: want ids of customers")
		}
	}
	return e.inOrg(c.Org, "erase", func(tx *store.Tx, keys *pii.Keyring) error {
		for _, id := range ids {
			known, err := store.CustomerKnown(e.ctx, tx, id)
			if err != nil {
				return err
			}
			if !known {
				return fmt.Errorf("erase: there is no customer %s: nothing was done", id)
			}
		}
		for _, id := range ids {
			request, err := askErasure(e, tx, keys, id)
			if err != nil {
				return err
			}
			fmt.Fprintln(e.stdout, request)
		}
		return nil
	})
}

func askErasure(e *env, tx *store.Tx, keys *pii.Keyring, customer uuid.UUID) (uuid.UUID, error) {
	body, err := json.Marshal(handlers.EraseRef{Customer: customer, Actor: "cli"})
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	if _, _, err := store.InsertRequest(e.ctx, tx, keys, store.Request{ID: id, Kind: handlers.KindErase, Source: "cli", Body: pii.NewText(string(body))}); err != nil {
		return uuid.Nil, err
	}
	_, err = tasks.CustomerErase.Enqueue(tx, tasks.RequestPayload{Request: id}, tasks.Answers(id))
	return id, err
}
