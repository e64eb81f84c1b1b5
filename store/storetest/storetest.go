// Package storetest gives a test a database and a Redis of its own, as net/http/httptest gives it a server.
//
// The servers are those named by HOLDFAST_TEST_DATABASE_URL (a superuser's) and HOLDFAST_TEST_REDIS_URL, as
// `make test` sets them; without them the test binary starts private ones. Nothing is skipped: a server that
// cannot be had fails the test.
package storetest

import (
	"context"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/migrations"
	"holdfast/store"
	"holdfast/store/embedded"
	"holdfast/store/pii"
)

// password is that of every role on a test server.
const password = "test"

// DB is a database with the present schema and nothing in it.
type DB struct {
	App   *pgxpool.Pool // as holdfast_app: what serves requests
	Owner *pgxpool.Pool // as holdfast_owner
	Audit *pgxpool.Pool // as holdfast_audit
	Admin *pgxpool.Pool // as superuser, for tests that break things

	AppURL, OwnerURL, AuditURL string
	Keys                       *pii.Keyring
	KeySet                     pii.Keys
}

// servers are those of this process.
var servers = sync.OnceValues(func() (urls [2]string, err error) {
	urls = [2]string{os.Getenv("HOLDFAST_TEST_DATABASE_URL"), os.Getenv("HOLDFAST_TEST_REDIS_URL")}
	if urls[0] != "" && urls[1] != "" {
		return urls, nil
	}
	dir, err := os.MkdirTemp("", "holdfast-test-")
	if err != nil {
		return urls, err
	}
	// They end with the process: each is watched by a guard. The folder is swept by a later `make test`.
	s, err := embedded.Start(context.Background(), embedded.Options{DataDir: dir, DatabaseURL: urls[0], RedisURL: urls[1]})
	if err != nil {
		return urls, err
	}
	return [2]string{s.AdminURL, s.RedisURL}, nil
})

// template makes the database that others are cloned from, once for each text of the migrations.
var template = sync.OnceValues(func() (name string, err error) {
	ctx := context.Background()
	urls, err := servers()
	if err != nil {
		return "", err
	}
	admin, err := pgx.Connect(ctx, urls[0])
	if err != nil {
		return "", err
	}
	defer admin.Close(ctx)
	// Other test binaries do the same at the same time.
	if _, err := admin.Exec(ctx, "SELECT pg_advisory_lock(72073)"); err != nil {
		return "", err
	}
	name = "holdfast_template_" + migrations.Fingerprint()
	var made bool
	if err := admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&made); err != nil || made {
		return name, err
	}
	roles := map[string]string{migrations.RoleOwner: password, migrations.RoleApp: password, migrations.RoleAudit: password}
	if err := migrations.Bootstrap(ctx, urls[0], roles); err != nil {
		return "", err
	}
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + name,
		"CREATE DATABASE " + name + " OWNER holdfast_owner",
	} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return "", err
		}
	}
	if _, err := migrations.Up(ctx, as(urls[0], migrations.RoleOwner, name)); err != nil {
		return "", err
	}
	_, err = admin.Exec(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true ALLOW_CONNECTIONS false")
	return name, err
})

// as is the URL of database db on the server of base, for role.
func as(base, role, db string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.User = url.UserPassword(role, password)
	u.Path = "/" + db
	return u.String()
}

// New clones a database for t. It is dropped when t passes and kept when it fails, with the line that opens it.
func New(t testing.TB) *DB {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	urls, _ := servers()
	ctx := context.Background()
	name := "holdfast_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	exec(t, "CREATE DATABASE "+name+" TEMPLATE "+from+" OWNER holdfast_owner")
	db := &DB{
		AppURL: as(urls[0], migrations.RoleApp, name), OwnerURL: as(urls[0], migrations.RoleOwner, name),
		AuditURL: as(urls[0], migrations.RoleAudit, name),
	}
	adminURL, err := url.Parse(urls[0])
	if err != nil {
		t.Fatal(err)
	}
	adminURL.Path = "/" + name
	for pool, u := range map[**pgxpool.Pool]string{&db.App: db.AppURL, &db.Owner: db.OwnerURL, &db.Audit: db.AuditURL, &db.Admin: adminURL.String()} {
		if *pool, err = store.OpenPool(ctx, u, store.Pool{Max: 16, Lazy: true}); err != nil {
			t.Fatalf("test database: %v", err)
		}
		t.Cleanup((*pool).Close)
	}
	db.KeySet, err = pii.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	if db.Keys, err = pii.NewKeyring(db.KeySet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pool := range []*pgxpool.Pool{db.App, db.Owner, db.Audit, db.Admin} {
			pool.Close()
		}
		if t.Failed() {
			t.Logf("kept: psql %s", adminURL.Redacted())
			return
		}
		exec(t, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	return db
}

// super is the server itself, as its superuser, for the whole process: a connection costs more than most statements.
var super = sync.OnceValues(func() (*pgxpool.Pool, error) {
	urls, err := servers()
	if err != nil {
		return nil, err
	}
	return store.OpenPool(context.Background(), urls[0], store.Pool{Max: 4, Lazy: true})
})

func exec(t testing.TB, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pool, err := super()
	if err == nil {
		_, err = pool.Exec(ctx, sql)
	}
	if err != nil {
		t.Fatalf("test database: %s: %v", strings.Fields(sql)[0], err)
	}
}

// RedisURL gives t an empty logical database of the test Redis. FLUSHALL and kills are for a private server: see
// embedded.StartRedis.
func RedisURL(t testing.TB) string {
	t.Helper()
	urls, err := servers()
	if err != nil {
		t.Fatalf("test redis: %v", err)
	}
	ctx := context.Background()
	pool, err := super()
	if err != nil {
		t.Fatalf("test redis: %v", err)
	}
	// Numbers are drawn in Postgres, since several test binaries share the Redis.
	var n int64
	err = pool.QueryRow(ctx, "SELECT nextval('holdfast_test_redis')").Scan(&n)
	if store.Code(err) == "42P01" {
		_, _ = pool.Exec(ctx, "CREATE SEQUENCE IF NOT EXISTS holdfast_test_redis") // whoever is second finds it made
		err = pool.QueryRow(ctx, "SELECT nextval('holdfast_test_redis')").Scan(&n)
	}
	if err != nil {
		t.Fatalf("test redis: %v", err)
	}
	u, err := embedded.EmptyRedisDB(ctx, urls[1], int(n))
	if err != nil {
		t.Fatalf("test redis: %v", err)
	}
	return u
}

// Org is a fixture: an org that can take bookings.
type Org struct {
	store.Org
	Chair    uuid.UUID // resource: one seat, no buffers, 8:00-18:00 daily, 30 minutes, America/New_York
	Table    uuid.UUID // resource: two seats, buffers of 5 and 10 minutes, 8:00-18:00 daily, 30 minutes
	Cleaning uuid.UUID // service: 30 minutes at either
	Key      pii.Token // may do everything
	Account  store.SMSAccount
	Events   pii.Token // secret of /webhooks/events
	Endpoint pii.Token // secret that signs events to the org's own endpoint
}

// NoLimits are settings without limits of codes, those of an Org: a test may text one number as often as it likes.
const NoLimits = `{"limits":{"phone":{"per_10_minutes":0,"per_day":0},"org":{"per_hour":0},"source":{"per_hour":0},` +
	`"prefix":{"per_hour":0},"country":{"per_hour":0},"ratio":{"confirmed_percent":0}}}`

// NewOrg creates an org with resources, a service, credentials and a key.
func NewOrg(t testing.TB, db *DB, slug string) Org {
	t.Helper()
	ctx := context.Background()
	o := Org{
		Org:   store.Org{ID: uuid.New(), Slug: slug, Name: "Test " + slug, TimeZone: "America/New_York", Locale: "en", Region: "US"},
		Chair: uuid.New(), Table: uuid.New(), Cleaning: uuid.New(),
		Account: store.SMSAccount{SID: "AC" + strings.ReplaceAll(uuid.NewString(), "-", ""), Token: pii.NewToken(uuid.NewString()), From: "+15005550006"},
		Events:  pii.NewToken("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Endpoint: store.NewEndpointSecret(),
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("fixture: %v", err)
		}
	}
	must(store.CreateOrg(ctx, db.Owner, o.Org))
	daily := Daily()
	must(store.CreateResource(ctx, db.Owner, o.ID, store.NewResource{ID: o.Chair, Slug: "chair", Name: "Dr. Lee",
		TimeZone: o.TimeZone, Seats: 1, DefaultMinutes: 30, Hours: daily}))
	must(store.CreateResource(ctx, db.Owner, o.ID, store.NewResource{ID: o.Table, Slug: "table", Name: "Table",
		TimeZone: o.TimeZone, Seats: 2, DefaultMinutes: 30, BufferBefore: 5, BufferAfter: 10, Hours: daily}))
	must(store.CreateService(ctx, db.Owner, o.ID, o.Cleaning, "cleaning", "Cleaning", 30, o.Chair, o.Table))
	must(store.CreateSettings(ctx, db.Owner, o.ID, []byte(NoLimits)))
	must(store.SetSMSAccount(ctx, db.Owner, db.Keys, o.ID, o.Account))
	must(store.SetWebhookSecret(ctx, db.Owner, db.Keys, o.ID, "events", o.Events))
	must(store.AddEndpointSecret(ctx, db.Owner, db.Keys, o.ID, o.Endpoint, 0))
	o.Key = NewKey(t, db, o.ID, store.ScopeAdmin)
	return o
}

// NewKey makes an API key of org with some scopes.
func NewKey(t testing.TB, db *DB, org uuid.UUID, scopes ...store.Scope) pii.Token {
	t.Helper()
	k, err := store.CreateKey(context.Background(), db.Owner, db.Keys, org, store.NewKey{Label: "of a test", Scopes: scopes})
	if err != nil {
		t.Fatalf("fixture: %v", err)
	}
	return k.Token
}
