package ops

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/store/pii"
)

const (
	cookieName = "holdfast_ops"
	// sessionLife is a working day. A session cannot be taken back before, except by a new token.
	sessionLife = 12 * time.Hour
)

// session is a cookie that says until when it is good, signed with a key made from the token. Nothing
// is stored: it outlives a restart and works on every replica with the same token.
type session struct{ key []byte }

func newSession(token pii.Token) session {
	return session{sign([]byte(token.Reveal()), "holdfast operators' session v1")}
}

func sign(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (s session) set(w http.ResponseWriter, r *http.Request, now time.Time) {
	until := strconv.FormatInt(now.Add(sessionLife).Unix(), 10)
	value := until + "." + base64.RawURLEncoding.EncodeToString(sign(s.key, until))
	http.SetCookie(w, cookie(r, value, int(sessionLife.Seconds())))
}

func (s session) clear(w http.ResponseWriter, r *http.Request) { http.SetCookie(w, cookie(r, "", -1)) }

// valid looks at each cookie of the name: a neighbour on another port of this host may have set one.
func (s session) valid(r *http.Request, now time.Time) bool {
	for _, c := range r.CookiesNamed(cookieName) {
		until, mac64, _ := strings.Cut(c.Value, ".")
		mac, err := base64.RawURLEncoding.DecodeString(mac64)
		if err != nil || !hmac.Equal(mac, sign(s.key, until)) {
			continue
		}
		if unix, err := strconv.ParseInt(until, 10, 64); err == nil && now.Unix() < unix {
			return true
		}
	}
	return false
}

func cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{ // #nosec G124 -- Secure wherever there is TLS; on loopback there is none
		Name:     cookieName,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
		// Behind a proxy that ends TLS the header says so; a caller who lies only harms itself.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}
