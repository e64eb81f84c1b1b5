-- +goose Up

-- A request is what somebody asked for and was answered 2xx; its body is sealed and emptied when it is answered. idem_key and
-- conversation are keyed hashes: both are another system's words, and may tell of a person whom an erasure could not find in
-- them. booking_id is what it is about, or what a repeated wish for a booking has found; what it made names its request
-- (booking.request_id, transcript.request_id).
CREATE TABLE request (
  org_id      uuid NOT NULL REFERENCES org,
  id          uuid NOT NULL,
  kind        text NOT NULL,
  source      text NOT NULL,
  idem_key    bytea,
  fingerprint bytea NOT NULL,
  body_sealed bytea,
  booking_id  uuid,
  conversation bytea, -- the call of a voice agent that it came from
  status      int,
  answer      json, -- as it was given: jsonb would reorder it
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at     timestamptz,
  PRIMARY KEY (org_id, id),
  CHECK ((status IS NULL) = (done_at IS NULL)),
  CHECK (done_at IS NULL OR body_sealed IS NULL),
  -- The body is the only copy of a transcript: it is there until what is left of it is written elsewhere.
  CONSTRAINT request_transcript CHECK (kind <> 'transcript' OR done_at IS NOT NULL OR body_sealed IS NOT NULL)
);
CREATE UNIQUE INDEX request_idempotency ON request (org_id, source, idem_key) WHERE idem_key IS NOT NULL;
CREATE INDEX request_conversation ON request (conversation, created_at) WHERE conversation IS NOT NULL;
CREATE INDEX request_booking ON request (booking_id) WHERE booking_id IS NOT NULL;
SELECT isolate('request');
SELECT dispatch_may('request', 'SELECT (org_id, id, done_at)');
GRANT SELECT, INSERT, UPDATE ON request TO holdfast_app;

-- What a signature named, where the platform names nothing itself: the same signature again is the same delivery. fingerprint is of
-- what it does not cover; request_id is what it led to, if to anything.
CREATE TABLE signed_delivery (
  org_id      uuid NOT NULL,
  source      text NOT NULL,
  key         text NOT NULL,
  fingerprint bytea NOT NULL,
  request_id  uuid,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (key, source, org_id),
  FOREIGN KEY (org_id, request_id) REFERENCES request (org_id, id)
);
SELECT isolate('signed_delivery');
GRANT SELECT, INSERT, UPDATE ON signed_delivery TO holdfast_app;

-- A process that runs tasks. It belongs to no org; in_flight is what it is working on, by id.
CREATE TABLE worker (
  id         uuid PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  in_flight  uuid[] NOT NULL DEFAULT '{}'
);
GRANT SELECT (id, seen_at), INSERT, UPDATE, DELETE ON worker TO holdfast_app;
GRANT SELECT ON worker TO holdfast_dispatch, holdfast_audit;

CREATE TABLE task (
  org_id      uuid NOT NULL REFERENCES org,
  id          uuid NOT NULL,
  type        text NOT NULL,
  queue       text NOT NULL,
  payload     jsonb NOT NULL,
  headers     jsonb NOT NULL DEFAULT '{}',
  request_id  uuid,
  dedup_key   text,
  state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead', 'discarded')),
  epoch       int NOT NULL DEFAULT 1,
  attempt     int NOT NULL DEFAULT 0,
  crashes     int NOT NULL DEFAULT 0,
  run_at      timestamptz NOT NULL,
  check_at    timestamptz NOT NULL,
  give_up_at  timestamptz NOT NULL,
  claimed_by  uuid,
  claim_no    int NOT NULL DEFAULT 0,
  claim_until timestamptz,
  last_error  text,
  stop        text CHECK (stop IN ('dead', 'discarded')), -- how an operator wants its next delivery to end
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, request_id) REFERENCES request (org_id, id)
) WITH (fillfactor = 80);
CREATE INDEX task_check ON task (check_at) WHERE state = 'pending';
CREATE INDEX task_line ON task (queue, org_id, id) WHERE state = 'pending' AND check_at = 'infinity';
CREATE INDEX task_dead ON task (finished_at DESC) WHERE state = 'dead';
-- Texts that wait for their org's breaker, found again when it closes.
CREATE INDEX task_parked ON task (org_id) WHERE state = 'pending' AND last_error = 'sms-parked';
CREATE INDEX task_request ON task (request_id) WHERE request_id IS NOT NULL;
SELECT isolate('task');
SELECT dispatch_may('task', 'SELECT (org_id, id, type, queue, state, epoch, attempt, crashes, run_at, check_at, claimed_by, claim_until, finished_at), UPDATE (epoch, crashes, check_at)');
GRANT SELECT, INSERT, UPDATE ON task TO holdfast_app;

-- One pending task per (type, key): inserted with the task, deleted when it ends.
CREATE TABLE task_dedup (
  org_id  uuid NOT NULL,
  type    text NOT NULL,
  key     text NOT NULL,
  task_id uuid NOT NULL,
  PRIMARY KEY (org_id, type, key),
  FOREIGN KEY (org_id, task_id) REFERENCES task (org_id, id) DEFERRABLE INITIALLY DEFERRED
);
SELECT isolate('task_dedup');
GRANT SELECT, INSERT, DELETE ON task_dedup TO holdfast_app;

-- One row per periodic task and window: who inserts it runs the tick.
CREATE TABLE tick (
  name        text NOT NULL,
  due_window  timestamptz NOT NULL,
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  rows_done   bigint,
  error       text,
  PRIMARY KEY (name, due_window)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON tick TO holdfast_app;
GRANT SELECT ON tick TO holdfast_audit;

-- uuid_v7 makes the id of a task that begins in the database: like those made elsewhere it begins with the time, in
-- milliseconds (RFC 9562, section 5.7).
-- +goose StatementBegin
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
      || '7' || right(replace(gen_random_uuid()::text, '-', ''), 19);
END $$;
-- +goose StatementEnd

-- Workers count as dead when they were not seen for 3 s (they write once a second).
-- +goose StatementBegin
CREATE FUNCTION worker_lives(p_worker uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM worker w WHERE w.id = p_worker AND w.seen_at > clock_timestamp() - interval '3 s')
$$;

-- task_due takes rows that nobody has looked at for a while and moves their next look ahead: doubling with
-- the time they have been due, from 2 to 30 s, so that a backlog is not asked about again and again. The clock is
-- read once, by a sub-select: compared with a volatile function the index would be walked to its end. The rows are
-- locked in a step of their own: within a join the limit would count anew for each turn.
CREATE FUNCTION task_due(p_limit int)
RETURNS TABLE (org_id uuid, id uuid, type text, queue text, epoch int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH due AS MATERIALIZED (
    SELECT d.org_id, d.id FROM task d
     WHERE d.state = 'pending' AND d.check_at <= (SELECT clock_timestamp())
     ORDER BY d.check_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE task t
     SET check_at = clock_timestamp() + LEAST(interval '30 s', GREATEST(interval '2 s', clock_timestamp() - t.run_at))
    FROM due WHERE t.org_id = due.org_id AND t.id = due.id
  RETURNING t.org_id, t.id, t.type, t.queue, t.epoch
$$;

-- task_bump gives rows a new epoch, so that whatever Redis still has of them becomes garbage. It changes only
-- rows that are pending in the epoch the caller saw and that nobody is working on.
CREATE FUNCTION task_bump(p_orgs uuid[], p_ids uuid[], p_epochs int[], p_crashed boolean)
RETURNS TABLE (org_id uuid, id uuid, type text, queue text, epoch int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH free AS MATERIALIZED (
    SELECT b.org_id, b.id FROM unnest(p_orgs, p_ids, p_epochs) AS w(org_id, id, epoch)
      JOIN task b ON b.org_id = w.org_id AND b.id = w.id
     WHERE b.state = 'pending' AND b.epoch = w.epoch FOR UPDATE OF b SKIP LOCKED)
  UPDATE task t
     SET epoch = t.epoch + 1, crashes = t.crashes + p_crashed::int, check_at = clock_timestamp() + interval '2 s'
    FROM free WHERE t.org_id = free.org_id AND t.id = free.id
  RETURNING t.org_id, t.id, t.type, t.queue, t.epoch
$$;

-- task_orphans tells which of the tasks that Redis calls active nobody is working on: pending in that epoch,
-- not locked, without a live claim, and in no live worker's in_flight.
CREATE FUNCTION task_orphans(p_orgs uuid[], p_ids uuid[], p_epochs int[])
RETURNS TABLE (org_id uuid, id uuid, epoch int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.org_id, t.id, t.epoch
    FROM task t JOIN unnest(p_orgs, p_ids, p_epochs) AS w(org_id, id, epoch)
      ON t.org_id = w.org_id AND t.id = w.id
   WHERE t.state = 'pending' AND t.epoch = w.epoch
     AND NOT (t.claimed_by IS NOT NULL AND t.claim_until > clock_timestamp() AND worker_lives(t.claimed_by))
     AND NOT EXISTS (SELECT FROM worker k WHERE k.seen_at > clock_timestamp() - interval '3 s' AND t.id = ANY (k.in_flight))
     FOR UPDATE OF t SKIP LOCKED
$$;

-- task_recheck makes every due row due for a look at once: Redis was lost or away.
CREATE FUNCTION task_recheck() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH due AS MATERIALIZED (
    SELECT r.org_id, r.id FROM task r
     WHERE r.state = 'pending' AND r.check_at > clock_timestamp() AND r.check_at < 'infinity'
       AND r.run_at <= clock_timestamp() + interval '1 min' FOR UPDATE SKIP LOCKED),
  moved AS (
    UPDATE task t SET check_at = clock_timestamp() FROM due WHERE t.org_id = due.org_id AND t.id = due.id
    RETURNING 1)
  SELECT count(*) FROM moved
$$;

-- A task stands in line (check_at = infinity) when its org has enough tasks of that queue in Redis already: nobody looks at it
-- until task_feed takes it out. task_crowd counts what an org has in Redis, for those that have some: what is due is there,
-- or will be looked for within half a minute.
CREATE FUNCTION task_crowd(p_least int) RETURNS TABLE (org_id uuid, queue text, n bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.org_id, t.queue, count(*) FROM task t
   WHERE t.state = 'pending' AND t.check_at <= (SELECT clock_timestamp() + interval '31 s') AND t.run_at <= (SELECT clock_timestamp())
   GROUP BY 1, 2 HAVING count(*) >= p_least
$$;

-- task_lines lists the orgs and queues that have tasks in line, by one probe of the index for each. Without statistics the planner
-- takes it that few stand there; it would use any index and sort, and each look would read the whole backlog. So sorting is off.
CREATE FUNCTION task_lines() RETURNS TABLE (org_id uuid, queue text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_sort = off AS $$
  WITH RECURSIVE walk AS (
    (SELECT t.queue, t.org_id FROM task t WHERE t.state = 'pending' AND t.check_at = 'infinity' ORDER BY 1, 2 LIMIT 1)
    UNION ALL
    SELECT n.queue, n.org_id FROM walk w CROSS JOIN LATERAL (
      SELECT t.queue, t.org_id FROM task t
       WHERE t.state = 'pending' AND t.check_at = 'infinity' AND (t.queue, t.org_id) > (w.queue, w.org_id) ORDER BY 1, 2 LIMIT 1) n)
  SELECT w.org_id, w.queue FROM walk w
$$;

-- task_feed takes tasks out of their lines, each org's oldest first and as many as it has room for below p_most, in turns: the
-- first of each org, then the second of each. One session feeds at a time, or the room would be filled twice. Each line is read from
-- its head, by a comparison of rows that no other index can serve; with an equation the planner might walk an org's tasks of all
-- times. What is read behind the end of a line is another's. The few rows of the heads are locked by their key and only then looked at
-- again; they are sorted, though that is off.
CREATE FUNCTION task_feed(p_most int) RETURNS TABLE (org_id uuid, id uuid, type text, queue text, epoch int)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_sort = off AS $$
  WITH me AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended('task_feed', 0)) AS mine),
  room AS MATERIALIZED (
    SELECT p.org_id, p.queue, p_most - COALESCE(c.n, 0) AS n
      FROM me CROSS JOIN LATERAL (SELECT * FROM task_lines() WHERE me.mine) p
      LEFT JOIN task_crowd(1) c ON c.org_id = p.org_id AND c.queue = p.queue),
  heads AS MATERIALIZED (
    SELECT x.org_id, x.id FROM room r CROSS JOIN LATERAL (
      SELECT t.org_id, t.queue, t.id FROM task t
       WHERE t.state = 'pending' AND t.check_at = 'infinity' AND (t.queue, t.org_id) >= (r.queue, r.org_id)
       ORDER BY t.queue, t.org_id, t.id LIMIT GREATEST(r.n, 0)) x
     WHERE x.org_id = r.org_id AND x.queue = r.queue),
  locked AS MATERIALIZED (
    SELECT t.org_id, t.id, t.state, t.check_at FROM heads h JOIN task t ON t.org_id = h.org_id AND t.id = h.id FOR UPDATE OF t SKIP LOCKED),
  taken AS (SELECT k.org_id, k.id FROM locked k WHERE k.state = 'pending' AND k.check_at = 'infinity'),
  fed AS (
    UPDATE task t SET check_at = clock_timestamp() + interval '2 s'
      FROM taken k WHERE t.org_id = k.org_id AND t.id = k.id
    RETURNING t.org_id, t.id, t.type, t.queue, t.epoch)
  SELECT f.org_id, f.id, f.type, f.queue, f.epoch FROM fed f
   ORDER BY row_number() OVER (PARTITION BY f.org_id, f.queue ORDER BY f.id), f.org_id
$$;

-- task_line_up puts tasks in line that Redis does not have. What it may still know of them becomes garbage, as with task_bump.
CREATE FUNCTION task_line_up(p_orgs uuid[], p_ids uuid[], p_epochs int[]) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  WITH free AS MATERIALIZED (
    SELECT b.org_id, b.id FROM unnest(p_orgs, p_ids, p_epochs) AS w(org_id, id, epoch)
      JOIN task b ON b.org_id = w.org_id AND b.id = w.id
     WHERE b.state = 'pending' AND b.epoch = w.epoch FOR UPDATE OF b SKIP LOCKED),
  lined AS (
    UPDATE task t SET epoch = t.epoch + 1, check_at = 'infinity' FROM free WHERE t.org_id = free.org_id AND t.id = free.id
    RETURNING 1)
  SELECT count(*) FROM lined
$$;

-- task_dead_newest lists the newest dead letters: those that asynqmon's archive shows.
CREATE FUNCTION task_dead_newest(p_limit int)
RETURNS TABLE (org_id uuid, id uuid, type text, queue text, epoch int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.org_id, t.id, t.type, t.queue, t.epoch FROM task t WHERE t.state = 'dead' ORDER BY t.finished_at DESC LIMIT p_limit
$$;

-- task_stats is what /metrics shows: rows by type and state, and since when the oldest pending one is due.
CREATE FUNCTION task_stats()
RETURNS TABLE (type text, state text, n bigint, oldest_due timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.type, t.state, count(*), min(t.run_at) FROM task t WHERE t.state IN ('pending', 'dead') GROUP BY 1, 2
$$;

-- requests_done tells which of the requests that clients wait for have been answered.
CREATE FUNCTION requests_done(p_orgs uuid[], p_ids uuid[]) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT r.id FROM request r JOIN unnest(p_orgs, p_ids) AS w(org_id, id) ON r.org_id = w.org_id AND r.id = w.id
   WHERE r.done_at IS NOT NULL
$$;
-- +goose StatementEnd
SELECT dispatch_owns('task_due(int)');
SELECT dispatch_owns('task_bump(uuid[], uuid[], int[], boolean)');
SELECT dispatch_owns('task_orphans(uuid[], uuid[], int[])');
SELECT dispatch_owns('task_recheck()');
SELECT dispatch_owns('task_crowd(int)');
SELECT dispatch_owns('task_lines()');
SELECT dispatch_owns('task_feed(int)');
SELECT dispatch_owns('task_line_up(uuid[], uuid[], int[])');
SELECT dispatch_owns('task_dead_newest(int)');
SELECT dispatch_owns('task_stats()');
SELECT dispatch_owns('requests_done(uuid[], uuid[])');
