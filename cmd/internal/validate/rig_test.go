package validate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/cmd/internal/config"
	"holdfast/cmd/internal/dev"
)

// rig is a running dev whose holds and codes end soon, and what stands before its API.
type rig struct {
	dev.Ready
	owner *pgx.Conn
	url   string // of what stands before the API
	front atomic.Pointer[spoiler]
}

// spoiler alters a request on its way to the API, and what it returns alters the answer. Both may be nil.
type spoiler func(r *rig, req *http.Request) func(res *http.Response) error

// behind makes one spoiler of several that stand behind each other.
func behind(all []spoiler) spoiler {
	return func(r *rig, req *http.Request) func(*http.Response) error {
		var alter []func(*http.Response) error
		for _, spoil := range all {
			if a := spoil(r, req); a != nil {
				alter = append(alter, a)
			}
		}
		return func(res *http.Response) error {
			for _, a := range slices.Backward(alter) {
				if err := a(res); err != nil {
					return err
				}
			}
			return nil
		}
	}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	env := map[string]string{
		"HOLDFAST_API_ADDR": "127.0.0.1:0", "HOLDFAST_OPS_ADDR": "127.0.0.1:0", "HOLDFAST_SIM_ADDR": "127.0.0.1:0",
		"HOLDFAST_HOLD_TTL": "10s", "HOLDFAST_CODE_TTL": "15s", "HOLDFAST_RECONCILE_GRACE": "1s",
		"HOLDFAST_SWEEP_INTERVAL": "1s", "HOLDFAST_FOLLOWUP_DELAY": "1s", "HOLDFAST_QUIET_HOURS": "off",
	}
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ready.json")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- dev.Run(ctx, cfg, dev.Options{Data: filepath.Join(t.TempDir(), "data"), ReadyFile: file, Stdout: io.Discard,
			Log: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	r := &rig{}
	err = until(t.Context(), time.Minute, "dev", func() (bool, error) {
		select {
		case err := <-ended:
			ended <- nil
			return false, errors.Join(errors.New("dev has ended"), err)
		default:
		}
		r.Ready, err = dev.ReadFile(file)
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.owner, err = pgx.Connect(t.Context(), r.DatabaseURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.owner.Close(context.Background()) })
	r.stand(t)
	return r
}

type answerKey struct{}

// stand puts the front before the API.
func (r *rig) stand(t *testing.T) {
	t.Helper()
	api, err := url.Parse(r.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(api) },
		ModifyResponse: func(res *http.Response) error {
			if alter, ok := res.Request.Context().Value(answerKey{}).(func(*http.Response) error); ok && alter != nil {
				return alter(res)
			}
			return nil
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 200},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if spoil := r.front.Load(); spoil != nil {
			req = req.WithContext(context.WithValue(req.Context(), answerKey{}, (*spoil)(r, req)))
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(front.Close)
	r.url = front.URL
}

// target is the system by way of the front.
func (r *rig) target() Target {
	t := Of(r.Ready)
	t.URL = r.url
	return t
}

func (r *rig) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := r.owner.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

// mend is exec at the end of a test, whose context is over.
func (r *rig) mend(t *testing.T, sql string) {
	t.Helper()
	if _, err := r.owner.Exec(context.Background(), sql); err != nil {
		t.Errorf("%v\n%s", err, sql)
	}
}

// reword replaces what a request's body says.
func reword(req *http.Request, change func(body []byte) []byte) {
	body, _ := io.ReadAll(req.Body)
	body = change(body)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// recast replaces an answer's status, 0 for as it is, and what its body says.
func recast(res *http.Response, status int, change func(body []byte) []byte) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	body = change(body)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if status != 0 {
		res.StatusCode = status
	}
	return nil
}
