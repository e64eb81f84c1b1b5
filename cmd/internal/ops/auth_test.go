package ops

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast/store/pii"
)

// protected are the pages that show something.
var protected = []string{"/", "/metrics", "/queues/", "/queues/api/queues", "/debug/pprof/", "/debug/pprof/cmdline", "/nothing"}

func TestWithoutTheToken(t *testing.T) {
	d := open(t, nil)
	for name, edit := range map[string]func(*http.Request){
		"nothing":       nil,
		"wrong bearer":  bearer(token + "x"),
		"empty bearer":  bearer(""),
		"wrong basic":   func(r *http.Request) { r.SetBasicAuth(token, "wrong") },
		"other scheme":  func(r *http.Request) { r.Header.Set("Authorization", "Digest "+token) },
		"token as such": func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: token}) },
		"forged cookie": func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: "99999999999.AAAA"}) },
	} {
		for _, path := range protected {
			a := d.do("GET", path, "", edit)
			if a.StatusCode != 401 || a.Header.Get("Content-Type") != "application/problem+json" || len(a.Header.Values("WWW-Authenticate")) != 2 {
				t.Errorf("%s, GET %s: %d %s", name, path, a.StatusCode, a.body)
			}
		}
	}
	if a := d.do("GET", "/metrics?token=wrong", "", browser); a.StatusCode != 401 || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("wrong ?token=: %d", a.StatusCode)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if a := d.do("GET", path, "", nil); a.StatusCode != 200 || a.body != "ok\n" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestHeaders(t *testing.T) {
	d := open(t, nil)
	for name, edit := range map[string]func(*http.Request){
		"bearer":          bearer(token),
		"bearer, spelled": func(r *http.Request) { r.Header.Set("Authorization", "bearer  "+token) },
		"basic":           func(r *http.Request) { r.SetBasicAuth("ops", token) },
		"basic, no user":  func(r *http.Request) { r.SetBasicAuth("", token) },
	} {
		if a := d.do("GET", "/metrics", "", edit); a.StatusCode != 200 {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
}

// signIn posts the form as a browser does and returns the answer.
func (d *desk) signIn(tok, next string) answer {
	return d.do("POST", "/login", url.Values{"token": {tok}, "next": {next}}.Encode(), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	})
}

func TestForm(t *testing.T) {
	d := open(t, nil)
	a := d.do("GET", "/queues/queues/claim", "", browser)
	if a.StatusCode != 303 || a.Header.Get("Location") != "/login?next=%2Fqueues%2Fqueues%2Fclaim" {
		t.Fatalf("a browser without the token: %d %s", a.StatusCode, a.Header.Get("Location"))
	}
	if a = d.do("GET", a.Header.Get("Location"), "", browser); !strings.Contains(a.body, `value="/queues/queues/claim"`) {
		t.Errorf("the form forgets where to: %s", a.body)
	}
	if a = d.signIn("wrong", "/x"); a.StatusCode != 401 || a.Header.Get("Set-Cookie") != "" || !strings.Contains(a.body, "not the token") {
		t.Errorf("wrong token: %d", a.StatusCode)
	}
	if a = d.signIn("", ""); a.StatusCode != 401 {
		t.Errorf("no token: %d", a.StatusCode)
	}
	a = d.signIn(token, "/queues/queues/claim")
	if a.StatusCode != 303 || a.Header.Get("Location") != "/queues/queues/claim" || len(a.Cookies()) != 1 {
		t.Fatalf("right token: %d %v", a.StatusCode, a.Header)
	}
	c := a.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*3600 || c.Secure || strings.Contains(c.Value, token) {
		t.Errorf("cookie: %v", c)
	}
	with := func(r *http.Request) { r.AddCookie(c) }
	for _, path := range protected[:len(protected)-1] {
		if a := d.do("GET", path, "", with); a.StatusCode != 200 {
			t.Errorf("GET %s with the cookie: %d", path, a.StatusCode)
		}
	}
	if a := d.do("POST", "/logout", "", with); a.StatusCode != 303 || len(a.Cookies()) != 1 || a.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %d %v", a.StatusCode, a.Cookies())
	}
}

func TestQueryTokenBecomesTheCookie(t *testing.T) {
	d := open(t, nil)
	for path, want := range map[string]string{
		"/queues/?token=" + token:              "/queues/",
		"/metrics?a=1&token=" + token + "&b=2": "/metrics?a=1&b=2",
		"/?token=" + token:                     "/",
	} {
		a := d.do("GET", path, "", browser)
		if a.StatusCode != 303 || a.Header.Get("Location") != want || len(a.Cookies()) != 1 {
			t.Errorf("%s: %d to %q", path, a.StatusCode, a.Header.Get("Location"))
		}
	}
	if a := d.do("POST", "/queues/api/queues/claim:pause?token="+token, "", nil); a.StatusCode != 401 {
		t.Errorf("?token= on a POST: %d", a.StatusCode)
	}
}

func TestSessionEndsAndIsSigned(t *testing.T) {
	s, other := newSession(pii.NewToken(token)), newSession(pii.NewToken("another-token-of-ours"))
	now := time.Now()
	r, _ := http.NewRequest("GET", "/", http.NoBody)
	w := &buffered{}
	r.Header.Set("X-Forwarded-Proto", "https")
	s.set(w, r, now)
	value := w.Header().Get("Set-Cookie")
	if !strings.Contains(value, "; Secure") {
		t.Errorf("behind TLS: %s", value)
	}
	pair, _, _ := strings.Cut(value, ";")
	r.Header.Set("Cookie", cookieName+"=someone-elses; "+pair)
	if !s.valid(r, now) || !s.valid(r, now.Add(sessionLife-2*time.Second)) {
		t.Error("a fresh session is not valid beside a neighbour's cookie")
	}
	if s.valid(r, now.Add(sessionLife)) {
		t.Error("a session does not end")
	}
	if other.valid(r, now) {
		t.Error("a session outlives its token")
	}
	until, mac, _ := strings.Cut(strings.TrimPrefix(pair, cookieName+"="), ".")
	r.Header.Set("Cookie", cookieName+"=9"+until+"."+mac)
	if s.valid(r, now) {
		t.Error("a session can be lengthened")
	}
}

func TestRedirectsStayHere(t *testing.T) {
	for in, want := range map[string]string{
		"": "/", "/": "/", "/a/": "/a/", "/a/b": "/a/b", "//evil.example": "/evil.example", `/\evil.example/`: "/evil.example/",
		"https://evil.example/x": "/https:/evil.example/x", "/a/../../b": "/b", `\\evil.example`: "/evil.example",
	} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%q) = %q, want %q", in, got, want)
		}
	}
	d := open(t, nil)
	if a := d.signIn(token, "//evil.example/"); a.Header.Get("Location") != "/evil.example/" {
		t.Errorf("after the form to %q", a.Header.Get("Location"))
	}
	if a := d.do("GET", "//evil.example/?token="+token, "", nil); strings.HasPrefix(a.Header.Get("Location"), "//") {
		t.Errorf("after ?token= to %q", a.Header.Get("Location"))
	}
}

// TestCrossOrigin: neither a foreign page nor a neighbour port of this host can use the cookie, though
// SameSite would let the neighbour.
func TestCrossOrigin(t *testing.T) {
	d := open(t, nil)
	c := d.signIn(token, "/").Cookies()[0]
	for name, tc := range map[string]struct {
		header http.Header
		status int
	}{
		"own page":               {http.Header{"Sec-Fetch-Site": {"same-origin"}}, 204},
		"own page, old browser":  {http.Header{"Origin": {d.URL}}, 204},
		"curl":                   {nil, 204},
		"foreign page":           {http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		"neighbour port":         {http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://127.0.0.1:1"}}, 403},
		"foreign, old browser":   {http.Header{"Origin": {"https://evil.example"}}, 403},
		"sandboxed, old browser": {http.Header{"Origin": {"null"}}, 403},
	} {
		a := d.do("POST", "/queues/api/queues/claim:pause", "", func(r *http.Request) {
			r.AddCookie(c)
			for k, v := range tc.header {
				r.Header[k] = v
			}
		})
		if a.StatusCode != tc.status {
			t.Errorf("%s: %d, want %d", name, a.StatusCode, tc.status)
		}
		if a.StatusCode == 204 {
			d.do("POST", "/queues/api/queues/claim:resume", "", bearer(token))
		}
	}
}
