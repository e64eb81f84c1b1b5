package sms_test

import (
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/handlers/sms"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store/pii"
)

var update = flag.Bool("update", false, "rewrite golden files")

const (
	accountSID = "AC0123456789abcdef0123456789abcdef"
	authToken  = "to-ken/with+punctuation" // twilio-go refuses such; Twilio may issue it
	sender     = "+15005550006"
	customer   = "+15550100042"
)

var (
	account = sms.Account{SID: accountSID, Token: pii.NewToken(authToken), From: sender}
	text    = sms.Text{To: pii.KnownPhone(customer), Body: pii.NewText("482913 is your code")}
)

// double starts the Twilio double and a client of it.
func double(t *testing.T, timeout time.Duration) (*sms.Client, *twiliosim.Sim) {
	t.Helper()
	sim := twiliosim.New(twiliosim.Options{Accounts: map[string]string{accountSID: authToken}})
	srv := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); srv.CloseClientConnections(); srv.Close() })
	sim.AddNumber(sender, accountSID, "")
	return sms.New(srv.URL, timeout, nil), sim
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update after a look):\n got:\n%s\nwant:\n%s", path, got, want)
	}
}

// mustHide fails when s holds something that no error may.
func mustHide(t *testing.T, s string) {
	t.Helper()
	for _, secret := range []string{customer, customer[1:], authToken, "482913", accountSID, "5550100042"} {
		if strings.Contains(s, secret) {
			t.Errorf("%q gives away %q", s, secret)
		}
	}
}
