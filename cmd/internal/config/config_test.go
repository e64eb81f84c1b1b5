package config_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/cmd/internal/config"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// env is an injected environment.
type env map[string]string

func (e env) get(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

func names(t *testing.T, err error) []string {
	t.Helper()
	var ce *config.Error
	if !errors.As(err, &ce) {
		t.Fatalf("want a *config.Error, got %v", err)
	}
	var ns []string
	for _, p := range ce.Problems {
		ns = append(ns, strings.TrimPrefix(p.Name, config.Prefix))
	}
	return ns
}

func TestDefaults(t *testing.T) {
	c, err := config.Load(env{}.get)
	if err != nil {
		t.Fatal(err)
	}
	var want config.Config
	want.APIAddr, want.OpsAddr, want.SimAddr = ":8080", "127.0.0.1:8081", "127.0.0.1:8082"
	want.ShutdownTimeout, want.HTTPTimeout = 25*time.Second, 5*time.Second
	want.TwilioBaseURL = "https://api.twilio.com"
	want.HoldTTL, want.CodeTTL, want.SweepInterval = 5*time.Minute, 10*time.Minute, 15*time.Second
	want.FollowupDelay, want.KeepWindow = 2*time.Minute, 24*time.Hour
	want.QuietHours = calendar.QuietHours{From: 21, To: 8}
	want.ReconcileGrace = time.Minute
	want.ClaimConcurrency, want.SendConcurrency, want.DefaultConcurrency = 8, 16, 8
	want.LowConcurrency, want.TickConcurrency = 4, 2
	want.LogLevel, want.LogFormat = slog.LevelInfo, "auto"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestLoadReadsOnlyWhatIsInjected(t *testing.T) {
	t.Setenv("HOLDFAST_HOLD_TTL", "1h")
	t.Setenv("HOLD_TTL", "2h")
	t.Setenv("HOLDFAST_KEYSET", "not a keyset")
	t.Setenv("DATABASE_URL", "postgres://process")
	c, err := config.Load(env{
		"HOLDFAST_CODE_TTL":    "90s",
		"HOLDFAST_QUIET_HOURS": "off",
		"HOLDFAST_LOG_LEVEL":   "debug",
		"HOLDFAST_PUBLIC_URL":  "https://b.example/base/",
		"KEEP_WINDOW":          "1h", // not bare: without the prefix it is somebody else's
	}.get)
	if err != nil {
		t.Fatal(err)
	}
	if c.HoldTTL != 5*time.Minute || !c.DatabaseURL.IsZero() {
		t.Errorf("the process environment leaked in: %v %q", c.HoldTTL, c.DatabaseURL.Reveal())
	}
	if c.CodeTTL != 90*time.Second || !c.QuietHours.Off() || c.LogLevel != slog.LevelDebug || c.KeepWindow != 24*time.Hour {
		t.Errorf("got %+v", c)
	}
	if c.PublicURL != "https://b.example/base" {
		t.Errorf("PublicURL = %q, want it without its last slash", c.PublicURL)
	}
}

func TestBareNamesAndEmptyValues(t *testing.T) {
	c, err := config.Load(env{
		"HOLDFAST_DATABASE_URL": "postgres://prefixed/db", "DATABASE_URL": "postgres://bare/db",
		"HOLDFAST_REDIS_URL": "", "REDIS_URL": "redis://bare:6379/1",
		"HOLDFAST_HOLD_TTL": "", "OWNER_DATABASE_URL": "postgres://ignored/db",
		"HOLDFAST_OPS_TOKEN": "with\"quotes`and\\escapes\n",
	}.get)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.DatabaseURL.Reveal(); got != "postgres://prefixed/db" {
		t.Errorf("DATABASE_URL = %q: the prefix must win", got)
	}
	if got := c.RedisURL.Reveal(); got != "redis://bare:6379/1" {
		t.Errorf("REDIS_URL = %q: empty must count as unset", got)
	}
	if c.HoldTTL != 5*time.Minute || !c.OwnerDatabaseURL.IsZero() {
		t.Errorf("HOLD_TTL = %v, OWNER_DATABASE_URL set: %v", c.HoldTTL, !c.OwnerDatabaseURL.IsZero())
	}
	if got := c.OpsToken.Reveal(); got != "with\"quotes`and\\escapes" {
		t.Errorf("OPS_TOKEN = %q", got)
	}
}

// TestBadValues sets one variable at a time and wants exactly that one named, never quoted.
func TestBadValues(t *testing.T) {
	short := base64.StdEncoding.EncodeToString([]byte("s3cr3t"))
	for _, tc := range []struct{ name, value string }{
		{"DATABASE_URL", "mysql://s3cr3t@h/db"}, {"DATABASE_URL", "postgres://u:s3cr3t%zz@h/db"},
		{"OWNER_DATABASE_URL", "s3cr3t"}, {"AUDIT_DATABASE_URL", "s3cr3t"}, {"ADMIN_DATABASE_URL", "host=s3cr3t"},
		{"REDIS_URL", "s3cr3t:6379"}, {"REDIS_URL", "http://s3cr3t"}, {"REDIS_URL", "redis://h:6379/s3cr3t"},
		{"DB_MAX_CONNS", "-1"}, {"DB_MAX_CONNS", "s3cr3t"}, {"DB_MAX_CONNS", "99999999999999999999"},
		{"API_ADDR", "s3cr3t"}, {"OPS_ADDR", "localhost:s3cr3t"}, {"SIM_ADDR", "localhost:70000"},
		{"OPS_TOKEN", "s3cr3t"}, {"PUBLIC_URL", "s3cr3t.example.com"}, {"PUBLIC_URL", "https://u:s3cr3t@h"},
		{"PUBLIC_URL", "https://h/?t=s3cr3t"}, {"TWILIO_BASE_URL", "ftp://s3cr3t"},
		{"ENDPOINT_ALLOW", "https://s3cr3t"}, {"ENDPOINT_ALLOW", "10.0.0.0/33"}, {"ENDPOINT_ALLOW", "*.s3cr3t"},
		{"HOLD_TTL", "s3cr3t"}, {"HOLD_TTL", "300"}, {"HOLD_TTL", "0s"}, {"CODE_TTL", "61m"},
		{"SWEEP_INTERVAL", "10ms"}, {"FOLLOWUP_DELAY", "-1s"}, {"KEEP_WINDOW", "1000h"},
		{"RECONCILE_GRACE", "1ms"}, {"HTTP_TIMEOUT", "1h"}, {"SHUTDOWN_TIMEOUT", "5s"},
		{"QUIET_HOURS", "s3cr3t"}, {"QUIET_HOURS", "21-24"}, {"QUIET_HOURS", "8-8"}, {"QUIET_HOURS", "21"},
		{"KEYSET", "s3cr3t"}, {"KEYSET", short}, {"HASH_KEY", short}, {"CODE_PEPPER", "1:" + short},
		{"CODE_PEPPER", short}, {"CLAIM_CONCURRENCY", "0"}, {"TICK_CONCURRENCY", "1001"},
		{"LOG_LEVEL", "s3cr3t"}, {"LOG_FORMAT", "s3cr3t"},
	} {
		_, err := config.Load(env{config.Prefix + tc.name: tc.value}.get)
		if err == nil {
			t.Errorf("%s=%s: no error", tc.name, tc.value)
			continue
		}
		if ns := names(t, err); tc.name != "HTTP_TIMEOUT" && !reflect.DeepEqual(ns, []string{tc.name}) {
			t.Errorf("%s=%s: named %v", tc.name, tc.value, ns)
		}
		if text := err.Error(); strings.Contains(text, "s3cr3t") || strings.Contains(text, short) {
			t.Errorf("%s: the error quotes the value: %s", tc.name, text)
		}
	}
}

func TestAllBadValuesAreListed(t *testing.T) {
	_, err := config.Load(env{
		"HOLDFAST_HOLD_TTL": "soon", "HOLDFAST_QUIET_HOURS": "night", "REDIS_URL": "nowhere",
		"HOLDFAST_KEYSET": "k", "HOLDFAST_HASH_KEY": "h", "HOLDFAST_LOW_CONCURRENCY": "0",
	}.get)
	want := []string{"HOLD_TTL", "QUIET_HOURS", "LOW_CONCURRENCY", "REDIS_URL", "KEYSET", "HASH_KEY"}
	if got := names(t, err); !reflect.DeepEqual(got, want) {
		t.Errorf("named %v, want %v", got, want)
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines != len(want) {
		t.Errorf("%d lines for %d problems:\n%v", lines, len(want), err)
	}
}

func TestGoodKeys(t *testing.T) {
	k, err := pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(env{
		"HOLDFAST_KEYSET": k.Keyset + "\n", "HOLDFAST_HASH_KEY": k.HashKey, "HOLDFAST_CODE_PEPPER": k.Peppers,
	}.get)
	if err != nil {
		t.Fatal(err)
	}
	if c.Keys() != k {
		t.Error("Keys differ from what was set")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, k.HashKey) || strings.Contains(s, k.Keyset) {
			t.Errorf("%s prints a key", verb)
		}
	}
}

func TestRequires(t *testing.T) {
	var c config.Config
	for part, want := range map[config.Part][]string{
		config.Ingress:   {"DATABASE_URL", "REDIS_URL", "OPS_TOKEN", "PUBLIC_URL", "KEYSET", "HASH_KEY", "CODE_PEPPER"},
		config.Worker:    {"DATABASE_URL", "REDIS_URL", "OPS_TOKEN", "PUBLIC_URL", "KEYSET", "HASH_KEY", "CODE_PEPPER"},
		config.Scheduler: {"REDIS_URL", "OPS_TOKEN"},
		config.Migrate:   {"OWNER_DATABASE_URL"},
		config.Audit:     {"AUDIT_DATABASE_URL"},
		config.Org:       {"OWNER_DATABASE_URL", "KEYSET", "HASH_KEY", "CODE_PEPPER"},
	} {
		if got := names(t, c.Requires(part)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s needs %v, want %v", part, got, want)
		}
	}
	c.AuditDatabaseURL = pii.NewToken("postgres://h/db")
	if err := c.Requires(config.Audit); err != nil {
		t.Errorf("audit needs more than AUDIT_DATABASE_URL: %v", err)
	}
	if got := names(t, c.Requires(config.Migrate, config.Scheduler)); len(got) != 3 {
		t.Errorf("two parts need %v", got)
	}
	if err := c.Requires(); err != nil {
		t.Error(err)
	}
}

func TestValidateByHand(t *testing.T) {
	c, err := config.Load(env{}.get)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.HoldTTL, c.QuietHours = 0, calendar.QuietHours{From: 30, To: 1}
	if got, want := names(t, c.Validate()), []string{"HOLD_TTL", "QUIET_HOURS"}; !reflect.DeepEqual(got, want) {
		t.Errorf("named %v, want %v", got, want)
	}
}

func TestUnknown(t *testing.T) {
	got := config.Unknown([]string{"HOLDFAST_HOLD_TLL=5m", "HOLDFAST_HOLD_TTL=5m", "PATH=/bin", "HOLDFAST_=x"})
	if want := []string{"HOLDFAST_", "HOLDFAST_HOLD_TLL"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func Example() {
	c, err := config.Load(env{"HOLDFAST_HOLD_TTL": "90s", "DATABASE_URL": "postgres://app:secret@db/holdfast"}.get)
	fmt.Println(c.HoldTTL, c.DatabaseURL, c.QuietHours, err)
	fmt.Println(c.Requires(config.Scheduler))

	_, err = config.Load(env{"HOLDFAST_HOLD_TTL": "soon", "HOLDFAST_LOG_FORMAT": "xml"}.get)
	fmt.Println(err)
	// Output:
	// 1m30s [token] 21-8 <nil>
	// HOLDFAST_REDIS_URL: is not set; scheduler needs it: Redis (redis:// or rediss://), which may be lost at any time
	// HOLDFAST_OPS_TOKEN: is not set; scheduler needs it: password of the operators' listener, at least 16 characters
	// HOLDFAST_HOLD_TTL: want a duration such as 5m, from 1s to 24h
	// HOLDFAST_LOG_FORMAT: want auto, json or text
}
