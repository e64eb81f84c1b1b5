package ingress

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// gate is a way to Postgres that can be shut: closed, or open with nobody behind it.
type gate struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	hang  bool
	sends atomic.Int64 // what clients have sent, by reads: each of them waits for its answer, so round trips
}

// behindGate is a second ingress on r's database whose way there is a gate.
func (r *rig) behindGate(t *testing.T, conns int) (*rig, *gate) {
	t.Helper()
	u, err := url.Parse(r.db.AppURL)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, u.Host)
	u.Host = g.Addr().String()
	pool, err := store.Open(t.Context(), u.String(), conns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return rigOn(t, &storetest.DB{App: pool, Owner: r.db.Owner, Admin: r.db.Admin, Keys: r.db.Keys}, r.tasks.Broker), g
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Listener: l}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			g.mu.Lock()
			g.conns = append(g.conns, in)
			if !g.hang {
				if out, err := net.Dial("tcp", to); err == nil {
					g.conns = append(g.conns, out)
					go func() { _, _ = io.Copy(out, counted{in, &g.sends}) }()
					go func() { _, _ = io.Copy(in, out) }()
				}
			}
			g.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); g.cut() })
	return g
}

// counted counts reads. It hides what else a connection can do, or io.Copy would not read it.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(1)
	return n, err
}

// cut ends all connections.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}
