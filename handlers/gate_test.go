package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate stands before the double and holds the first text back until it is opened.
type gate struct {
	url     string
	arrived chan struct{}
	open    func()
}

func newGate(t *testing.T, r *rig) *gate {
	t.Helper()
	to, err := url.Parse(r.cfg.TwilioURL)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	g := &gate{arrived: make(chan struct{}, 1), open: sync.OnceFunc(func() { close(opened) })}
	proxy := httputil.NewSingleHostReverseProxy(to)
	var first sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			first.Do(func() {
				g.arrived <- struct{}{}
				<-opened
			})
		}
		proxy.ServeHTTP(w, req)
	}))
	g.url = srv.URL
	t.Cleanup(func() { g.open(); srv.CloseClientConnections(); srv.Close() })
	return g
}

// waits waits until a text is held back.
func (g *gate) waits(t *testing.T) {
	t.Helper()
	select {
	case <-g.arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("no call was made")
	}
}
