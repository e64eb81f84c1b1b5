// Package ingress is the public HTTP side: the API under /v1, the webhooks, and the pages that describe them.
//
// It stays minimal: authenticate, check read-only, write the request and its task in one transaction, answer.
// All writes go one way, Ingress.submit; what a request leads to is the business of a task.
package ingress

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/handlers/settings"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Options is what an Ingress is made of.
type Options struct {
	DB   *tasks.DB
	Keys *pii.Keyring
	// PublicURL is how the world reaches this API. Twilio's signatures cover it, so it never comes from a
	// request's Host.
	PublicURL string
	Log       *slog.Logger
	Metrics   *Metrics               // nil: counted, shown nowhere
	Codes     *handlers.UnknownCodes // of status callbacks; nil: counted nowhere
	Limited   *handlers.Limited      // what limits refuse; nil: counted nowhere
	// Installation decides what orgs have not set.
	Installation settings.Installation
}

// Ingress answers the API and the webhooks. Its handler sets http.Request.Pattern on the request it gets, so
// telemetry.HTTP fits around it.
type Ingress struct {
	db       *tasks.DB
	keys     *pii.Keyring
	public   string
	log      *slog.Logger
	metrics  *Metrics
	defaults settings.Installation
	texts    handlers.TextStatus
	limited  *handlers.Limited
	buckets  *tasks.Buckets
	prefixes tasks.Ledger // of bookings

	api     huma.API
	handler http.Handler
	waiter  *waiter
	voices  sync.WaitGroup // tool calls in hand
	bodies  bodies
	clock   *clock

	security *security
	uses     *keyUses
	stop     context.CancelFunc
	writers  sync.WaitGroup // of security and uses

	proved   *cache[[32]byte, store.Key]
	orgs     *cache[uuid.UUID, store.Org]
	offers   *cache[wanted, store.Offer]
	accounts *proofs[uuid.UUID, store.SMSAccount]
	secrets  *proofs[secretOf, []pii.Token]
	limits   *cache[uuid.UUID, settings.Limits]
	dummy    pii.Token // proves nothing, since nobody knows it
	// strangers bounds the look-ups of keys, accounts and secrets that were not met before, so that who guesses ids
	// leaves the database to those who are known.
	strangers *lane
}

// secretOf names the secrets of a webhook: whose, and of which kind.
type secretOf struct {
	org  uuid.UUID
	kind string
}

// How long what was read of an org is believed. A key that was revoked or has expired lives on for as long as its
// entry does, which must stay under five seconds.
const (
	believeKey    = 3 * time.Second
	believeSecret = 3 * time.Second
	believeOrg    = 5 * time.Second
)

// dummySecret is a secret of the usual length that nobody has.
func dummySecret() pii.Token {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	return pii.NewToken("whsec_" + base64.StdEncoding.EncodeToString(raw))
}

// New builds the routes and begins to listen for answers. It connects to nothing: Postgres and Redis may be
// away. Close ends what it began.
func New(o Options) (*Ingress, error) {
	if o.DB == nil || o.DB.Pool == nil || o.Keys == nil || o.Log == nil {
		return nil, errors.New("ingress: no database, keys or log")
	}
	u, err := url.Parse(o.PublicURL)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, errors.New("ingress: the public URL is not absolute")
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	in := &Ingress{
		db: o.DB, keys: o.Keys, public: strings.TrimRight(o.PublicURL, "/"), log: o.Log, metrics: o.Metrics, defaults: o.Installation,
		dummy:     dummySecret(),
		texts:     handlers.TextStatus{Codes: o.Codes},
		limited:   o.Limited,
		buckets:   &tasks.Buckets{Broker: o.DB.Broker},
		limits:    newCache[uuid.UUID, settings.Limits](believeOrg),
		clock:     &clock{pool: o.DB.Pool},
		security:  newSecurity(o.DB.Pool, o.Log, o.Metrics),
		uses:      newKeyUses(o.DB.Pool, o.Log),
		proved:    newCache[[32]byte, store.Key](believeKey),
		orgs:      newCache[uuid.UUID, store.Org](believeOrg),
		offers:    newCache[wanted, store.Offer](believeOrg),
		strangers: newLane(int(o.DB.Pool.Config().MaxConns) / 4),
	}
	in.accounts = newProofs[uuid.UUID](believeSecret, store.SMSAccount{SID: "AC" + rand.Text(), Token: in.dummy}, in.strangers)
	in.secrets = newProofs[secretOf](believeSecret, []pii.Token{in.dummy}, in.strangers)
	mux := http.NewServeMux()
	in.api = newAPI(mux, in.public)
	in.routes()
	if err := in.pages(mux); err != nil {
		return nil, err
	}
	in.handler = in.front(mux)
	in.waiter = startWaiter(o.DB, o.Log, o.Metrics)
	ctx, stop := context.WithCancel(context.Background())
	in.stop = stop
	in.writers.Go(func() { in.security.run(ctx) })
	in.writers.Go(func() { in.uses.run(ctx) })
	return in, nil
}

// Handler answers requests.
func (in *Ingress) Handler() http.Handler { return in.handler }

// Close ends all waits, with 202, and what New began. What was noted and not written yet is written.
func (in *Ingress) Close() {
	in.waiter.close()
	in.voices.Wait()
	in.stop()
	in.writers.Wait()
}

// routes registers every operation.
func (in *Ingress) routes() {
	in.bookingRoutes()
	in.readRoutes()
	in.availabilityRoutes()
	in.blockRoutes()
	in.transcriptRoutes()
	in.customerRoutes()
	in.settingsRoutes()
	in.twilioRoutes()
	in.eventRoutes()
	in.vapiRoutes()
	in.retellRoutes()
}

// maxConns is how many connections are open at a time, idle ones too. What a connection can make us keep is bounded:
// headers (MaxHeaderBytes), a body (maxBodies), and the time it has for them.
const maxConns = 4096

// Server is h on addr with limits for the open internet.
func Server(addr string, h http.Handler) *http.Server {
	open := conns{most: maxConns}
	return &http.Server{
		ConnState: open.watch,
		Addr:      addr, Handler: h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// The longest wait that a client may ask for, and time to write the answer.
		WriteTimeout:   maxWait + 10*time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
}

// conns closes connections beyond the most that may be open.
type conns struct {
	most int64
	now  atomic.Int64
}

// watch is a http.Server's ConnState.
func (c *conns) watch(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if c.now.Add(1) > c.most {
			_ = conn.Close() // the server sees it, and says that it is closed
		}
	case http.StateClosed, http.StateHijacked:
		c.now.Add(-1)
	default:
	}
}

// databaseLimit bounds what is asked of Postgres for one request, connecting included. Then it counts as away.
const databaseLimit = 5 * time.Second

// limited bounds a look-up.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, databaseLimit)
}

// detached bounds a write, and lets it end though its client has hung up.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return limited(context.WithoutCancel(ctx))
}
