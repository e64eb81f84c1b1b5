package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/store"
)

func TestVerifications(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	booking := w.book(wish{Resource: w.org.Chair, Span: at(10, 0)})
	latest := func() (v store.Verification) {
		w.in(func(tx *store.Tx) (err error) { v, err = store.LatestVerification(ctx, tx, booking); return err })
		return v
	}
	do := func(fn func(tx *store.Tx)) {
		t.Helper()
		w.in(func(tx *store.Tx) error { fn(tx); return nil })
	}
	if err := w.once(func(tx *store.Tx) error { _, err := store.LatestVerification(ctx, tx, booking); return err }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("none yet: %v", err)
	}
	if s := w.find(booking).CodeState; s != "revoked" {
		t.Errorf("without a code: %s", s)
	}
	one, two := uuid.New(), uuid.New()
	do(func(tx *store.Tx) { store.InsertVerification(tx, w.Keys, one, booking, 1) })
	if v := latest(); v.ID != one || !v.Live() || v.Left != 0 || v.State != "pending" || w.find(booking).CodeState != "pending" {
		t.Errorf("new: %+v", v)
	}
	// Its life begins with the first text and not again with the next.
	do(func(tx *store.Tx) { store.StartCode(tx, one, time.Minute); store.StartCode(tx, one, time.Hour) })
	do(func(tx *store.Tx) { store.SentCode(tx, one) })
	if v := latest(); v.State != "sent" || !v.Live() || v.Left > time.Minute || v.Left < 50*time.Second {
		t.Errorf("sent: %+v", v)
	}
	open := func() (n int) {
		w.in(func(tx *store.Tx) error {
			codes, err := store.OpenCodes(ctx, tx, store.PhoneHash(w.Keys, w.org.ID, phone42))
			n = len(codes)
			if n > 0 && (codes[0].BookingID != booking || codes[0].KID != w.Keys.CodeKID()) {
				t.Errorf("open: %+v", codes)
			}
			return err
		})
		return n
	}
	if open() != 1 {
		t.Error("a live code is not open")
	}
	w.admin("UPDATE verification SET expires_at = clock_timestamp()")
	if v := latest(); v.Live() || !v.Expired || w.find(booking).CodeState != "expired" || open() != 0 {
		t.Errorf("after its life: %+v", v)
	}
	// A booking has one live code: the old one goes before the new one comes.
	err := w.once(func(tx *store.Tx) error { store.InsertVerification(tx, w.Keys, two, booking, 2); return nil })
	if store.Code(err) != "23505" {
		t.Errorf("two live codes: %v", err)
	}
	do(func(tx *store.Tx) {
		store.RevokeCodes(tx, booking)
		store.InsertVerification(tx, w.Keys, two, booking, 2)
		store.CountWrongCode(tx, booking)
	})
	if v := latest(); v.ID != two || v.Generation != 2 || w.find(booking).CodeAttempts != 1 {
		t.Errorf("the next generation: %+v", v)
	}
	do(func(tx *store.Tx) { store.UseCode(tx, two) })
	do(func(tx *store.Tx) { store.RevokeCodes(tx, booking); store.SentCode(tx, two) })
	if v := latest(); v.State != "verified" || v.Live() {
		t.Errorf("used, then revoked: %+v", v)
	}
	old := store.Verification{ID: one, Generation: 1, KID: w.Keys.CodeKID()}
	a, err := old.Code(w.Keys, w.org.ID)
	b, err2 := latest().Code(w.Keys, w.org.ID)
	if err != nil || err2 != nil || len(a.Reveal()) != 6 || a.Equal(b) {
		t.Errorf("codes: %v, %v", err, err2)
	}
}
