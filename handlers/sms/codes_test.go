package sms_test

import (
	"testing"

	"holdfast/handlers/sms"
)

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		code, status int
		want         sms.Class
		known        bool
	}{
		{21211, 400, sms.Recipient, true},
		{21614, 400, sms.Recipient, true},
		{21635, 400, sms.Recipient, true},
		{21610, 400, sms.OptedOut, true},
		{20003, 401, sms.Tenant, true},
		{21408, 403, sms.Tenant, true},
		{21606, 400, sms.Tenant, true},
		{20429, 429, sms.Transient, true},
		{20500, 500, sms.Unknown, true},
		{20503, 503, sms.Unknown, true},
		{63038, 429, sms.Cap, true}, // by the table, though 429 alone would be transient
		{21611, 400, sms.Cap, true},
		{30450, 403, sms.Fraud, true},
		{21617, 400, sms.Content, true},
		{29999, 400, sms.Content, false},
		{29999, 401, sms.Tenant, false},
		{29999, 429, sms.Transient, false},
		{29999, 408, sms.Unknown, false},
		{29999, 500, sms.Unknown, false},
		{29999, 302, sms.Unknown, false},
		{0, 503, sms.Unknown, true},
		{0, 403, sms.Tenant, true},
		{0, 422, sms.Content, true},
		{0, 0, sms.Unknown, true},
	} {
		if got, known := sms.Classify(tt.code, tt.status); got != tt.want || known != tt.known {
			t.Errorf("Classify(%d, %d) = %s, %v; want %s, %v", tt.code, tt.status, got, known, tt.want, tt.known)
		}
	}
}

func TestClassifyCallback(t *testing.T) {
	for _, tt := range []struct {
		code  int
		want  sms.Class
		known bool
	}{
		{0, sms.Transient, true},
		{30001, sms.Transient, true},
		{30003, sms.Transient, true},
		{30008, sms.Transient, true},
		{30036, sms.Transient, true},
		{30004, sms.Recipient, true},
		{30005, sms.Recipient, true},
		{30006, sms.Recipient, true},
		{30002, sms.Tenant, true},
		{30007, sms.Tenant, true},
		{30034, sms.Tenant, true},
		{21610, sms.OptedOut, true}, // a messaging service reports it this way
		{30022, sms.Cap, true},
		{30450, sms.Fraud, true},
		{30410, sms.Unknown, true},
		{39999, sms.Transient, false},
	} {
		if got, known := sms.ClassifyCallback(tt.code); got != tt.want || known != tt.known {
			t.Errorf("ClassifyCallback(%d) = %s, %v; want %s, %v", tt.code, got, known, tt.want, tt.known)
		}
	}
}

// TestStops: what is surely the account's fault stops the org at once, what may be the number's fault after three, and
// what is not the org's fault never.
func TestStops(t *testing.T) {
	for _, tt := range []struct {
		e    sms.Error
		want int
	}{
		{sms.Error{Class: sms.Tenant, Code: 20003, Status: 401}, 1},
		{sms.Error{Class: sms.Tenant, Code: 21606, Status: 400}, 1},
		{sms.Error{Class: sms.Tenant, Code: 30034}, 1},
		{sms.Error{Class: sms.Cap, Code: 63038, Status: 429}, 1},
		{sms.Error{Class: sms.Tenant, Code: 21408, Status: 403}, 3},
		{sms.Error{Class: sms.Tenant, Code: 21608, Status: 400}, 3},
		{sms.Error{Class: sms.Tenant, Code: 30007}, 3},
		{sms.Error{Class: sms.Cap, Code: 14107, Status: 400}, 3},
		{sms.Error{Class: sms.Recipient, Code: 21211, Status: 400}, 0},
		{sms.Error{Class: sms.OptedOut, Code: 21610, Status: 400}, 0},
		{sms.Error{Class: sms.Transient, Code: 20429, Status: 429}, 0},
		{sms.Error{Class: sms.Fraud, Code: 30450}, 0},
		{sms.Error{Class: sms.Content, Code: 21617, Status: 400}, 0},
		{sms.Error{Class: sms.Tenant, Code: 29999, Status: 401}, 1}, // unknown ones
		{sms.Error{Class: sms.Tenant, Code: 29999, Status: 403}, 3},
		{sms.Error{Class: sms.Content, Code: 29999, Status: 400}, 0},
		{sms.Error{Class: sms.Tenant, Reason: "auth token"}, 1},
		{sms.Error{Class: sms.Unknown, Status: 503}, 0},
	} {
		if got := tt.e.Stops(); got != tt.want {
			t.Errorf("%v, status %d: stops after %d, want %d", &tt.e, tt.e.Status, got, tt.want)
		}
	}
	// By the whole table: somebody's fault, or nobody's.
	for code := 10000; code < 100000; code++ {
		class, known := sms.ClassifyCallback(code)
		e := &sms.Error{Class: class, Code: code}
		if fault := class == sms.Tenant || class == sms.Cap; known && fault != (e.Stops() > 0) {
			t.Errorf("%d is %s and stops after %d", code, class, e.Stops())
		}
	}
}

func TestClassNames(t *testing.T) {
	for class, want := range map[sms.Class]string{
		sms.Unknown: "unknown", sms.Transient: "transient", sms.Recipient: "recipient", sms.OptedOut: "opted-out",
		sms.Tenant: "tenant", sms.Cap: "cap", sms.Fraud: "fraud", sms.Content: "content", 99: "class-99", -1: "class--1",
	} {
		if class.String() != want {
			t.Errorf("%d prints %q, want %q", int(class), class, want)
		}
	}
}

func TestRank(t *testing.T) {
	// Each line ranks above the one before.
	order := [][]string{
		{"", "received", "receiving", "nonsense"},
		{"queued", "accepted", "scheduled"},
		{"sending"},
		{"sent"},
		{"delivered", "undelivered", "failed", "canceled", "read", "partially_delivered"},
	}
	for i, same := range order {
		for _, s := range same {
			if sms.Rank(s) != i {
				t.Errorf("Rank(%q) = %d, want %d", s, sms.Rank(s), i)
			}
			if sms.Final(s) != (i == len(order)-1) {
				t.Errorf("Final(%q) = %v", s, sms.Final(s))
			}
		}
	}
}
