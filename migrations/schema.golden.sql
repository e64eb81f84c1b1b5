-- Generated from the migrations by `go test ./store -run TestSchema -update`.

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

CREATE FUNCTION public.api_key_find(p_prefix text) RETURNS TABLE(org_id uuid, id uuid, hash bytea, scopes text[], dead boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT k.org_id, k.id, k.hash, k.scopes, LEAST(k.expires_at, k.revoked_at) <= clock_timestamp() IS TRUE
    FROM api_key k WHERE k.prefix = p_prefix
$$;
ALTER FUNCTION public.api_key_find(p_prefix text) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.audit_log_stays() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
ALTER FUNCTION public.audit_log_stays() OWNER TO holdfast_owner;

CREATE FUNCTION public.audit_log_unsealed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO audit_unsealed (org_id, audit_id) VALUES (NEW.org_id, NEW.id);
  RETURN NULL;
END $$;
ALTER FUNCTION public.audit_log_unsealed() OWNER TO holdfast_owner;

CREATE FUNCTION public.audit_unsealed_since() RETURNS TABLE(since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT min(u.at) FROM audit_unsealed u
$$;
ALTER FUNCTION public.audit_unsealed_since() OWNER TO holdfast_dispatch;

CREATE FUNCTION public.block_take(p_org uuid, p_resource uuid, p_block uuid, p_from timestamp with time zone, p_to timestamp with time zone) RETURNS TABLE(booking_id uuid, block_id uuid)
    LANGUAGE plpgsql
    AS $$
DECLARE lapsed uuid[]; wanted int; got int;
BEGIN
  PERFORM resource_lock(p_org, p_resource, p_from, p_to);
  SELECT array_agg(x.id) INTO lapsed FROM (
    SELECT b.id FROM booking b
     WHERE b.org_id = p_org AND b.id IN (
             SELECT h.booking_id FROM hold_in_way(p_org, p_resource, p_from, p_to) h
              WHERE h.expires_at <= clock_timestamp())
     ORDER BY b.id FOR NO KEY UPDATE) x;
  IF lapsed IS NOT NULL THEN PERFORM bookings_expire(p_org, lapsed); END IF;
  RETURN QUERY
    SELECT DISTINCT h.booking_id, h.block_id FROM hold_in_way(p_org, p_resource, p_from, p_to) h;
  IF FOUND THEN RETURN; END IF;
  SELECT r.seats * count(*) INTO wanted FROM resource r, generate_series(p_from, p_to - interval '1 us', interval '24 hours') c
   WHERE r.org_id = p_org AND r.id = p_resource GROUP BY r.seats;
  INSERT INTO hold (org_id, resource_id, seat, block_id, starts_at, ends_at)
  SELECT p_org, p_resource, g, p_block, c, LEAST(c + interval '24 hours', p_to)
    FROM resource r, generate_series(0, r.seats - 1) g, generate_series(p_from, p_to - interval '1 us', interval '24 hours') c
   WHERE r.org_id = p_org AND r.id = p_resource
  ON CONFLICT ON CONSTRAINT hold_no_overlap DO NOTHING;
  GET DIAGNOSTICS got = ROW_COUNT;
  IF got < wanted THEN
    RAISE EXCEPTION 'block: a seat was taken meanwhile' USING ERRCODE = 'serialization_failure';
  END IF;
END $$;
ALTER FUNCTION public.block_take(p_org uuid, p_resource uuid, p_block uuid, p_from timestamp with time zone, p_to timestamp with time zone) OWNER TO holdfast_owner;

CREATE FUNCTION public.booking_remind() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  NEW.reminder_at := CASE WHEN NEW.state = 'confirmed' THEN reminder_next(NEW.org_id, NEW.starts_at, clock_timestamp()) END;
  RETURN NEW;
END $$;
ALTER FUNCTION public.booking_remind() OWNER TO holdfast_owner;

CREATE FUNCTION public.bookings_expire(p_org uuid, p_bookings uuid[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE lapsed uuid[];
BEGIN
  WITH ended AS (
    UPDATE hold h SET live = false
     WHERE h.owner_id = ANY (p_bookings) AND h.live AND h.expires_at <= clock_timestamp()
    RETURNING h.booking_id)
  SELECT array_agg(booking_id) INTO lapsed FROM ended;
  WITH expired AS (
    UPDATE booking b SET state = 'expired',
           followup_from = CASE WHEN EXISTS (SELECT FROM message m WHERE m.booking_id = b.id AND m.kind = 'code'
                                                AND m.state IN ('accepted', 'sent', 'delivered')) THEN clock_timestamp() END
     WHERE b.id = ANY (lapsed) AND b.state = 'held'
    RETURNING b.id),
  stayed AS (
    UPDATE move m SET state = 'expired'
     WHERE m.booking_id = ANY (lapsed) AND m.state = 'pending'
    RETURNING m.booking_id)
  INSERT INTO booking_event (org_id, booking_id, kind)
  SELECT p_org, e.id, 'expired' FROM expired e UNION ALL SELECT p_org, s.booking_id, 'move_expired' FROM stayed s;
  RETURN COALESCE(cardinality(lapsed), 0);
END $$;
ALTER FUNCTION public.bookings_expire(p_org uuid, p_bookings uuid[]) OWNER TO holdfast_owner;

CREATE FUNCTION public.code_limit(p_org uuid, p_phone bytea, p_prefix bytea, p_limits jsonb, OUT limited text, OUT wait interval, OUT counted boolean) RETURNS record
    LANGUAGE plpgsql
    AS $$
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
ALTER FUNCTION public.code_limit(p_org uuid, p_phone bytea, p_prefix bytea, p_limits jsonb, OUT limited text, OUT wait interval, OUT counted boolean) OWNER TO holdfast_owner;

CREATE FUNCTION public.code_ratio_wait(p_org uuid, p_phone bytea, p_prefix bytea, t timestamp with time zone, p_percent integer, p_enough integer) RETURNS interval
    LANGUAGE plpgsql STABLE
    AS $$
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
ALTER FUNCTION public.code_ratio_wait(p_org uuid, p_phone bytea, p_prefix bytea, t timestamp with time zone, p_percent integer, p_enough integer) OWNER TO holdfast_owner;

CREATE FUNCTION public.code_turn(p_org uuid, p_phone bytea, p_prefix bytea, p_limits jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM FROM code_limit(p_org, p_phone, p_prefix, p_limits) l
    WHERE l.counted AND (l.limited IS NULL OR l.wait < interval '1 min'); -- it may end before the look that counts
  IF FOUND THEN PERFORM pg_advisory_xact_lock(hashtextextended(p_org::text || encode(p_prefix, 'hex'), 3)); END IF;
END $$;
ALTER FUNCTION public.code_turn(p_org uuid, p_phone bytea, p_prefix bytea, p_limits jsonb) OWNER TO holdfast_owner;

CREATE FUNCTION public.dispatch_may(t regclass, granted text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
  EXECUTE format('CREATE POLICY dispatch_all ON %s TO holdfast_dispatch USING (true) WITH CHECK (true)', t);
  EXECUTE format('GRANT %s ON %s TO holdfast_dispatch', granted, t);
END $$;
ALTER FUNCTION public.dispatch_may(t regclass, granted text) OWNER TO holdfast_owner;

CREATE FUNCTION public.dispatch_owns(f regprocedure) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
BEGIN
  EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO holdfast_app', f);
  EXECUTE format('ALTER FUNCTION %s OWNER TO holdfast_dispatch', f);
END $$;
ALTER FUNCTION public.dispatch_owns(f regprocedure) OWNER TO holdfast_owner;

CREATE FUNCTION public.endpoint_tell(p_org uuid, p_event text) RETURNS uuid
    LANGUAGE plpgsql
    AS $$
DECLARE due timestamptz; told uuid;
BEGIN
  PERFORM FROM settings s
    WHERE s.org_id = p_org AND s.doc #>> '{endpoint,url}' <> '' AND s.endpoint_disabled_at IS NULL
      AND COALESCE(s.doc #> '{endpoint,events}' ? p_event, true);
  IF NOT FOUND THEN RETURN NULL; END IF;
  told := uuid_v7();
  due := clock_timestamp();
  INSERT INTO task (org_id, id, type, queue, payload, run_at, check_at, give_up_at)
  VALUES (p_org, told, 'webhook:deliver', 'default', jsonb_build_object('event', told), due, due, due + interval '10 days');
  RETURN told;
END $$;
ALTER FUNCTION public.endpoint_tell(p_org uuid, p_event text) OWNER TO holdfast_owner;

CREATE FUNCTION public.event_told() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  NEW.told_as := endpoint_tell(NEW.org_id, 'booking.' || NEW.kind);
  RETURN NEW;
END $$;
ALTER FUNCTION public.event_told() OWNER TO holdfast_owner;

CREATE FUNCTION public.hold_free(p_org uuid, p_resource uuid, p_owner uuid, p_from timestamp with time zone, p_to timestamp with time zone) RETURNS SETOF integer
    LANGUAGE plpgsql
    AS $$
BEGIN
  RETURN QUERY
    SELECT s FROM resource r, generate_series(0, r.seats - 1) s
     WHERE r.org_id = p_org AND r.id = p_resource AND r.active
       AND s NOT IN (SELECT h.seat FROM hold_in_way(p_org, p_resource, p_from, p_to) h
                      WHERE h.owner_id <> p_owner AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp()))
     ORDER BY s;
END $$;
ALTER FUNCTION public.hold_free(p_org uuid, p_resource uuid, p_owner uuid, p_from timestamp with time zone, p_to timestamp with time zone) OWNER TO holdfast_owner;

CREATE TABLE public.hold (
    org_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    resource_id uuid NOT NULL,
    seat integer NOT NULL,
    booking_id uuid,
    block_id uuid,
    owner_id uuid GENERATED ALWAYS AS (COALESCE(booking_id, block_id)) STORED NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    lane uuid GENERATED ALWAYS AS ((md5((((org_id)::text || (resource_id)::text) || seat)))::uuid) STORED NOT NULL,
    during tstzrange GENERATED ALWAYS AS (tstzrange(starts_at, ends_at)) STORED NOT NULL,
    live boolean DEFAULT true NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT hold_check CHECK ((num_nonnulls(booking_id, block_id) = 1)),
    CONSTRAINT hold_check1 CHECK (((starts_at < ends_at) AND ((ends_at - starts_at) <= '72:00:00'::interval)))
);

ALTER TABLE ONLY public.hold FORCE ROW LEVEL SECURITY;
ALTER TABLE public.hold OWNER TO holdfast_owner;

CREATE FUNCTION public.hold_in_way(p_org uuid, p_resource uuid, p_from timestamp with time zone, p_to timestamp with time zone) RETURNS SETOF public.hold
    LANGUAGE sql STABLE
    AS $$
  SELECT * FROM hold h
   WHERE h.org_id = p_org AND h.resource_id = p_resource AND h.live
     AND h.starts_at < p_to AND h.starts_at > p_from - interval '72 hours' AND h.ends_at > p_from
$$;
ALTER FUNCTION public.hold_in_way(p_org uuid, p_resource uuid, p_from timestamp with time zone, p_to timestamp with time zone) OWNER TO holdfast_owner;

CREATE FUNCTION public.hold_take(p_org uuid, p_resource uuid, p_booking uuid, p_from timestamp with time zone, p_to timestamp with time zone, p_ttl interval) RETURNS TABLE(seat integer, expires_at timestamp with time zone)
    LANGUAGE plpgsql
    AS $$
DECLARE s int; lapsed uuid[];
BEGIN
  PERFORM FROM hold_free(p_org, p_resource, p_booking, p_from, p_to) LIMIT 1;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM resource_lock(p_org, p_resource, p_from, p_to);
  SELECT array_agg(x.id) INTO lapsed FROM (
    SELECT b.id FROM booking b
     WHERE b.org_id = p_org AND b.id IN (
             SELECT h.booking_id FROM hold_in_way(p_org, p_resource, p_from, p_to) h
              WHERE h.expires_at <= clock_timestamp())
     ORDER BY b.id FOR NO KEY UPDATE) x;
  IF lapsed IS NOT NULL THEN PERFORM bookings_expire(p_org, lapsed); END IF;
  FOR s IN SELECT * FROM hold_free(p_org, p_resource, p_booking, p_from, p_to) LOOP
    RETURN QUERY
      INSERT INTO hold AS n (org_id, resource_id, seat, booking_id, starts_at, ends_at, expires_at)
      VALUES (p_org, p_resource, s, p_booking, p_from, p_to, clock_timestamp() + p_ttl)
      ON CONFLICT ON CONSTRAINT hold_no_overlap DO NOTHING
      RETURNING n.seat, n.expires_at;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
END $$;
ALTER FUNCTION public.hold_take(p_org uuid, p_resource uuid, p_booking uuid, p_from timestamp with time zone, p_to timestamp with time zone, p_ttl interval) OWNER TO holdfast_owner;

CREATE FUNCTION public.isolate(t regclass, org_column name DEFAULT 'org_id'::name) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
DECLARE mine text := format('%I = (SELECT NULLIF(current_setting(''app.org_id'', true), '''')::uuid)', org_column);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
  EXECUTE format('CREATE POLICY org_only ON %s TO holdfast_app USING (%s) WITH CHECK (%s)', t, mine, mine);
  EXECUTE format('CREATE POLICY owner_all ON %s TO holdfast_owner USING (true) WITH CHECK (true)', t);
  EXECUTE format('CREATE POLICY audit_read ON %s FOR SELECT TO holdfast_audit USING (true)', t);
  EXECUTE format('GRANT SELECT ON %s TO holdfast_audit', t);
END $$;
ALTER FUNCTION public.isolate(t regclass, org_column name) OWNER TO holdfast_owner;

CREATE TABLE public.message (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    occasion text,
    booking_id uuid,
    verification_id uuid,
    to_hash bytea,
    to_sealed bytea,
    prefix_hash bytea,
    state text DEFAULT 'queued'::text NOT NULL,
    sends integer DEFAULT 0 NOT NULL,
    body_hash bytea,
    segments integer,
    provider_sid text,
    error_class text,
    error_code integer,
    polls integer DEFAULT 0 NOT NULL,
    poll_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    claimed_at timestamp with time zone,
    accepted_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    erased_for uuid,
    redacted text,
    CONSTRAINT message_check CHECK (((erased_for IS NOT NULL) OR (to_hash IS NOT NULL))),
    CONSTRAINT message_redacted_check CHECK ((redacted = ANY (ARRAY['pending'::text, 'done'::text, 'absent'::text, 'failed'::text]))),
    CONSTRAINT message_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sending'::text, 'unknown'::text, 'accepted'::text, 'sent'::text, 'delivered'::text, 'undelivered'::text, 'failed'::text, 'canceled'::text])))
);

ALTER TABLE ONLY public.message FORCE ROW LEVEL SECURITY;
ALTER TABLE public.message OWNER TO holdfast_owner;

CREATE FUNCTION public.message_counts(m public.message) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT m.state <> 'canceled' AND NOT (m.state = 'failed' AND m.provider_sid IS NULL AND m.error_class IS DISTINCT FROM 'unknown')
$$;
ALTER FUNCTION public.message_counts(m public.message) OWNER TO holdfast_owner;

CREATE FUNCTION public.orgs_due(p_sweep text, p_after interval) RETURNS TABLE(org_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
ALTER FUNCTION public.orgs_due(p_sweep text, p_after interval) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.reminder_next(p_org uuid, p_starts timestamp with time zone, p_after timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
  RETURN (SELECT min(p_starts - m::int * interval '1 min')
            FROM jsonb_array_elements_text(COALESCE(
                   (SELECT s.doc #> '{reminders,minutes_before}' FROM settings s WHERE s.org_id = p_org), '[1440, 120]')) m
           WHERE p_starts - m::int * interval '1 min' > p_after);
END $$;
ALTER FUNCTION public.reminder_next(p_org uuid, p_starts timestamp with time zone, p_after timestamp with time zone) OWNER TO holdfast_owner;

CREATE FUNCTION public.requests_done(p_orgs uuid[], p_ids uuid[]) RETURNS TABLE(id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT r.id FROM request r JOIN unnest(p_orgs, p_ids) AS w(org_id, id) ON r.org_id = w.org_id AND r.id = w.id
   WHERE r.done_at IS NOT NULL
$$;
ALTER FUNCTION public.requests_done(p_orgs uuid[], p_ids uuid[]) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.resource_lock(p_org uuid, p_resource uuid, p_from timestamp with time zone, p_to timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE d bigint;
BEGIN
  FOR d IN floor(extract(epoch FROM p_from) / 86400) .. floor(extract(epoch FROM p_to - interval '1 us') / 86400) LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(p_org::text || p_resource::text || d, 0));
  END LOOP;
END $$;
ALTER FUNCTION public.resource_lock(p_org uuid, p_resource uuid, p_from timestamp with time zone, p_to timestamp with time zone) OWNER TO holdfast_owner;

CREATE FUNCTION public.sms_breakers_open() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT count(*) FROM sms_breaker b WHERE b.opened_at IS NOT NULL
$$;
ALTER FUNCTION public.sms_breakers_open() OWNER TO holdfast_dispatch;

CREATE FUNCTION public.sms_pace_take(p_org uuid, p_pool text, p_every interval, p_ahead interval, p_code boolean) RETURNS interval
    LANGUAGE plpgsql
    AS $$
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
ALTER FUNCTION public.sms_pace_take(p_org uuid, p_pool text, p_every interval, p_ahead interval, p_code boolean) OWNER TO holdfast_owner;

CREATE FUNCTION public.sms_resume(p_org uuid, p_actor text, p_detail jsonb, p_operator boolean) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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
ALTER FUNCTION public.sms_resume(p_org uuid, p_actor text, p_detail jsonb, p_operator boolean) OWNER TO holdfast_owner;

CREATE FUNCTION public.sms_trip(p_org uuid, p_message uuid, p_class text, p_code integer, p_stops integer, p_late boolean, p_first interval, p_most interval) RETURNS void
    LANGUAGE plpgsql
    AS $$
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
ALTER FUNCTION public.sms_trip(p_org uuid, p_message uuid, p_class text, p_code integer, p_stops integer, p_late boolean, p_first interval, p_most interval) OWNER TO holdfast_owner;

CREATE FUNCTION public.task_bump(p_orgs uuid[], p_ids uuid[], p_epochs integer[], p_crashed boolean) RETURNS TABLE(org_id uuid, id uuid, type text, queue text, epoch integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  WITH free AS MATERIALIZED (
    SELECT b.org_id, b.id FROM unnest(p_orgs, p_ids, p_epochs) AS w(org_id, id, epoch)
      JOIN task b ON b.org_id = w.org_id AND b.id = w.id
     WHERE b.state = 'pending' AND b.epoch = w.epoch FOR UPDATE OF b SKIP LOCKED)
  UPDATE task t
     SET epoch = t.epoch + 1, crashes = t.crashes + p_crashed::int, check_at = clock_timestamp() + interval '2 s'
    FROM free WHERE t.org_id = free.org_id AND t.id = free.id
  RETURNING t.org_id, t.id, t.type, t.queue, t.epoch
$$;
ALTER FUNCTION public.task_bump(p_orgs uuid[], p_ids uuid[], p_epochs integer[], p_crashed boolean) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_crowd(p_least integer) RETURNS TABLE(org_id uuid, queue text, n bigint)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT t.org_id, t.queue, count(*) FROM task t
   WHERE t.state = 'pending' AND t.check_at <= (SELECT clock_timestamp() + interval '31 s') AND t.run_at <= (SELECT clock_timestamp())
   GROUP BY 1, 2 HAVING count(*) >= p_least
$$;
ALTER FUNCTION public.task_crowd(p_least integer) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_dead_newest(p_limit integer) RETURNS TABLE(org_id uuid, id uuid, type text, queue text, epoch integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT t.org_id, t.id, t.type, t.queue, t.epoch FROM task t WHERE t.state = 'dead' ORDER BY t.finished_at DESC LIMIT p_limit
$$;
ALTER FUNCTION public.task_dead_newest(p_limit integer) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_due(p_limit integer) RETURNS TABLE(org_id uuid, id uuid, type text, queue text, epoch integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  WITH due AS MATERIALIZED (
    SELECT d.org_id, d.id FROM task d
     WHERE d.state = 'pending' AND d.check_at <= (SELECT clock_timestamp())
     ORDER BY d.check_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  UPDATE task t
     SET check_at = clock_timestamp() + LEAST(interval '30 s', GREATEST(interval '2 s', clock_timestamp() - t.run_at))
    FROM due WHERE t.org_id = due.org_id AND t.id = due.id
  RETURNING t.org_id, t.id, t.type, t.queue, t.epoch
$$;
ALTER FUNCTION public.task_due(p_limit integer) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_feed(p_most integer) RETURNS TABLE(org_id uuid, id uuid, type text, queue text, epoch integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_sort TO 'off'
    AS $$
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
ALTER FUNCTION public.task_feed(p_most integer) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_line_up(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  WITH free AS MATERIALIZED (
    SELECT b.org_id, b.id FROM unnest(p_orgs, p_ids, p_epochs) AS w(org_id, id, epoch)
      JOIN task b ON b.org_id = w.org_id AND b.id = w.id
     WHERE b.state = 'pending' AND b.epoch = w.epoch FOR UPDATE OF b SKIP LOCKED),
  lined AS (
    UPDATE task t SET epoch = t.epoch + 1, check_at = 'infinity' FROM free WHERE t.org_id = free.org_id AND t.id = free.id
    RETURNING 1)
  SELECT count(*) FROM lined
$$;
ALTER FUNCTION public.task_line_up(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_lines() RETURNS TABLE(org_id uuid, queue text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_sort TO 'off'
    AS $$
  WITH RECURSIVE walk AS (
    (SELECT t.queue, t.org_id FROM task t WHERE t.state = 'pending' AND t.check_at = 'infinity' ORDER BY 1, 2 LIMIT 1)
    UNION ALL
    SELECT n.queue, n.org_id FROM walk w CROSS JOIN LATERAL (
      SELECT t.queue, t.org_id FROM task t
       WHERE t.state = 'pending' AND t.check_at = 'infinity' AND (t.queue, t.org_id) > (w.queue, w.org_id) ORDER BY 1, 2 LIMIT 1) n)
  SELECT w.org_id, w.queue FROM walk w
$$;
ALTER FUNCTION public.task_lines() OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_orphans(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) RETURNS TABLE(org_id uuid, id uuid, epoch integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT t.org_id, t.id, t.epoch
    FROM task t JOIN unnest(p_orgs, p_ids, p_epochs) AS w(org_id, id, epoch)
      ON t.org_id = w.org_id AND t.id = w.id
   WHERE t.state = 'pending' AND t.epoch = w.epoch
     AND NOT (t.claimed_by IS NOT NULL AND t.claim_until > clock_timestamp() AND worker_lives(t.claimed_by))
     AND NOT EXISTS (SELECT FROM worker k WHERE k.seen_at > clock_timestamp() - interval '3 s' AND t.id = ANY (k.in_flight))
     FOR UPDATE OF t SKIP LOCKED
$$;
ALTER FUNCTION public.task_orphans(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_recheck() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  WITH due AS MATERIALIZED (
    SELECT r.org_id, r.id FROM task r
     WHERE r.state = 'pending' AND r.check_at > clock_timestamp() AND r.check_at < 'infinity'
       AND r.run_at <= clock_timestamp() + interval '1 min' FOR UPDATE SKIP LOCKED),
  moved AS (
    UPDATE task t SET check_at = clock_timestamp() FROM due WHERE t.org_id = due.org_id AND t.id = due.id
    RETURNING 1)
  SELECT count(*) FROM moved
$$;
ALTER FUNCTION public.task_recheck() OWNER TO holdfast_dispatch;

CREATE FUNCTION public.task_stats() RETURNS TABLE(type text, state text, n bigint, oldest_due timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT t.type, t.state, count(*), min(t.run_at) FROM task t WHERE t.state IN ('pending', 'dead') GROUP BY 1, 2
$$;
ALTER FUNCTION public.task_stats() OWNER TO holdfast_dispatch;

CREATE FUNCTION public.uuid_v7() RETURNS uuid
    LANGUAGE plpgsql
    AS $$
BEGIN
  RETURN lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
      || '7' || right(replace(gen_random_uuid()::text, '-', ''), 19);
END $$;
ALTER FUNCTION public.uuid_v7() OWNER TO holdfast_owner;

CREATE FUNCTION public.worker_lives(p_worker uuid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
  SELECT EXISTS (SELECT FROM worker w WHERE w.id = p_worker AND w.seen_at > clock_timestamp() - interval '3 s')
$$;
ALTER FUNCTION public.worker_lives(p_worker uuid) OWNER TO holdfast_owner;

CREATE TABLE public.api_key (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL,
    label text DEFAULT ''::text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_key_scopes_check CHECK (((scopes <> '{}'::text[]) AND (scopes <@ ARRAY['bookings:write'::text, 'bookings:read'::text, 'transcripts:write'::text, 'settings'::text, 'admin'::text])))
);

ALTER TABLE ONLY public.api_key FORCE ROW LEVEL SECURITY;
ALTER TABLE public.api_key OWNER TO holdfast_owner;

CREATE TABLE public.audit_chain (
    org_id uuid NOT NULL,
    seq bigint NOT NULL,
    audit_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_chain_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_chain_seq_check CHECK ((seq > 0))
);

ALTER TABLE ONLY public.audit_chain FORCE ROW LEVEL SECURITY;
ALTER TABLE public.audit_chain OWNER TO holdfast_owner;

CREATE TABLE public.audit_log (
    org_id uuid NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    request text DEFAULT ''::text NOT NULL,
    CONSTRAINT audit_log_action_check CHECK ((action <> ''::text)),
    CONSTRAINT audit_log_actor_check CHECK ((actor <> ''::text))
);

ALTER TABLE ONLY public.audit_log FORCE ROW LEVEL SECURITY;
ALTER TABLE public.audit_log OWNER TO holdfast_owner;
ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_unsealed (
    org_id uuid NOT NULL,
    audit_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.audit_unsealed FORCE ROW LEVEL SECURITY;
ALTER TABLE public.audit_unsealed OWNER TO holdfast_owner;

CREATE TABLE public.block (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    resource_id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    reason_sealed bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT block_check CHECK ((starts_at < ends_at))
);

ALTER TABLE ONLY public.block FORCE ROW LEVEL SECURITY;
ALTER TABLE public.block OWNER TO holdfast_owner;

CREATE TABLE public.booking (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    resource_id uuid NOT NULL,
    service_id uuid,
    customer_id uuid NOT NULL,
    state text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    buffer_before integer DEFAULT 0 NOT NULL,
    buffer_after integer DEFAULT 0 NOT NULL,
    hold_expires_at timestamp with time zone NOT NULL,
    code_attempts integer DEFAULT 0 NOT NULL,
    notes_sealed bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    confirmed_at timestamp with time zone,
    canceled_at timestamp with time zone,
    followup_from timestamp with time zone,
    reminder_at timestamp with time zone,
    request_id uuid,
    CONSTRAINT booking_check CHECK ((starts_at < ends_at)),
    CONSTRAINT booking_check1 CHECK (((state <> ALL (ARRAY['confirmed'::text, 'completed'::text, 'no_show'::text])) OR (confirmed_at IS NOT NULL))),
    CONSTRAINT booking_state_check CHECK ((state = ANY (ARRAY['held'::text, 'confirmed'::text, 'expired'::text, 'canceled'::text, 'completed'::text, 'no_show'::text])))
);

ALTER TABLE ONLY public.booking FORCE ROW LEVEL SECURITY;
ALTER TABLE public.booking OWNER TO holdfast_owner;

CREATE TABLE public.booking_event (
    org_id uuid NOT NULL,
    id bigint NOT NULL,
    booking_id uuid NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    told_as uuid
);

ALTER TABLE ONLY public.booking_event FORCE ROW LEVEL SECURITY;
ALTER TABLE public.booking_event OWNER TO holdfast_owner;
ALTER TABLE public.booking_event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.booking_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.customer (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    phone_hash bytea,
    phone_sealed bytea,
    phone_last2 text NOT NULL,
    name_sealed bytea,
    locale text,
    time_zone text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT customer_check CHECK (
CASE
    WHEN (erased_at IS NULL) THEN (num_nulls(phone_hash, phone_sealed) = 0)
    ELSE ((num_nonnulls(phone_hash, phone_sealed, name_sealed, locale, time_zone) = 0) AND (phone_last2 = ''::text))
END)
);

ALTER TABLE ONLY public.customer FORCE ROW LEVEL SECURITY;
ALTER TABLE public.customer OWNER TO holdfast_owner;

CREATE TABLE public.endpoint_secret (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ends_at timestamp with time zone
);

ALTER TABLE ONLY public.endpoint_secret FORCE ROW LEVEL SECURITY;
ALTER TABLE public.endpoint_secret OWNER TO holdfast_owner;

CREATE TABLE public.goose_db_version (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_db_version OWNER TO holdfast_owner;
ALTER TABLE public.goose_db_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_db_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.inbound (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    provider_sid text NOT NULL,
    from_hash bytea,
    from_sealed bytea,
    sender text NOT NULL,
    body_sealed bytea,
    text_sealed bytea,
    opt_out_type text DEFAULT ''::text NOT NULL,
    intent text,
    booking_id uuid,
    told_as uuid,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    done_at timestamp with time zone,
    erased_for uuid,
    redacted text,
    CONSTRAINT inbound_check CHECK (
CASE
    WHEN (erased_for IS NULL) THEN (num_nulls(from_hash, from_sealed) = 0)
    ELSE ((num_nonnulls(from_hash, from_sealed, body_sealed, text_sealed) = 0) AND (done_at IS NOT NULL))
END),
    CONSTRAINT inbound_check1 CHECK (((done_at IS NULL) OR (body_sealed IS NULL))),
    CONSTRAINT inbound_check2 CHECK (((text_sealed IS NULL) OR (told_as IS NOT NULL))),
    CONSTRAINT inbound_redacted_check CHECK ((redacted = ANY (ARRAY['pending'::text, 'done'::text, 'absent'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.inbound FORCE ROW LEVEL SECURITY;
ALTER TABLE public.inbound OWNER TO holdfast_owner;

CREATE TABLE public.move (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    resource_id uuid NOT NULL,
    verification_id uuid NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    buffer_before integer DEFAULT 0 NOT NULL,
    buffer_after integer DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT move_check CHECK ((starts_at < ends_at)),
    CONSTRAINT move_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'expired'::text, 'replaced'::text, 'canceled'::text])))
);

ALTER TABLE ONLY public.move FORCE ROW LEVEL SECURITY;
ALTER TABLE public.move OWNER TO holdfast_owner;

CREATE TABLE public.opening_hours (
    org_id uuid NOT NULL,
    resource_id uuid NOT NULL,
    weekday smallint NOT NULL,
    opens smallint NOT NULL,
    closes smallint NOT NULL,
    CONSTRAINT opening_hours_check CHECK ((opens < closes)),
    CONSTRAINT opening_hours_closes_check CHECK (((closes >= 1) AND (closes <= 1440))),
    CONSTRAINT opening_hours_opens_check CHECK (((opens >= 0) AND (opens <= 1439))),
    CONSTRAINT opening_hours_weekday_check CHECK (((weekday >= 0) AND (weekday <= 6)))
);

ALTER TABLE ONLY public.opening_hours FORCE ROW LEVEL SECURITY;
ALTER TABLE public.opening_hours OWNER TO holdfast_owner;

CREATE TABLE public.org (
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    locale text DEFAULT 'en'::text NOT NULL,
    region text DEFAULT 'US'::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT org_locale_check CHECK ((locale = ANY (ARRAY['en'::text, 'es'::text]))),
    CONSTRAINT org_name_check CHECK ((name <> ''::text)),
    CONSTRAINT org_region_check CHECK ((region ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT org_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text))
);

ALTER TABLE ONLY public.org FORCE ROW LEVEL SECURITY;
ALTER TABLE public.org OWNER TO holdfast_owner;

CREATE TABLE public.question (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    pool text NOT NULL,
    phone_hash bytea,
    kind text NOT NULL,
    choices jsonb DEFAULT '[]'::jsonb NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT question_check CHECK (((phone_hash IS NOT NULL) OR (state <> 'open'::text))),
    CONSTRAINT question_choices_check CHECK ((jsonb_typeof(choices) = 'array'::text)),
    CONSTRAINT question_kind_check CHECK ((kind = ANY (ARRAY['keep'::text, 'cancel'::text]))),
    CONSTRAINT question_state_check CHECK ((state = ANY (ARRAY['open'::text, 'answered'::text, 'replaced'::text])))
);

ALTER TABLE ONLY public.question FORCE ROW LEVEL SECURITY;
ALTER TABLE public.question OWNER TO holdfast_owner;

CREATE TABLE public.redaction (
    org_id uuid NOT NULL,
    source text NOT NULL,
    subject uuid NOT NULL,
    ordinal integer NOT NULL,
    type text NOT NULL,
    rule text NOT NULL,
    confidence smallint NOT NULL,
    from_byte integer NOT NULL,
    to_byte integer NOT NULL,
    action text NOT NULL,
    hash bytea,
    engine text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT redaction_action_check CHECK ((action = ANY (ARRAY['remove'::text, 'mask'::text, 'token'::text]))),
    CONSTRAINT redaction_check CHECK ((from_byte < to_byte)),
    CONSTRAINT redaction_confidence_check CHECK (((confidence >= 0) AND (confidence <= 100))),
    CONSTRAINT redaction_from_byte_check CHECK ((from_byte >= 0)),
    CONSTRAINT redaction_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT redaction_ordinal_check CHECK ((ordinal >= 0)),
    CONSTRAINT redaction_rule_check CHECK ((rule <> ''::text)),
    CONSTRAINT redaction_source_check CHECK ((source = ANY (ARRAY['transcript'::text, 'note'::text, 'reply'::text]))),
    CONSTRAINT redaction_type_check CHECK ((type <> ''::text))
);

ALTER TABLE ONLY public.redaction FORCE ROW LEVEL SECURITY;
ALTER TABLE public.redaction OWNER TO holdfast_owner;

CREATE TABLE public.request (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    idem_key bytea,
    fingerprint bytea NOT NULL,
    body_sealed bytea,
    booking_id uuid,
    conversation bytea,
    status integer,
    answer json,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT request_check CHECK (((status IS NULL) = (done_at IS NULL))),
    CONSTRAINT request_check1 CHECK (((done_at IS NULL) OR (body_sealed IS NULL))),
    CONSTRAINT request_transcript CHECK (((kind <> 'transcript'::text) OR (done_at IS NOT NULL) OR (body_sealed IS NOT NULL)))
);

ALTER TABLE ONLY public.request FORCE ROW LEVEL SECURITY;
ALTER TABLE public.request OWNER TO holdfast_owner;

CREATE TABLE public.resource (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    seats integer DEFAULT 1 NOT NULL,
    default_minutes integer DEFAULT 30 NOT NULL,
    buffer_before integer DEFAULT 0 NOT NULL,
    buffer_after integer DEFAULT 0 NOT NULL,
    active boolean DEFAULT true NOT NULL,
    CONSTRAINT resource_buffer_after_check CHECK (((buffer_after >= 0) AND (buffer_after <= 1440))),
    CONSTRAINT resource_buffer_before_check CHECK (((buffer_before >= 0) AND (buffer_before <= 1440))),
    CONSTRAINT resource_default_minutes_check CHECK (((default_minutes >= 1) AND (default_minutes <= 1440))),
    CONSTRAINT resource_name_check CHECK ((name <> ''::text)),
    CONSTRAINT resource_seats_check CHECK (((seats >= 1) AND (seats <= 1000))),
    CONSTRAINT resource_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text))
);

ALTER TABLE ONLY public.resource FORCE ROW LEVEL SECURITY;
ALTER TABLE public.resource OWNER TO holdfast_owner;

CREATE TABLE public.security_event (
    org_id uuid NOT NULL,
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    kind text NOT NULL,
    key_id uuid,
    route text DEFAULT ''::text NOT NULL,
    n integer DEFAULT 1 NOT NULL,
    CONSTRAINT security_event_n_check CHECK ((n > 0))
);

ALTER TABLE ONLY public.security_event FORCE ROW LEVEL SECURITY;
ALTER TABLE public.security_event OWNER TO holdfast_owner;
ALTER TABLE public.security_event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.security_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.service (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    minutes integer NOT NULL,
    buffer_before integer,
    buffer_after integer,
    active boolean DEFAULT true NOT NULL,
    CONSTRAINT service_buffer_after_check CHECK (((buffer_after >= 0) AND (buffer_after <= 1440))),
    CONSTRAINT service_buffer_before_check CHECK (((buffer_before >= 0) AND (buffer_before <= 1440))),
    CONSTRAINT service_minutes_check CHECK (((minutes >= 1) AND (minutes <= 1440))),
    CONSTRAINT service_name_check CHECK ((name <> ''::text)),
    CONSTRAINT service_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text))
);

ALTER TABLE ONLY public.service FORCE ROW LEVEL SECURITY;
ALTER TABLE public.service OWNER TO holdfast_owner;

CREATE TABLE public.service_resource (
    org_id uuid NOT NULL,
    service_id uuid NOT NULL,
    resource_id uuid NOT NULL
);

ALTER TABLE ONLY public.service_resource FORCE ROW LEVEL SECURITY;
ALTER TABLE public.service_resource OWNER TO holdfast_owner;

CREATE TABLE public.settings (
    org_id uuid NOT NULL,
    doc jsonb DEFAULT '{}'::jsonb NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    endpoint_disabled_at timestamp with time zone,
    CONSTRAINT settings_doc_check CHECK ((jsonb_typeof(doc) = 'object'::text))
);

ALTER TABLE ONLY public.settings FORCE ROW LEVEL SECURITY;
ALTER TABLE public.settings OWNER TO holdfast_owner;

CREATE TABLE public.signed_delivery (
    org_id uuid NOT NULL,
    source text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    request_id uuid,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.signed_delivery FORCE ROW LEVEL SECURITY;
ALTER TABLE public.signed_delivery OWNER TO holdfast_owner;

CREATE TABLE public.sms_account (
    org_id uuid NOT NULL,
    account_sid text NOT NULL,
    token_sealed bytea NOT NULL,
    secondary_sealed bytea,
    from_number text DEFAULT ''::text NOT NULL,
    messaging_service_sid text DEFAULT ''::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT sms_account_account_sid_check CHECK ((account_sid ~ '^AC[0-9a-fA-F]{32}$'::text)),
    CONSTRAINT sms_account_check CHECK (((from_number <> ''::text) OR (messaging_service_sid <> ''::text)))
);

ALTER TABLE ONLY public.sms_account FORCE ROW LEVEL SECURITY;
ALTER TABLE public.sms_account OWNER TO holdfast_owner;

CREATE TABLE public.sms_breaker (
    org_id uuid NOT NULL,
    class text NOT NULL,
    code integer DEFAULT 0 NOT NULL,
    late boolean DEFAULT false NOT NULL,
    refused bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    actor text DEFAULT ''::text NOT NULL,
    why text DEFAULT ''::text NOT NULL,
    opened_at timestamp with time zone,
    refused_at timestamp with time zone,
    retry_at timestamp with time zone,
    retry_after interval,
    accepted_at timestamp with time zone,
    trips integer DEFAULT 0 NOT NULL,
    CONSTRAINT sms_breaker_check CHECK (
CASE class
    WHEN 'operator'::text THEN ((opened_at IS NOT NULL) AND (retry_at IS NULL) AND (why <> ''::text))
    ELSE ((opened_at IS NULL) = (retry_at IS NULL))
END),
    CONSTRAINT sms_breaker_class_check CHECK ((class = ANY (ARRAY['tenant'::text, 'cap'::text, 'operator'::text])))
);

ALTER TABLE ONLY public.sms_breaker FORCE ROW LEVEL SECURITY;
ALTER TABLE public.sms_breaker OWNER TO holdfast_owner;

CREATE TABLE public.sms_pace (
    org_id uuid NOT NULL,
    pool text NOT NULL,
    busy_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    last_place timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    last_code timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.sms_pace FORCE ROW LEVEL SECURITY;
ALTER TABLE public.sms_pace OWNER TO holdfast_owner;

CREATE TABLE public.suppression (
    org_id uuid NOT NULL,
    pool text NOT NULL,
    phone_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.suppression FORCE ROW LEVEL SECURITY;
ALTER TABLE public.suppression OWNER TO holdfast_owner;

CREATE TABLE public.task (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    queue text NOT NULL,
    payload jsonb NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_id uuid,
    dedup_key text,
    state text DEFAULT 'pending'::text NOT NULL,
    epoch integer DEFAULT 1 NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    crashes integer DEFAULT 0 NOT NULL,
    run_at timestamp with time zone NOT NULL,
    check_at timestamp with time zone NOT NULL,
    give_up_at timestamp with time zone NOT NULL,
    claimed_by uuid,
    claim_no integer DEFAULT 0 NOT NULL,
    claim_until timestamp with time zone,
    last_error text,
    stop text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT task_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'done'::text, 'dead'::text, 'discarded'::text]))),
    CONSTRAINT task_stop_check CHECK ((stop = ANY (ARRAY['dead'::text, 'discarded'::text])))
)
WITH (fillfactor='80');

ALTER TABLE ONLY public.task FORCE ROW LEVEL SECURITY;
ALTER TABLE public.task OWNER TO holdfast_owner;

CREATE TABLE public.task_dedup (
    org_id uuid NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    task_id uuid NOT NULL
);

ALTER TABLE ONLY public.task_dedup FORCE ROW LEVEL SECURITY;
ALTER TABLE public.task_dedup OWNER TO holdfast_owner;

CREATE TABLE public.tick (
    name text NOT NULL,
    due_window timestamp with time zone NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    rows_done bigint,
    error text
);
ALTER TABLE public.tick OWNER TO holdfast_owner;

CREATE TABLE public.transcript (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    call_id text NOT NULL,
    booking_id uuid,
    text_sealed bytea,
    engine text NOT NULL,
    redactions integer NOT NULL,
    request_id uuid,
    created_at timestamp with time zone NOT NULL,
    redacted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT transcript_call_id_check CHECK ((call_id <> ''::text)),
    CONSTRAINT transcript_redactions_check CHECK ((redactions >= 0))
);

ALTER TABLE ONLY public.transcript FORCE ROW LEVEL SECURITY;
ALTER TABLE public.transcript OWNER TO holdfast_owner;

CREATE TABLE public.transcript_report (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    transcript_id uuid NOT NULL,
    kind text NOT NULL,
    type text,
    from_byte integer NOT NULL,
    to_byte integer NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT transcript_report_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT transcript_report_check CHECK ((from_byte < to_byte)),
    CONSTRAINT transcript_report_from_byte_check CHECK ((from_byte >= 0)),
    CONSTRAINT transcript_report_kind_check CHECK ((kind = ANY (ARRAY['missed'::text, 'false'::text])))
);

ALTER TABLE ONLY public.transcript_report FORCE ROW LEVEL SECURITY;
ALTER TABLE public.transcript_report OWNER TO holdfast_owner;

CREATE TABLE public.verification (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    generation integer DEFAULT 1 NOT NULL,
    kid smallint NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    first_sent_at timestamp with time zone,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT verification_check CHECK (((state <> 'sent'::text) OR (expires_at IS NOT NULL))),
    CONSTRAINT verification_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'verified'::text, 'revoked'::text])))
);

ALTER TABLE ONLY public.verification FORCE ROW LEVEL SECURITY;
ALTER TABLE public.verification OWNER TO holdfast_owner;

CREATE TABLE public.webhook_secret (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ends_at timestamp with time zone,
    CONSTRAINT webhook_secret_kind_check CHECK ((kind = ANY (ARRAY['events'::text, 'vapi'::text, 'retell'::text])))
);

ALTER TABLE ONLY public.webhook_secret FORCE ROW LEVEL SECURITY;
ALTER TABLE public.webhook_secret OWNER TO holdfast_owner;

CREATE TABLE public.worker (
    id uuid NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    in_flight uuid[] DEFAULT '{}'::uuid[] NOT NULL
);
ALTER TABLE public.worker OWNER TO holdfast_owner;

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_prefix_key UNIQUE (prefix);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_audit_id_org_id_key UNIQUE (audit_id, org_id);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_pkey PRIMARY KEY (org_id, seq);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.audit_unsealed
    ADD CONSTRAINT audit_unsealed_pkey PRIMARY KEY (org_id, audit_id);

ALTER TABLE ONLY public.block
    ADD CONSTRAINT block_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.booking_event
    ADD CONSTRAINT booking_event_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_phone_hash_org_id_key UNIQUE (phone_hash, org_id);

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.endpoint_secret
    ADD CONSTRAINT endpoint_secret_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.goose_db_version
    ADD CONSTRAINT goose_db_version_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_no_overlap EXCLUDE USING gist (lane WITH =, during WITH &&, owner_id WITH <>) WHERE (live);

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.inbound
    ADD CONSTRAINT inbound_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.inbound
    ADD CONSTRAINT inbound_provider_sid_org_id_key UNIQUE (provider_sid, org_id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_provider_sid_org_id_key UNIQUE (provider_sid, org_id);

ALTER TABLE ONLY public.move
    ADD CONSTRAINT move_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.opening_hours
    ADD CONSTRAINT opening_hours_pkey PRIMARY KEY (org_id, resource_id, weekday, opens);

ALTER TABLE ONLY public.org
    ADD CONSTRAINT org_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.org
    ADD CONSTRAINT org_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.question
    ADD CONSTRAINT question_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.redaction
    ADD CONSTRAINT redaction_pkey PRIMARY KEY (subject, source, ordinal, org_id);

ALTER TABLE ONLY public.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_org_id_slug_key UNIQUE (org_id, slug);

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.security_event
    ADD CONSTRAINT security_event_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.service
    ADD CONSTRAINT service_org_id_slug_key UNIQUE (org_id, slug);

ALTER TABLE ONLY public.service
    ADD CONSTRAINT service_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.service_resource
    ADD CONSTRAINT service_resource_pkey PRIMARY KEY (org_id, service_id, resource_id);

ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (org_id);

ALTER TABLE ONLY public.signed_delivery
    ADD CONSTRAINT signed_delivery_pkey PRIMARY KEY (key, source, org_id);

ALTER TABLE ONLY public.sms_account
    ADD CONSTRAINT sms_account_pkey PRIMARY KEY (org_id);

ALTER TABLE ONLY public.sms_breaker
    ADD CONSTRAINT sms_breaker_pkey PRIMARY KEY (org_id);

ALTER TABLE ONLY public.sms_pace
    ADD CONSTRAINT sms_pace_pkey PRIMARY KEY (org_id, pool);

ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT suppression_pkey PRIMARY KEY (org_id, pool, phone_hash);

ALTER TABLE ONLY public.task_dedup
    ADD CONSTRAINT task_dedup_pkey PRIMARY KEY (org_id, type, key);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.tick
    ADD CONSTRAINT tick_pkey PRIMARY KEY (name, due_window);

ALTER TABLE ONLY public.transcript
    ADD CONSTRAINT transcript_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.transcript_report
    ADD CONSTRAINT transcript_report_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.verification
    ADD CONSTRAINT verification_booking_id_generation_org_id_key UNIQUE (booking_id, generation, org_id);

ALTER TABLE ONLY public.verification
    ADD CONSTRAINT verification_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.webhook_secret
    ADD CONSTRAINT webhook_secret_pkey PRIMARY KEY (org_id, id);

ALTER TABLE ONLY public.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);

CREATE INDEX audit_log_subject ON public.audit_log USING btree (subject) WHERE (subject <> ''::text);

CREATE INDEX booking_customer ON public.booking USING btree (customer_id, created_at DESC);

CREATE INDEX booking_ended ON public.booking USING btree (ends_at) WHERE (state = 'confirmed'::text);

CREATE INDEX booking_event_booking ON public.booking_event USING btree (booking_id, id);

CREATE UNIQUE INDEX booking_event_told ON public.booking_event USING btree (told_as, org_id) WHERE (told_as IS NOT NULL);

CREATE INDEX booking_followup ON public.booking USING btree (followup_from) WHERE (followup_from IS NOT NULL);

CREATE INDEX booking_reminder ON public.booking USING btree (reminder_at) WHERE (reminder_at IS NOT NULL);

CREATE INDEX booking_start ON public.booking USING btree (org_id, starts_at, id);

CREATE UNIQUE INDEX endpoint_secret_newest ON public.endpoint_secret USING btree (org_id) WHERE (ends_at IS NULL);

CREATE INDEX hold_expiry ON public.hold USING btree (expires_at) WHERE (live AND (expires_at IS NOT NULL));

CREATE INDEX hold_owner ON public.hold USING btree (owner_id) WHERE live;

CREATE INDEX hold_time ON public.hold USING btree (resource_id, starts_at) WHERE live;

CREATE INDEX inbound_booking ON public.inbound USING btree (booking_id) WHERE (booking_id IS NOT NULL);

CREATE INDEX inbound_erased ON public.inbound USING btree (erased_for) WHERE (erased_for IS NOT NULL);

CREATE INDEX inbound_from ON public.inbound USING btree (from_hash, created_at);

CREATE UNIQUE INDEX inbound_told ON public.inbound USING btree (told_as, org_id) WHERE (told_as IS NOT NULL);

CREATE INDEX message_booking ON public.message USING btree (booking_id);

CREATE INDEX message_erased ON public.message USING btree (erased_for) WHERE (erased_for IS NOT NULL);

CREATE UNIQUE INDEX message_occasion ON public.message USING btree (booking_id, occasion, org_id) WHERE (occasion IS NOT NULL);

CREATE INDEX message_poll ON public.message USING btree (poll_at) WHERE (poll_at IS NOT NULL);

CREATE INDEX message_prefix ON public.message USING btree (prefix_hash, created_at) WHERE (prefix_hash IS NOT NULL);

CREATE INDEX message_to ON public.message USING btree (to_hash, created_at);

CREATE INDEX message_verification ON public.message USING btree (verification_id) WHERE (verification_id IS NOT NULL);

CREATE INDEX move_booking ON public.move USING btree (booking_id, created_at);

CREATE UNIQUE INDEX move_pending ON public.move USING btree (booking_id, org_id) WHERE (state = 'pending'::text);

CREATE INDEX question_booking ON public.question USING btree (booking_id);

CREATE UNIQUE INDEX question_open ON public.question USING btree (phone_hash, pool, org_id) WHERE (state = 'open'::text);

CREATE INDEX question_phone ON public.question USING btree (phone_hash, expires_at);

CREATE INDEX request_booking ON public.request USING btree (booking_id) WHERE (booking_id IS NOT NULL);

CREATE INDEX request_conversation ON public.request USING btree (conversation, created_at) WHERE (conversation IS NOT NULL);

CREATE UNIQUE INDEX request_idempotency ON public.request USING btree (org_id, source, idem_key) WHERE (idem_key IS NOT NULL);

CREATE INDEX task_check ON public.task USING btree (check_at) WHERE (state = 'pending'::text);

CREATE INDEX task_dead ON public.task USING btree (finished_at DESC) WHERE (state = 'dead'::text);

CREATE INDEX task_line ON public.task USING btree (queue, org_id, id) WHERE ((state = 'pending'::text) AND (check_at = 'infinity'::timestamp with time zone));

CREATE INDEX task_parked ON public.task USING btree (org_id) WHERE ((state = 'pending'::text) AND (last_error = 'sms-parked'::text));

CREATE INDEX task_request ON public.task USING btree (request_id) WHERE (request_id IS NOT NULL);

CREATE INDEX transcript_booking ON public.transcript USING btree (booking_id) WHERE (booking_id IS NOT NULL);

CREATE INDEX transcript_report_of ON public.transcript_report USING btree (transcript_id);

CREATE UNIQUE INDEX verification_live ON public.verification USING btree (booking_id, org_id) WHERE (state = ANY (ARRAY['pending'::text, 'sent'::text]));

CREATE UNIQUE INDEX webhook_secret_newest ON public.webhook_secret USING btree (org_id, kind) WHERE (ends_at IS NULL);

CREATE TRIGGER audit_chain_all BEFORE TRUNCATE ON public.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION public.audit_log_stays();

CREATE TRIGGER audit_chain_rows AFTER DELETE OR UPDATE ON public.audit_chain FOR EACH ROW EXECUTE FUNCTION public.audit_log_stays();

CREATE TRIGGER audit_log_all BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION public.audit_log_stays();

CREATE TRIGGER audit_log_new AFTER INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.audit_log_unsealed();

CREATE TRIGGER audit_log_rows AFTER DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.audit_log_stays();

CREATE TRIGGER booking_confirmed BEFORE INSERT OR UPDATE OF state, starts_at ON public.booking FOR EACH ROW WHEN (((new.state = 'confirmed'::text) OR (new.reminder_at IS NOT NULL))) EXECUTE FUNCTION public.booking_remind();

CREATE TRIGGER booking_event_told BEFORE INSERT ON public.booking_event FOR EACH ROW WHEN ((new.kind = ANY (ARRAY['held'::text, 'confirmed'::text, 'expired'::text, 'canceled'::text, 'rescheduled'::text, 'unreachable'::text, 'completed'::text, 'no_show'::text]))) EXECUTE FUNCTION public.event_told();

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.audit_chain
    ADD CONSTRAINT audit_chain_org_id_audit_id_fkey FOREIGN KEY (org_id, audit_id) REFERENCES public.audit_log(org_id, id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.audit_unsealed
    ADD CONSTRAINT audit_unsealed_org_id_audit_id_fkey FOREIGN KEY (org_id, audit_id) REFERENCES public.audit_log(org_id, id);

ALTER TABLE ONLY public.block
    ADD CONSTRAINT block_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.block
    ADD CONSTRAINT block_org_id_resource_id_fkey FOREIGN KEY (org_id, resource_id) REFERENCES public.resource(org_id, id);

ALTER TABLE ONLY public.booking_event
    ADD CONSTRAINT booking_event_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_org_id_customer_id_fkey FOREIGN KEY (org_id, customer_id) REFERENCES public.customer(org_id, id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_org_id_resource_id_fkey FOREIGN KEY (org_id, resource_id) REFERENCES public.resource(org_id, id);

ALTER TABLE ONLY public.booking
    ADD CONSTRAINT booking_org_id_service_id_fkey FOREIGN KEY (org_id, service_id) REFERENCES public.service(org_id, id);

ALTER TABLE ONLY public.customer
    ADD CONSTRAINT customer_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.endpoint_secret
    ADD CONSTRAINT endpoint_secret_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_org_id_block_id_fkey FOREIGN KEY (org_id, block_id) REFERENCES public.block(org_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_org_id_resource_id_fkey FOREIGN KEY (org_id, resource_id) REFERENCES public.resource(org_id, id);

ALTER TABLE ONLY public.inbound
    ADD CONSTRAINT inbound_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.inbound
    ADD CONSTRAINT inbound_org_id_erased_for_fkey FOREIGN KEY (org_id, erased_for) REFERENCES public.customer(org_id, id);

ALTER TABLE ONLY public.inbound
    ADD CONSTRAINT inbound_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_org_id_erased_for_fkey FOREIGN KEY (org_id, erased_for) REFERENCES public.customer(org_id, id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.message
    ADD CONSTRAINT message_org_id_verification_id_fkey FOREIGN KEY (org_id, verification_id) REFERENCES public.verification(org_id, id);

ALTER TABLE ONLY public.move
    ADD CONSTRAINT move_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.move
    ADD CONSTRAINT move_org_id_resource_id_fkey FOREIGN KEY (org_id, resource_id) REFERENCES public.resource(org_id, id);

ALTER TABLE ONLY public.move
    ADD CONSTRAINT move_org_id_verification_id_fkey FOREIGN KEY (org_id, verification_id) REFERENCES public.verification(org_id, id);

ALTER TABLE ONLY public.opening_hours
    ADD CONSTRAINT opening_hours_org_id_resource_id_fkey FOREIGN KEY (org_id, resource_id) REFERENCES public.resource(org_id, id);

ALTER TABLE ONLY public.question
    ADD CONSTRAINT question_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.redaction
    ADD CONSTRAINT redaction_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.request
    ADD CONSTRAINT request_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.resource
    ADD CONSTRAINT resource_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.security_event
    ADD CONSTRAINT security_event_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.service
    ADD CONSTRAINT service_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.service_resource
    ADD CONSTRAINT service_resource_org_id_resource_id_fkey FOREIGN KEY (org_id, resource_id) REFERENCES public.resource(org_id, id);

ALTER TABLE ONLY public.service_resource
    ADD CONSTRAINT service_resource_org_id_service_id_fkey FOREIGN KEY (org_id, service_id) REFERENCES public.service(org_id, id);

ALTER TABLE ONLY public.settings
    ADD CONSTRAINT settings_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.signed_delivery
    ADD CONSTRAINT signed_delivery_org_id_request_id_fkey FOREIGN KEY (org_id, request_id) REFERENCES public.request(org_id, id);

ALTER TABLE ONLY public.sms_account
    ADD CONSTRAINT sms_account_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.sms_breaker
    ADD CONSTRAINT sms_breaker_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.sms_pace
    ADD CONSTRAINT sms_pace_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.suppression
    ADD CONSTRAINT suppression_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.task_dedup
    ADD CONSTRAINT task_dedup_org_id_task_id_fkey FOREIGN KEY (org_id, task_id) REFERENCES public.task(org_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_org_id_request_id_fkey FOREIGN KEY (org_id, request_id) REFERENCES public.request(org_id, id);

ALTER TABLE ONLY public.transcript
    ADD CONSTRAINT transcript_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.transcript
    ADD CONSTRAINT transcript_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);

ALTER TABLE ONLY public.transcript
    ADD CONSTRAINT transcript_org_id_request_id_fkey FOREIGN KEY (org_id, request_id) REFERENCES public.request(org_id, id);

ALTER TABLE ONLY public.transcript_report
    ADD CONSTRAINT transcript_report_org_id_transcript_id_fkey FOREIGN KEY (org_id, transcript_id) REFERENCES public.transcript(org_id, id);

ALTER TABLE ONLY public.verification
    ADD CONSTRAINT verification_org_id_booking_id_fkey FOREIGN KEY (org_id, booking_id) REFERENCES public.booking(org_id, id);

ALTER TABLE ONLY public.webhook_secret
    ADD CONSTRAINT webhook_secret_org_id_fkey FOREIGN KEY (org_id) REFERENCES public.org(id);
ALTER TABLE public.api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_chain ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY audit_read ON public.api_key FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.audit_chain FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.audit_log FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.audit_unsealed FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.block FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.booking FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.booking_event FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.customer FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.endpoint_secret FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.hold FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.inbound FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.message FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.move FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.opening_hours FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.org FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.question FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.redaction FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.request FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.resource FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.security_event FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.service FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.service_resource FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.settings FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.signed_delivery FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.sms_account FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.sms_breaker FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.sms_pace FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.suppression FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.task FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.task_dedup FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.transcript FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.transcript_report FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.verification FOR SELECT TO holdfast_audit USING (true);

CREATE POLICY audit_read ON public.webhook_secret FOR SELECT TO holdfast_audit USING (true);
ALTER TABLE public.audit_unsealed ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.block ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.booking ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.booking_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.customer ENABLE ROW LEVEL SECURITY;

CREATE POLICY dispatch_all ON public.api_key TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.audit_unsealed TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.booking TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.hold TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.message TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.request TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.sms_breaker TO holdfast_dispatch USING (true) WITH CHECK (true);

CREATE POLICY dispatch_all ON public.task TO holdfast_dispatch USING (true) WITH CHECK (true);
ALTER TABLE public.endpoint_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.hold ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.inbound ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.message ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.move ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.opening_hours ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.org ENABLE ROW LEVEL SECURITY;

CREATE POLICY org_only ON public.api_key TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.audit_chain TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.audit_log TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.audit_unsealed TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.block TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.booking TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.booking_event TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.customer TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.endpoint_secret TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.hold TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.inbound TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.message TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.move TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.opening_hours TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.org TO holdfast_app USING ((id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.question TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.redaction TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.request TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.resource TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.security_event TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.service TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.service_resource TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.settings TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.signed_delivery TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.sms_account TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.sms_breaker TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.sms_pace TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.suppression TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.task TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.task_dedup TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.transcript TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.transcript_report TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.verification TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY org_only ON public.webhook_secret TO holdfast_app USING ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((org_id = ( SELECT (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY owner_all ON public.api_key TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.audit_chain TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.audit_log TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.audit_unsealed TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.block TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.booking TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.booking_event TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.customer TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.endpoint_secret TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.hold TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.inbound TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.message TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.move TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.opening_hours TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.org TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.question TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.redaction TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.request TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.resource TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.security_event TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.service TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.service_resource TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.settings TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.signed_delivery TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.sms_account TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.sms_breaker TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.sms_pace TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.suppression TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.task TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.task_dedup TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.transcript TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.transcript_report TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.verification TO holdfast_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_all ON public.webhook_secret TO holdfast_owner USING (true) WITH CHECK (true);
ALTER TABLE public.question ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.redaction ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.request ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.resource ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.security_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.service ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.service_resource ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.signed_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sms_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sms_breaker ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.sms_pace ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.suppression ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.task ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.task_dedup ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.transcript ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.transcript_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.verification ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhook_secret ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA public TO holdfast_dispatch;
GRANT USAGE ON SCHEMA public TO holdfast_app;
GRANT USAGE ON SCHEMA public TO holdfast_audit;
REVOKE ALL ON FUNCTION public.api_key_find(p_prefix text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.api_key_find(p_prefix text) TO holdfast_app;
REVOKE ALL ON FUNCTION public.audit_log_stays() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.audit_log_unsealed() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.audit_unsealed_since() FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_unsealed_since() TO holdfast_app;
REVOKE ALL ON FUNCTION public.booking_remind() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.dispatch_may(t regclass, granted text) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.dispatch_owns(f regprocedure) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.event_told() FROM PUBLIC;
GRANT SELECT ON TABLE public.hold TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.hold TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.hold TO holdfast_dispatch;
GRANT SELECT(id) ON TABLE public.hold TO holdfast_dispatch;
GRANT SELECT(live) ON TABLE public.hold TO holdfast_dispatch;
GRANT SELECT(expires_at) ON TABLE public.hold TO holdfast_dispatch;
REVOKE ALL ON FUNCTION public.isolate(t regclass, org_column name) FROM PUBLIC;
GRANT SELECT ON TABLE public.message TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.message TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.message TO holdfast_dispatch;
GRANT SELECT(poll_at) ON TABLE public.message TO holdfast_dispatch;
REVOKE ALL ON FUNCTION public.orgs_due(p_sweep text, p_after interval) FROM PUBLIC;
GRANT ALL ON FUNCTION public.orgs_due(p_sweep text, p_after interval) TO holdfast_app;
REVOKE ALL ON FUNCTION public.requests_done(p_orgs uuid[], p_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.requests_done(p_orgs uuid[], p_ids uuid[]) TO holdfast_app;
REVOKE ALL ON FUNCTION public.sms_breakers_open() FROM PUBLIC;
GRANT ALL ON FUNCTION public.sms_breakers_open() TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_bump(p_orgs uuid[], p_ids uuid[], p_epochs integer[], p_crashed boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_bump(p_orgs uuid[], p_ids uuid[], p_epochs integer[], p_crashed boolean) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_crowd(p_least integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_crowd(p_least integer) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_dead_newest(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_dead_newest(p_limit integer) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_due(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_due(p_limit integer) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_feed(p_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_feed(p_most integer) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_line_up(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_line_up(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_lines() FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_lines() TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_orphans(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_orphans(p_orgs uuid[], p_ids uuid[], p_epochs integer[]) TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_recheck() FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_recheck() TO holdfast_app;
REVOKE ALL ON FUNCTION public.task_stats() FROM PUBLIC;
GRANT ALL ON FUNCTION public.task_stats() TO holdfast_app;
GRANT SELECT ON TABLE public.api_key TO holdfast_audit;
GRANT SELECT ON TABLE public.api_key TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.api_key TO holdfast_dispatch;
GRANT SELECT(id) ON TABLE public.api_key TO holdfast_dispatch;
GRANT SELECT(prefix) ON TABLE public.api_key TO holdfast_dispatch;
GRANT SELECT(hash) ON TABLE public.api_key TO holdfast_dispatch;
GRANT SELECT(scopes) ON TABLE public.api_key TO holdfast_dispatch;
GRANT SELECT(expires_at) ON TABLE public.api_key TO holdfast_dispatch;
GRANT SELECT(revoked_at) ON TABLE public.api_key TO holdfast_dispatch;
GRANT UPDATE(last_used_at) ON TABLE public.api_key TO holdfast_app;
GRANT SELECT ON TABLE public.audit_chain TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.audit_chain TO holdfast_app;
GRANT SELECT ON TABLE public.audit_log TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.audit_log TO holdfast_app;
GRANT SELECT ON TABLE public.audit_unsealed TO holdfast_audit;
GRANT SELECT,INSERT,DELETE ON TABLE public.audit_unsealed TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.audit_unsealed TO holdfast_dispatch;
GRANT SELECT(at) ON TABLE public.audit_unsealed TO holdfast_dispatch;
GRANT SELECT ON TABLE public.block TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.block TO holdfast_app;
GRANT SELECT ON TABLE public.booking TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.booking TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.booking TO holdfast_dispatch;
GRANT SELECT(id) ON TABLE public.booking TO holdfast_dispatch;
GRANT SELECT(state) ON TABLE public.booking TO holdfast_dispatch;
GRANT SELECT(ends_at) ON TABLE public.booking TO holdfast_dispatch;
GRANT SELECT(followup_from) ON TABLE public.booking TO holdfast_dispatch;
GRANT SELECT(reminder_at) ON TABLE public.booking TO holdfast_dispatch;
GRANT SELECT ON TABLE public.booking_event TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.booking_event TO holdfast_app;
GRANT SELECT ON TABLE public.customer TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.customer TO holdfast_app;
GRANT SELECT ON TABLE public.endpoint_secret TO holdfast_audit;
GRANT SELECT ON TABLE public.endpoint_secret TO holdfast_app;
GRANT SELECT ON TABLE public.inbound TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.inbound TO holdfast_app;
GRANT SELECT ON TABLE public.move TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.move TO holdfast_app;
GRANT SELECT ON TABLE public.opening_hours TO holdfast_audit;
GRANT SELECT ON TABLE public.opening_hours TO holdfast_app;
GRANT SELECT ON TABLE public.org TO holdfast_audit;
GRANT SELECT ON TABLE public.org TO holdfast_app;
GRANT SELECT ON TABLE public.question TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.question TO holdfast_app;
GRANT SELECT ON TABLE public.redaction TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.redaction TO holdfast_app;
GRANT UPDATE(hash) ON TABLE public.redaction TO holdfast_app;
GRANT SELECT ON TABLE public.request TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.request TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.request TO holdfast_dispatch;
GRANT SELECT(id) ON TABLE public.request TO holdfast_dispatch;
GRANT SELECT(done_at) ON TABLE public.request TO holdfast_dispatch;
GRANT SELECT ON TABLE public.resource TO holdfast_audit;
GRANT SELECT ON TABLE public.resource TO holdfast_app;
GRANT SELECT ON TABLE public.security_event TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.security_event TO holdfast_app;
GRANT SELECT ON TABLE public.service TO holdfast_audit;
GRANT SELECT ON TABLE public.service TO holdfast_app;
GRANT SELECT ON TABLE public.service_resource TO holdfast_audit;
GRANT SELECT ON TABLE public.service_resource TO holdfast_app;
GRANT SELECT ON TABLE public.settings TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.settings TO holdfast_app;
GRANT SELECT ON TABLE public.signed_delivery TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.signed_delivery TO holdfast_app;
GRANT SELECT ON TABLE public.sms_account TO holdfast_audit;
GRANT SELECT ON TABLE public.sms_account TO holdfast_app;
GRANT SELECT ON TABLE public.sms_breaker TO holdfast_audit;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sms_breaker TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.sms_breaker TO holdfast_dispatch;
GRANT SELECT(opened_at) ON TABLE public.sms_breaker TO holdfast_dispatch;
GRANT SELECT ON TABLE public.sms_pace TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.sms_pace TO holdfast_app;
GRANT SELECT ON TABLE public.suppression TO holdfast_audit;
GRANT SELECT,INSERT,DELETE ON TABLE public.suppression TO holdfast_app;
GRANT SELECT ON TABLE public.task TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.task TO holdfast_app;
GRANT SELECT(org_id) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(id) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(type) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(queue) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(state) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(epoch),UPDATE(epoch) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(attempt) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(crashes),UPDATE(crashes) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(run_at) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(check_at),UPDATE(check_at) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(claimed_by) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(claim_until) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT(finished_at) ON TABLE public.task TO holdfast_dispatch;
GRANT SELECT ON TABLE public.task_dedup TO holdfast_audit;
GRANT SELECT,INSERT,DELETE ON TABLE public.task_dedup TO holdfast_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tick TO holdfast_app;
GRANT SELECT ON TABLE public.tick TO holdfast_audit;
GRANT SELECT ON TABLE public.transcript TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.transcript TO holdfast_app;
GRANT UPDATE(call_id) ON TABLE public.transcript TO holdfast_app;
GRANT UPDATE(text_sealed) ON TABLE public.transcript TO holdfast_app;
GRANT SELECT ON TABLE public.transcript_report TO holdfast_audit;
GRANT SELECT,INSERT ON TABLE public.transcript_report TO holdfast_app;
GRANT SELECT ON TABLE public.verification TO holdfast_audit;
GRANT SELECT,INSERT,UPDATE ON TABLE public.verification TO holdfast_app;
GRANT SELECT ON TABLE public.webhook_secret TO holdfast_audit;
GRANT SELECT ON TABLE public.webhook_secret TO holdfast_app;
GRANT INSERT,DELETE,UPDATE ON TABLE public.worker TO holdfast_app;
GRANT SELECT ON TABLE public.worker TO holdfast_dispatch;
GRANT SELECT ON TABLE public.worker TO holdfast_audit;
GRANT SELECT(id) ON TABLE public.worker TO holdfast_app;
GRANT SELECT(seen_at) ON TABLE public.worker TO holdfast_app;
