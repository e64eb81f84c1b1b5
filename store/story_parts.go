package store

// storyParts are the queries that a story is put together from: each gives the events of one kind of thing, of those of
// org $1 whose ids are in $2. Details are put together field by field: what is not named here is not told.
var storyParts = []string{
	`SELECT e.at, 'request', r.id::text, e.what, e.detail
	   FROM request r, LATERAL (VALUES
	     (r.created_at, 'received', jsonb_build_object('kind', r.kind, 'source', r.source)),
	     (r.done_at, 'answered', jsonb_strip_nulls(jsonb_build_object('status', r.status, 'problem', substring(r.answer->>'type' FROM '[^/]+$'))))
	   ) e(at, what, detail) WHERE r.org_id = $1 AND r.id = ANY ($2) AND e.at IS NOT NULL ORDER BY 1`,

	`SELECT b.created_at, 'booking', b.id::text, 'made', jsonb_build_object('resource', b.resource_id, 'start', b.starts_at, 'end', b.ends_at)
	   FROM booking b WHERE b.org_id = $1 AND b.id = ANY ($2)`,

	`SELECT e.at, 'verification', v.id::text, e.what, e.detail
	   FROM verification v, LATERAL (VALUES
	     (v.created_at, 'made', jsonb_build_object('generation', v.generation)),
	     (v.first_sent_at, 'begins', jsonb_build_object('until', v.expires_at)),
	     (v.expires_at, 'ends', jsonb_build_object('state', v.state))
	   ) e(at, what, detail) WHERE v.org_id = $1 AND v.id = ANY ($2) AND e.at IS NOT NULL ORDER BY 1`,

	`SELECT m.created_at, 'move', m.id::text, m.state, jsonb_build_object('start', m.starts_at, 'end', m.ends_at, 'until', m.expires_at, 'verification', m.verification_id)
	   FROM move m WHERE m.org_id = $1 AND m.booking_id = ANY ($2)`,

	`SELECT e.at, 'booking', e.booking_id::text, e.kind, NULLIF(e.detail, '{}')
	   FROM booking_event e WHERE e.org_id = $1 AND e.booking_id = ANY ($2) ORDER BY e.id`,

	// A hold that stands by its own time ends by itself; one that is firm, or gone, does not.
	`SELECT h.expires_at, 'booking', h.booking_id::text, 'hold_ends', jsonb_build_object('seat', h.seat)
	   FROM hold h WHERE h.org_id = $1 AND h.booking_id = ANY ($2) AND h.live AND h.expires_at IS NOT NULL`,

	`SELECT e.at, 'message', m.id::text, e.what, e.detail
	   FROM message m, LATERAL (VALUES
	     (m.created_at, 'made', jsonb_build_object('text', m.kind)),
	     (m.claimed_at, 'called_for', jsonb_strip_nulls(jsonb_build_object('sends', m.sends, 'segments', m.segments))),
	     (m.accepted_at, 'accepted', jsonb_build_object('sid', m.provider_sid)),
	     (CASE WHEN m.state NOT IN ('queued', 'accepted') THEN m.updated_at END, m.state,
	      jsonb_strip_nulls(jsonb_build_object('class', m.error_class, 'code', m.error_code)))
	   ) e(at, what, detail) WHERE m.org_id = $1 AND m.id = ANY ($2) AND e.at IS NOT NULL ORDER BY 1`,

	`SELECT e.at, 'inbound', i.id::text, e.what, e.detail
	   FROM inbound i, LATERAL (VALUES
	     (i.created_at, 'received', jsonb_build_object('sid', i.provider_sid)),
	     (i.done_at, 'understood', jsonb_strip_nulls(jsonb_build_object('as', i.intent)))
	   ) e(at, what, detail) WHERE i.org_id = $1 AND i.id = ANY ($2) AND e.at IS NOT NULL ORDER BY 1`,

	`SELECT x.redacted_at, 'transcript', x.id::text, 'redacted', jsonb_build_object('call', x.call_id, 'redactions', x.redactions, 'engine', x.engine)
	   FROM transcript x WHERE x.org_id = $1 AND x.id = ANY ($2)`,

	`SELECT p.created_at, 'report', p.id::text, p.kind, jsonb_strip_nulls(jsonb_build_object('type', p.type, 'start', p.from_byte, 'end', p.to_byte, 'who', p.actor))
	   FROM transcript_report p WHERE p.org_id = $1 AND p.id = ANY ($2)`,

	`SELECT e.at, 'task', t.id::text, e.what, jsonb_build_object('type', t.type) || jsonb_strip_nulls(e.detail)
	   FROM task t, LATERAL (VALUES
	     (t.created_at, 'made', t.payload),
	     (t.finished_at, t.state, jsonb_build_object('retries', NULLIF(t.attempt, 0), 'crashes', NULLIF(t.crashes, 0), 'reason', t.last_error)),
	     (CASE WHEN t.state = 'pending' THEN t.run_at END, 'due', jsonb_build_object('retries', NULLIF(t.attempt, 0),
	      'crashes', NULLIF(t.crashes, 0), 'reason', t.last_error, 'calling', NULLIF(t.claimed_by IS NOT NULL, false), 'stop', t.stop))
	   ) e(at, what, detail) WHERE t.org_id = $1 AND t.id = ANY ($2) AND e.at IS NOT NULL ORDER BY 1`,

	// What operators did. Replay empties finished_at, so a death that was replayed is told here.
	`SELECT a.at, 'task', a.subject, split_part(a.action, '.', 2), jsonb_strip_nulls(jsonb_build_object('who', a.actor, 'why', a.detail->>'why', 'was', a.detail->>'was', 'reason', NULLIF(a.detail->>'reason', '')))
	   FROM audit_log a WHERE a.org_id = $1 AND a.subject <> '' AND a.subject = ANY (SELECT unnest($2::uuid[])::text) ORDER BY a.id`,
}
