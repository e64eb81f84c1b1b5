-- +goose Up

-- A generation of a booking's one-time code. The code itself is derived and stored nowhere. It has no end
-- (expires_at) until its first text is claimed for sending.
CREATE TABLE verification (
  org_id        uuid NOT NULL,
  id            uuid NOT NULL,
  booking_id    uuid NOT NULL,
  generation    int NOT NULL DEFAULT 1,
  kid           smallint NOT NULL,
  state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'verified', 'revoked')),
  first_sent_at timestamptz,
  expires_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  UNIQUE (booking_id, generation, org_id),
  CHECK (state <> 'sent' OR expires_at IS NOT NULL),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id)
);
CREATE UNIQUE INDEX verification_live ON verification (booking_id, org_id) WHERE state IN ('pending', 'sent');
SELECT isolate('verification');
GRANT SELECT, INSERT, UPDATE ON verification TO holdfast_app;

-- A confirmed booking's wish for another time, which is held until its code comes back; the old time is let go with it,
-- not before. One at a time. The span, with the buffers, is as in booking.
CREATE TABLE move (
  org_id          uuid NOT NULL,
  id              uuid NOT NULL,
  booking_id      uuid NOT NULL,
  resource_id     uuid NOT NULL,
  verification_id uuid NOT NULL, -- the code that proves it
  state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'expired', 'replaced', 'canceled')),
  starts_at       timestamptz NOT NULL,
  ends_at         timestamptz NOT NULL,
  buffer_before   int NOT NULL DEFAULT 0,
  buffer_after    int NOT NULL DEFAULT 0,
  expires_at      timestamptz NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  CHECK (starts_at < ends_at),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id),
  FOREIGN KEY (org_id, resource_id) REFERENCES resource (org_id, id),
  FOREIGN KEY (org_id, verification_id) REFERENCES verification (org_id, id)
);
CREATE UNIQUE INDEX move_pending ON move (booking_id, org_id) WHERE state = 'pending';
CREATE INDEX move_booking ON move (booking_id, created_at);
SELECT isolate('move');
GRANT SELECT, INSERT, UPDATE ON move TO holdfast_app;

-- A text to a customer. Its body is rendered when it is sent and never stored; body_hash finds it again at
-- the provider when the outcome of a send is unknown. States only move forward. to_sealed is null when the number is
-- that of the customer with this hash: what is sealed for one column opens in no other, so it cannot be copied here.
-- Once its customer was erased (erased_for) the number and the hashes are gone, or go when it is known what became of a call
-- that was under way. redacted tells what became of the provider's copy: it is to be emptied (pending), is (done), was not
-- there (absent) or could not be (failed).
CREATE TABLE message (
  org_id          uuid NOT NULL REFERENCES org,
  id              uuid NOT NULL,
  kind            text NOT NULL,
  occasion        text, -- what it is for, when a booking has one text for that and no second
  booking_id      uuid,
  verification_id uuid,
  to_hash         bytea,
  to_sealed       bytea,
  prefix_hash     bytea, -- of a text with a code: keyed, of the number without its last four digits; null: no code
  state           text NOT NULL DEFAULT 'queued' CHECK (state IN
    ('queued', 'sending', 'unknown', 'accepted', 'sent', 'delivered', 'undelivered', 'failed', 'canceled')),
  sends           int NOT NULL DEFAULT 0,
  body_hash       bytea,
  segments        int,
  provider_sid    text,
  error_class     text,
  error_code      int,
  polls           int NOT NULL DEFAULT 0, -- how often the provider was asked what became of it
  poll_at         timestamptz,            -- when it is asked next; null: no more
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  claimed_at      timestamptz,
  accepted_at     timestamptz,
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  erased_for      uuid,
  redacted        text CHECK (redacted IN ('pending', 'done', 'absent', 'failed')),
  PRIMARY KEY (org_id, id),
  UNIQUE (provider_sid, org_id),
  CHECK (erased_for IS NOT NULL OR to_hash IS NOT NULL),
  FOREIGN KEY (org_id, erased_for) REFERENCES customer (org_id, id),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id),
  FOREIGN KEY (org_id, verification_id) REFERENCES verification (org_id, id)
);
CREATE INDEX message_to ON message (to_hash, created_at);
CREATE INDEX message_prefix ON message (prefix_hash, created_at) WHERE prefix_hash IS NOT NULL;
CREATE INDEX message_booking ON message (booking_id);
CREATE UNIQUE INDEX message_occasion ON message (booking_id, occasion, org_id) WHERE occasion IS NOT NULL;
CREATE INDEX message_verification ON message (verification_id) WHERE verification_id IS NOT NULL;
CREATE INDEX message_erased ON message (erased_for) WHERE erased_for IS NOT NULL;
CREATE INDEX message_poll ON message (poll_at) WHERE poll_at IS NOT NULL;
SELECT isolate('message');
SELECT dispatch_may('message', 'SELECT (org_id, poll_at)');
GRANT SELECT, INSERT, UPDATE ON message TO holdfast_app;

-- A text from a customer; the body is sealed and emptied once it is understood. text_sealed is what is left of a reply
-- that nobody but the integrator can understand, after redaction; told_as is as in booking_event. erased_for and redacted are
-- as in message.
CREATE TABLE inbound (
  org_id       uuid NOT NULL REFERENCES org,
  id           uuid NOT NULL,
  provider_sid text NOT NULL,
  from_hash    bytea,
  from_sealed  bytea,
  sender       text NOT NULL,
  body_sealed  bytea,
  text_sealed  bytea,
  opt_out_type text NOT NULL DEFAULT '',
  intent       text,
  booking_id   uuid, -- what it was about
  told_as      uuid,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at      timestamptz,
  erased_for   uuid,
  redacted     text CHECK (redacted IN ('pending', 'done', 'absent', 'failed')),
  PRIMARY KEY (org_id, id),
  UNIQUE (provider_sid, org_id),
  CHECK (CASE WHEN erased_for IS NULL THEN num_nulls(from_hash, from_sealed) = 0
         ELSE num_nonnulls(from_hash, from_sealed, body_sealed, text_sealed) = 0 AND done_at IS NOT NULL END),
  FOREIGN KEY (org_id, erased_for) REFERENCES customer (org_id, id),
  CHECK (done_at IS NULL OR body_sealed IS NULL),
  CHECK (text_sealed IS NULL OR told_as IS NOT NULL),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id)
);
CREATE UNIQUE INDEX inbound_told ON inbound (told_as, org_id) WHERE told_as IS NOT NULL;
CREATE INDEX inbound_from ON inbound (from_hash, created_at);
CREATE INDEX inbound_erased ON inbound (erased_for) WHERE erased_for IS NOT NULL;
CREATE INDEX inbound_booking ON inbound (booking_id) WHERE booking_id IS NOT NULL;
SELECT isolate('inbound');
GRANT SELECT, INSERT, UPDATE ON inbound TO holdfast_app;

-- Who must not be texted, per sender pool (a number or a messaging service), by keyed hash.
CREATE TABLE suppression (
  org_id     uuid NOT NULL REFERENCES org,
  pool       text NOT NULL,
  phone_hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, pool, phone_hash)
);
SELECT isolate('suppression');
GRANT SELECT, INSERT, DELETE ON suppression TO holdfast_app;

-- What a phone was asked by a text of a sender pool, so that a short reply says something: K keeps the booking, a digit
-- takes one of choices ([{"resource", "start", "end"}]), C once more cancels. A conversation has one open question; a new
-- one takes the place of the old.
CREATE TABLE question (
  org_id     uuid NOT NULL,
  id         uuid NOT NULL,
  booking_id uuid NOT NULL,
  pool       text NOT NULL,
  phone_hash bytea, -- null: its customer was erased
  kind       text NOT NULL CHECK (kind IN ('keep', 'cancel')),
  choices    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(choices) = 'array'),
  state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'answered', 'replaced')),
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  CHECK (phone_hash IS NOT NULL OR state <> 'open'),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id)
);
CREATE UNIQUE INDEX question_open ON question (phone_hash, pool, org_id) WHERE state = 'open';
CREATE INDEX question_phone ON question (phone_hash, expires_at);
CREATE INDEX question_booking ON question (booking_id);
SELECT isolate('question');
GRANT SELECT, INSERT, UPDATE ON question TO holdfast_app;

-- Why an org's texts wait. The row is its breaker: open once opened_at is set. Before, it counts refusals that may be
-- the numbers' fault as well as the account's. An operator's pause has no retry_at: only an operator ends it.
CREATE TABLE sms_breaker (
  org_id      uuid PRIMARY KEY REFERENCES org,
  class       text NOT NULL CHECK (class IN ('tenant', 'cap', 'operator')),
  code        int NOT NULL DEFAULT 0,
  late        boolean NOT NULL DEFAULT false, -- callbacks told of it: that a text is accepted proves nothing then
  refused     bytea[] NOT NULL DEFAULT '{}',  -- keyed hashes of the different numbers that were refused in a row
  actor       text NOT NULL DEFAULT '',
  why         text NOT NULL DEFAULT '',
  opened_at   timestamptz,
  refused_at  timestamptz, -- last
  retry_at    timestamptz, -- when a text may be tried
  retry_after interval,    -- from one try to the next
  accepted_at timestamptz, -- when late: a text was accepted then, and nothing bad was heard since
  trips       int NOT NULL DEFAULT 0,
  CHECK (CASE class WHEN 'operator' THEN opened_at IS NOT NULL AND retry_at IS NULL AND why <> ''
         ELSE (opened_at IS NULL) = (retry_at IS NULL) END)
);
SELECT isolate('sms_breaker');
SELECT dispatch_may('sms_breaker', 'SELECT (org_id, opened_at)');
GRANT SELECT, INSERT, UPDATE, DELETE ON sms_breaker TO holdfast_app;

-- How fast a sender pool is texting, for orgs that limit it: until when what was sent keeps it busy, and the last
-- place given to a text that has to wait, codes apart.
CREATE TABLE sms_pace (
  org_id     uuid NOT NULL REFERENCES org,
  pool       text NOT NULL,
  busy_until timestamptz NOT NULL DEFAULT '-infinity',
  last_place timestamptz NOT NULL DEFAULT '-infinity',
  last_code  timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (org_id, pool)
);
SELECT isolate('sms_pace');
GRANT SELECT, INSERT, UPDATE ON sms_pace TO holdfast_app;

-- +goose StatementBegin
-- sms_trip notes that the provider refused a text for what is the org's fault. p_stops such refusals in a row, to
-- different numbers, open the breaker; once it is open, each makes the next try later. Nothing is noted of a text
-- that was claimed before the credentials were set, before the refusal that an open breaker counted last, or too long
-- ago to say anything of now; refusals an hour apart are not in a row.
CREATE FUNCTION sms_trip(p_org uuid, p_message uuid, p_class text, p_code int, p_stops int, p_late boolean,
                         p_first interval, p_most interval) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE k sms_breaker; number bytea; claimed timestamptz;
BEGIN
  SELECT m.to_hash, m.claimed_at INTO number, claimed FROM message m JOIN sms_account a ON a.org_id = m.org_id
   WHERE m.org_id = p_org AND m.id = p_message AND m.claimed_at > GREATEST(a.updated_at, clock_timestamp() - interval '1 hour');
  IF NOT FOUND THEN RETURN; END IF;
  INSERT INTO sms_breaker (org_id, class) VALUES (p_org, p_class) ON CONFLICT DO NOTHING;
  SELECT * INTO k FROM sms_breaker b WHERE b.org_id = p_org FOR UPDATE;
  IF NOT FOUND OR k.class = 'operator' OR k.opened_at IS NOT NULL AND claimed < k.refused_at THEN RETURN; END IF;
  IF k.refused_at < clock_timestamp() - interval '1 hour' THEN k.refused := '{}'; END IF;
  IF number <> ALL (k.refused) THEN k.refused := k.refused || number; END IF;
  IF k.opened_at IS NULL AND cardinality(k.refused) < p_stops THEN
    UPDATE sms_breaker b SET class = p_class, code = p_code, late = p_late, refused = k.refused, refused_at = clock_timestamp()
     WHERE b.org_id = p_org;
    RETURN;
  END IF;
  k.retry_after := LEAST(GREATEST(k.retry_after * 2, p_first), p_most);
  UPDATE sms_breaker b SET class = p_class, code = p_code, late = p_late, refused = '{}', trips = k.trips + 1, accepted_at = NULL,
         opened_at = COALESCE(k.opened_at, clock_timestamp()), refused_at = clock_timestamp(),
         retry_after = k.retry_after, retry_at = clock_timestamp() + k.retry_after
   WHERE b.org_id = p_org;
  IF k.opened_at IS NULL THEN
    INSERT INTO audit_log (org_id, actor, action, detail)
    VALUES (p_org, 'holdfast', 'sms.paused', jsonb_build_object('class', p_class, 'code', p_code));
  END IF;
END $$;

-- sms_resume closes the breaker, and what waits for it gets in line; an operator's pause only if p_operator says so. Who
-- is parking a text at this moment holds the row in share, so that none is overlooked; a task that somebody works on
-- has not been parked yet, and is not waited for.
CREATE FUNCTION sms_resume(p_org uuid, p_actor text, p_detail jsonb, p_operator boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE k sms_breaker;
BEGIN
  DELETE FROM sms_breaker b WHERE b.org_id = p_org AND (p_operator OR b.class <> 'operator') RETURNING * INTO k;
  IF k.opened_at IS NULL THEN RETURN false; END IF;
  INSERT INTO audit_log (org_id, actor, action, detail) VALUES (p_org, p_actor, 'sms.resumed', p_detail);
  WITH parked AS MATERIALIZED (
    SELECT t.id FROM task t WHERE t.org_id = p_org AND t.state = 'pending' AND t.last_error = 'sms-parked' FOR UPDATE SKIP LOCKED)
  UPDATE task t SET epoch = t.epoch + 1, run_at = clock_timestamp(), check_at = 'infinity'
    FROM parked WHERE t.org_id = p_org AND t.id = parked.id;
  RETURN true;
END $$;

-- sms_pace_take sends a text now (zero) or tells how long it waits for its place. A text may go up to p_ahead before
-- the pool has caught up with what was sent; codes may run further ahead than others, so they go first.
CREATE FUNCTION sms_pace_take(p_org uuid, p_pool text, p_every interval, p_ahead interval, p_code boolean) RETURNS interval
LANGUAGE plpgsql VOLATILE AS $$
DECLARE p sms_pace; t timestamptz; place timestamptz;
BEGIN
  INSERT INTO sms_pace (org_id, pool) VALUES (p_org, p_pool) ON CONFLICT DO NOTHING;
  SELECT * INTO p FROM sms_pace x WHERE x.org_id = p_org AND x.pool = p_pool FOR UPDATE;
  t := clock_timestamp();
  p.busy_until := GREATEST(p.busy_until, t);
  IF p.busy_until - t <= p_ahead THEN
    UPDATE sms_pace x SET busy_until = p.busy_until + p_every WHERE x.org_id = p_org AND x.pool = p_pool;
    RETURN '0';
  END IF;
  place := GREATEST(CASE WHEN p_code THEN p.last_code ELSE p.last_place END + p_every, p.busy_until - p_ahead);
  UPDATE sms_pace x SET last_code = CASE WHEN p_code THEN place ELSE x.last_code END,
         last_place = CASE WHEN p_code THEN x.last_place ELSE place END WHERE x.org_id = p_org AND x.pool = p_pool;
  RETURN place - t;
END $$;

-- message_counts tells whether a text counts against a limit: it went out, or may yet, or may have.
CREATE FUNCTION message_counts(m message) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT m.state <> 'canceled' AND NOT (m.state = 'failed' AND m.provider_sid IS NULL AND m.error_class IS DISTINCT FROM 'unknown')
$$;

-- code_ratio_wait is how long a prefix gets no code since too few of its numbers have answered theirs; null or nothing when it
-- gets one. Numbers are judged, not texts: who asks three times counts once. One has had its chance when it got a text ten
-- minutes ago, as long as a code lives, and is answered for by a booking that its owner has confirmed. While too few are, the
-- prefix still gets one text an hour, so that it can prove to be better; and who has ever confirmed a booking is no fraud's
-- invention and gets his. Of a prefix with a lot of texts the newest are judged.
CREATE FUNCTION code_ratio_wait(p_org uuid, p_phone bytea, p_prefix bytea, t timestamptz, p_percent int, p_enough int) RETURNS interval
LANGUAGE plpgsql STABLE AS $$
DECLARE last timestamptz; judged bigint; good bigint;
BEGIN
  last := (SELECT m.created_at FROM message m
     WHERE m.org_id = p_org AND m.prefix_hash = p_prefix AND m.created_at > t - interval '1 hour' AND message_counts(m)
     ORDER BY m.created_at DESC LIMIT 1);
  IF last IS NULL THEN RETURN NULL; END IF;
  SELECT count(*), count(*) FILTER (WHERE n.good) INTO judged, good FROM (
    SELECT y.due, EXISTS (SELECT FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
             WHERE c.org_id = p_org AND c.phone_hash = y.to_hash AND b.confirmed_at > t - interval '1 day') AS good
      FROM (SELECT x.to_hash, min(x.created_at) <= t - interval '10 min' AS due FROM (
              SELECT m.to_hash, m.created_at FROM message m
               WHERE m.org_id = p_org AND m.prefix_hash = p_prefix AND m.created_at > t - interval '1 day' AND message_counts(m)
               ORDER BY m.created_at DESC LIMIT p_enough::bigint * 10) x
             GROUP BY x.to_hash) y) n
   WHERE n.good OR n.due;
  IF judged < p_enough OR good * 100 >= judged * p_percent OR EXISTS (
    SELECT FROM customer c JOIN booking b ON b.org_id = c.org_id AND b.customer_id = c.id
     WHERE c.org_id = p_org AND c.phone_hash = p_phone AND b.confirmed_at IS NOT NULL)
  THEN RETURN NULL; END IF;
  RETURN last + interval '1 hour' - t;
END $$;

-- code_limit names the limit that keeps a code from being texted to a number, and for how long; limited is null when none
-- does. p_limits are the defaults of what the org has not set, as its settings have them: {"phone": {"per_day": 10}}, and so
-- on; 0 is no limit. What counts is texts that went out or may yet: not those that were canceled or surely never sent. It
-- changes nothing and takes no lock: see code_turn. counted tells whether the org limits prefixes.
CREATE FUNCTION code_limit(p_org uuid, p_phone bytea, p_prefix bytea, p_limits jsonb, OUT limited text, OUT wait interval, OUT counted boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t timestamptz := clock_timestamp();
  soon int; day int; hour int; percent int; enough int;
  sent timestamptz[];
BEGIN
  SELECT COALESCE(own #> '{phone,per_10_minutes}', p_limits #> '{phone,per_10_minutes}')::int, COALESCE(own #> '{phone,per_day}', p_limits #> '{phone,per_day}')::int,
         COALESCE(own #> '{prefix,per_hour}', p_limits #> '{prefix,per_hour}')::int,
         COALESCE(own #> '{ratio,confirmed_percent}', p_limits #> '{ratio,confirmed_percent}')::int, COALESCE(own #> '{ratio,after_texts}', p_limits #> '{ratio,after_texts}')::int
    INTO soon, day, hour, percent, enough
    FROM (SELECT (SELECT s.doc -> 'limits' FROM settings s WHERE s.org_id = p_org) AS own) o;
  counted := COALESCE(hour > 0 OR percent > 0, false);
  IF soon > 0 OR day > 0 THEN
    sent := ARRAY(SELECT m.created_at FROM message m
       WHERE m.org_id = p_org AND m.to_hash = p_phone AND m.created_at > t - interval '1 day' AND m.prefix_hash IS NOT NULL
         AND message_counts(m) ORDER BY m.created_at DESC LIMIT GREATEST(soon, day));
    -- sent[n], the newest but n - 1, is the one whose end makes room; there is none when there is room.
    IF day > 0 AND sent[day] IS NOT NULL THEN
      limited := 'phone_day'; wait := sent[day] + interval '1 day' - t;
    END IF;
    IF soon > 0 AND sent[soon] + interval '10 min' - t > COALESCE(wait, '0') THEN
      limited := 'phone_10_minutes'; wait := sent[soon] + interval '10 min' - t;
    END IF;
    IF limited IS NOT NULL THEN RETURN; END IF;
  END IF;
  IF hour > 0 THEN
    wait := (SELECT m.created_at FROM message m
       WHERE m.org_id = p_org AND m.prefix_hash = p_prefix AND m.created_at > t - interval '1 hour' AND message_counts(m)
       ORDER BY m.created_at DESC OFFSET hour - 1 LIMIT 1) + interval '1 hour' - t;
    IF wait IS NOT NULL THEN limited := 'prefix'; RETURN; END IF;
  END IF;
  IF percent > 0 THEN
    wait := code_ratio_wait(p_org, p_phone, p_prefix, t, percent, enough);
    IF wait > '0' THEN limited := 'ratio'; ELSE wait := NULL; END IF;
  END IF;
END $$;

-- code_turn puts a transaction that may text a code in line with others to numbers of its prefix, so that each counts the text
-- of the one before: it then looks at code_limit by a statement of its own, which sees what was committed meanwhile. A prefix
-- without limits has no line, nor has one that is full: who is refused need not wait for it. The lock comes after that of the
-- number's claims and before any resource.
CREATE FUNCTION code_turn(p_org uuid, p_phone bytea, p_prefix bytea, p_limits jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM FROM code_limit(p_org, p_phone, p_prefix, p_limits) l
    WHERE l.counted AND (l.limited IS NULL OR l.wait < interval '1 min'); -- it may end before the look that counts
  IF FOUND THEN PERFORM pg_advisory_xact_lock(hashtextextended(p_org::text || encode(p_prefix, 'hex'), 3)); END IF;
END $$;

-- sms_breakers_open counts the orgs whose texts wait, for /metrics.
CREATE FUNCTION sms_breakers_open() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT count(*) FROM sms_breaker b WHERE b.opened_at IS NOT NULL
$$;

-- orgs_due lists the orgs for which a sweep has something to do; of a huge backlog, those that have waited longest.
-- The order is that of the index on what is due: without it DISTINCT would walk the primary key, which begins with the org.
-- p_after is how long after a hold's end its follow-up is due.
CREATE FUNCTION orgs_due(p_sweep text, p_after interval) RETURNS TABLE (org_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT DISTINCT d.org_id FROM (
    SELECT h.org_id FROM hold h
     WHERE p_sweep = 'holds:expire' AND h.live AND h.expires_at <= (SELECT clock_timestamp())
     ORDER BY h.expires_at LIMIT 100000) d
  UNION
  SELECT DISTINCT d.org_id FROM (
    SELECT b.org_id FROM booking b
     WHERE p_sweep = 'bookings:complete' AND b.state = 'confirmed' AND b.ends_at <= (SELECT clock_timestamp())
     ORDER BY b.ends_at LIMIT 100000) d
  UNION
  SELECT DISTINCT d.org_id FROM (
    SELECT m.org_id FROM message m
     WHERE p_sweep = 'messages:scan' AND m.poll_at <= (SELECT clock_timestamp())
     ORDER BY m.poll_at LIMIT 100000) d
  UNION
  SELECT DISTINCT d.org_id FROM (
    SELECT b.org_id FROM booking b
     WHERE p_sweep = 'followups:scan' AND b.followup_from <= (SELECT clock_timestamp()) - p_after
     ORDER BY b.followup_from LIMIT 100000) d
  UNION
  SELECT DISTINCT d.org_id FROM (
    SELECT b.org_id FROM booking b
     WHERE p_sweep = 'reminders:scan' AND b.reminder_at <= (SELECT clock_timestamp())
     ORDER BY b.reminder_at LIMIT 100000) d
  UNION
  SELECT DISTINCT d.org_id FROM (
    SELECT u.org_id FROM audit_unsealed u WHERE p_sweep = 'audit:seal' LIMIT 100000) d
$$;
-- +goose StatementEnd
SELECT dispatch_owns('sms_breakers_open()');
SELECT dispatch_owns('orgs_due(text, interval)');
