package boot

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/cmd/internal/config"
	"holdfast/handlers"
	"holdfast/handlers/hook"
	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store/pii"
	"holdfast/tasks"
)

// installation is what orgs have that have set nothing, and what they may set.
func installation(cfg config.Config) settings.Installation {
	return settings.Installation{QuietHours: cfg.QuietHours, Endpoints: cfg.EndpointAllow}
}

// hookShare is the part of the default class's concurrency, one in so many, that calls to one org's endpoint may have.
const hookShare = 4

// newMux makes the handlers of all task types. What they count of their own is registered with reg.
func newMux(cfg config.Config, keys *pii.Keyring, metrics *tasks.Metrics, codes *handlers.UnknownCodes, limited *handlers.Limited, reg prometheus.Registerer) *handlers.Mux {
	return handlers.NewMux(handlers.Deps{
		Keys: keys, Twilio: sms.New(cfg.TwilioBaseURL, cfg.HTTPTimeout, nil), PublicURL: cfg.PublicURL,
		HoldTTL: cfg.HoldTTL, FollowupDelay: cfg.FollowupDelay, KeepWindow: cfg.KeepWindow, CodeTTL: cfg.CodeTTL, CallLimit: cfg.HTTPTimeout, Grace: cfg.ReconcileGrace,
		Installation: installation(cfg),
		Metrics:      metrics, Texts: handlers.NewTexts(reg), Codes: codes,
		Hooks: hook.New(cfg.EndpointAllow), HookCalls: cfg.DefaultConcurrency / hookShare, Deliveries: handlers.NewDeliveries(reg),
		Redactions: handlers.NewRedactionMetrics(reg), Limited: limited,
	}, tasks.PeriodicTable(cfg.SweepInterval))
}

// Operator makes what acts on tasks for people. Its handlers are asked and run nothing, so nothing that they would
// count is shown. db may lack a Broker: the relay then brings to Redis what was revived.
func Operator(cfg config.Config, keys *pii.Keyring, db *tasks.DB) *handlers.Operator {
	reg := prometheus.NewRegistry()
	return &handlers.Operator{DB: db, Mux: newMux(cfg, keys, tasks.NewMetrics(reg), handlers.NewUnknownCodes(reg), nil, reg)}
}
