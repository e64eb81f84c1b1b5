package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/cmd/internal/telemetry"
)

func TestReadyFlips(t *testing.T) {
	d := open(t, nil)
	down := error(&Unready{Missing: []string{"postgres"}, causes: []error{errors.New("dial tcp 10.0.0.7:5432: refused")}})
	for range 2 {
		d.ready.Store(&down)
		for range 3 { // polls
			a := d.do("GET", "/readyz", "", nil)
			var p telemetry.Problem
			if err := json.Unmarshal([]byte(a.body), &p); err != nil {
				t.Fatal(err)
			}
			if a.StatusCode != 503 || a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Retry-After") == "" ||
				p.Detail != "not ready: postgres" || !reflect.DeepEqual(p.Missing, []string{"postgres"}) {
				t.Errorf("down: %d %s", a.StatusCode, a.body)
			}
			if strings.Contains(a.body, "10.0.0.7") {
				t.Errorf("everybody is told the cause: %s", a.body)
			}
		}
		if a := d.do("GET", "/livez", "", nil); a.StatusCode != 200 {
			t.Errorf("/livez while not ready: %d", a.StatusCode)
		}
		if a := d.get("/"); !strings.Contains(a.body, "not ready: postgres") {
			t.Error("the index does not show it")
		}
		d.ready.Store(nil)
		if a := d.do("GET", "/readyz", "", nil); a.StatusCode != 200 {
			t.Errorf("up again: %d", a.StatusCode)
		}
	}
	d.Close()
	log := d.log.String()
	if n, m := strings.Count(log, `"msg":"not ready"`), strings.Count(log, `"msg":"ready again"`); n != 2 || m != 2 {
		t.Errorf("%d and %d lines for two outages", n, m)
	}
	if !strings.Contains(log, "10.0.0.7") {
		t.Error("the log does not tell the cause")
	}
}

func TestReadyHidesOtherErrors(t *testing.T) {
	d := open(t, nil)
	err := errors.New("password authentication failed for user holdfast_app")
	d.ready.Store(&err)
	if a := d.do("GET", "/readyz", "", nil); a.StatusCode != 503 || strings.Contains(a.body, "holdfast_app") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestAllOf(t *testing.T) {
	slow := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			return nil
		}
	}
	ok := func(context.Context) error { return nil }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := AllOf(Probe{"postgres", slow}, Probe{"workers", ok}, Probe{"redis", slow})(ctx)
	if u, is := errors.AsType[*Unready](err); !is || !reflect.DeepEqual(u.Missing, []string{"postgres", "redis"}) {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("the cause is lost")
	}
	if err := AllOf(Probe{"workers", ok})(t.Context()); err != nil {
		t.Error(err)
	}
}

func ExampleAllOf() {
	ready := AllOf(
		Probe{"postgres", func(context.Context) error { return nil }},
		Probe{"redis", func(context.Context) error { return errors.New("dial tcp: connection refused") }},
	)
	fmt.Println(ready(context.Background()))
	// Output: not ready: redis
}
