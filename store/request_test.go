package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// request inserts one, as org.
func (w *world) request(org uuid.UUID, r store.Request) (id uuid.UUID, fresh bool, err error) {
	if r.ID == uuid.Nil {
		r.ID = uuid.New()
	}
	_, err = store.InTx(w.t.Context(), w.App, org, func(tx *store.Tx) (err error) {
		id, fresh, err = store.InsertRequest(w.t.Context(), tx, w.Keys, r)
		return err
	})
	return id, fresh, err
}

func TestRequestIdempotency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := storetest.NewOrg(t, w.DB, "two")
	r := store.Request{Kind: "booking:claim", Source: "api", IdemKey: "k", Body: pii.NewText(`{"a":1}`)}
	first, fresh, err := w.request(w.org.ID, r)
	if err != nil || !fresh {
		t.Fatalf("first: %v, %v", fresh, err)
	}
	change := func(f func(*store.Request)) store.Request { c := r; f(&c); return c }
	booking := uuid.NullUUID{UUID: uuid.New(), Valid: true}
	for _, c := range []struct {
		name   string
		org    uuid.UUID
		r      store.Request
		same   bool
		reused bool
	}{
		{"the same", w.org.ID, r, true, false},
		{"another body", w.org.ID, change(func(r *store.Request) { r.Body = pii.NewText(`{"a":2}`) }), true, true},
		{"another kind", w.org.ID, change(func(r *store.Request) { r.Kind = "booking:cancel" }), true, true},
		{"another booking", w.org.ID, change(func(r *store.Request) { r.BookingID = booking }), true, true},
		{"another key", w.org.ID, change(func(r *store.Request) { r.IdemKey = "K" }), false, false},
		{"another source", w.org.ID, change(func(r *store.Request) { r.Source = "vapi" }), false, false},
		{"another org", other.ID, r, false, false},
		{"no key", w.org.ID, change(func(r *store.Request) { r.IdemKey = "" }), false, false},
		{"no key again", w.org.ID, change(func(r *store.Request) { r.IdemKey = "" }), false, false},
	} {
		id, fresh, err := w.request(c.org, c.r)
		if (id == first) != c.same || fresh == c.same || errors.Is(err, store.ErrKeyReused) != c.reused || (err != nil) != c.reused {
			t.Errorf("%s: same %v, fresh %v, %v", c.name, id == first, fresh, err)
		}
	}
	// Answered, it is still the one: a repeat gets the stored answer.
	w.in(func(tx *store.Tx) error {
		store.AnswerRequest(tx, first, store.Answer{Status: 201, Body: []byte("{}")})
		return nil
	})
	if id, fresh, err := w.request(w.org.ID, r); id != first || fresh || err != nil {
		t.Errorf("after its answer: %v, %v, %v", id == first, fresh, err)
	}
}

func TestParallelRequestsOfOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var fresh atomic.Int64
	ids := make([]uuid.UUID, 12)
	together(len(ids), func(i int) {
		id, isNew, err := w.request(w.org.ID, store.Request{Kind: "k", Source: "api", IdemKey: "k", Body: pii.NewText("same")})
		if err != nil {
			t.Error(err)
		}
		if isNew {
			fresh.Add(1)
		}
		ids[i] = id
	})
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	if ids = slices.Compact(ids); fresh.Load() != 1 || len(ids) != 1 {
		t.Errorf("%d were fresh, %d ids", fresh.Load(), len(ids))
	}
}

func TestRequestAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	const secret = `{"phone":"+15550100042"}`
	booking := uuid.NullUUID{UUID: uuid.New(), Valid: true}
	id, _, err := w.request(w.org.ID, store.Request{Kind: "k", Source: "api", Body: pii.NewText(secret), BookingID: booking})
	if err != nil {
		t.Fatal(err)
	}
	open, _, err := w.request(w.org.ID, store.Request{Kind: "k", Source: "api"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenRequest(w.Keys, w.look(w.task(store.NewTask{}).ID)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a task that answers none: %v", err)
	}
	asked := w.look(w.task(store.NewTask{Request: uuid.NullUUID{UUID: id, Valid: true}}).ID)
	w.in(func(tx *store.Tx) error {
		r, err := store.OpenRequest(w.Keys, asked)
		if r.Body.Reveal() != secret || r.BookingID != booking || r.Region != "US" || r.Now.IsZero() {
			t.Errorf("opened: %+v", r)
		}
		if a, err := store.FindAnswer(ctx, tx, id); err != nil || a.Status != 0 {
			t.Errorf("answer before there is one: %+v, %v", a, err)
		}
		return err
	})
	for _, a := range []store.Answer{{Status: 201, Body: []byte(`{"z": 1, "a": 2}`)}, {Status: 409, Body: []byte(`{}`)}} {
		tx, err := store.InTx(ctx, w.App, w.org.ID, func(tx *store.Tx) error { store.AnswerRequest(tx, id, a); return nil })
		if err != nil || !slices.Equal(tx.Answered, []uuid.UUID{id}) {
			t.Errorf("answered: %v, %v", tx.Answered, err)
		}
	}
	a, err := store.ReadAnswer(ctx, w.App, w.org.ID, id)
	if err != nil || a.Status != 201 || !strings.Contains(string(a.Body), `"z"`) {
		t.Errorf("the first answer does not stand: %d %s, %v", a.Status, a.Body, err)
	}
	if !value[bool](w, "SELECT body_sealed IS NULL AND done_at IS NOT NULL FROM request WHERE id = $1", id) {
		t.Error("the body is kept")
	}
	if _, err := store.ReadAnswer(ctx, w.App, uuid.New(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("read as another org: %v", err)
	}
	none := uuid.New()
	done, err := store.RequestsDone(ctx, w.App, []uuid.UUID{w.org.ID, w.org.ID, w.org.ID, uuid.New()}, []uuid.UUID{open, id, none, id})
	if err != nil || !slices.Equal(done, []uuid.UUID{id}) {
		t.Errorf("done: %v, %v", done, err)
	}
}

// What the owner sets, the app reads: credentials with a version that counts, secrets by kind, and only their org's.
func TestOrgSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	bare := store.Org{ID: uuid.New(), Slug: "bare", Name: "Bare", TimeZone: "UTC", Locale: "en", Region: "US"}
	if err := store.CreateOrg(ctx, w.Owner, bare); err != nil {
		t.Fatal(err)
	}
	next := w.org.Account
	next.Token, next.MessagingServiceSID = pii.NewToken("rotated"), "MG1"
	if err := store.SetSMSAccount(ctx, w.Owner, w.Keys, w.org.ID, next); err != nil {
		t.Fatal(err)
	}
	w.in(func(tx *store.Tx) error {
		a, err := store.LoadSMSAccount(ctx, tx, w.Keys)
		if a.Token.Reveal() != "rotated" || a.Version != 2 || a.Pool() != "MG1" || w.org.Account.Pool() != "+15005550006" {
			t.Errorf("account: %+v", a)
		}
		if s, err := store.LoadWebhookSecret(ctx, tx, w.Keys, "events"); err != nil || len(s) != 1 || !s[0].Equal(w.org.Events) {
			t.Errorf("secret: %v", err)
		}
		if _, err := store.LoadWebhookSecret(ctx, tx, w.Keys, "vapi"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a secret that nobody set: %v", err)
		}
		return err
	})
	_, err := store.InTx(ctx, w.App, bare.ID, func(tx *store.Tx) error {
		if o, err := store.LoadOrg(ctx, tx); err != nil || o != bare {
			t.Errorf("org: %+v, %v", o, err)
		}
		_, err := store.LoadSMSAccount(ctx, tx, w.Keys)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without credentials: %v", err)
	}
	if orgs, err := store.ListOrgs(ctx, w.Owner); err != nil || len(orgs) != 2 || orgs[0] != bare {
		t.Errorf("orgs: %+v, %v", orgs, err)
	}
}
