-- +goose Up
-- Statistics to begin with. Row-level security adds the org to every search, and on a table that was never analysed the
-- planner cannot tell an index that begins with the org from the right one: both seem to find one row. So each table
-- is analysed once with a few rows of one org, which are deleted again; an ANALYZE that finds a table empty leaves what is
-- known of its columns as it is. Autovacuum replaces all this once there is real data.
-- +goose StatementBegin
DO $$
DECLARE
  o uuid := gen_random_uuid();
  t text;
  tables text[] := ARRAY['org', 'resource', 'customer', 'booking', 'hold', 'booking_event', 'verification', 'message', 'inbound', 'request', 'task'];
BEGIN
  INSERT INTO org (id, slug, name, time_zone) VALUES (o, 'statistics', 'statistics', 'UTC');
  INSERT INTO resource (org_id, id, slug, name, time_zone) SELECT o, gen_random_uuid(), 'r' || n, 'r', 'UTC' FROM generate_series(1, 40) n;
  INSERT INTO customer (org_id, id, phone_hash, phone_sealed, phone_last2)
    SELECT o, gen_random_uuid(), decode(md5(n::text), 'hex'), '\x00', '00' FROM generate_series(1, 40) n;
  INSERT INTO booking (org_id, id, resource_id, customer_id, state, starts_at, ends_at, hold_expires_at)
    SELECT o, gen_random_uuid(), r.id, c.id, 'held', now() + r.n * interval '1 h', now() + (r.n + 1) * interval '1 h', now() + r.n * interval '1 s'
      FROM (SELECT id, row_number() OVER () n FROM resource WHERE org_id = o) r
      JOIN (SELECT id, row_number() OVER () n FROM customer WHERE org_id = o) c USING (n);
  INSERT INTO hold (org_id, resource_id, seat, booking_id, starts_at, ends_at, expires_at)
    SELECT o, resource_id, 0, id, starts_at, ends_at, hold_expires_at FROM booking WHERE org_id = o;
  INSERT INTO booking_event (org_id, booking_id, kind) SELECT o, id, 'held' FROM booking WHERE org_id = o;
  INSERT INTO verification (org_id, id, booking_id, kid) SELECT o, gen_random_uuid(), id, 1 FROM booking WHERE org_id = o;
  INSERT INTO message (org_id, id, kind, booking_id, verification_id, to_hash, to_sealed, prefix_hash, provider_sid)
    SELECT o, gen_random_uuid(), 'code', booking_id, id, decode(md5(id::text), 'hex'), '\x00', decode(md5('p' || id), 'hex'), md5(id::text) FROM verification WHERE org_id = o;
  INSERT INTO inbound (org_id, id, provider_sid, from_hash, from_sealed, sender)
    SELECT o, gen_random_uuid(), md5(n::text), decode(md5(n::text), 'hex'), '\x00', '' FROM generate_series(1, 40) n;
  INSERT INTO request (org_id, id, kind, source, idem_key, fingerprint, booking_id)
    SELECT o, gen_random_uuid(), 'booking', 'api', decode(md5(n::text), 'hex'), '\x00', gen_random_uuid() FROM generate_series(1, 40) n;
  INSERT INTO task (org_id, id, type, queue, payload, request_id, run_at, check_at, give_up_at)
    SELECT o, gen_random_uuid(), 'booking:claim', 'claim', '{}', id, now(), now(), now() FROM request WHERE org_id = o;
  FOREACH t IN ARRAY tables LOOP EXECUTE format('ANALYZE %I', t); END LOOP;
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR i IN REVERSE array_length(tables, 1) .. 1 LOOP
    EXECUTE format('DELETE FROM %I WHERE %I = $1', tables[i], CASE tables[i] WHEN 'org' THEN 'id' ELSE 'org_id' END) USING o;
  END LOOP;
END $$;
-- +goose StatementEnd
