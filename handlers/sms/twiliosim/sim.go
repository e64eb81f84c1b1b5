// Package twiliosim is an honest, stateful stand-in for Twilio's Messages REST API, spoken to over HTTP.
//
// It accepts no more than Twilio's OpenAPI (twilio_api_v2010.json) accepts and refuses with Twilio's own
// codes, so that what works here works there. State is in memory; nothing it logs names a phone or a text.
package twiliosim

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Defaults of Options: quick enough for tests, slow enough that the 201 comes before the first callback.
const (
	DefaultSentAfter      = 20 * time.Millisecond
	DefaultDeliveredAfter = 120 * time.Millisecond
)

const apiVersion = "2010-04-01"

var accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

// ValidAccountSID tells whether sid has the form that Twilio's OpenAPI demands.
func ValidAccountSID(sid string) bool { return accountSID.MatchString(sid) }

// Options configures a Sim. The zero value is useful: accounts can be added later.
type Options struct {
	Accounts map[string]string // sid -> auth token

	// Both count from the acceptance of a message; zero means the default, negative means at once.
	SentAfter, DeliveredAfter time.Duration

	Log *slog.Logger // nil discards
}

// Sim is the double: an http.Handler with Twilio's API, a control API under /_sim/ and a page at /.
type Sim struct {
	sentAfter, deliveredAfter time.Duration

	log     *slog.Logger
	mux     *http.ServeMux
	life    *lifecycle
	courier *courier
	hub     *hub
	faults  faultList

	// ctx ends with Close; it frees whoever waits inside a fault, a stream or a callback.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex // guards all below, and every record in book
	accounts map[string]account
	numbers  map[string]number
	book     book
	stopped  map[optOut]bool
}

// Statuses of an account (Twilio's OpenAPI, account_enum_status).
const (
	AccountActive    = "active"
	AccountSuspended = "suspended"
	AccountClosed    = "closed"
)

// account signs what it posts with its token. While it has a secondary one, requests may bear either.
type account struct {
	token, secondary string
	status           string
	created          time.Time
}

// takes tells whether a token is one of the account's.
func (a account) takes(token string) bool {
	same := func(own string) bool { return own != "" && subtle.ConstantTimeCompare([]byte(token), []byte(own)) == 1 }
	return same(a.token) || same(a.secondary)
}

type number struct{ number, account, inboundURL, service string }

// New starts a Sim; Close it when done.
func New(o Options) *Sim {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sim{
		sentAfter:      orDefault(o.SentAfter, DefaultSentAfter),
		deliveredAfter: orDefault(o.DeliveredAfter, DefaultDeliveredAfter),
		log:            o.Log, ctx: ctx, cancel: cancel,
		accounts: map[string]account{}, numbers: map[string]number{}, stopped: map[optOut]bool{},
		book: newBook(maxMessages), hub: newHub(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for sid, token := range o.Accounts {
		s.AddAccount(sid, token)
	}
	s.courier = newCourier(ctx, s.log)
	s.life = newLifecycle(ctx, s.advance)
	s.routes()
	return s
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return max(d, 0)
}

// AddAccount registers an account, or replaces its token as the promotion of a secondary one does: the former is taken no
// more. It panics when sid is not of Twilio's form, since no request could ever reach such an account.
func (s *Sim) AddAccount(sid, token string) { s.SetAccount(sid, token, "", AccountActive) }

// SetAccount is AddAccount with a secondary token ("" for none) and a status.
func (s *Sim) SetAccount(sid, token, secondary, status string) {
	if !ValidAccountSID(sid) {
		panic("twiliosim: account SID must be AC and 32 hex digits")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	created := time.Now()
	if old, ok := s.accounts[sid]; ok {
		created = old.created
	}
	s.accounts[sid] = account{token: token, secondary: secondary, status: status, created: created}
}

// AddNumber registers a sender that belongs to an account; replies to it go to inboundURL.
func (s *Sim) AddNumber(phone, accountSID, inboundURL string) {
	s.addNumber(number{number: phone, account: accountSID, inboundURL: inboundURL})
}

func (s *Sim) addNumber(n number) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers[n.number] = n
}

// Messages are the texts that went out to a phone, oldest first; an empty to means all phones.
// They show what the phone shows: redaction at Twilio does not reach into a handset.
func (s *Sim) Messages(to string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.texts(to, false, 0)
}

// Close ends callbacks and streams, frees waiting faults, and waits for its own goroutines.
// Requests after Close are answered, but messages stay as they were created.
func (s *Sim) Close() {
	s.cancel()
	s.life.wait()
	s.courier.wait()
}

func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Sim) routes() {
	const base = "/" + apiVersion + "/Accounts/{account}"
	api := http.NewServeMux()
	api.HandleFunc("POST "+base+"/Messages.json", s.authed(s.create))
	api.HandleFunc("GET "+base+"/Messages.json", s.authed(s.list))
	api.HandleFunc("GET "+base+"/Messages/{sid}", s.authed(s.fetch))
	api.HandleFunc("POST "+base+"/Messages/{sid}", s.authed(s.update))
	api.HandleFunc("DELETE "+base+"/Messages/{sid}", s.authed(s.remove))
	api.HandleFunc("GET /"+apiVersion+"/Accounts/{file}", s.authed(s.fetchAccount))
	api.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, map[string]string{"status": "ok"}) })
	api.HandleFunc("GET /{$}", servePage)

	s.mux = http.NewServeMux()
	// The control API has no password, so at least no foreign web page may drive it.
	s.mux.Handle("/_sim/", http.NewCrossOriginProtection().Handler(s.control()))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// The mux itself would answer 405 in plain text; Twilio's clients expect JSON.
		if _, pattern := api.Handler(r); pattern == "" {
			notFound(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// authed checks basic auth, then that the path's account is the caller's own.
func (s *Sim) authed(h func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, token, _ := r.BasicAuth()
		s.mu.Lock()
		acc, known := s.accounts[user]
		s.mu.Unlock()
		if !known || !acc.takes(token) {
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
			writeError(w, fail(20003))
			return
		}
		if own := r.PathValue("account") + strings.TrimSuffix(r.PathValue("file"), ".json"); own != user {
			notFound(w, r)
			return
		}
		if acc.status != AccountActive && r.PathValue("file") == "" { // it can be looked at, and does nothing
			e := fail(20003)
			e.Status = http.StatusForbidden
			writeError(w, e)
			return
		}
		h(w, r, user)
	}
}
