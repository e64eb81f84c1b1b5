package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"time"

	"holdfast/handlers/hook"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// Validate checks every value that is set against its rule. It returns nil or an *Error that lists
// all that are bad. Missing values are a matter of Requires.
func (c Config) Validate() error {
	if found := c.problems(); len(found) > 0 {
		return &Error{found}
	}
	return nil
}

func (c Config) problems() []Problem {
	return slices.Concat(
		c.outOfBounds(),
		c.Database.problems(),
		c.Redis.problems(),
		c.Listen.problems(c.HTTPTimeout),
		c.Twilio.problems(),
		c.Booking.problems(),
		c.Secrets.problems(),
		c.Log.problems(),
	)
}

// want returns a problem of the variable unless ok.
func want(ok bool, env, rule string) []Problem {
	if ok {
		return nil
	}
	return []Problem{{Prefix + env, rule}}
}

const rulePostgres = "want postgres://user:password@host:port/database"

func (d Database) problems() []Problem {
	ok := func(t pii.Token) bool { return t.IsZero() || isURL(t.Reveal(), "postgres", "postgresql") }
	return slices.Concat(
		want(ok(d.DatabaseURL), "DATABASE_URL", rulePostgres),
		want(ok(d.OwnerDatabaseURL), "OWNER_DATABASE_URL", rulePostgres),
		want(ok(d.AuditDatabaseURL), "AUDIT_DATABASE_URL", rulePostgres),
		want(ok(d.AdminDatabaseURL), "ADMIN_DATABASE_URL", rulePostgres),
	)
}

func (r Redis) problems() []Problem {
	// asynq and go-redis each know more schemes, but not the same ones.
	s := r.RedisURL.Reveal()
	ok := s == "" || isURL(s, "redis", "rediss") && databaseNumber.MatchString(urlPath(s))
	return want(ok, "REDIS_URL", "want redis://host:port/db, or rediss:// for TLS")
}

var databaseNumber = regexp.MustCompile(`^(/[0-9]*)?$`)

const (
	ruleAddr = "want host:port or :port"
	ruleHTTP = "want http:// or https:// with a host, without query, fragment or password"

	minOpsToken = 16 // characters: what 96 random bits take in base64
)

func (l Listen) problems(httpTimeout time.Duration) []Problem {
	n := len(l.OpsToken.Reveal())
	return slices.Concat(
		want(isAddr(l.APIAddr), "API_ADDR", ruleAddr),
		want(isAddr(l.OpsAddr), "OPS_ADDR", ruleAddr),
		want(isAddr(l.SimAddr), "SIM_ADDR", ruleAddr),
		want(n == 0 || n >= minOpsToken, "OPS_TOKEN", fmt.Sprintf("want at least %d characters", minOpsToken)),
		want(l.PublicURL == "" || isBaseURL(l.PublicURL), "PUBLIC_URL", ruleHTTP),
		want(l.ShutdownTimeout > httpTimeout, "SHUTDOWN_TIMEOUT",
			"want more than "+Prefix+"HTTP_TIMEOUT, so that a call in hand can end"),
	)
}

func (t Twilio) problems() []Problem {
	return want(isBaseURL(t.TwilioBaseURL), "TWILIO_BASE_URL", ruleHTTP)
}

func (b Booking) problems() []Problem {
	return want(b.QuietHours.Valid(), "QUIET_HOURS", calendar.ErrQuietHours.Error())
}

// problems tries each key beside two good ones, so that all bad keys are named at once.
func (s Secrets) problems() []Problem {
	good, err := pii.GenerateKeys()
	if err != nil {
		return []Problem{{Prefix + "KEYSET", "cannot be checked: this system has no AES-GCM"}}
	}
	ok := func(t pii.Token, put func(*pii.Keys, string)) bool {
		if t.IsZero() {
			return true
		}
		k := good
		put(&k, t.Reveal())
		_, err := pii.NewKeyring(k)
		return err == nil
	}
	return slices.Concat(
		want(ok(s.Keyset, func(k *pii.Keys, v string) { k.Keyset = v }), "KEYSET",
			"want base64 of a tink JSON keyset with an AEAD key"),
		want(ok(s.HashKey, func(k *pii.Keys, v string) { k.HashKey = v }), "HASH_KEY",
			"want base64 of at least 32 bytes"),
		want(ok(s.CodePepper, func(k *pii.Keys, v string) { k.Peppers = v }), "CODE_PEPPER",
			"want kid:base64 of at least 32 bytes, several separated by commas, kids from 1"),
	)
}

func (l Log) problems() []Problem {
	return want(slices.Contains([]string{"auto", "json", "text"}, l.LogFormat), "LOG_FORMAT", "want auto, json or text")
}

// outOfBounds checks min and max of every field that has them.
func (c Config) outOfBounds() []Problem {
	var found []Problem
	for _, v := range variables {
		lo, hi, ok := v.bounds()
		if !ok {
			continue
		}
		if n := reflect.ValueOf(c).FieldByIndex(v.index).Int(); n < lo || n > hi {
			found = append(found, Problem{v.name(), v.rule()})
		}
	}
	return found
}

// bounds reads min and max: durations in nanoseconds, numbers as they are. A tag that does not parse
// gives bounds that nothing meets; a test walks all of them.
func (v variable) bounds() (lo, hi int64, ok bool) {
	if v.tag("min") == "" {
		return 0, 0, false
	}
	if v.field.Type == reflect.TypeFor[time.Duration]() {
		a, errA := time.ParseDuration(v.tag("min"))
		b, errB := time.ParseDuration(v.tag("max"))
		return int64(a), int64(b), errA == nil && errB == nil
	}
	lo, errA := strconv.ParseInt(v.tag("min"), 10, 64)
	hi, errB := strconv.ParseInt(v.tag("max"), 10, 64)
	return lo, hi, errA == nil && errB == nil
}

// rule says in words what a value must be to be read at all.
func (v variable) rule() string {
	switch v.field.Type {
	case reflect.TypeFor[time.Duration]():
		return fmt.Sprintf("want a duration such as %s, from %s to %s", v.tag("default"), v.tag("min"), v.tag("max"))
	case reflect.TypeFor[int](), reflect.TypeFor[int32]():
		return fmt.Sprintf("want a whole number from %s to %s", v.tag("min"), v.tag("max"))
	case reflect.TypeFor[calendar.QuietHours]():
		return calendar.ErrQuietHours.Error()
	case reflect.TypeFor[hook.Allow]():
		return hook.ErrAllow.Error()
	case reflect.TypeFor[slog.Level]():
		return "want debug, info, warn or error"
	default:
		return "cannot be read"
	}
}

// isURL reports whether s is a URL of one of the schemes. A host may be missing: PostgreSQL takes it
// from the query then.
func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && slices.Contains(schemes, u.Scheme) && u.Opaque == ""
}

func urlPath(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Path
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
}

func isAddr(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}
