package twiliosim

import (
	"net/http"
	"strings"
	"time"
)

// withMessage runs do on the path's message under the lock, and answers after it is released:
// a client that reads slowly must not hold up the others.
func (s *Sim) withMessage(w http.ResponseWriter, r *http.Request, account string, do func(*record) *apiError) {
	sid, isJSON := strings.CutSuffix(r.PathValue("sid"), ".json")
	s.mu.Lock()
	m := s.book.bySID[sid]
	if !isJSON || m == nil || m.gone || m.account != account {
		s.mu.Unlock()
		notFound(w, r)
		return
	}
	bad := do(m)
	view, gone := m.wire(), m.gone
	s.mu.Unlock()
	switch {
	case bad != nil:
		writeError(w, bad)
	case gone:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, view)
	}
}

func (s *Sim) fetch(w http.ResponseWriter, r *http.Request, account string) {
	s.withMessage(w, r, account, func(*record) *apiError { return nil })
}

// update redacts (Body empty) or cancels (Status=canceled); nothing else can be changed.
func (s *Sim) update(w http.ResponseWriter, r *http.Request, account string) {
	if !readForm(w, r) {
		return
	}
	form := r.PostForm
	s.withMessage(w, r, account, func(m *record) *apiError {
		switch {
		case form.Has("Status") && form.Get("Status") != statusCanceled:
			return fail(20001, "{it}", "Status")
		case form.Get("Body") != "":
			return fail(20001, "{it}", "Body: only an empty one is allowed, which redacts")
		case form.Has("Body") && !form.Has("Status") && !m.ended():
			return fail(20009)
		case form.Has("Status") && !m.waiting():
			return fail(30409)
		}
		if form.Has("Body") {
			m.body, m.updated = "", time.Now()
		}
		if form.Has("Status") {
			s.turn(m, statusCanceled, 0)
		}
		return nil
	})
}

// remove takes the record from the API and ends its callbacks; the handset keeps its text.
func (s *Sim) remove(w http.ResponseWriter, r *http.Request, account string) {
	s.withMessage(w, r, account, func(m *record) *apiError {
		if !m.ended() {
			return fail(20009)
		}
		m.gone, m.body = true, ""
		return nil
	})
}

func (s *Sim) fetchAccount(w http.ResponseWriter, r *http.Request, sid string) {
	if !strings.HasSuffix(r.PathValue("file"), ".json") {
		notFound(w, r)
		return
	}
	s.mu.Lock()
	acc := s.accounts[sid]
	s.mu.Unlock()
	uri := "/" + apiVersion + "/Accounts/" + sid
	writeJSON(w, http.StatusOK, map[string]any{
		"auth_token": acc.token, "sid": sid, "owner_account_sid": sid, "friendly_name": "Twilio double",
		"date_created": rfc2822(acc.created), "date_updated": rfc2822(acc.created),
		"status": acc.status, "type": "Full", "uri": uri + ".json",
		"subresource_uris": map[string]string{"messages": uri + "/Messages.json"},
	})
}
