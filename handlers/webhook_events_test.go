package handlers

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/handlers/hook"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/storetest"
	"holdfast/tasks"
)

// wasTold waits until an endpoint was told of as many events of a booking as listed, and of no others.
func (r *rig) wasTold(e *endpoint, booking uuid.UUID, want ...string) {
	r.t.Helper()
	eventually(r.t, 15*time.Second, fmt.Sprintf("told %v", want), func() bool { return len(e.about(booking)) >= len(want) })
	got := e.about(booking)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("told %v, want %v", got, want)
	}
}

// The life of bookings, by real workers: whatever ends one tells of it, each event once, signed, with the booking as
// the API shows it.
func TestEndpointIsToldOfBookings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	e := r.listen()

	id := r.hold(ana, at(2, 10, 0))
	r.wasTold(e, id, "booking.held")
	r.expect(r.verify(id, r.codeIn(r.texts(ana, 1)[0])), 200, "confirmed")
	r.wasTold(e, id, "booking.held", "booking.confirmed")
	r.cancelBooking(id)
	r.wasTold(e, id, "booking.held", "booking.confirmed", "booking.canceled")

	swept := r.hold(ana, at(2, 11, 0))
	// The sweep leaves alone what somebody works on, as the record of a text does, and here it comes once.
	eventually(t, 10*time.Second, "its text is recorded", func() bool { return r.booking(swept).CodeState == "sent" })
	r.lapse(swept)
	_, err := store.InTx(t.Context(), r.db.App, r.org.ID, func(tx *store.Tx) error { _, _, err := store.ExpireHolds(t.Context(), tx); return err })
	r.must(err)
	r.wasTold(e, swept, "booking.held", "booking.expired")

	reclaimed := r.hold(ana, at(2, 12, 0))
	r.lapse(reclaimed)
	bobs := r.hold(bob, at(2, 12, 0))
	r.wasTold(e, reclaimed, "booking.held", "booking.expired")

	const landline = "+15005550009" // one of Twilio's own test numbers: 21614
	unreachable := r.hold(landline, at(2, 13, 0))
	r.wasTold(e, unreachable, "booking.held", "booking.unreachable")
	r.expect(r.read(r.ask(tasks.BookingReschedule, RescheduleBody{Start: at(2, 15, 0)}, bobs)), 200, "held")
	r.wasTold(e, bobs, "booking.held", "booking.rescheduled")
	r.exec("UPDATE booking SET state = 'confirmed', confirmed_at = clock_timestamp(), starts_at = clock_timestamp() WHERE id = $1", bobs)
	for _, state := range []string{"no_show", "completed"} {
		r.expect(r.read(r.ask(tasks.BookingMark, MarkBody{State: state}, bobs)), 200, state)
	}
	r.wasTold(e, bobs, "booking.held", "booking.rescheduled", "booking.no_show", "booking.completed")
	r.idle(20 * time.Second)

	ids := make(map[string]bool)
	for _, c := range e.calls() {
		if ids[c.id] {
			t.Errorf("%s was told twice", c.id)
		}
		ids[c.id] = true
		if !c.signedBy(t, r.org.Endpoint) || time.Since(c.Timestamp).Abs() > time.Minute || c.Data.Resource != r.org.Chair {
			t.Errorf("%s: %s", c.signature, c.body)
		}
		for _, secret := range []string{ana, ana[2:], bob, "Ana"} {
			if strings.Contains(string(c.body), secret) {
				t.Errorf("%s shows %q", c.body, secret)
			}
		}
		if c.Type == "booking.confirmed" && (c.Data.State != "confirmed" && c.Data.State != "canceled" || c.Data.ConfirmedAt == nil || c.Data.Customer.Phone != "•••• 42") {
			t.Errorf("%s", c.body)
		}
	}
	if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'webhook:deliver' AND state = 'done'"); n != len(ids) {
		t.Errorf("%d tasks for %d events", n, len(ids))
	}
}

// An endpoint is told of what it asked for.
func TestEndpointChoosesEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.set(`{"endpoint":{"url":"https://a.example","events":["booking.confirmed","booking.expired"]}}`)
	for kind, want := range map[string]bool{"held": false, "confirmed": true, "expired": true, "canceled": false, "unreachable": false} {
		if got := r.note(r.made(), kind); got.Valid != want {
			t.Errorf("told of %s: %v", kind, got.Valid)
		}
	}
	r.set(`{"endpoint":{"events":["booking.confirmed"]}}`)
	if r.note(r.made(), "confirmed").Valid {
		t.Error("told where there is no URL")
	}
}

// The story of a booking holds the tasks that told of it, and the story of such a task is its booking's.
func TestStoryOfEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.set(`{"endpoint":{"url":"https://a.example"}}`)
	r.start()
	id := r.hold(ana, at(2, 10, 0))
	task := query[uuid.UUID](r, "SELECT told_as FROM booking_event WHERE booking_id = $1 AND kind = 'held'", id)
	var stories []store.Story
	for _, ref := range []uuid.UUID{id, task} {
		s, err := store.FindStory(t.Context(), r.db.Audit, ref.String())
		r.must(err)
		stories = append(stories, s)
		if !slices.ContainsFunc(s.Events, func(e store.StoryEvent) bool { return e.Of == "task" && e.ID == task.String() }) {
			t.Errorf("the story of %s says nothing of its webhook: %+v", s.Of, s.Events)
		}
	}
	if stories[1].Of != "task" || !slices.ContainsFunc(stories[1].Events, func(e store.StoryEvent) bool { return e.ID == id.String() }) {
		t.Errorf("the story of a webhook's task: %+v", stories[1])
	}
}

// What the trigger in the database writes is what the type says, and the events are those that settings offer.
func TestEventTasksAreOfTheirType(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.listen()
	kinds := map[string]bool{}
	for _, e := range settings.Defaults("US", settings.Installation{}).Endpoint.Events {
		if e == store.KindReply { // of no booking: see TestRepliesGoToTheEndpoint
			continue
		}
		kind := strings.TrimPrefix(e, "booking.")
		kinds[kind] = true
		if !r.note(r.made(), kind).Valid {
			t.Errorf("%s is offered, and nobody told", e)
		}
	}
	for _, kind := range []string{"move_held", "move_expired", "move_dropped", "text_accepted", "text_failed", "code_wrong", "code_revoked", "hold_renewed", "number_changed", "heldx", ""} {
		if r.note(r.made(), kind).Valid || kinds[kind] {
			t.Errorf("told of %q", kind)
		}
	}
	// All that sweeps write goes the same way, in one statement for many.
	first, second := r.made(), r.made()
	r.exec("INSERT INTO booking_event (org_id, booking_id, kind) SELECT org_id, id, 'expired' FROM booking WHERE id IN ($1, $2)", first, second)
	if n := query[int](r, "SELECT count(DISTINCT told_as) FROM booking_event WHERE booking_id IN ($1, $2)", first, second); n != 2 {
		t.Errorf("%d of two are told", n)
	}

	id := r.told("held")
	typ := tasks.WebhookDeliver
	var queue, payload string
	var giveUp time.Duration
	var due bool
	r.must(r.db.Admin.QueryRow(t.Context(), `SELECT queue, payload::text, give_up_at - run_at, run_at <= clock_timestamp() AND check_at <= clock_timestamp()
		FROM task WHERE id = $1 AND type = $2`, id, typ.Name).Scan(&queue, &payload, &giveUp, &due))
	if p, err := typ.Decode([]byte(payload)); queue != typ.Queue || giveUp != typ.GiveUp || !due || err != nil || p.Event != id {
		t.Errorf("queue %s, given up after %v, due %v, %s", queue, giveUp, due, payload)
	}
	if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s is no UUIDv7", id)
	}
	if s, ns := id.Time().UnixTime(); time.Since(time.Unix(s, ns)).Abs() > time.Minute {
		t.Errorf("%s is not of this moment", id)
	}
}

// Each org's events go to its own endpoint, and no org reads another's endpoint or event.
func TestEndpointsOfTwoOrgs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, one := r.deliverer(hook.Loopback()), r.org
	mine := r.listen()
	held := r.told("held")
	r.org = storetest.NewOrg(t, r.db, "other")
	theirs := r.listen()
	for range 3 {
		r.due(run, r.told("confirmed"))
	}
	other := r.org
	r.org = one
	r.due(run, held)
	if n, m := len(mine.calls()), len(theirs.calls()); n != 1 || m != 3 || mine.calls()[0].Type != "booking.held" {
		t.Errorf("%d and %d calls", n, m)
	}
	_, err := store.InTx(t.Context(), r.db.App, other.ID, func(tx *store.Tx) error {
		e, err := store.LoadEndpoint(t.Context(), tx, r.db.Keys)
		if err == nil && (e.URL.Reveal() != theirs.url+"/hook?token=moonstone" || len(e.Secrets) != 1 || !e.Secrets[0].Equal(other.Endpoint)) {
			t.Error("the endpoint of another")
		}
		return err
	})
	r.must(err)
	_, err = store.InTx(t.Context(), r.db.App, other.ID, func(tx *store.Tx) error { _, err := store.FindTold(t.Context(), tx, r.db.Keys, held); return err })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's event: %v", err)
	}
}

// Nothing that people write goes out to an org's endpoint but the text of a reply, which is redacted (see
// TestRepliesGoToTheEndpoint): what a webhook holds besides ids, times and numbers are words of ours. A field that is added
// has to be looked at, and then listed here.
func TestWebhooksHoldNoFreeText(t *testing.T) {
	t.Parallel()
	kinds := map[reflect.Type][]string{
		reflect.TypeFor[EventView]():   {"type", "data"},
		reflect.TypeFor[BookingView](): {"state", "code_state", "move.code_state", "customer.phone"},
		reflect.TypeFor[ReplyView]():   {"customer.phone", "text", "intent"},
	}
	for _, told := range []store.Told{exampleEvent("held"), exampleEvent(store.KindReply)} {
		if _, listed := kinds[reflect.TypeOf(ViewEvent(told).Data)]; !listed {
			t.Errorf("%T is not looked at", ViewEvent(told).Data)
		}
	}
	for typ, want := range kinds {
		if words := freeText(typ); !slices.Equal(words, want) {
			t.Errorf("%s of a webhook holds %v, want %v", typ, words, want)
		}
	}
}

// freeText lists the fields of a type that can hold any words.
func freeText(of reflect.Type) (words []string) {
	var look func(path string, typ reflect.Type)
	look = func(path string, typ reflect.Type) {
		switch {
		case typ.Kind() == reflect.Pointer:
			look(path, typ.Elem())
		case typ == reflect.TypeFor[uuid.UUID](), typ == reflect.TypeFor[time.Time]():
		case typ.Kind() == reflect.Struct:
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				look(strings.TrimPrefix(path+"."+name, "."), typ.Field(i).Type)
			}
		default:
			words = append(words, path)
		}
	}
	look("", of)
	return words
}
