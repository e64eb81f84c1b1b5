package main

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/pii"
)

type orgEraseCmd struct {
	Org      string   `arg:"" help:"Id or slug."`
	Customer []string `arg:"" optional:"" help:"Ids of customers, as bookings and the audit log have them."`
	Phone    bool     `help:"Whoever has the phone that is read from standard input, customer or not."`
}

// Run asks for the erasure of customers, as DELETE …/customers/{id} does, and prints the request of each. A worker does it. After a
// restore from a backup it is how those are erased again who were erased since.
func (c *orgEraseCmd) Run(e *env) error {
	if c.Phone == (len(c.Customer) > 0) {
		return errors.New("erase: want ids of customers, or --phone and a phone on standard input")
	}
	if c.Phone {
		return c.byPhone(e)
	}
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
			request, err := handlers.AskErasure(e.ctx, tx, keys, "cli", handlers.EraseRef{Customer: id, Actor: "cli"})
			if err != nil {
				return err
			}
			fmt.Fprintln(e.stdout, request)
		}
		return nil
	})
}

// byPhone erases whoever has a phone. One who is no customer may have written all the same, or may write again after his erasure,
// and is made one first, so that there is one way to erase.
func (c *orgEraseCmd) byPhone(e *env) error {
	line, err := e.secretLine("erase")
	if err != nil {
		return err
	}
	return e.inOrg(c.Org, "erase", func(tx *store.Tx, keys *pii.Keyring) error {
		org, err := store.LoadOrg(e.ctx, tx)
		if err != nil {
			return err
		}
		phone, err := pii.ParsePhone(line.Reveal(), org.Region)
		if err != nil {
			return errors.New("erase: that is no phone number: nothing was done")
		}
		store.LockConversation(tx, "claim", store.PhoneHash(keys, tx.Org, phone)) // as all that makes customers
		who, err := store.FindCustomer(e.ctx, tx, keys, phone)
		if err != nil {
			return err
		}
		if !who.Valid {
			if who.UUID, err = uuid.NewV7(); err != nil {
				return err
			}
			if err := store.InsertCustomer(tx, keys, store.Customer{ID: who.UUID, Phone: phone}); err != nil {
				return err
			}
		}
		request, err := handlers.AskErasure(e.ctx, tx, keys, "cli", handlers.EraseRef{Customer: who.UUID, Actor: "cli"})
		if err == nil {
			fmt.Fprintln(e.stdout, request)
		}
		return err
	})
}
