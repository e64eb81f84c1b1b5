package ops

import (
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"holdfast/cmd/internal/telemetry"
	"holdfast/store/pii"
)

const (
	loginPath  = "/login"
	logoutPath = "/logout"
)

// auth lets in who has the token: as Bearer, as the password of basic auth (any user name), by the
// session cookie, or once by ?token=, which becomes the cookie.
type auth struct {
	token   pii.Token
	session session
	log     *slog.Logger
}

func newAuth(token pii.Token, log *slog.Logger) *auth {
	return &auth{token: token, session: newSession(token), log: log}
}

// require answers for next unless the request has the token.
func (a *auth) require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Query().Has("token") {
			a.exchange(w, r)
			return
		}
		sent, ok := credential(r)
		switch {
		case ok && a.token.Equal(sent), a.session.valid(r, time.Now()):
			next.ServeHTTP(w, r)
		case ok:
			a.refused(r, "header")
			unauthorized(w, r)
		case wantsPage(r):
			http.Redirect(w, r, loginPath+"?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		default:
			unauthorized(w, r)
		}
	})
}

// credential reads the Authorization header.
func credential(r *http.Request) (pii.Token, bool) {
	if _, password, ok := r.BasicAuth(); ok {
		return pii.NewToken(password), true
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return pii.NewToken(strings.TrimSpace(rest)), strings.EqualFold(scheme, "Bearer")
}

// exchange turns ?token= into the cookie and sends the browser on to the same page without it, so that
// the token stays in neither the address bar nor a link that someone copies.
func (a *auth) exchange(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !a.token.Equal(pii.NewToken(q.Get("token"))) {
		a.refused(r, "query")
		unauthorized(w, r)
		return
	}
	q.Del("token")
	a.session.set(w, r, time.Now())
	to := url.URL{Path: localPath(r.URL.Path), RawQuery: q.Encode()}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

func (a *auth) form(w http.ResponseWriter, r *http.Request) {
	writePage(w, http.StatusOK, loginPage, loginView{Next: localPath(r.URL.Query().Get("next"))})
}

func (a *auth) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	next := localPath(r.PostFormValue("next"))
	if !a.token.Equal(pii.NewToken(r.PostFormValue("token"))) {
		a.refused(r, "form")
		writePage(w, http.StatusUnauthorized, loginPage, loginView{Next: next, Wrong: true})
		return
	}
	a.session.set(w, r, time.Now())
	http.Redirect(w, r, next, http.StatusSeeOther) // #nosec G710 -- localPath leaves no host in it
}

func (a *auth) logout(w http.ResponseWriter, r *http.Request) {
	a.session.clear(w, r)
	http.Redirect(w, r, loginPath, http.StatusSeeOther)
}

// refused tells of a wrong token: somebody may be guessing.
func (a *auth) refused(r *http.Request, way string) {
	a.log.WarnContext(r.Context(), "operators' listener: wrong token", "way", way)
}

// unauthorized offers both schemes; browsers ask for a password on Basic.
func unauthorized(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("WWW-Authenticate", `Bearer realm="holdfast"`)
	w.Header().Add("WWW-Authenticate", `Basic realm="holdfast", charset="UTF-8"`)
	telemetry.WriteProblem(w, r, telemetry.Problem{
		Status: http.StatusUnauthorized,
		Detail: "Send HOLDFAST_OPS_TOKEN as Bearer token or as password of basic auth, or open " + loginPath + ".",
	})
}

// wantsPage tells a person in a browser from a scraper or the queue page's own calls.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// localPath makes sure that a redirect stays here: "//elsewhere" and "/\elsewhere" name another host
// to a browser.
func localPath(p string) string {
	clean := path.Clean("/" + strings.ReplaceAll(p, `\`, "/"))
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}
