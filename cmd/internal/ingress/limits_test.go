package ingress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
)

// raw sends text as it is, closes its side if that is all, and reads the answer.
func (r *rig) raw(t *testing.T, text string, all bool) (answer, error) {
	t.Helper()
	conn, err := net.Dial("tcp", r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		return answer{}, err
	}
	if all {
		_ = conn.(*net.TCPConn).CloseWrite()
	}
	from := bufio.NewReader(conn)
	resp, err := http.ReadResponse(from, nil)
	for err == nil && resp.StatusCode < 200 { // it announces another
		resp.Body.Close()
		resp, err = http.ReadResponse(from, nil)
	}
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body}, err
}

// fill takes all the room that bodies have, once none is in hand.
func (b *bodies) fill() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken != 0 || b.large != 0 {
		return false
	}
	b.taken, b.large = maxBodies, maxBodies-maxBody
	return true
}

// credentials is a header line that opens a route which wants a key.
func (r *rig) credentials(rt route) string {
	if rt.scheme != schemeKey {
		return ""
	}
	return "Authorization: Bearer " + r.org.Key.Reveal() + "\r\n"
}

// everything is each route of the document and each page.
func everything(r *rig) []route {
	all := routesOf(r, r.org.ID.String(), uuid.NewString())
	for _, page := range []string{"/openapi.json", "/docs", "/healthz", "/problems/slot-taken"} {
		all = append(all, route{method: "GET", path: page})
	}
	return all
}

// TestEveryRouteIsGuarded: what is wrong with a request as such is refused by every route, before anything is proved or read.
// Bodies are read by those that have a use for one, behind the key where one is wanted.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slow := &rig{db: r.db, in: r.in, org: r.org, log: r.log, Server: httptest.NewUnstartedServer(r.Config.Handler)}
	slow.Config.ReadTimeout = 300 * time.Millisecond
	slow.Start()
	t.Cleanup(slow.Close)
	many := strings.Repeat("A: b\r\n", maxHeaders+1)
	var wg sync.WaitGroup
	for _, rt := range everything(r) {
		for name, tt := range map[string]struct {
			on          *rig
			rest        string // what stands behind the first line and Host
			all         bool   // nothing follows
			status      int
			kind, field string
		}{
			"two credentials": {r, "Authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n", true, 400, "invalid-header", "Authorization"},
			"two types":       {r, "Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n", true, 400, "invalid-header", "Content-Type"},
			"two ids":         {r, "webhook-id: a\r\nwebhook-id: a\r\n\r\n", true, 400, "invalid-header", "Webhook-Id"},
			"two signatures":  {r, "X-Retell-Signature: a\r\nX-Retell-Signature: b\r\n\r\n", true, 400, "invalid-header", "X-Retell-Signature"},
			"too many":        {r, many + "\r\n", true, 431, "too-many-headers", ""},
			"compressed":      {r, "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", true, 415, "unsupported-media", "Content-Encoding"},
			"bad chunks":      {r, r.credentials(rt) + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", true, 400, "invalid-json", ""},
			"cut off":         {r, r.credentials(rt) + "Content-Length: 20\r\n\r\n{\"start\"", true, 400, "invalid-json", ""},
			"stops":           {slow, r.credentials(rt) + "Content-Length: 20\r\n\r\n{\"start\"", false, 408, "request-timeout", ""},
		} {
			if rt.scheme == "" && (tt.kind == "invalid-json" || tt.kind == "request-timeout") {
				continue // a page reads nothing
			}
			wg.Go(func() {
				a, err := tt.on.raw(t, rt.method+" "+rt.path+" HTTP/1.1\r\nHost: x\r\n"+tt.rest, tt.all)
				if err != nil {
					t.Errorf("%s %s, %s: %v", rt.method, rt.path, name, err)
					return
				}
				if p := a.problem(t); a.StatusCode != tt.status || p.Type != tt.kind || p.Field != tt.field || !a.Close {
					t.Errorf("%s %s, %s: %d %v %s", rt.method, rt.path, name, a.StatusCode, a.Header, a.body)
				}
			})
		}
	}
	wg.Wait()
	until(t, r.in.bodies.fill) // all was given back
	for _, rt := range routesOf(r, r.org.ID.String(), uuid.NewString()) {
		if rt.scheme == schemeKey { // a stranger is told that he has no key, and takes no room
			a, err := r.raw(t, rt.method+" "+rt.path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", true)
			if err != nil || a.StatusCode != 401 || !a.Close {
				t.Errorf("%s %s, no key: %v %d", rt.method, rt.path, err, a.StatusCode)
			}
		}
		a, err := r.raw(t, rt.method+" "+rt.path+" HTTP/1.1\r\nHost: x\r\n"+r.credentials(rt)+"Content-Length: 2\r\n\r\n{}", true)
		if err != nil || a.problem(t).Type != "temporarily-unavailable" || a.Header.Get("Retry-After") != "2" {
			t.Errorf("%s %s, no room: %v %d %s", rt.method, rt.path, err, a.StatusCode, a.body)
		}
	}
	r.in.bodies.resize(maxBodies, 0)
	if a := r.api(t, "POST", "/bookings", bookingBody(tomorrow("10:00")), "Content-Encoding", "identity", "Content-Type", "application/json; charset=UTF-8"); a.StatusCode != 202 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if n := r.count(t, "request") + r.count(t, "inbound"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// TestOddRequests: what net/http refuses by itself, without a problem, writes nothing and ends the connection.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := bookingBody(tomorrow("10:00"))
	size := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	head := "POST /v1/orgs/" + r.org.ID.String() + "/bookings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + r.org.Key.Reveal() + "\r\n"
	small := &rig{Server: httptest.NewUnstartedServer(r.Config.Handler)}
	small.Config.MaxHeaderBytes = Server("", nil).MaxHeaderBytes
	small.Start()
	t.Cleanup(small.Close)
	for name, tt := range map[string]struct {
		text   string
		status int
	}{
		"two lengths":              {head + "Content-Length: 3\r\n" + size + "\r\n" + body, 400},
		"a list of lengths":        {head + "Content-Length: 3, 4\r\n\r\n" + body, 400},
		"a negative length":        {head + "Content-Length: -1\r\n\r\n" + body, 400},
		"a signed length":          {head + "Content-Length: +3\r\n\r\n" + body, 400},
		"another encoding":         {head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked, 501},
		"chunked twice":            {head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, 501},
		"another expectation":      {head + size + "Expect: 200-maybe\r\n\r\n" + body, 417},
		"a space before the colon": {head + "X : y\r\n" + size + "\r\n" + body, 400},
		"NUL in a header":          {head + "X: \x00\r\n" + size + "\r\n" + body, 400},
		"large headers":            {head + "X: " + strings.Repeat("x", 24<<10) + "\r\n" + size + "\r\n" + body, 431},
		"no host":                  {strings.Replace(head, "Host: x\r\n", "", 1) + size + "\r\n" + body, 400},
	} {
		a, err := small.raw(t, tt.text, false)
		if err != nil || a.StatusCode != tt.status {
			t.Errorf("%s: %v %v %s", name, a.Response, err, a.body)
		}
	}
	if n := r.count(t, "request"); n != 0 {
		t.Errorf("%d requests were written", n)
	}
	for name, text := range map[string]string{
		"100-continue": head + size + "Expect: 100-continue\r\n\r\n" + body,
		"chunked":      head + "Transfer-Encoding: chunked\r\n\r\n" + chunked,
		// Chunks count; what stands behind them is no second request, as the connection ends.
		"chunked, and a length": head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + head + "\r\n",
	} {
		if a, err := small.raw(t, text, false); err != nil || a.StatusCode != 202 {
			t.Errorf("%s: %v %v %s", name, a.Response, err, a.body)
		}
	}
	if n := r.count(t, "request"); n != 3 {
		t.Errorf("%d requests were written", n)
	}
}

// TestTrickle: a body that comes byte by byte is cut off when its time is over, however lively it is.
func TestTrickle(t *testing.T) {
	t.Parallel()
	if s := Server("", nil); s.ReadTimeout > 10*time.Second || s.ReadHeaderTimeout > s.ReadTimeout || s.WriteTimeout <= maxWait || s.IdleTimeout == 0 || s.MaxHeaderBytes > 16<<10 {
		t.Errorf("%+v", s)
	}
	r := newRig(t)
	slow := httptest.NewUnstartedServer(r.Config.Handler)
	slow.Config.ReadTimeout = 300 * time.Millisecond
	slow.Start()
	defer slow.Close()
	conn, err := net.Dial("tcp", slow.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	fmt.Fprintf(conn, "POST /webhooks/vapi/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", maxVoiceBody)
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if d := time.Since(start); resp.StatusCode != 408 || d < 250*time.Millisecond || d > 5*time.Second {
		t.Errorf("%d after %v", resp.StatusCode, d)
	}
	until(t, r.in.bodies.fill)
}

// TestBodies: memory is taken as bytes come, is never more than there is, and is given back.
func TestBodies(t *testing.T) {
	t.Parallel()
	var all bodies
	read := func(from io.Reader, length, limit int64) (*buffered, error) {
		b := &buffered{of: &all}
		return b, b.read(from, length, limit)
	}
	for _, n := range []int{1, firstRead - 1, firstRead, firstRead + 1, maxBody - 1, maxBody} {
		for _, length := range []int64{int64(n), -1} {
			text := bytes.Repeat([]byte("x"), n)
			b, err := read(iotest.HalfReader(bytes.NewReader(text)), length, maxBody)
			if err != nil || !bytes.Equal(b.raw, text) || int64(cap(b.raw)) != b.has || all.taken != b.has || length > 0 && b.has != length {
				t.Errorf("%d of %d: %v, %d of %d bytes, %d taken", n, length, err, len(b.raw), b.has, all.taken)
			}
			b.free()
		}
	}
	for name, tt := range map[string]struct {
		from   io.Reader
		length int64
		status int
	}{
		"too much": {bytes.NewReader(make([]byte, maxBody+1)), -1, 413},
		"too few":  {strings.NewReader("x"), 2, 500},
		"an error": {iotest.ErrReader(errors.New("reset")), 2, 500},
	} {
		b, err := read(tt.from, tt.length, maxBody)
		if err == nil || problemOf(err).Status != tt.status && tt.status != 500 {
			t.Errorf("%s: %v", name, err)
		}
		b.free()
	}
	// Who announces much and sends little takes little.
	b, err := read(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("xx"))), maxVoiceBody, maxVoiceBody)
	if err == nil || b.has != firstRead {
		t.Errorf("%d bytes for one that came: %v", b.has, err)
	}
	b.free()
	// Large ones leave half of the room to the others.
	var held []*buffered
	for {
		b, err := read(bytes.NewReader(make([]byte, maxVoiceBody)), maxVoiceBody, maxVoiceBody)
		if err != nil {
			if p := problemOf(err); p.Status != 503 {
				t.Errorf("%+v", p)
			}
			b.free()
			break
		}
		held = append(held, b)
	}
	if n := len(held); n != maxLargeBodies/(maxVoiceBody-maxBody) || all.taken > maxBodies {
		t.Errorf("%d large bodies, %d bytes", n, all.taken)
	}
	if b, err := read(bytes.NewReader(make([]byte, maxBody)), -1, maxBody); err != nil {
		t.Errorf("a small one: %v", err)
	} else {
		b.free()
	}
	for _, b := range held {
		b.free()
	}
	if (&all).taken != 0 || all.large != 0 {
		t.Errorf("%d and %d are not given back", all.taken, all.large)
	}
}

// TestConnections: those beyond the most are closed, and make room again when others end.
func TestConnections(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	open := conns{most: 2}
	srv.Config.ConnState = open.watch
	srv.Start()
	defer srv.Close()
	dial := func() (net.Conn, error) {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			resp.Body.Close()
		}
		return conn, err
	}
	first, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	second, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if conn, err := dial(); err == nil {
		t.Error("a third is served")
	} else {
		conn.Close()
	}
	first.Close()
	until(t, func() bool { return open.now.Load() == 1 })
	third, err := dial()
	if err != nil {
		t.Errorf("there is room again, and yet %v", err)
	}
	third.Close()
	until(t, func() bool { return open.now.Load() == 1 })
}
