package handlers

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store"
)

// TextStatus applies what the provider says of a text, by a callback or because it was asked.
type TextStatus struct{ Codes *UnknownCodes }

// Ranks of store.ApplyStatus.
const (
	rankAccepted = 1
	rankSent     = 3
	rankFinal    = 4
)

// appliedStatus is what a status of Twilio's means to a message's row: its state, and the rank that store.ApplyStatus
// compares. ok is false for what Twilio does not document for outbound texts.
func appliedStatus(status string) (state string, rank int, ok bool) {
	switch {
	case sms.Rank(status) == 0:
		return "", 0, false
	case status == "read" || status == "partially_delivered":
		return "delivered", rankFinal, true
	case sms.Final(status):
		return status, rankFinal, true
	case status == "sent":
		return "sent", rankSent, true
	}
	return store.MessageAccepted, rankAccepted, true
}

// Apply moves a text forward, with all that follows when it has failed. Statuses repeat and overtake each other: what
// moves nothing is fine too. It returns the state that the status means, "" for an unknown one; moved is filled in with
// the commit: what was moved, zero for nothing.
func (s TextStatus) Apply(ctx context.Context, tx *store.Tx, id uuid.UUID, said sms.Sent, moved *store.Message) (state string, err error) {
	state, rank, ok := appliedStatus(strings.ToLower(said.Status))
	if !ok {
		return "", nil
	}
	m := store.MessageStatus{ID: id, SID: said.SID, State: state, Rank: rank}
	if rank != rankFinal || state == "delivered" { // all of it goes out with the commit
		store.ApplyStatus(tx, m, moved)
		return state, nil
	}
	e := &sms.Error{Code: said.ErrorCode}
	e.Class, e.Known = sms.ClassifyCallback(e.Code)
	m.Class, m.Code = e.Class.String(), e.Code
	store.ApplyStatus(tx, m, moved)
	if err := tx.Flush(ctx); err != nil || moved.ID == uuid.Nil {
		return state, err
	}
	s.Codes.count(e)
	blame(tx, id, e, true)
	return state, TextFailed(ctx, tx, *moved, "sms-"+m.Class)
}
