package handlers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/handlers/hook"
	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// Deps is what handlers are made of.
type Deps struct {
	Keys          *pii.Keyring
	Twilio        *sms.Client
	PublicURL     string
	HoldTTL       time.Duration
	CodeTTL       time.Duration
	FollowupDelay time.Duration // HOLDFAST_FOLLOWUP_DELAY
	KeepWindow    time.Duration // HOLDFAST_KEEP_WINDOW
	CallLimit     time.Duration // of one call to the provider
	Grace         time.Duration // HOLDFAST_RECONCILE_GRACE
	// Installation is what an org has that has set nothing itself.
	Installation settings.Installation
	Metrics      *tasks.Metrics
	Texts        *prometheus.CounterVec
	Codes        *UnknownCodes // nil: counted nowhere
	Hooks        *hook.Client
	HookCalls    int // at a time to one org's endpoint
	Deliveries   *prometheus.CounterVec
	Redactions   *RedactionMetrics // nil: counted nowhere
	Limited      *Limited          // nil: counted nowhere
}

// NewTexts makes the counter of texts and registers it with reg.
func NewTexts(reg prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_texts_total", Help: "Calls to the provider by kind of text and class of outcome."}, []string{"kind", "class"})
	reg.MustRegister(c)
	return c
}

// NewMux binds every task type to its handler, a line each.
func NewMux(d Deps, periodic []tasks.Periodic) *Mux {
	m := &Mux{}
	text := &SendText{Keys: d.Keys, Sender: d.Twilio, PublicURL: d.PublicURL, CodeTTL: d.CodeTTL, HoldTTL: d.HoldTTL,
		KeepWindow: d.KeepWindow, Installation: d.Installation, ToCall: d.Metrics.ToCall, Texts: d.Texts, Codes: d.Codes}
	engines := &Engines{Keys: d.Keys, Installation: d.Installation, Metrics: d.Redactions}
	Do(m, tasks.BookingClaim, Answering(d.Keys, &BookingClaim{Keys: d.Keys, Engines: engines, HoldTTL: d.HoldTTL, SendGiveUp: d.CodeTTL, Limited: d.Limited}))
	Do(m, tasks.BookingCancel, Answering(d.Keys, BookingCancel{}))
	Do(m, tasks.BookingReschedule, Answering(d.Keys, &BookingReschedule{Keys: d.Keys, HoldTTL: d.HoldTTL, SendGiveUp: d.CodeTTL, Limited: d.Limited}))
	Do(m, tasks.BookingMark, Answering(d.Keys, BookingMark{}))
	Do(m, tasks.VerificationCheck, Answering(d.Keys, &VerificationCheck{Keys: d.Keys}))
	Do(m, tasks.VerificationResend, Answering(d.Keys, &VerificationResend{Keys: d.Keys, SendGiveUp: d.CodeTTL, Limited: d.Limited}))
	Do(m, tasks.BlockCreate, Answering(d.Keys, &BlockCreate{Keys: d.Keys}))
	Do(m, tasks.BlockDelete, Answering(d.Keys, BlockDelete{}))
	Do(m, tasks.TranscriptRedact, Answering(d.Keys, &TranscriptRedact{Keys: d.Keys, Engines: engines}))
	Do(m, tasks.TranscriptReport, Answering(d.Keys, &TranscriptReport{Keys: d.Keys, Metrics: d.Redactions}))
	Do(m, tasks.CustomerErase, Answering(d.Keys, CustomerErase{d.Keys}))
	Do(m, tasks.SMSInbound, &SMSInbound{Keys: d.Keys, Engines: engines, KeepWindow: d.KeepWindow})
	Call(m, tasks.VerificationSend, text)
	Do(m, tasks.CompensateVerification, &CompensateVerification{Installation: d.Installation})
	Call(m, tasks.SMSSend, text)
	Call(m, tasks.FollowupSend, text)
	Call(m, tasks.ReminderSend, text)
	Call(m, tasks.WebhookDeliver, &WebhookDeliver{Keys: d.Keys, Client: d.Hooks, Pace: &hook.Pace{Most: d.HookCalls}, Deliveries: d.Deliveries})
	Call(m, tasks.SMSReconcile, &SMSReconcile{Keys: d.Keys, Finder: d.Twilio, Grace: d.Grace, CallLimit: d.CallLimit})
	Call(m, tasks.SMSRedact, &SMSRedact{Keys: d.Keys, Eraser: d.Twilio})
	Call(m, tasks.SMSPoll, &SMSPoll{Keys: d.Keys, Fetcher: d.Twilio, Status: TextStatus{d.Codes}})

	sweeps := map[string]Sweep{
		tasks.HoldsExpire:      {Do: store.ExpireHolds},
		tasks.BookingsComplete: {Do: store.CompleteBookings},
		tasks.FollowupsScan:    {After: d.FollowupDelay, Do: followups{d.FollowupDelay, d.Installation}.scan},
		tasks.RemindersScan:    {Do: scanReminders},
		tasks.MessagesScan:     {Do: scanMessages},
		tasks.AuditSeal:        {Do: sealAudit(d.Keys)},
	}
	m.sweeps = make(map[string]Sweep)
	for _, p := range periodic {
		s := sweeps[p.Name]
		s.Every = p.Every
		m.sweeps[p.Name] = s
	}
	return m
}
