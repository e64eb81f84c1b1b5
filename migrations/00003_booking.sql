-- +goose Up

-- What can be booked: a person, a room, a lift. seats = how many bookings fit side by side (lanes).
CREATE TABLE resource (
  org_id          uuid NOT NULL REFERENCES org,
  id              uuid NOT NULL,
  slug            text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name            text NOT NULL CHECK (name <> ''),
  time_zone       text NOT NULL,
  seats           int NOT NULL DEFAULT 1 CHECK (seats BETWEEN 1 AND 1000),
  default_minutes int NOT NULL DEFAULT 30 CHECK (default_minutes BETWEEN 1 AND 1440),
  buffer_before   int NOT NULL DEFAULT 0 CHECK (buffer_before BETWEEN 0 AND 1440),
  buffer_after    int NOT NULL DEFAULT 0 CHECK (buffer_after BETWEEN 0 AND 1440),
  active          boolean NOT NULL DEFAULT true,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, slug)
);
SELECT isolate('resource');
GRANT SELECT ON resource TO holdfast_app;

-- When a resource is open, in minutes of its own local day. weekday: 0 = Sunday.
CREATE TABLE opening_hours (
  org_id      uuid NOT NULL,
  resource_id uuid NOT NULL,
  weekday     smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  opens       smallint NOT NULL CHECK (opens BETWEEN 0 AND 1439),
  closes      smallint NOT NULL CHECK (closes BETWEEN 1 AND 1440),
  PRIMARY KEY (org_id, resource_id, weekday, opens),
  CHECK (opens < closes),
  FOREIGN KEY (org_id, resource_id) REFERENCES resource (org_id, id)
);
SELECT isolate('opening_hours');
GRANT SELECT ON opening_hours TO holdfast_app;

-- What is done in an appointment; any of its resources will do. Buffers left null are the resource's own.
CREATE TABLE service (
  org_id        uuid NOT NULL REFERENCES org,
  id            uuid NOT NULL,
  slug          text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name          text NOT NULL CHECK (name <> ''),
  minutes       int NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
  buffer_before int CHECK (buffer_before BETWEEN 0 AND 1440),
  buffer_after  int CHECK (buffer_after BETWEEN 0 AND 1440),
  active        boolean NOT NULL DEFAULT true,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, slug)
);
SELECT isolate('service');
GRANT SELECT ON service TO holdfast_app;

CREATE TABLE service_resource (
  org_id      uuid NOT NULL,
  service_id  uuid NOT NULL,
  resource_id uuid NOT NULL,
  PRIMARY KEY (org_id, service_id, resource_id),
  FOREIGN KEY (org_id, service_id) REFERENCES service (org_id, id),
  FOREIGN KEY (org_id, resource_id) REFERENCES resource (org_id, id)
);
SELECT isolate('service_resource');
GRANT SELECT ON service_resource TO holdfast_app;

-- Found by the keyed hash of the phone; phone and name are sealed. One who was erased keeps the row, since bookings that were
-- are still counted, and nothing that tells who it was: whoever has the phone later is another customer.
CREATE TABLE customer (
  org_id       uuid NOT NULL REFERENCES org,
  id           uuid NOT NULL,
  phone_hash   bytea,
  phone_sealed bytea,
  phone_last2  text NOT NULL,
  name_sealed  bytea,
  locale       text,
  time_zone    text,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  erased_at    timestamptz,
  PRIMARY KEY (org_id, id),
  UNIQUE (phone_hash, org_id),
  CHECK (CASE WHEN erased_at IS NULL THEN num_nulls(phone_hash, phone_sealed) = 0
         ELSE num_nonnulls(phone_hash, phone_sealed, name_sealed, locale, time_zone) = 0 AND phone_last2 = '' END)
);
SELECT isolate('customer');
GRANT SELECT, INSERT, UPDATE ON customer TO holdfast_app;

CREATE TABLE booking (
  org_id          uuid NOT NULL REFERENCES org,
  id              uuid NOT NULL,
  resource_id     uuid NOT NULL,
  service_id      uuid,
  customer_id     uuid NOT NULL,
  state           text NOT NULL CHECK (state IN ('held', 'confirmed', 'expired', 'canceled', 'completed', 'no_show')),
  starts_at       timestamptz NOT NULL,
  ends_at         timestamptz NOT NULL,
  buffer_before   int NOT NULL DEFAULT 0,
  buffer_after    int NOT NULL DEFAULT 0,
  hold_expires_at timestamptz NOT NULL,
  code_attempts   int NOT NULL DEFAULT 0,
  notes_sealed    bytea,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  confirmed_at    timestamptz,
  canceled_at     timestamptz,
  followup_from   timestamptz, -- when its hold ended, while nobody has thought of a follow-up; null: there is none to think of
  reminder_at     timestamptz, -- when its customer is reminded next
  request_id      uuid, -- that it was made by; no foreign key, which would lock the request's row once more in each claim
  PRIMARY KEY (org_id, id),
  CHECK (starts_at < ends_at),
  CHECK (state NOT IN ('confirmed', 'completed', 'no_show') OR confirmed_at IS NOT NULL),
  FOREIGN KEY (org_id, resource_id) REFERENCES resource (org_id, id),
  FOREIGN KEY (org_id, service_id) REFERENCES service (org_id, id),
  FOREIGN KEY (org_id, customer_id) REFERENCES customer (org_id, id)
);
CREATE INDEX booking_customer ON booking (customer_id, created_at DESC);
CREATE INDEX booking_ended ON booking (ends_at) WHERE state = 'confirmed';
CREATE INDEX booking_start ON booking (org_id, starts_at, id);
CREATE INDEX booking_followup ON booking (followup_from) WHERE followup_from IS NOT NULL;
CREATE INDEX booking_reminder ON booking (reminder_at) WHERE reminder_at IS NOT NULL;
SELECT isolate('booking');
SELECT dispatch_may('booking', 'SELECT (org_id, id, state, ends_at, followup_from, reminder_at)');
GRANT SELECT, INSERT, UPDATE ON booking TO holdfast_app;

-- +goose StatementBegin
-- reminder_next is when a booking's customer is to be reminded next, after a moment; null when no more. The default is
-- that of handlers/settings; a test compares them.
CREATE FUNCTION reminder_next(p_org uuid, p_starts timestamptz, p_after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT min(p_starts - m::int * interval '1 min')
            FROM jsonb_array_elements_text(COALESCE(
                   (SELECT s.doc #> '{reminders,minutes_before}' FROM settings s WHERE s.org_id = p_org), '[1440, 120]')) m
           WHERE p_starts - m::int * interval '1 min' > p_after);
END $$;

-- booking_remind keeps reminder_at, whoever confirms, moves or ends a booking.
CREATE FUNCTION booking_remind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.reminder_at := CASE WHEN NEW.state = 'confirmed' THEN reminder_next(NEW.org_id, NEW.starts_at, clock_timestamp()) END;
  RETURN NEW;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION booking_remind() FROM PUBLIC;
CREATE TRIGGER booking_confirmed BEFORE INSERT OR UPDATE OF state, starts_at ON booking FOR EACH ROW
  WHEN (NEW.state = 'confirmed' OR NEW.reminder_at IS NOT NULL) EXECUTE FUNCTION booking_remind();

-- Time that cannot be booked: a holiday, a sick day, an appointment from elsewhere.
CREATE TABLE block (
  org_id        uuid NOT NULL REFERENCES org,
  id            uuid NOT NULL,
  resource_id   uuid NOT NULL,
  starts_at     timestamptz NOT NULL,
  ends_at       timestamptz NOT NULL,
  reason_sealed bytea,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  deleted_at    timestamptz,
  PRIMARY KEY (org_id, id),
  CHECK (starts_at < ends_at),
  FOREIGN KEY (org_id, resource_id) REFERENCES resource (org_id, id)
);
SELECT isolate('block');
GRANT SELECT, INSERT, UPDATE ON block TO holdfast_app;

-- A hold takes one seat of one resource for a time (buffers included). expires_at is null once it is firm.
-- Rows come in live by INSERT … ON CONFLICT DO NOTHING only; nothing is ever updated into live. Rows of one
-- owner do not exclude each other, so that a booking can move to a time that overlaps its own.
--
-- Looking for what is in the way compares starts_at and ends_at, never the range: row-level security lets only
-- leakproof operators reach an index, and && is none. A row is at most three days long (a day and its buffers; a
-- longer block is several rows), so that the look is a short range of hold_time. The constraint's own index is
-- kept from being taken for that look (it would be read from end to end): it knows org, resource and seat as a lane.
CREATE TABLE hold (
  org_id      uuid NOT NULL,
  id          uuid NOT NULL DEFAULT gen_random_uuid(),
  resource_id uuid NOT NULL,
  seat        int NOT NULL,
  booking_id  uuid,
  block_id    uuid,
  owner_id    uuid NOT NULL GENERATED ALWAYS AS (COALESCE(booking_id, block_id)) STORED,
  starts_at   timestamptz NOT NULL,
  ends_at     timestamptz NOT NULL,
  lane        uuid NOT NULL GENERATED ALWAYS AS (md5(org_id::text || resource_id::text || seat)::uuid) STORED,
  during      tstzrange NOT NULL GENERATED ALWAYS AS (tstzrange(starts_at, ends_at)) STORED,
  live        boolean NOT NULL DEFAULT true,
  expires_at  timestamptz,
  PRIMARY KEY (org_id, id),
  CHECK (num_nonnulls(booking_id, block_id) = 1),
  CHECK (starts_at < ends_at AND ends_at - starts_at <= interval '72 hours'),
  FOREIGN KEY (org_id, resource_id) REFERENCES resource (org_id, id),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id) DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (org_id, block_id) REFERENCES block (org_id, id) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT hold_no_overlap EXCLUDE USING gist
    (lane WITH =, during WITH &&, owner_id WITH <>) WHERE (live)
);
CREATE INDEX hold_time ON hold (resource_id, starts_at) WHERE live;
CREATE INDEX hold_owner ON hold (owner_id) WHERE live;
CREATE INDEX hold_expiry ON hold (expires_at) WHERE live AND expires_at IS NOT NULL;
SELECT isolate('hold');
SELECT dispatch_may('hold', 'SELECT (org_id, id, live, expires_at)');
GRANT SELECT, INSERT, UPDATE ON hold TO holdfast_app;

-- The timeline. Detail holds ids, states and times, no personal data. told_as is the id under which the org's endpoint
-- is told of the event, and that of the task which does it; null when nobody is told.
CREATE TABLE booking_event (
  org_id     uuid NOT NULL,
  id         bigint GENERATED ALWAYS AS IDENTITY,
  booking_id uuid NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind       text NOT NULL,
  detail     jsonb NOT NULL DEFAULT '{}',
  told_as    uuid,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id)
);
CREATE INDEX booking_event_booking ON booking_event (booking_id, id);
CREATE UNIQUE INDEX booking_event_told ON booking_event (told_as, org_id) WHERE told_as IS NOT NULL;
SELECT isolate('booking_event');
GRANT SELECT, INSERT ON booking_event TO holdfast_app;

-- endpoint_tell makes the task that tells the org's endpoint of an event, if there is one that wants to hear of it, and
-- returns its id, which is that of the event too. The relay pushes it, since nothing outside knows of it. Type, queue and
-- limit are those of tasks.WebhookDeliver; a test compares them. To an org without an endpoint it is one look-up by key.
-- +goose StatementBegin
CREATE FUNCTION endpoint_tell(p_org uuid, p_event text) RETURNS uuid LANGUAGE plpgsql AS $$
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

-- event_told tells of what the timeline tells. It is a trigger, so that whatever writes to the timeline cannot forget it,
-- and the task is there in the same commit. The kinds are those of handlers/settings; a test compares them.
CREATE FUNCTION event_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.told_as := endpoint_tell(NEW.org_id, 'booking.' || NEW.kind);
  RETURN NEW;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION event_told() FROM PUBLIC;
CREATE TRIGGER booking_event_told BEFORE INSERT ON booking_event FOR EACH ROW
  WHEN (NEW.kind IN ('held', 'confirmed', 'expired', 'canceled', 'rescheduled', 'unreachable', 'completed', 'no_show')) EXECUTE FUNCTION event_told();

-- What follows is PL/pgSQL also where SQL would do: PostgreSQL plans the body of an SQL function that it cannot
-- inline anew at each call, which costs ten times the work itself.
-- +goose StatementBegin
-- resource_lock puts claimants of one resource and day in a line, which is held to the end of the transaction: until
-- the disk has the commit, so that a line for the whole resource would be as slow as the disk. The days are UTC's and
-- are locked in ascending order; two times that have a moment in common have a day in common.
CREATE FUNCTION resource_lock(p_org uuid, p_resource uuid, p_from timestamptz, p_to timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE d bigint;
BEGIN
  FOR d IN floor(extract(epoch FROM p_from) / 86400) .. floor(extract(epoch FROM p_to - interval '1 us') / 86400) LOOP
    PERFORM pg_advisory_xact_lock(hashtextextended(p_org::text || p_resource::text || d, 0));
  END LOOP;
END $$;

-- hold_in_way lists the live holds of a resource that have a moment in common with a time.
CREATE FUNCTION hold_in_way(p_org uuid, p_resource uuid, p_from timestamptz, p_to timestamptz) RETURNS SETOF hold
LANGUAGE sql STABLE AS $$
  SELECT * FROM hold h
   WHERE h.org_id = p_org AND h.resource_id = p_resource AND h.live
     AND h.starts_at < p_to AND h.starts_at > p_from - interval '72 hours' AND h.ends_at > p_from
$$;

-- hold_free lists the seats that are free for the whole time for this owner, by the clock of this moment: a
-- lapsed hold is free whether or not it was tidied.
CREATE FUNCTION hold_free(p_org uuid, p_resource uuid, p_owner uuid, p_from timestamptz, p_to timestamptz) RETURNS SETOF int
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN QUERY
    SELECT s FROM resource r, generate_series(0, r.seats - 1) s
     WHERE r.org_id = p_org AND r.id = p_resource AND r.active
       AND s NOT IN (SELECT h.seat FROM hold_in_way(p_org, p_resource, p_from, p_to) h
                      WHERE h.owner_id <> p_owner AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp()))
     ORDER BY s;
END $$;

-- bookings_expire ends what has lapsed of an org's bookings: of those that are held the booking, which is due for a
-- follow-up when a text has brought its code; of those that are confirmed the wish for another time, whose code may still
-- come. It is the whole bookkeeping, for the sweep and for the claimant who needs the seat. The caller has locked the
-- booking rows. It returns how many holds it ended. The org is left to row-level security: see store.ExpireHolds.
CREATE FUNCTION bookings_expire(p_org uuid, p_bookings uuid[]) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
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

-- hold_take takes a seat for a booking, or returns no row when none is free. It reads first, so that losers
-- never wait for the lock; then it locks, reclaims lapsed holds in the way, and inserts. A null p_ttl makes
-- the hold firm at once (a late code that confirms).
CREATE FUNCTION hold_take(p_org uuid, p_resource uuid, p_booking uuid, p_from timestamptz, p_to timestamptz, p_ttl interval)
RETURNS TABLE (seat int, expires_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
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

-- block_take takes every seat of a resource for a block, or none: it returns the owners in the way. Lapsed
-- holds are reclaimed as a claimant would.
CREATE FUNCTION block_take(p_org uuid, p_resource uuid, p_block uuid, p_from timestamptz, p_to timestamptz)
RETURNS TABLE (booking_id uuid, block_id uuid)
LANGUAGE plpgsql VOLATILE AS $$
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
-- +goose StatementEnd
