// Package config is Holdfast's configuration: one struct, read from the environment once, at start.
//
// Every variable is a field with its name, default, description and rule as tags; .env.example and the
// table in the README are printed from the same tags. A bad value is one line that names the variable
// and the rule and never quotes the value, because any value may be a secret in the wrong place.
package config

import (
	"errors"
	"log/slog"
	"net/url"
	"time"

	"holdfast/handlers/hook"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

// Prefix is what the name of every variable begins with.
const Prefix = "HOLDFAST_"

// Config is everything that can be set from outside. The tags of its fields:
//
//	env      name without the prefix
//	bare     the name also counts without the prefix, as hosting platforms set it
//	default  value when the variable is unset or empty
//	desc     one line for .env.example and the README
//	need     the parts of Holdfast that do not start without it
//	example  what .env.example shows when there is no default
//	min,max  bounds, both allowed
//
// Tests and `holdfast dev` fill it by hand and call Validate.
type Config struct {
	Database
	Redis
	Listen
	Twilio
	Endpoint
	Booking
	Secrets
	Workers
	Log

	// KeysetFile is the file that Keyset was read from, or "": then it cannot change while a process runs. It is no variable:
	// Load fills it in.
	KeysetFile string
}

// Database says where PostgreSQL is, once for each role (DESIGN.md, section 9). The URLs hold
// passwords, so they do not print.
type Database struct {
	DatabaseURL      pii.Token `env:"DATABASE_URL" bare:"true" need:"ingress worker" example:"postgres://holdfast_app:change-me@localhost:5432/holdfast" desc:"PostgreSQL as holdfast_app, the role that row-level security binds"`
	OwnerDatabaseURL pii.Token `env:"OWNER_DATABASE_URL" need:"migrate org deadletter" example:"postgres://holdfast_owner:change-me@localhost:5432/holdfast" desc:"PostgreSQL as holdfast_owner, for migrate, org and deadletter"`
	AuditDatabaseURL pii.Token `env:"AUDIT_DATABASE_URL" need:"audit" example:"postgres://holdfast_audit:change-me@localhost:5432/holdfast" desc:"PostgreSQL as holdfast_audit (reads everything, writes nothing), for audit, show and deadletter list"`
	AdminDatabaseURL pii.Token `env:"ADMIN_DATABASE_URL" desc:"PostgreSQL as a superuser: when set, migrate creates the three roles first"`
	DBMaxConns       int32     `env:"DB_MAX_CONNS" default:"0" min:"0" max:"1000" desc:"PostgreSQL connections of one process; 0 takes four for each core, 8 to 40"`
}

// Redis says where asynq's queues are.
type Redis struct {
	RedisURL pii.Token `env:"REDIS_URL" bare:"true" need:"ingress worker scheduler" example:"redis://localhost:6379/0" desc:"Redis (redis:// or rediss://), which may be lost at any time"`
}

// Listen says where Holdfast answers and how it stops.
type Listen struct {
	APIAddr         string        `env:"API_ADDR" default:":8080" desc:"address of the API and the webhooks"`
	OpsAddr         string        `env:"OPS_ADDR" default:"127.0.0.1:8081" desc:"address of the operators' listener: metrics, health, queues, pprof"`
	SimAddr         string        `env:"SIM_ADDR" default:"127.0.0.1:8082" desc:"address of the Twilio double, in dev only"`
	OpsToken        pii.Token     `env:"OPS_TOKEN" need:"ingress worker scheduler" desc:"password of the operators' listener, at least 16 characters"`
	PublicURL       string        `env:"PUBLIC_URL" need:"ingress worker" example:"https://bookings.example.com" desc:"how Twilio reaches the API; part of every callback URL and of its signature"`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" default:"25s" min:"1s" max:"10m" desc:"how long work in hand may take after SIGTERM; longer than HTTP_TIMEOUT, shorter than the container's own limit"`
}

// Twilio says how the provider is called. Credentials belong to an org, never to the environment.
type Twilio struct {
	TwilioBaseURL string        `env:"TWILIO_BASE_URL" default:"https://api.twilio.com" desc:"Twilio's API, or a double of it"`
	HTTPTimeout   time.Duration `env:"HTTP_TIMEOUT" default:"5s" min:"100ms" max:"1m" desc:"one call to Twilio or to an org's endpoint, answer included"`
}

// Endpoint says what orgs' own endpoints may be that are told of events.
type Endpoint struct {
	EndpointAllow hook.Allow `env:"ENDPOINT_ALLOW" desc:"networks (CIDR), hosts and host:port, by commas, that orgs' endpoints may be at though they are private or plain http"`
}

// Booking is the policy that an org's own settings may narrow.
type Booking struct {
	HoldTTL        time.Duration       `env:"HOLD_TTL" default:"5m" min:"1s" max:"24h" desc:"how long a slot is held for an unverified customer"`
	CodeTTL        time.Duration       `env:"CODE_TTL" default:"10m" min:"1s" max:"1h" desc:"life of a one-time code; NIST SP 800-63B asks for 10m at most"`
	SweepInterval  time.Duration       `env:"SWEEP_INTERVAL" default:"15s" min:"1s" max:"1h" desc:"how often lapsed holds, follow-ups, reminders and messages are looked for"`
	FollowupDelay  time.Duration       `env:"FOLLOWUP_DELAY" default:"2m" min:"0s" max:"24h" desc:"from a hold's expiry to the one follow-up"`
	KeepWindow     time.Duration       `env:"KEEP_WINDOW" default:"24h" min:"1s" max:"168h" desc:"how long after a follow-up, or an offer of other times, its reply counts; no follow-up is sent later than that after its hold's end"`
	QuietHours     calendar.QuietHours `env:"QUIET_HOURS" default:"21-8" desc:"hours without follow-ups and reminders in the customer's zone, or off; codes are always sent"`
	ReconcileGrace time.Duration       `env:"RECONCILE_GRACE" default:"60s" min:"100ms" max:"1h" desc:"after how long a text of unknown outcome counts as not sent"`
}

// Secrets are the keys that the database never sees. See pii.Keys.
type Secrets struct {
	Keyset     pii.Token `env:"KEYSET" need:"ingress worker org deadletter" desc:"base64 of a tink JSON keyset (AEAD) that seals personal data; from a file it is taken up anew when the file changes"`
	HashKey    pii.Token `env:"HASH_KEY" need:"ingress worker org deadletter" desc:"base64 of at least 32 bytes, the key of every fingerprint; cannot rotate"`
	CodePepper pii.Token `env:"CODE_PEPPER" need:"ingress worker org deadletter" desc:"keys of one-time codes as kid:base64,…; the last one makes new codes"`
}

// Workers is how many tasks of each class one worker process runs at a time.
type Workers struct {
	ClaimConcurrency   int `env:"CLAIM_CONCURRENCY" default:"8" min:"1" max:"1000" desc:"tasks at a time: claim, verify, cancel, reschedule"`
	SendConcurrency    int `env:"SEND_CONCURRENCY" default:"16" min:"1" max:"1000" desc:"tasks at a time: code texts, compensation, reconciliation"`
	DefaultConcurrency int `env:"DEFAULT_CONCURRENCY" default:"8" min:"1" max:"1000" desc:"tasks at a time: other texts, replies, webhooks"`
	LowConcurrency     int `env:"LOW_CONCURRENCY" default:"4" min:"1" max:"1000" desc:"tasks at a time: follow-ups, reminders, redaction, erasure"`
	TickConcurrency    int `env:"TICK_CONCURRENCY" default:"2" min:"1" max:"1000" desc:"tasks at a time: periodic sweeps"`
}

// Log says what is logged and how it looks.
type Log struct {
	LogLevel  slog.Level `env:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat string     `env:"LOG_FORMAT" default:"auto" desc:"json, text, or auto: text on a terminal, json elsewhere"`
}

// Keys returns the secrets in the form that pii.NewKeyring takes.
func (s Secrets) Keys() pii.Keys {
	return pii.Keys{Keyset: s.Keyset.Reveal(), HashKey: s.HashKey.Reveal(), Peppers: s.CodePepper.Reveal()}
}

// DefaultReconcileGrace is the default of RECONCILE_GRACE; a test compares it with the tag.
const DefaultReconcileGrace = 60 * time.Second

// RolePasswords reads the passwords of the three login roles from their URLs, so that migrate can give the roles
// the passwords that they are used with. Its errors never quote a URL.
func (d Database) RolePasswords() (map[string]string, error) {
	passwords := make(map[string]string)
	for _, raw := range []pii.Token{d.OwnerDatabaseURL, d.DatabaseURL, d.AuditDatabaseURL} {
		if raw.IsZero() {
			continue
		}
		u, err := url.Parse(raw.Reveal())
		if err != nil {
			return nil, errors.New("a database URL cannot be read")
		}
		if password, ok := u.User.Password(); ok {
			passwords[u.User.Username()] = password
		}
	}
	return passwords, nil
}
