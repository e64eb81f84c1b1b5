package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
)

// message inserts a text to the customer.
func (w *world) message(m store.Message) uuid.UUID {
	w.t.Helper()
	m.ID, m.Kind, m.To = uuid.New(), "code", phone42
	w.in(func(tx *store.Tx) error { return store.InsertMessage(tx, w.Keys, m) })
	return m.ID
}

func (w *world) state(id uuid.UUID) string {
	w.t.Helper()
	return value[string](w, "SELECT state FROM message WHERE id = $1", id)
}

// ranks are those that the ingress gives to what a callback says.
var ranks = map[string]int{"accepted": 1, "sent": 3, "delivered": 4, "undelivered": 4, "failed": 4, "canceled": 4}

// ends are states that stay.
var ends = []string{"delivered", "undelivered", "failed", "canceled"}

// Forward only: of all pairs of a state and a callback, these move it. The table is written by the design's order,
// not by the ranks: before the provider has it < accepted < sent < the ends.
// apply takes a callback and returns what it moved.
func (w *world) apply(s store.MessageStatus) (moved store.Message) {
	w.t.Helper()
	w.in(func(tx *store.Tx) error { store.ApplyStatus(tx, s, &moved); return nil })
	return moved
}

func TestApplyStatusMovesForwardOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	order := map[string]int{"queued": 0, "sending": 0, "unknown": 0, "accepted": 1, "sent": 2, "delivered": 3, "undelivered": 3, "failed": 3, "canceled": 3}
	for from, at := range order {
		for to, rank := range ranks {
			id := w.message(store.Message{})
			w.admin("UPDATE message SET state = $2 WHERE id = $1", id, from)
			s := store.MessageStatus{ID: id, SID: "SM" + id.String(), State: to, Rank: rank}
			for try := range 2 { // the second is a repeat
				m := w.apply(s)
				moved := m.ID != uuid.Nil
				if moved && (m.ID != id || m.Kind != "code") {
					t.Errorf("%s -> %s: moved %+v", from, to, m)
				}
				if want := try == 0 && at < order[to]; moved != want {
					t.Errorf("%s -> %s, time %d: moved %v, want %v", from, to, try+1, moved, want)
				}
			}
			want := from
			if at < order[to] {
				want = to
			}
			if got := w.state(id); got != want {
				t.Errorf("%s -> %s: is %s", from, to, got)
			}
		}
	}
}

func TestApplyStatusKnowsWhoseItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.message(store.Message{})
	apply := func(s store.MessageStatus) bool { return w.apply(s).ID != uuid.Nil }
	if apply(store.MessageStatus{ID: uuid.New(), SID: "SM0", State: "sent", Rank: 3}) {
		t.Error("a message that we do not have moved")
	}
	if !apply(store.MessageStatus{ID: id, SID: "SM1", State: "sent", Rank: 3}) || apply(store.MessageStatus{ID: id, SID: "SM2", State: "delivered", Rank: 4}) {
		t.Error("a callback of another text of the provider counts")
	}
	if !apply(store.MessageStatus{ID: id, SID: "SM1", State: "undelivered", Rank: 4, Class: "recipient", Code: 30003}) {
		t.Error("its own does not")
	}
	if got := value[string](w, "SELECT concat_ws(' ', state, provider_sid, error_class, error_code, accepted_at IS NOT NULL) FROM message"); got != "undelivered SM1 recipient 30003 t" {
		t.Errorf("written: %s", got)
	}
}

// Our own 201 may come after the first callbacks: it fills the SID in and takes nothing back.
func TestAcceptedAfterCallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, early := range []string{"accepted", "sent", "delivered", "undelivered", "failed", "canceled"} {
		id := w.message(store.Message{})
		sid := "SM" + id.String()
		w.in(func(tx *store.Tx) error { store.SendingMessage(tx, id, []byte("hash"), 1); return nil })
		if w.apply(store.MessageStatus{ID: id, SID: sid, State: early, Rank: ranks[early]}).ID != id {
			t.Errorf("%s moved nothing", early)
		}
		w.in(func(tx *store.Tx) error { store.AcceptedMessage(tx, id, sid); return nil })
		if got := w.state(id); got != early {
			t.Errorf("%s, then our 201: is %s", early, got)
		}
	}
	for _, before := range []string{"queued", "sending", "unknown", "failed"} { // settled by us, and wrongly
		id := w.message(store.Message{})
		w.admin("UPDATE message SET state = $2 WHERE id = $1", id, before)
		w.in(func(tx *store.Tx) error { store.AcceptedMessage(tx, id, "SM"+id.String()); return nil })
		if got := value[string](w, "SELECT state || ' ' || provider_sid FROM message WHERE id = $1", id); got != "accepted SM"+id.String() {
			t.Errorf("%s, then accepted: %s", before, got)
		}
	}
}

func TestSettleMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, from := range append([]string{"queued", "sending", "unknown", "accepted", "sent"}, ends...) {
		for _, to := range []string{store.MessageQueued, store.MessageUnknown, store.MessageFailed, store.MessageCanceled} {
			id := w.message(store.Message{})
			w.admin("UPDATE message SET state = $2 WHERE id = $1", id, from)
			w.in(func(tx *store.Tx) error { store.SettleMessage(tx, id, to, "class", 7); return nil })
			want := to
			if !slices.Contains([]string{"queued", "sending", "unknown"}, from) {
				want = from // the provider has it, or it is over
			}
			if got := w.state(id); got != want {
				t.Errorf("%s settled as %s: is %s", from, to, got)
			}
		}
	}
}

func TestMessageLookUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	booking, verification := w.book(wish{Resource: w.org.Chair, Span: at(10, 0)}), uuid.New()
	w.in(func(tx *store.Tx) error { store.InsertVerification(tx, w.Keys, verification, booking, 1); return nil })
	of := store.Message{BookingID: uuid.NullUUID{UUID: booking, Valid: true}, VerificationID: uuid.NullUUID{UUID: verification, Valid: true}}
	one, two := w.message(of), w.message(of)
	w.in(func(tx *store.Tx) error {
		store.StartCode(tx, verification, 10*time.Minute)
		store.SendingMessage(tx, one, []byte("hash"), 2)
		store.AcceptedMessage(tx, one, "SM1")
		m, err := store.LockMessage(ctx, tx, w.Keys, one)
		if err != nil || m.To.Reveal() != phone42.Reveal() || m.State != "accepted" || string(m.BodyHash) != "hash" || m.ClaimedAt == nil || m.VerificationID != of.VerificationID {
			t.Errorf("locked: %+v", m)
		}
		if got, err := store.AdoptedSIDs(ctx, tx, []string{"SM1", "SM2"}); err != nil || len(got) != 1 || got["SM1"] != one {
			t.Errorf("adopted: %v, %v", got, err)
		}
		o, err := store.LockOutgoing(ctx, tx, w.Keys, one)
		if err != nil {
			return err
		}
		if o.OrgName != w.org.Name || !o.HasAccount || !o.Account.Token.Equal(w.org.Account.Token) || o.Suppressed || o.BookingState != "held" ||
			!o.Start.Equal(at(10, 0).Start) || o.Zone.String() != "America/New_York" || o.Resource != "Dr. Lee" || !o.Verification.Live() {
			t.Errorf("outgoing: %+v", o)
		}
		_, err = store.LockMessage(ctx, tx, w.Keys, uuid.New())
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		return nil
	})
	onItsWay := func() (on bool) {
		w.in(func(tx *store.Tx) (err error) { on, err = store.CodeOnItsWay(ctx, tx, verification, one); return err })
		return on
	}
	for state, want := range map[string]bool{"queued": true, "sending": true, "unknown": true, "accepted": true, "sent": true, "delivered": true, "undelivered": false, "failed": false, "canceled": false} {
		w.admin("UPDATE message SET state = $2 WHERE id = $1", two, state)
		if got := onItsWay(); got != want {
			t.Errorf("the code's other text is %s: on its way %v", state, got)
		}
	}
	// A SID belongs to one message.
	err := w.once(func(tx *store.Tx) error { store.AcceptedMessage(tx, two, "SM1"); return nil })
	if store.Code(err) != "23505" {
		t.Errorf("one SID for two messages: %v", err)
	}
}

func TestSuppression(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hash := store.PhoneHash(w.Keys, w.org.ID, phone42)
	out := func(pool string) (yes bool) {
		w.in(func(tx *store.Tx) (err error) { yes, err = store.Suppressed(t.Context(), tx, pool, hash); return err })
		return yes
	}
	for range 2 { // STOP may be said twice
		w.in(func(tx *store.Tx) error { store.Suppress(tx, w.org.Account.Pool(), hash); return nil })
	}
	if !out(w.org.Account.Pool()) || out("another pool") {
		t.Error("an opt-out is of one pool")
	}
	id := w.message(store.Message{})
	w.in(func(tx *store.Tx) error {
		o, err := store.LockOutgoing(t.Context(), tx, w.Keys, id)
		if !o.Suppressed {
			t.Error("the sender is not told")
		}
		return err
	})
	w.in(func(tx *store.Tx) error { store.OptIn(tx, hash); return nil })
	if out(w.org.Account.Pool()) {
		t.Error("START does not end it")
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := store.Inbound{ID: uuid.New(), SID: "SM1", From: phone42, Sender: "+15005550006", Body: pii.NewText("123456"), OptOutType: ""}
	insert := func(in store.Inbound) (fresh bool) {
		w.in(func(tx *store.Tx) (err error) { fresh, err = store.InsertInbound(ctx, tx, w.Keys, in); return err })
		return fresh
	}
	again := in
	again.ID = uuid.New()
	if !insert(in) || insert(again) {
		t.Error("a text that the provider delivers twice is one")
	}
	w.in(func(tx *store.Tx) error {
		got, err := store.LoadInbound(ctx, tx, w.Keys, in.ID)
		if got.Body.Reveal() != "123456" || got.From.Reveal() != phone42.Reveal() || !slices.Equal(got.FromHash, store.PhoneHash(w.Keys, w.org.ID, phone42)) {
			t.Errorf("loaded: %+v", got)
		}
		store.FinishInbound(tx, in.ID, "code", uuid.NullUUID{})
		return err
	})
	if !value[bool](w, "SELECT body_sealed IS NULL AND intent = 'code' AND done_at IS NOT NULL FROM inbound") {
		t.Error("the text is kept")
	}
	if insert(again) {
		t.Error("once understood, a repeat is fresh")
	}
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	load := func() (c store.Customer) {
		w.in(func(tx *store.Tx) (err error) { c, err = store.LoadCustomer(ctx, tx, w.Keys, w.customer); return err })
		return c
	}
	if c := load(); c.Phone.Reveal() != phone42.Reveal() || !c.Name.IsZero() {
		t.Errorf("loaded: %+v", c)
	}
	for _, c := range []store.Customer{{Name: pii.NewName("Ana"), Locale: "es"}, {}, {TimeZone: "America/Chicago"}} {
		c.ID = w.customer
		w.in(func(tx *store.Tx) error { return store.UpdateCustomer(tx, w.Keys, c) })
	}
	if c := load(); c.Name.Reveal() != "Ana" || c.Locale != "es" || c.TimeZone != "America/Chicago" {
		t.Errorf("what was left out did not stay: %v %s %s", c.Name.Reveal(), c.Locale, c.TimeZone)
	}
	err := w.once(func(tx *store.Tx) error {
		return store.InsertCustomer(tx, w.Keys, store.Customer{ID: uuid.New(), Phone: phone42})
	})
	if store.Code(err) != "23505" {
		t.Errorf("one phone for two customers: %v", err)
	}
	err = w.once(func(tx *store.Tx) error { _, err := store.LoadCustomer(ctx, tx, w.Keys, uuid.New()); return err })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	w.in(func(tx *store.Tx) error {
		hash := store.PhoneHash(w.Keys, w.org.ID, phone42)
		if b, err := store.NextConfirmed(ctx, tx, hash); err != nil || b.Valid {
			t.Errorf("next before there is one: %v, %v", b, err)
		}
		return nil
	})
	late, soon := w.book(wish{Resource: w.org.Chair, Span: at(12, 0)}), w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	w.confirm(w.org.Chair, late)
	w.confirm(w.org.Chair, soon)
	w.book(wish{Resource: w.org.Chair, Span: at(9, 0)}) // held only
	w.in(func(tx *store.Tx) error {
		b, err := store.NextConfirmed(ctx, tx, store.PhoneHash(w.Keys, w.org.ID, phone42))
		if b.UUID != soon {
			t.Errorf("next: %v, want %v", b.UUID, soon)
		}
		return err
	})
}
