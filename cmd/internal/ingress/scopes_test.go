package ingress

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
	"holdfast/store/storetest"
)

// scopeWanted is the scope of each operation that a key opens.
var scopeWanted = map[string]store.Scope{
	"book": "bookings:write", "verify": "bookings:write", "resend": "bookings:write", "cancel": "bookings:write",
	"reschedule": "bookings:write", "mark": "bookings:write", "block": "bookings:write", "unblock": "bookings:write",
	"listBookings": "bookings:read", "booking": "bookings:read", "timeline": "bookings:read", "availability": "bookings:read",
	"request":    "bookings:read", // of a booking; of a transcript see TestScopeOfRequest
	"transcript": "transcripts:write", "findTranscript": "transcripts:write", "reportTranscript": "transcripts:write",
	"settings": "settings", "setSettings": "settings",
	"erase": "admin", "export": "admin",
}

// TestScopes: every operation is open to a key that has its scope, or one that implies it, and to no other.
func TestScopes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	keys := make(map[store.Scope][]string)
	for _, s := range []store.Scope{store.ScopeBookingsWrite, store.ScopeBookingsRead, store.ScopeTranscriptsWrite, store.ScopeSettings, store.ScopeAdmin} {
		keys[s] = []string{"Authorization", "Bearer " + storetest.NewKey(t, r.db, r.org.ID, s).Reveal()}
	}
	fill := strings.NewReplacer("{org}", r.org.ID.String(), "{id}", uuid.NewString())
	seen := 0
	for path, item := range r.in.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil || !strings.HasPrefix(path, "/v1/") {
				continue
			}
			seen++
			want := scopeWanted[op.OperationID]
			if got := op.Security[0][schemeKey]; len(got) != 1 || store.Scope(got[0]) != want {
				t.Errorf("%s is documented to want %v", op.OperationID, got)
			}
			for has, key := range keys {
				may := store.Key{Scopes: []store.Scope{has}}.May(want) || op.OperationID == "request" && has == store.ScopeTranscriptsWrite
				a := r.do(t, op.Method, fill.Replace(path), "{", key...)
				if may {
					if a.StatusCode == 403 {
						t.Errorf("%s with %s: %d %s", op.OperationID, has, a.StatusCode, a.body)
					}
					continue
				}
				if p := a.problem(t); a.StatusCode != 403 || p.Type != "missing-scope" || p.Detail != string(want) ||
					!strings.HasSuffix(a.Header.Get("WWW-Authenticate"), `scope="`+string(want)+`"`) {
					t.Errorf("%s with %s: %d %s", op.OperationID, has, a.StatusCode, a.body)
				}
			}
		}
	}
	if seen != len(scopeWanted) {
		t.Errorf("%d operations, the table has %d", seen, len(scopeWanted))
	}
	until(t, func() bool {
		return r.count(t, "security_event WHERE kind = 'missing-scope' AND key_id IS NOT NULL") > 0
	})
	if n := r.count(t, "request"); n != 0 {
		t.Errorf("%d requests were written", n)
	}
}

// TestScopeOfRequest: a key reads the outcome of what it may look up, and not what was said in a call besides.
func TestScopeOfRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.worker(t)
	var b handlers.BookingView
	booked := r.api(t, "POST", "/bookings", bookingBody(tomorrow("11:00")), "Prefer", "wait=10")
	if err := json.Unmarshal(booked.body, &b); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		"erase":      r.api(t, "DELETE", "/customers/"+b.Customer.ID.String(), "").Header.Get("Location"),
		"booking":    r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00"))).Header.Get("Location"),
		"transcript": r.api(t, "POST", "/transcripts", transcriptBody("call-1", aCall)).Header.Get("Location"),
	}
	for _, tt := range []struct {
		scope   store.Scope
		of      string
		status  int
		missing string
	}{
		{store.ScopeBookingsRead, "booking", 200, ""},
		{store.ScopeBookingsRead, "transcript", 403, "transcripts:write"},
		{store.ScopeTranscriptsWrite, "transcript", 200, ""},
		{store.ScopeTranscriptsWrite, "booking", 403, "bookings:read"},
		{store.ScopeSettings, "booking", 403, "bookings:read"},
		{store.ScopeAdmin, "transcript", 200, ""},
		{store.ScopeBookingsWrite, "erase", 403, "admin"},
		{store.ScopeAdmin, "erase", 200, ""},
	} {
		a := r.do(t, "GET", paths[tt.of], "", "Authorization", "Bearer "+storetest.NewKey(t, r.db, r.org.ID, tt.scope).Reveal())
		if a.StatusCode != tt.status || tt.status == 403 && a.problem(t).Detail != tt.missing {
			t.Errorf("%s, the request of a %s: %d %s", tt.scope, tt.of, a.StatusCode, a.body)
		}
	}
}
