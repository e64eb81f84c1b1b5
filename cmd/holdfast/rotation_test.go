package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"holdfast/cmd/internal/audit"
	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/load"
	"holdfast/handlers/sms/twiliosim"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/store/storetest"
)

var rotateFor = flag.Duration("rotate-for", 3*time.Second, "how long TestRotationUnderLoad rotates, once at least")

// rotation is a system of several processes at work, whose secrets change.
type rotation struct {
	commands
	r      ready
	org    storetest.Org
	sim    *twiliosim.Sim
	events atomic.Pointer[[]pii.Token] // secrets that whoever sends events may use
	failed atomic.Int64
	sent   atomic.Int64
	old    []pii.KeyID
}

// TestRotationUnderLoad: processes serve bookings, codes, callbacks, replies and events while the keyset gets another key
// and loses the old one, the Twilio token is replaced by its secondary, and a webhook's secret is changed. Not one
// request fails, no text is lost or comes twice, the promises hold, and nothing is sealed by an old key in the end.
//
//	go test ./cmd/holdfast -run TestRotationUnderLoad -rotate-for 2m
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	v := startRotation(t)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { v.integrate(ctx) })
	wg.Go(func() { v.reply(ctx) })
	var out strings.Builder
	type outcome struct {
		load.Result
		err error
	}
	users, done := make(chan outcome, 1), make(chan struct{})
	loading, end := context.WithCancel(t.Context())
	defer end()
	go func() {
		for { // runs of some seconds, each of which waits for its texts, until all is rotated
			res, err := load.Run(loading, load.Options{APIURL: v.r.str("api_url"), SimURL: v.r.str("sim_url"), Scenario: load.Mixed, Users: 3, Duration: *rotateFor,
				Orgs:    []load.Org{{ID: v.org.ID.String(), Key: v.org.Key.Reveal(), Service: v.org.Cleaning.String()}},
				Minutes: 5, Settle: 20 * time.Second, Out: &out})
			select {
			case <-done:
			default:
				if err == nil && res.Errors == 0 {
					continue
				}
			}
			users <- outcome{res, err}
			return
		}
	}()
	begun, rounds := time.Now(), 0
	for ; rounds == 0 || time.Since(begun) < *rotateFor; rounds++ {
		v.round(rounds)
	}
	close(done)
	res := <-users
	v.follows()
	stop()
	wg.Wait()
	if res.err != nil || res.Errors > 0 || res.Held == 0 {
		t.Errorf("%v, unexpected: %v\n%s", res.err, res.Unexpected, tail(out.String(), 3000))
	}
	if v.failed.Load() > 0 || v.sent.Load() < 20 {
		t.Errorf("%d of %d events and replies failed", v.failed.Load(), v.sent.Load())
	}
	v.settled()
	t.Logf("%d rounds in %v, %d held in the last run, %d events and replies", rounds, time.Since(begun).Round(time.Millisecond), res.Held, v.sent.Load())
}

func startRotation(t *testing.T) *rotation {
	t.Helper()
	db := storetest.New(t)
	v := &rotation{commands: commands{t: t, db: db, keyset: filepath.Join(t.TempDir(), "keyset")}, org: storetest.NewOrg(t, db, "one"), sim: twiliosim.New(twiliosim.Options{})}
	v.sim.AddAccount(v.org.Account.SID, v.org.Account.Token.Reveal())
	phone := httptest.NewServer(v.sim)
	t.Cleanup(func() { v.sim.Close(); phone.CloseClientConnections(); phone.Close() })
	v.twilio = phone.URL
	v.events.Store(&[]pii.Token{v.org.Events})
	if err := os.WriteFile(v.keyset, []byte(db.KeySet.Keyset), 0o600); err != nil {
		t.Fatal(err)
	}
	api := freePort(t)
	env := []string{
		"HOLDFAST_DATABASE_URL=" + db.AppURL, "HOLDFAST_REDIS_URL=" + storetest.RedisURL(t), "HOLDFAST_TWILIO_BASE_URL=" + phone.URL,
		"HOLDFAST_PUBLIC_URL=http://" + api, "HOLDFAST_API_ADDR=" + api, "HOLDFAST_OPS_ADDR=127.0.0.1:0", "HOLDFAST_OPS_TOKEN=0123456789abcdef",
		"HOLDFAST_KEYSET=", "HOLDFAST_KEYSET_FILE=" + v.keyset, "HOLDFAST_HASH_KEY=" + db.KeySet.HashKey, "HOLDFAST_CODE_PEPPER=" + db.KeySet.Peppers,
		"HOLDFAST_RECONCILE_GRACE=1s", "HOLDFAST_DB_MAX_CONNS=8",
	}
	v.r = ready{"api_url": "http://" + api, "sim_url": phone.URL, "org": v.org.ID.String(), "api_key": v.org.Key.Reveal(), "resource": v.org.Chair.String()}
	v.sim.AddNumber(v.org.Account.From, v.org.Account.SID, "http://"+api+"/webhooks/twilio/"+v.org.ID.String()+"/inbound")
	for _, part := range []string{"ingress", "worker", "worker"} {
		start(t, env, part)
	}
	eventually(t, 20*time.Second, "the API", func() bool {
		a, err := v.r.try("GET", v.r.route("/bookings"), nil)
		return err == nil && a.status == 200
	})
	return v
}

// round rotates every secret once, side by side. The others' new ones are sealed by the new key at once, which few processes
// have seen by then: nobody waits between adding and promoting, and whoever meets the key looks for it.
func (v *rotation) round(n int) {
	v.promoteKey()
	var wg sync.WaitGroup
	wg.Go(v.retireKey)
	wg.Go(func() { v.rotateToken(fmt.Sprintf("token-of-round-%d", n+1)) })
	wg.Go(v.rotateEvents)
	wg.Wait()
}

// command is must for a goroutine.
func (v *rotation) command(stdin string, args ...string) {
	if out, err := v.do(stdin, args...); err != nil {
		v.t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (v *rotation) promoteKey() {
	raw, err := os.ReadFile(v.keyset)
	if err != nil {
		v.t.Error(err)
		return
	}
	keys, err := pii.ReadKeyset(strings.TrimSpace(string(raw)))
	if err != nil {
		v.t.Error(err)
		return
	}
	v.old = append(v.old, keys[0].ID)
	v.command("", "secrets", "add-key")
	v.command("", "secrets", "promote", "--grace", "0s")
}

func (v *rotation) retireKey() {
	const spread = boot.KeysetEvery + time.Second/2
	v.command("", "secrets", "rotate", "--grace", spread.String())
	v.command("", "secrets", "retire", "--grace", "0s")
}

// rotateToken is what an operator does at Twilio's console and here.
func (v *rotation) rotateToken(next string) {
	sid, now := v.org.Account.SID, v.org.Account.Token.Reveal()
	v.sim.SetAccount(sid, now, next, twiliosim.AccountActive)
	v.command(next, "org", "credentials", "add-secondary", "one")
	v.meanwhile()
	v.sim.AddAccount(sid, next) // the former one is taken no more
	v.meanwhile()
	v.command("", "org", "credentials", "promote", "one")
	v.meanwhile()
	v.command("", "org", "credentials", "drop-secondary", "one")
	v.org.Account.Token = pii.NewToken(next)
}

func (v *rotation) rotateEvents() {
	next := pii.NewToken("whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text())))
	now := (*v.events.Load())[0]
	v.command(next.Reveal(), "org", "webhook-secret", "set", "one", "events", "--keep", "1m")
	v.events.Store(&[]pii.Token{next, now})
	v.meanwhile()
	v.events.Store(&[]pii.Token{next})
}

// meanwhile lets the system work for a while under the secrets as they are.
func (v *rotation) meanwhile() {
	before := v.sent.Load()
	eventually(v.t, 10*time.Second, "events and replies", func() bool { return v.sent.Load() > before+10 })
}

// integrate sends events, signed by any of the secrets that should be good.
func (v *rotation) integrate(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		secrets := *v.events.Load()
		hook, err := standardwebhooks.NewWebhook(secrets[i%len(secrets)].Reveal())
		if err != nil {
			v.t.Error(err)
			return
		}
		id, at := fmt.Sprintf("event-%d", i), time.Now()
		body := fmt.Sprintf(`{"type":"transcript.created","timestamp":%q,"data":{"call_id":"call-%d","text":"see you on Monday"}}`, at.Format(time.RFC3339), i)
		signature, err := hook.Sign(id, at, []byte(body))
		if err != nil {
			v.t.Error(err)
			return
		}
		v.post(ctx, "event", v.r.str("api_url")+"/webhooks/events/"+v.org.ID.String(), body,
			"webhook-id", id, "webhook-timestamp", strconv.FormatInt(at.Unix(), 10), "webhook-signature", signature)
	}
}

// reply lets phones text in, which the double signs by the account's token as it is at that moment.
func (v *rotation) reply(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		v.post(ctx, "reply", v.r.str("sim_url")+"/_sim/inbound", fmt.Sprintf(`{"from":"+1202559%04d","to":%q,"body":"hello there"}`, i%1000, v.org.Account.From))
	}
}

// post sends and counts; then a pause, since there is more to serve than this.
func (v *rotation) post(ctx context.Context, what, url, body string, headers ...string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		v.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if ctx.Err() != nil {
		return
	}
	v.sent.Add(1)
	if err != nil {
		v.failed.Add(1)
		v.t.Errorf("%s: %v", what, err)
		return
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	// The double answers with what the webhook answered: {"status": 200, …}.
	if res.StatusCode >= 300 || what == "reply" && !strings.Contains(string(answer), `"status":200`) {
		v.failed.Add(1)
		v.t.Errorf("%s: %d %s", what, res.StatusCode, answer)
	}
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// follows promotes a key that ingress meets nowhere: it seals replies by it once it has seen the file change. Workers, which
// seal transcripts, may meet it in a request first.
func (v *rotation) follows() {
	v.promoteKey()
	v.old = v.old[:len(v.old)-1] // it is not retired
	raw, err := os.ReadFile(v.keyset)
	if err != nil {
		v.t.Fatal(err)
	}
	keys, err := pii.ReadKeyset(strings.TrimSpace(string(raw)))
	if err != nil {
		v.t.Fatal(err)
	}
	prefix := keys[len(keys)-1].ID.Prefix()
	eventually(v.t, 20*time.Second, "values sealed by the newest key", func() bool {
		var ingress, worker bool
		err := v.db.Admin.QueryRow(v.t.Context(), `SELECT EXISTS (SELECT FROM inbound WHERE substring(from_sealed FOR 5) = $1),
			EXISTS (SELECT FROM transcript WHERE substring(text_sealed FOR 5) = $1)`, prefix).Scan(&ingress, &worker)
		if err != nil {
			v.t.Fatal(err)
		}
		return ingress && worker
	})
}

// settled holds the system to what it promises, once nothing is waiting any more.
func (v *rotation) settled() {
	t, db := v.t, v.db
	count := func(of string) (n int) {
		if err := db.Admin.QueryRow(t.Context(), "SELECT count(*) FROM "+of).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, 20*time.Second, "nothing pending", func() bool { return count("task WHERE state = 'pending' AND run_at < now()") == 0 })
	for _, bad := range []string{"task WHERE state = 'dead'", "task WHERE attempt > 1", "message WHERE state IN ('failed', 'undelivered', 'unknown')", "sms_breaker"} {
		if n := count(bad); n > 0 {
			t.Errorf("%d of %s", n, bad)
		}
	}
	for _, id := range v.old {
		if left, err := store.CountSealed(t.Context(), db.Owner, id); err != nil || len(left) > 0 {
			t.Errorf("sealed by key %d, which is retired: %v, %v", id, left, err)
		}
	}
	report, err := audit.Run(t.Context(), pii.NewToken(db.AuditURL), store.AuditOptions{Grace: time.Minute, Settle: time.Minute})
	if err != nil || report.Err() != nil {
		t.Errorf("audit: %v, %v", err, report.Err())
	}
}
