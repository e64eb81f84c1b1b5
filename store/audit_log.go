package store

// AuditEntry is a line of the org's audit log: who changed what. None of it may hold personal data.
type AuditEntry struct {
	Actor   string // the id of an API key, "cli", or the type of a task
	Action  string // noun.verb, as "settings.change"
	Subject string // what was changed, where the action does not say it
	Detail  any    // as JSON
	Request string // the X-Request-Id, "" outside of one
}

// NoteAudit queues a line of the audit log: it is written with the change that it tells of, or not at all. Nobody
// can change or delete it afterwards.
func NoteAudit(tx *Tx, e AuditEntry) {
	tx.Queue(`INSERT INTO audit_log (org_id, actor, action, subject, detail, request) VALUES ($1, $2, $3, $4, COALESCE($5, '{}'::jsonb), $6)`,
		tx.Org, e.Actor, e.Action, e.Subject, e.Detail, e.Request)
}
