package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/storetest"
)

// shop is a running system and the command line of who operates it.
type shop struct {
	ready
	t   *testing.T
	db  *storetest.DB
	sim *twiliosim.Sim
	env map[string]string
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, db: storetest.New(t), sim: twiliosim.New(twiliosim.Options{})}
	o := storetest.NewOrg(t, s.db, "one")
	s.sim.AddAccount(o.Account.SID, o.Account.Token.Reveal())
	phone := httptest.NewServer(s.sim)
	t.Cleanup(func() { s.sim.Close(); phone.CloseClientConnections(); phone.Close() })
	s.env = map[string]string{
		"HOLDFAST_DATABASE_URL": s.db.AppURL, "HOLDFAST_REDIS_URL": storetest.RedisURL(t), "HOLDFAST_TWILIO_BASE_URL": phone.URL,
		"HOLDFAST_PUBLIC_URL": "http://127.0.0.1:9", "HOLDFAST_API_ADDR": "127.0.0.1:0", "HOLDFAST_OPS_ADDR": "127.0.0.1:0",
		"HOLDFAST_OPS_TOKEN": "0123456789abcdef", "HOLDFAST_KEYSET": s.db.KeySet.Keyset, "HOLDFAST_HASH_KEY": s.db.KeySet.HashKey,
		"HOLDFAST_CODE_PEPPER": s.db.KeySet.Peppers, "HOLDFAST_RECONCILE_GRACE": "1s",
		"HOLDFAST_OWNER_DATABASE_URL": s.db.OwnerURL, "HOLDFAST_AUDIT_DATABASE_URL": s.db.AuditURL, "USER": "operator",
	}
	cfg, err := config.Load(s.getenv)
	if err != nil {
		t.Fatal(err)
	}
	system, err := boot.Start(t.Context(), cfg, boot.Parts{Ingress: true, Worker: true, Scheduler: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(system.Close)
	s.ready = ready{"api_url": system.APIURL, "sim_url": phone.URL, "org": o.ID.String(), "api_key": o.Key.Reveal(), "resource": o.Chair.String()}
	return s
}

func (s *shop) getenv(name string) (string, bool) { v, ok := s.env[name]; return v, ok }

// holdfast runs a command.
func (s *shop) holdfast(args ...string) (string, error) {
	var out bytes.Buffer
	err := run(s.t.Context(), args, s.getenv, strings.NewReader(""), &out, &out)
	return out.String(), err
}

// prints runs a command that must succeed.
func (s *shop) prints(args ...string) string {
	s.t.Helper()
	out, err := s.holdfast(args...)
	if err != nil {
		s.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// value reads one value of the database.
func (s *shop) value(sql string, args ...any) (v string) {
	s.t.Helper()
	if err := s.db.Admin.QueryRow(s.t.Context(), sql, args...).Scan(&v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// book holds a slot and returns the booking's id.
func (s *shop) book(slot int, phone string) string {
	s.t.Helper()
	a := s.call(s.t, "POST", s.route("/bookings"), s.booking(slot, phone), "Prefer", "wait=20")
	if a.status != 201 {
		s.t.Fatalf("book: %d %s", a.status, a.raw)
	}
	return a.body["id"].(string)
}

// dead waits for the one dead letter of a type and returns its id.
func (s *shop) dead(typ string) string {
	s.t.Helper()
	const count = "SELECT count(*)::text FROM task WHERE type = $1 AND state = 'dead'"
	eventually(s.t, 20*time.Second, typ+" dies", func() bool { return s.value(count, typ) == "1" })
	return s.value("SELECT id::text FROM task WHERE type = $1 AND state = 'dead'", typ)
}

const (
	landline = "+15005550009" // refused by the double for good
	mobile   = "+12025550117"
)

// TestDeadletterCommands handles dead letters as an operator does: one that must not run again, and one that runs.
func TestDeadletterCommands(t *testing.T) {
	s := openShop(t)
	if out := s.prints("deadletter", "list", "--json"); out != "[]\n" {
		t.Errorf("none yet: %s", out)
	}
	lost := s.book(0, landline)
	code := s.dead("verification:send")
	booked := s.book(1, mobile)
	given := s.codeFor(t, mobile)
	if _, err := s.sim.AddFault(twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if a := s.call(t, "POST", s.route("/bookings/"+booked+"/verify"), map[string]string{"code": given}, "Prefer", "wait=20"); a.status != 200 {
		t.Fatalf("verify: %d %s", a.status, a.raw)
	}
	text := s.dead("sms:send")

	table := strings.Split(strings.TrimSpace(s.prints("deadletter", "list", "--org", "one")), "\n")
	if len(table) != 3 || !strings.HasPrefix(table[0], "ID ") || !strings.HasPrefix(table[1], text) || !strings.HasPrefix(table[2], code) ||
		!strings.Contains(table[2], "sms-recipient") || !strings.Contains(table[2], "booking="+lost) {
		t.Errorf("the last to die comes first:\n%s", strings.Join(table, "\n"))
	}
	var letters []map[string]any
	if err := json.Unmarshal([]byte(s.prints("deadletter", "list", "--type", "sms:send", "--json")), &letters); err != nil || len(letters) != 1 {
		t.Fatalf("%v, %v", letters, err)
	}
	if got := slices.Sorted(maps.Keys(letters[0])); !slices.Equal(got, []string{"about", "attempts", "died_at", "id", "org", "reason", "type"}) {
		t.Errorf("fields %v", got)
	}
	if out := s.prints("deadletter", "list", "--limit", "1"); strings.Count(out, "\n") != 2 {
		t.Errorf("limited: %s", out)
	}

	if out := s.prints("deadletter", "show", code); !strings.Contains(out, "declined: the code was revoked when it died") || !strings.Contains(out, "sms-recipient") {
		t.Errorf("show: %s", out)
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(s.prints("deadletter", "show", text, "--json")), &shown); err != nil || shown["replay"] != "it would run again" || shown["state"] != "dead" {
		t.Errorf("%v, %v", shown, err)
	}

	out, err := s.holdfast("deadletter", "replay", text, code, "nonsense", "--why", "the number is back")
	want := text + "  replayed\n" + code + "  declined: the code was revoked when it died: ask for another one by resend\nnonsense  declined: that is no id\n"
	if !errors.Is(err, errFailed) || out != want {
		t.Errorf("%v, %s", err, out)
	}
	eventually(t, 20*time.Second, "the text goes out", func() bool { return len(s.texts(t, mobile)) == 2 })
	if got := s.value("SELECT string_agg(concat_ws(' ', split_part(actor, '@', 1), action, detail->>'why'), ',') FROM audit_log"); got != "operator task.replay the number is back" {
		t.Errorf("audited: %s", got)
	}
	for _, bad := range [][]string{
		{"discard", code}, // no --why
		{"discard", "--why", "x"},
		{"discard", "--all", "--why", "x", "--yes"},
		{"discard", "--all", code, "--org", "one", "--why", "x", "--yes"},
		{"discard", "--all", "--org", "one", "--why", "x"}, // no --yes
		{"discard", "--all", "--org", "nobody", "--why", "x", "--yes"},
	} {
		if out, err := s.holdfast(append([]string{"deadletter"}, bad...)...); err == nil || errors.Is(err, errFailed) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v %s", bad, err, out)
		}
	}
	if out := s.prints("deadletter", "discard", "--all", "--org", "one", "--yes", "--why", "the customer was called", "--by", "front desk"); out != code+"  discarded\n" {
		t.Errorf("discarded: %s", out)
	}
	if out := s.prints("deadletter", "show", code); !regexp.MustCompile(`task\.discard +\S+ by front desk: the customer was called`).MatchString(out) {
		t.Errorf("show: %s", out)
	}
	if out := s.prints("deadletter", "list", "--json"); out != "[]\n" {
		t.Errorf("all are handled: %s", out)
	}
}

// TestShow tells one story of a booking, whichever of its parts is named, and nothing of who it is for.
func TestShow(t *testing.T) {
	s := openShop(t)
	id := s.book(0, mobile)
	code := s.codeFor(t, mobile)
	if a := s.call(t, "POST", s.route("/bookings/"+id+"/verify"), map[string]string{"code": code}, "Prefer", "wait=20"); a.status != 200 {
		t.Fatalf("verify: %d %s", a.status, a.raw)
	}
	eventually(t, 20*time.Second, "all is done", func() bool {
		return len(s.texts(t, mobile)) == 2 && s.value("SELECT count(*)::text FROM task WHERE state = 'pending'") == "0"
	})
	s.book(1, "+12025550118") // another's, which is no part of it
	eventually(t, 20*time.Second, "that is done too", func() bool { return s.value("SELECT count(*)::text FROM task WHERE state = 'pending'") == "0" })

	var whole store.Story
	tell := func(ref string) (st store.Story) {
		t.Helper()
		if err := json.Unmarshal([]byte(s.prints("show", ref, "--json")), &st); err != nil {
			t.Fatal(err)
		}
		return st
	}
	whole = tell(id)
	var order []string
	for i, e := range whole.Events {
		order = append(order, e.Of+" "+e.What)
		if i > 0 && e.At.Before(whole.Events[i-1].At) {
			t.Errorf("%s comes before %s", order[i], order[i-1])
		}
	}
	for _, want := range []string{"request received", "task made", "booking made", "booking held", "verification made", "message made", "message accepted",
		"booking confirmed", "request answered", "task done"} {
		if !slices.Contains(order, want) {
			t.Errorf("no %s in %v", want, order)
		}
	}
	if n := strings.Count(strings.Join(order, ","), "request received"); n != 2 || len(order) < 20 {
		t.Errorf("%d requests, %v", n, order)
	}
	parts := map[string]string{
		"request":      "SELECT id::text FROM request WHERE booking_id = $1::uuid",
		"message":      "SELECT id::text FROM message WHERE booking_id = $1::uuid AND kind = 'confirmation'",
		"verification": "SELECT id::text FROM verification WHERE booking_id = $1::uuid",
		"task":         "SELECT t.id::text FROM task t, message m WHERE t.payload->>'message' = m.id::text AND m.booking_id = $1::uuid AND m.kind = 'code'",
	}
	refs := map[string]string{"message by SID": s.value("SELECT provider_sid FROM message WHERE booking_id = $1::uuid AND kind = 'code'", id),
		"first request": s.value("SELECT id::text FROM request WHERE answer->>'id' = $1 AND booking_id IS NULL", id)}
	for of, sql := range parts {
		refs[of] = s.value(sql, id)
	}
	for of, ref := range refs {
		got := tell(ref)
		if !strings.Contains(of, got.Of) || len(got.Events) != len(whole.Events) {
			t.Errorf("%s: the story of a %s, %d events instead of %d", of, got.Of, len(got.Events), len(whole.Events))
		}
	}

	text := s.prints("show", id)
	if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines) != len(whole.Events)+1 || lines[0] != "booking "+id+" of org one" {
		t.Errorf("%s", text)
	}
	if m := regexp.MustCompile(`2025550117|` + code + `\b|Ana`).FindString(text + s.prints("show", id, "--json")); m != "" {
		t.Errorf("it tells %d characters of who it is for", len(m))
	}
	for _, ref := range []string{"01900000-0000-7000-8000-000000000000", "SM00000000000000000000000000000000", "it's nothing"} {
		if out, err := s.holdfast("show", ref); err == nil || err.Error() != "show: nothing has that id" || out != "" {
			t.Errorf("%s: %v %s", ref, err, out)
		}
	}
	delete(s.env, "HOLDFAST_AUDIT_DATABASE_URL")
	if s.prints("show", id) != text {
		t.Error("the owner is told another story")
	}
	delete(s.env, "HOLDFAST_OWNER_DATABASE_URL")
	if _, err := s.holdfast("show", id); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("without a database: %v", err)
	}
}

// TestShowReply tells of a reply, and of what operators did to its task.
func TestShowReply(t *testing.T) {
	s := openShop(t)
	inbound := s.value(`WITH i AS (INSERT INTO inbound (org_id, id, provider_sid, from_hash, from_sealed, sender)
		SELECT id, gen_random_uuid(), 'SM11111111111111111111111111111111', '\x00', '\x00', 'x' FROM org RETURNING org_id, id),
		t AS (INSERT INTO task (org_id, id, type, queue, payload, state, last_error, run_at, check_at, give_up_at, finished_at)
		SELECT org_id, gen_random_uuid(), 'sms:inbound', 'default', jsonb_build_object('inbound', id), 'dead', 'hopeless', now(), now(), now(), now() FROM i)
		SELECT id::text FROM i`)
	s.dead("sms:inbound")
	s.value("UPDATE task SET id = ('ff' || substr(id::text, 3))::uuid RETURNING id::text") // as if it was made today
	task := s.dead("sms:inbound")
	s.prints("deadletter", "discard", task, "--why", "read by hand")
	for _, ref := range []string{inbound, "SM11111111111111111111111111111111", task} {
		out := s.prints("show", ref)
		if !regexp.MustCompile(`inbound +`+inbound+`  received sid=SM1{32}\n`).MatchString(out) ||
			!regexp.MustCompile(`task +`+task+`  discard reason=hopeless was=dead who=operator@\S+ why="read by hand"\n`).MatchString(out) ||
			!strings.Contains(out, "  discarded reason=hopeless type=sms:inbound\n") {
			t.Errorf("%s:\n%s", ref, out)
		}
	}
}
