package store

// A request and what it was answered with: made is the id of what the answer is about, said the time that it tells of a
// booking, and moving the one that it is to be moved to.
const auditAnswered = `(SELECT r.org_id, r.id, r.booking_id, t.type, r.status, r.answer->>'start' AS said, r.answer->'move'->>'start' AS moving,
	  CASE WHEN r.answer->>'id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN (r.answer->>'id')::uuid END AS made
	  FROM request r JOIN task t ON t.org_id = r.org_id AND t.request_id = r.id WHERE r.status BETWEEN 200 AND 299)`

// auditChecks are the promises marked A in DESIGN.md, section 1, as far as rows can break them. now() is the moment
// of the snapshot.
var auditChecks = []auditCheck{
	{"P1", "no seat is held twice at one time, buffers included", "hold", `
		SELECT h.owner_id::text, CASE WHEN h.reached > h.starts_at THEN EXISTS (
		         SELECT FROM hold o WHERE o.live AND o.org_id = h.org_id AND o.resource_id = h.resource_id AND o.seat = h.seat
		            AND o.owner_id <> h.owner_id AND o.starts_at < h.ends_at AND o.ends_at > h.starts_at) ELSE false END
		  FROM (SELECT *, max(ends_at) OVER (PARTITION BY org_id, resource_id, seat ORDER BY starts_at, id
		                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
		          FROM hold WHERE live) h`},
	{"P1", "no more seats are held than the resource has", "hold", `
		SELECT h.owner_id::text, r.id IS NULL OR h.seat NOT BETWEEN 0 AND r.seats - 1
		  FROM hold h LEFT JOIN resource r ON r.org_id = h.org_id AND r.id = h.resource_id WHERE h.live`},
	{"P1", "a held or confirmed booking has its seat for all of its time", "booking", `
		SELECT b.id::text, NOT COALESCE(bool_or(h.resource_id = b.resource_id
		          AND h.starts_at <= b.starts_at - b.buffer_before * interval '1 min'
		          AND h.ends_at >= b.ends_at + b.buffer_after * interval '1 min'), false)
		  FROM booking b LEFT JOIN hold h ON h.org_id = b.org_id AND h.owner_id = b.id AND h.live
		 WHERE b.state = 'confirmed' OR b.state = 'held' AND b.hold_expires_at > now() GROUP BY b.org_id, b.id`},
	{"P1", "a time that a booking is to be moved to has its seat for all of its time", "move", `
		SELECT m.id::text, NOT COALESCE(bool_or(h.resource_id = m.resource_id
		          AND h.starts_at <= m.starts_at - m.buffer_before * interval '1 min'
		          AND h.ends_at >= m.ends_at + m.buffer_after * interval '1 min'), false)
		  FROM move m LEFT JOIN hold h ON h.org_id = m.org_id AND h.owner_id = m.booking_id AND h.live AND h.expires_at IS NOT NULL
		 WHERE m.state = 'pending' AND m.expires_at > now() GROUP BY m.org_id, m.id`},
	{"P1", "a booking holds its own time, the one that it is to be moved to, and no more", "hold", `
		SELECT b.id::text, count(*) > 1 + count(DISTINCT m.id) OR bool_or(NOT COALESCE(
		          h.starts_at = b.starts_at - b.buffer_before * interval '1 min' AND h.ends_at = b.ends_at + b.buffer_after * interval '1 min'
		          OR h.starts_at = m.starts_at - m.buffer_before * interval '1 min' AND h.ends_at = m.ends_at + m.buffer_after * interval '1 min', false))
		  FROM hold h JOIN booking b ON b.org_id = h.org_id AND b.id = h.booking_id
		  LEFT JOIN move m ON m.org_id = b.org_id AND m.booking_id = b.id AND m.state = 'pending'
		 WHERE h.live GROUP BY b.org_id, b.id`},
	{"P1", "a block has every seat for all of its time", "block", `
		SELECT k.id::text, r.id IS NULL OR r.seats * (k.ends_at - k.starts_at) <> COALESCE(h.taken, '0')
		  FROM block k LEFT JOIN resource r ON r.org_id = k.org_id AND r.id = k.resource_id
		  LEFT JOIN (SELECT org_id, owner_id, resource_id, sum(ends_at - starts_at) AS taken FROM hold
		              WHERE live AND block_id IS NOT NULL GROUP BY 1, 2, 3) h
		    ON h.org_id = k.org_id AND h.owner_id = k.id AND h.resource_id = k.resource_id
		 WHERE k.deleted_at IS NULL`},

	{"P2", "a request has one task, which waits until the request is answered", "request", `
		SELECT r.id::text, COALESCE(t.n, 0) <> 1 OR r.done_at IS NULL AND t.waiting = 0
		         OR r.done_at IS NOT NULL AND (r.status IS NULL OR r.answer IS NULL)
		  FROM request r LEFT JOIN (
		       SELECT org_id, request_id, count(*) AS n, count(*) FILTER (WHERE state = 'pending') AS waiting
		         FROM task WHERE request_id IS NOT NULL GROUP BY 1, 2) t ON t.org_id = r.org_id AND t.request_id = r.id`},
	{"P2", "what a request was answered with has happened", "request", `
		SELECT a.id::text, NOT COALESCE(CASE a.type
		         WHEN 'booking:claim' THEN b.id IS NOT NULL
		         WHEN 'verification:check' THEN b.id = a.booking_id AND b.confirmed_at IS NOT NULL
		         WHEN 'booking:cancel' THEN b.id = a.booking_id AND b.state = 'canceled'
		         WHEN 'booking:mark' THEN b.id = a.booking_id AND b.state IN ('completed', 'no_show')
		         WHEN 'booking:reschedule' THEN b.id = a.booking_id
		              AND (b.starts_at = a.said::timestamptz OR EXISTS (SELECT FROM booking_event e WHERE e.org_id = b.org_id AND e.booking_id = b.id
		                   AND e.kind IN ('rescheduled', 'alternative_taken') AND (e.detail->>'from')::timestamptz = a.said::timestamptz))
		              AND (a.moving IS NULL OR EXISTS (SELECT FROM move m WHERE m.org_id = b.org_id AND m.booking_id = b.id AND m.starts_at = a.moving::timestamptz))
		         WHEN 'block:create' THEN k.id IS NOT NULL
		         WHEN 'block:delete' THEN k.deleted_at IS NOT NULL
		         WHEN 'transcript:redact' THEN x.id IS NOT NULL
		         WHEN 'transcript:report' THEN p.id IS NOT NULL
		         WHEN 'customer:erase' THEN c.erased_at IS NOT NULL
		         ELSE true END, false)
		  FROM ` + auditAnswered + ` a
		  LEFT JOIN booking b ON b.org_id = a.org_id AND b.id = a.made
		  LEFT JOIN block k ON k.org_id = a.org_id AND k.id = a.made
		  LEFT JOIN customer c ON c.org_id = a.org_id AND c.id = a.made
		  LEFT JOIN transcript x ON x.org_id = a.org_id AND x.id = a.made
		  LEFT JOIN transcript_report p ON p.org_id = a.org_id AND p.id = a.made`},
	{"P2", "a booking was asked for by a request that was told of it", "booking", `
		SELECT b.id::text, a.made IS NULL FROM booking b LEFT JOIN (
		       SELECT DISTINCT org_id, made FROM ` + auditAnswered + ` a WHERE type = 'booking:claim') a
		    ON a.org_id = b.org_id AND a.made = b.id`},
	{"P2", "a transcript was asked for by a request that was told of it", "transcript", `
		SELECT x.id::text, a.made IS NULL FROM transcript x LEFT JOIN (
		       SELECT DISTINCT org_id, made FROM ` + auditAnswered + ` a WHERE type = 'transcript:redact') a
		    ON a.org_id = x.org_id AND a.made = x.id`},
	{"P2", "a booking is held once, confirmed once, canceled once", "booking", `
		SELECT b.id::text, COALESCE(e.held, 0) <> 1 OR COALESCE(e.confirmed, 0) <> (b.confirmed_at IS NOT NULL)::int
		         OR COALESCE(e.canceled, 0) <> (b.state = 'canceled')::int
		  FROM booking b LEFT JOIN (
		       SELECT org_id, booking_id, count(*) FILTER (WHERE kind = 'held') AS held,
		              count(*) FILTER (WHERE kind = 'confirmed') AS confirmed, count(*) FILTER (WHERE kind = 'canceled') AS canceled
		         FROM booking_event GROUP BY 1, 2) e ON e.org_id = b.org_id AND e.booking_id = b.id`},
	{"P2", "a booking is where it was moved last, and what moved it is told", "move", `
		SELECT m.id::text, NOT COALESCE(m.starts_at = ANY (e.told) AND b.starts_at = e.last, false)
		  FROM move m LEFT JOIN booking b ON b.org_id = m.org_id AND b.id = m.booking_id LEFT JOIN (
		       SELECT org_id, booking_id, array_agg((detail->>'to')::timestamptz) AS told,
		              (array_agg((detail->>'to')::timestamptz ORDER BY id DESC))[1] AS last
		         FROM booking_event WHERE kind = 'rescheduled' GROUP BY 1, 2) e ON e.org_id = m.org_id AND e.booking_id = m.booking_id
		 WHERE m.state = 'done'`},
	{"P2", "a reply has one task, which waits until the reply is understood", "inbound", `
		SELECT i.id::text, COALESCE(t.n, 0) <> 1 OR i.done_at IS NULL AND t.kept = 0
		  FROM inbound i LEFT JOIN (
		       SELECT org_id, payload->>'inbound' AS inbound, count(*) AS n, count(*) FILTER (WHERE state <> 'done') AS kept
		         FROM task WHERE type = 'sms:inbound' GROUP BY 1, 2) t ON t.org_id = i.org_id AND t.inbound = i.id::text`},

	{"P4", "a live code has a text that was accepted or is on its way", "verification", `
		SELECT v.id::text, count(m.id) = 0
		  FROM verification v LEFT JOIN message m ON m.org_id = v.org_id AND m.verification_id = v.id
		   AND m.state IN ('queued', 'sending', 'unknown', 'accepted', 'sent', 'delivered')
		 WHERE v.state IN ('pending', 'sent') AND (v.expires_at IS NULL OR v.expires_at > now()) GROUP BY v.org_id, v.id`},
	{"P4", "a task that died was undone in the same commit", "task", `
		SELECT id::text, last_error IS NOT DISTINCT FROM 'undo-failed' FROM task WHERE state = 'dead'`},
	{"P4", "a hold whose code died with its text is compensated", "booking_event", `
		SELECT b.id::text, CASE t.state WHEN 'pending' THEN false WHEN 'discarded' THEN false
		         WHEN 'done' THEN b.state = 'held' AND b.hold_expires_at > now() AND u.id IS NULL
		              AND NOT EXISTS (SELECT FROM verification v WHERE v.org_id = b.org_id AND v.booking_id = b.id AND v.state IN ('pending', 'sent'))
		         ELSE true END
		  FROM booking_event e JOIN booking b ON b.org_id = e.org_id AND b.id = e.booking_id
		  LEFT JOIN task t ON t.org_id = e.org_id AND t.id = (e.detail->>'compensation')::uuid
		  LEFT JOIN booking_event u ON u.org_id = e.org_id AND u.booking_id = e.booking_id AND u.kind IN ('unreachable', 'number_changed') AND u.id > e.id
		 WHERE e.kind = 'code_revoked' AND e.detail ? 'compensation'`},

	{"P5", "a hold that has lapsed is tidied", "booking", `
		SELECT b.id::text, b.hold_expires_at < now() - @grace::interval FROM booking b WHERE b.state = 'held'`},
	{"P5", "a wish for another time that has lapsed is tidied", "move", `
		SELECT m.id::text, m.expires_at < now() - @grace::interval OR b.state IS DISTINCT FROM 'confirmed'
		  FROM move m LEFT JOIN booking b ON b.org_id = m.org_id AND b.id = m.booking_id WHERE m.state = 'pending'`},
	{"P5", "what has ended holds no seat", "hold", `
		SELECT h.owner_id::text, CASE WHEN h.block_id IS NOT NULL THEN k.id IS NULL OR k.deleted_at IS NOT NULL
		         ELSE b.id IS NULL OR b.state NOT IN ('held', 'confirmed') END
		  FROM hold h LEFT JOIN booking b ON b.org_id = h.org_id AND b.id = h.booking_id
		  LEFT JOIN block k ON k.org_id = h.org_id AND k.id = h.block_id WHERE h.live`},
	{"P5", "a lapsed hold confirms nothing unless the seat was taken anew", "booking", `
		SELECT b.id::text, b.confirmed_at > b.hold_expires_at + interval '10 s' AND count(e.id) = 0
		  FROM booking b LEFT JOIN booking_event e ON e.org_id = b.org_id AND e.booking_id = b.id AND e.kind = 'hold_renewed'
		 WHERE b.confirmed_at IS NOT NULL GROUP BY b.org_id, b.id`},
	{"P5", "a confirmed booking ends with its time", "booking", `
		SELECT b.id::text, b.ends_at < now() - @grace::interval - interval '1 min' FROM booking b WHERE b.state = 'confirmed'`},

	{"P6", "no two texts have one SID", "message", `
		SELECT min(id::text), count(*) > 1 FROM message WHERE provider_sid IS NOT NULL GROUP BY provider_sid`},
	{"P6", "a text that is not settled has a task: to send it, or to look it up once it was claimed", "message", `
		SELECT m.id::text, t.message IS NULL OR m.state = 'sending' AND NOT t.knows OR m.state = 'unknown' AND NOT t.looks
		  FROM message m LEFT JOIN (
		       SELECT org_id, payload->>'message' AS message, bool_or(claimed_by IS NOT NULL OR type = 'sms:reconcile') AS knows,
		              bool_or(type = 'sms:reconcile') AS looks
		         FROM task WHERE state = 'pending' AND payload ? 'message' GROUP BY 1, 2) t
		    ON t.org_id = m.org_id AND t.message = m.id::text
		 WHERE m.state IN ('queued', 'sending', 'unknown')`},
	{"P6", "a text that was claimed is settled in time", "message", `
		SELECT m.id::text, m.state IN ('sending', 'unknown') AND m.claimed_at < now() - @settle::interval
		  FROM message m WHERE m.claimed_at IS NOT NULL`},

	{"P7", "row-level security binds every table with an org", "org", `
		SELECT t.name, t.open OR NOT EXISTS (SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = t.name
		              AND 'holdfast_audit' = ANY (p.roles) AND p.qual = 'true')
		  FROM (` + openTables("'holdfast_app'") + `) AS t(name, open)`},
	{"P7", "the app's role is bound by it", "org", `
		SELECT rolname::text, rolsuper OR rolbypassrls
		         OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
		  FROM pg_roles r WHERE rolname = 'holdfast_app'`},

	{"P8", "a request's body is there until it is answered, and then gone", "request", `
		SELECT r.id::text, (r.done_at IS NULL) <> (r.body_sealed IS NOT NULL) FROM request r`},
	{"P8", "of a customer who was erased nothing is left", "customer", `
		SELECT c.id::text, num_nonnulls(c.phone_hash, c.phone_sealed, c.name_sealed, c.locale, c.time_zone) > 0 OR c.phone_last2 <> ''
		         OR COALESCE(b.left, 0) > 0 OR COALESCE(m.left, 0) > 0 OR COALESCE(i.left, 0) > 0 OR COALESCE(x.left, 0) > 0
		  FROM customer c
		  LEFT JOIN (SELECT org_id, customer_id, count(*) FILTER (WHERE notes_sealed IS NOT NULL OR followup_from IS NOT NULL OR state = 'held') AS left
		               FROM booking GROUP BY 1, 2) b ON b.org_id = c.org_id AND b.customer_id = c.id
		  LEFT JOIN (SELECT org_id, erased_for, count(*) FILTER (WHERE num_nonnulls(to_hash, to_sealed, body_hash) > 0
		                      AND state NOT IN ('queued', 'sending', 'unknown') AND redacted IS DISTINCT FROM 'pending') AS left
		               FROM message GROUP BY 1, 2) m ON m.org_id = c.org_id AND m.erased_for = c.id
		  LEFT JOIN (SELECT org_id, erased_for, count(*) FILTER (WHERE num_nonnulls(from_hash, from_sealed, body_sealed, text_sealed) > 0) AS left
		               FROM inbound GROUP BY 1, 2) i ON i.org_id = c.org_id AND i.erased_for = c.id
		  LEFT JOIN (SELECT b.org_id, b.customer_id, count(t.text_sealed) AS left
		               FROM transcript t JOIN booking b ON b.org_id = t.org_id AND b.id = t.booking_id GROUP BY 1, 2) x ON x.org_id = c.org_id AND x.customer_id = c.id
		 WHERE c.erased_at IS NOT NULL`},
	{"P8", "a text that the provider is to empty has a task, alive or dead", "message", `
		SELECT e.id::text, CASE e.redacted WHEN 'pending' THEN NOT COALESCE(t.waits, false) WHEN 'failed' THEN NOT COALESCE(t.dead, false) ELSE false END
		  FROM (SELECT org_id, id, redacted FROM message WHERE redacted IS NOT NULL
		        UNION ALL SELECT org_id, id, redacted FROM inbound WHERE redacted IS NOT NULL) e LEFT JOIN (
		       SELECT org_id, payload->>'text' AS text, bool_or(state = 'pending') AS waits, bool_or(state IN ('dead', 'discarded')) AS dead
		         FROM task WHERE type = 'sms:redact' GROUP BY 1, 2) t ON t.org_id = e.org_id AND t.text = e.id::text`},
	{"P9", "a transcript has an audit row for each thing that was taken out of it", "transcript", `
		SELECT x.id::text, x.redactions <> COALESCE(r.n, 0) OR x.redactions <> COALESCE(r.behind, 0)
		  FROM transcript x LEFT JOIN (
		       SELECT org_id, subject, count(*) AS n, max(ordinal) + 1 AS behind FROM redaction WHERE source = 'transcript' GROUP BY 1, 2) r
		    ON r.org_id = x.org_id AND r.subject = x.id`},

	{"§9", "the chain of an org's audit log has no gap", "audit_chain", `
		SELECT c.org_id || ' ' || c.seq, c.seq <> row_number() OVER (PARTITION BY c.org_id ORDER BY c.seq) FROM audit_chain c`},
	{"§9", "a link of the chain has its row", "audit_chain", `
		SELECT c.org_id || ' ' || c.seq, l.id IS NULL FROM audit_chain c LEFT JOIN audit_log l ON l.org_id = c.org_id AND l.id = c.audit_id`},
	{"§9", "a row of the audit log has its link in time", "audit_log", `
		SELECT l.org_id || ' ' || l.id, c.seq IS NULL AND l.at < now() - @grace::interval
		  FROM audit_log l LEFT JOIN audit_chain c ON c.org_id = l.org_id AND c.audit_id = l.id`},
}
