package load

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/cmd/internal/audit"
	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

// rig is a whole running system with two orgs and a double, and what may stand before them and answer otherwise.
type rig struct {
	db   *storetest.DB
	sim  *twiliosim.Sim
	opts Options
	out  bytes.Buffer
	ops  string // URL of the operators' listener
	orgs []storetest.Org
}

const opsToken = "0123456789abcdef"

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{db: storetest.New(t), sim: twiliosim.New(twiliosim.Options{})}
	var orgs []Org
	for _, slug := range []string{"one", "two"} {
		o := storetest.NewOrg(t, r.db, slug)
		r.sim.AddAccount(o.Account.SID, o.Account.Token.Reveal())
		r.orgs = append(r.orgs, o)
		orgs = append(orgs, Org{ID: o.ID.String(), Key: o.Key.Reveal(), Service: o.Cleaning.String(), Resource: o.Chair.String()})
	}
	phone := httptest.NewServer(r.sim)
	t.Cleanup(func() { r.sim.Close(); phone.CloseClientConnections(); phone.Close() })
	env := map[string]string{
		"HOLDFAST_DATABASE_URL": r.db.AppURL, "HOLDFAST_REDIS_URL": storetest.RedisURL(t), "HOLDFAST_TWILIO_BASE_URL": phone.URL,
		"HOLDFAST_PUBLIC_URL": "http://127.0.0.1:9", "HOLDFAST_API_ADDR": "127.0.0.1:0", "HOLDFAST_OPS_ADDR": "127.0.0.1:0",
		"HOLDFAST_OPS_TOKEN": opsToken, "HOLDFAST_KEYSET": r.db.KeySet.Keyset, "HOLDFAST_HASH_KEY": r.db.KeySet.HashKey,
		"HOLDFAST_CODE_PEPPER": r.db.KeySet.Peppers, "HOLDFAST_RECONCILE_GRACE": "1s",
	}
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	system, err := boot.Start(t.Context(), cfg, boot.Parts{Ingress: true, Worker: true, Scheduler: true}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(system.Close)
	r.ops = system.OpsURL
	r.opts = Options{APIURL: system.APIURL, SimURL: phone.URL, Orgs: orgs, Scenario: Booking, Users: 4, Duration: time.Second, Minutes: 5,
		Settle: 30 * time.Second, Limits: Limits{MaxErrors: 0}, Out: &r.out, Audit: func(ctx context.Context) (store.AuditReport, error) {
			return audit.Run(ctx, pii.NewToken(r.db.AuditURL), store.AuditOptions{Grace: time.Minute, Settle: time.Minute})
		}}
	return r
}

// run runs the load with some options changed.
func (r *rig) run(ctx context.Context, change ...func(*Options)) (Result, error) {
	o := r.opts
	for _, c := range change {
		c(&o)
	}
	r.out.Reset()
	return Run(ctx, o)
}

// before puts a proxy before the API or the double that changes answers. It returns the proxy's URL.
func before(t *testing.T, target string, change func(res *http.Response, body string) string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	proxy.ModifyResponse = func(res *http.Response) error {
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		body := change(res, string(raw))
		res.Body = io.NopCloser(strings.NewReader(body))
		res.ContentLength = int64(len(body))
		res.Header.Del("Content-Length")
		return nil
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// isBooking tells a request for a booking from others.
func isBooking(req *http.Request) bool {
	return req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/bookings")
}

func (r Result) step(t *testing.T, s step) StepResult {
	t.Helper()
	for _, v := range r.Steps {
		if v.Step == stepNames[s] {
			return v
		}
	}
	t.Fatalf("no %s in %+v", stepNames[s], r.Steps)
	return StepResult{}
}
