package twiliosim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
)

// control is the API under /_sim/ by which tests and the page drive the double.
func (s *Sim) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/messages", s.getMessages)
	mux.HandleFunc("DELETE /_sim/messages", s.deleteMessages)
	mux.HandleFunc("POST /_sim/inbound", s.postInbound)
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"faults": s.Faults()})
	})
	mux.HandleFunc("POST /_sim/faults", s.postFault)
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/accounts", s.postAccount)
	mux.HandleFunc("POST /_sim/numbers", s.postNumber)
	mux.HandleFunc("GET /_sim/events", s.events)
	mux.HandleFunc("/_sim/", func(w http.ResponseWriter, _ *http.Request) {
		controlError(w, http.StatusNotFound, "no such route")
	})
	return mux
}

func controlError(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, map[string]string{"error": text})
}

func readControl(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields() // a misspelt rule that never fires is a test that proves nothing
	if err := d.Decode(v); err != nil {
		controlError(w, http.StatusBadRequest, "body: "+err.Error())
		return false
	}
	return true
}

// getMessages lists texts to phones; with all=1 those from phones too, and with limit the newest only.
func (s *Sim) getMessages(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := 0
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			controlError(w, http.StatusBadRequest, "limit: must be 1 or more")
			return
		}
		limit = n
	}
	s.mu.Lock()
	texts := s.book.texts(q.Get("to"), q.Get("all") == "1", limit)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"messages": texts})
}

// deleteMessages empties the book; messages on their way still call back.
func (s *Sim) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	seq := s.book.seq // page tokens stay unique
	s.book = newBook(s.book.max)
	s.book.seq = seq
	s.hub.publish("cleared", nil)
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sim) postFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !readControl(w, r, &f) {
		return
	}
	added, err := s.AddFault(f)
	if err != nil {
		controlError(w, http.StatusBadRequest, err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, added)
}

func (s *Sim) postAccount(w http.ResponseWriter, r *http.Request) {
	var a struct {
		SID       string `json:"sid"`
		Token     string `json:"token"`
		Secondary string `json:"secondary"`
		Status    string `json:"status"`
	}
	if !readControl(w, r, &a) {
		return
	}
	switch {
	case !ValidAccountSID(a.SID):
		controlError(w, http.StatusBadRequest, "sid: must be AC and 32 hex digits")
	case a.Token == "":
		controlError(w, http.StatusBadRequest, "token: is required")
	case a.Status != "" && !isOneOf(AccountActive, AccountSuspended, AccountClosed)(a.Status):
		controlError(w, http.StatusBadRequest, "status: must be active, suspended or closed")
	default:
		s.SetAccount(a.SID, a.Token, a.Secondary, cmp.Or(a.Status, AccountActive))
		writeJSON(w, http.StatusCreated, map[string]string{"sid": a.SID})
	}
}

func (s *Sim) postNumber(w http.ResponseWriter, r *http.Request) {
	var n struct {
		Number     string `json:"number"`
		AccountSID string `json:"account_sid"`
		InboundURL string `json:"inbound_url"`
		Service    string `json:"messaging_service_sid"`
	}
	if !readControl(w, r, &n) {
		return
	}
	s.mu.Lock()
	_, known := s.accounts[n.AccountSID]
	s.mu.Unlock()
	switch {
	case !isPhone(n.Number) && !senderID.MatchString(n.Number):
		controlError(w, http.StatusBadRequest, "number: must be E.164, a short code or an alphanumeric sender")
	case !known:
		controlError(w, http.StatusBadRequest, "account_sid: is not a registered account")
	case n.InboundURL != "" && !isWebURL(n.InboundURL):
		controlError(w, http.StatusBadRequest, "inbound_url: must be an absolute http(s) URL")
	case n.Service != "" && !isSID("MG")(n.Service):
		controlError(w, http.StatusBadRequest, "messaging_service_sid: must be MG and 32 hex digits")
	default:
		s.addNumber(number{n.Number, n.AccountSID, n.InboundURL, n.Service})
		writeJSON(w, http.StatusCreated, map[string]string{"number": n.Number})
	}
}
