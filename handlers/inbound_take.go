package handlers

import (
	"context"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// TakeInbound writes a text from a customer and the task that understands it; what came before is left alone. A wish for no
// more texts, or for texts again, is in force with the same commit: once Twilio has our answer nothing is claimed for
// sending that the customer has ruled out, however long the task waits. The task does not apply it again, since of STOP
// and START it may come to either first.
func TakeInbound(ctx context.Context, tx *store.Tx, keys *pii.Keyring, in store.Inbound) error {
	intent, phone := readReply(in).Intent, store.PhoneHash(keys, tx.Org, in.From)
	if intent == sms.IntentStart && in.OptOutType == "" && sms.SaysYes(in.Body.Reveal()) {
		out, err := store.Suppressed(ctx, tx, "", phone)
		if err != nil {
			return err
		}
		if out { // Twilio takes it for START, and nobody may take it for an answer after this commit
			in.OptOutType = "START"
		}
	}
	fresh, err := store.InsertInbound(ctx, tx, keys, in)
	if err != nil || !fresh {
		return err
	}
	switch intent {
	case sms.IntentStop:
		store.OptOut(tx, phone)
	case sms.IntentStart:
		store.OptIn(tx, phone)
	default: // says nothing of texts
	}
	_, err = tasks.SMSInbound.Enqueue(tx, tasks.InboundPayload{Inbound: in.ID})
	return err
}

// readReply reads what a text asks for. With Advanced Opt-Out the org chooses the keywords, and the provider has the say.
func readReply(in store.Inbound) sms.Reply {
	switch in.OptOutType {
	case "STOP":
		return sms.Reply{Intent: sms.IntentStop}
	case "START":
		return sms.Reply{Intent: sms.IntentStart}
	case "HELP":
		return sms.Reply{Intent: sms.IntentHelp}
	}
	return sms.ParseReply(in.Body.Reveal())
}
