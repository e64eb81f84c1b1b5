package handlers

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/sms"
)

// UnknownCodes counts the provider's error codes that are not in the table, whose class was guessed: they belong into
// handlers/sms/codes.go. It is safe for concurrent use; a nil one counts nothing.
type UnknownCodes struct {
	total *prometheus.CounterVec
	mu    sync.Mutex
	seen  map[int]bool
}

// maxUnknownCodes bounds the labels: a callback may say any number, and each is a time series.
const maxUnknownCodes = 50

// NewUnknownCodes makes the counter and registers it with reg.
func NewUnknownCodes(reg prometheus.Registerer) *UnknownCodes {
	u := &UnknownCodes{seen: make(map[int]bool), total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_sms_unknown_codes_total", Help: "Error codes of the provider that are not in our table, by code."}, []string{"code"})}
	reg.MustRegister(u.total)
	return u
}

// count counts the code of e, unless it is known.
func (u *UnknownCodes) count(e *sms.Error) {
	if u == nil || e.Known || e.Code == 0 {
		return
	}
	u.total.WithLabelValues(u.label(e.Code)).Inc()
}

// label is the code, or "other" for what is none of Twilio's five digits, and for all codes beyond the bound.
func (u *UnknownCodes) label(code int) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case code < 10000 || code > 99999, !u.seen[code] && len(u.seen) == maxUnknownCodes:
		return "other"
	}
	u.seen[code] = true
	return strconv.Itoa(code)
}
