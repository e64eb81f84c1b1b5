-- +goose Up
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Keys and indexes of these files begin with org_id only where a search by the org alone makes sense. Row-level
-- security adds the org to every search, and while a table is too new to have been analysed the planner cannot tell an
-- index that begins with the org from the right one; it would read all of the org's rows.

-- isolate gives a table its policies: the app sees the rows of the org named by app.org_id and no others
-- (no setting, no rows); the owner sees all, since FORCE would blind backfills and foreign keys; the audit
-- role reads all. Every table with an org calls it; a test reads the catalog and names the one that does not.
-- +goose StatementBegin
CREATE FUNCTION isolate(t regclass, org_column name DEFAULT 'org_id') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE mine text := format('%I = (SELECT NULLIF(current_setting(''app.org_id'', true), '''')::uuid)', org_column);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
  EXECUTE format('CREATE POLICY org_only ON %s TO holdfast_app USING (%s) WITH CHECK (%s)', t, mine, mine);
  EXECUTE format('CREATE POLICY owner_all ON %s TO holdfast_owner USING (true) WITH CHECK (true)', t);
  EXECUTE format('CREATE POLICY audit_read ON %s FOR SELECT TO holdfast_audit USING (true)', t);
  EXECUTE format('GRANT SELECT ON %s TO holdfast_audit', t);
END $$;

-- dispatch_may lets the dispatch role see every row of a table, but only the columns granted: ids and times.
CREATE FUNCTION dispatch_may(t regclass, granted text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  EXECUTE format('CREATE POLICY dispatch_all ON %s TO holdfast_dispatch USING (true) WITH CHECK (true)', t);
  EXECUTE format('GRANT %s ON %s TO holdfast_dispatch', granted, t);
END $$;

-- dispatch_owns hands a SECURITY DEFINER function to the dispatch role; only the app may call it. Its search_path
-- names pg_temp last: left out it would come first, and a caller's temporary table would stand before ours.
CREATE FUNCTION dispatch_owns(f regprocedure) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
  EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO holdfast_app', f);
  EXECUTE format('ALTER FUNCTION %s OWNER TO holdfast_dispatch', f);
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION isolate(regclass, name), dispatch_may(regclass, text), dispatch_owns(regprocedure) FROM PUBLIC;
-- A function's new owner needs CREATE on its schema at the moment of the change; the last migration file takes it back.
GRANT CREATE, USAGE ON SCHEMA public TO holdfast_dispatch;
GRANT USAGE ON SCHEMA public TO holdfast_app, holdfast_audit;

CREATE TABLE org (
  id         uuid PRIMARY KEY,
  slug       text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name       text NOT NULL CHECK (name <> ''),
  time_zone  text NOT NULL,
  locale     text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'es')),
  region     text NOT NULL DEFAULT 'US' CHECK (region ~ '^[A-Z]{2}$'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT isolate('org', 'id');
GRANT SELECT ON org TO holdfast_app;

-- The key itself is shown once; what stays is a prefix to find it by and a keyed hash. It is dead from expires_at on,
-- which is decided when it is made, and from revoked_at on, which lies ahead while another key takes its place.
-- last_used_at is exact to some two minutes. It stands in no index, so that writing it stays within the row's page.
CREATE TABLE api_key (
  org_id       uuid NOT NULL REFERENCES org,
  id           uuid NOT NULL,
  prefix       text NOT NULL UNIQUE,
  hash         bytea NOT NULL,
  label        text NOT NULL DEFAULT '',
  scopes       text[] NOT NULL CHECK (scopes <> '{}' AND
    scopes <@ ARRAY['bookings:write', 'bookings:read', 'transcripts:write', 'settings', 'admin']),
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  PRIMARY KEY (org_id, id)
);
SELECT isolate('api_key');
SELECT dispatch_may('api_key', 'SELECT (org_id, id, prefix, hash, scopes, expires_at, revoked_at)');
GRANT SELECT, UPDATE (last_used_at) ON api_key TO holdfast_app;

-- Credentials of the org's own Twilio account. version is what a process's cache compares. While the auth token is
-- rotated the account has a second one, and either may be the one that Twilio takes.
CREATE TABLE sms_account (
  org_id                uuid PRIMARY KEY REFERENCES org,
  account_sid           text NOT NULL CHECK (account_sid ~ '^AC[0-9a-fA-F]{32}$'),
  token_sealed          bytea NOT NULL,
  secondary_sealed      bytea,
  from_number           text NOT NULL DEFAULT '',
  messaging_service_sid text NOT NULL DEFAULT '',
  version               int NOT NULL DEFAULT 1,
  updated_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (from_number <> '' OR messaging_service_sid <> '')
);
SELECT isolate('sms_account');
GRANT SELECT ON sms_account TO holdfast_app;

-- What the org has set, as far as it differs from the defaults: a default that changes later reaches who never set it.
-- version counts the changes; a row with version 0 says as little as none. endpoint_disabled_at is since when the
-- endpoint in doc is told nothing more, because it answered that it is gone; another URL begins anew.
CREATE TABLE settings (
  org_id     uuid PRIMARY KEY REFERENCES org,
  doc        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(doc) = 'object'),
  version    int NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  endpoint_disabled_at timestamptz
);
SELECT isolate('settings');
GRANT SELECT, INSERT, UPDATE ON settings TO holdfast_app;

-- Who changed what of an org: written with the change, never changed and never deleted. actor is the id of an API key,
-- cli, asynqmon, the type of a task, or who an operator says he is; subject is the id of what was changed; request is the
-- X-Request-Id. detail holds no personal data.
CREATE TABLE audit_log (
  org_id  uuid NOT NULL REFERENCES org,
  id      bigint GENERATED ALWAYS AS IDENTITY,
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor   text NOT NULL CHECK (actor <> ''),
  action  text NOT NULL CHECK (action <> ''),
  subject text NOT NULL DEFAULT '',
  detail  jsonb NOT NULL DEFAULT '{}',
  request text NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, id)
);
CREATE INDEX audit_log_subject ON audit_log (subject) WHERE subject <> '';
SELECT isolate('audit_log');
GRANT SELECT, INSERT ON audit_log TO holdfast_app;

-- Not even the owner changes what was written. Rows are looked at after the statement, so that row-level security
-- has its say before.
-- +goose StatementBegin
CREATE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_log_stays() FROM PUBLIC;
CREATE TRIGGER audit_log_rows AFTER UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
CREATE TRIGGER audit_log_all BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_stays();

-- The chain of an org's audit log: a link for each row, in the order in which audit:seal found them. hash is keyed and made of
-- the link before, the row and this link (store.SealAudit), so that whoever owns the database can break it and cannot make a link.
-- He can have old rows sealed anew; at, which is in the hash, tells that, and a head that was kept elsewhere proves it.
CREATE TABLE audit_chain (
  org_id   uuid NOT NULL,
  seq      bigint NOT NULL CHECK (seq > 0), -- from 1, without a gap
  audit_id bigint NOT NULL,
  at       timestamptz NOT NULL,
  hash     bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (org_id, seq),
  UNIQUE (audit_id, org_id),
  FOREIGN KEY (org_id, audit_id) REFERENCES audit_log (org_id, id)
);
SELECT isolate('audit_chain');
GRANT SELECT, INSERT ON audit_chain TO holdfast_app;
CREATE TRIGGER audit_chain_rows AFTER UPDATE OR DELETE ON audit_chain FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
CREATE TRIGGER audit_chain_all BEFORE TRUNCATE ON audit_chain FOR EACH STATEMENT EXECUTE FUNCTION audit_log_stays();

-- Rows of the audit log that have no link yet. It commits with the row, so one that commits late is found late, and none is
-- overlooked, whatever ids were given out meanwhile.
CREATE TABLE audit_unsealed (
  org_id   uuid NOT NULL,
  audit_id bigint NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, audit_id),
  FOREIGN KEY (org_id, audit_id) REFERENCES audit_log (org_id, id)
);
SELECT isolate('audit_unsealed');
SELECT dispatch_may('audit_unsealed', 'SELECT (org_id, at)');
GRANT SELECT, INSERT, DELETE ON audit_unsealed TO holdfast_app;

-- +goose StatementBegin
CREATE FUNCTION audit_log_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_unsealed (org_id, audit_id) VALUES (NEW.org_id, NEW.id);
  RETURN NULL;
END $$;

-- audit_unsealed_since is since when the oldest row waits for its link, for /metrics; null when none does.
CREATE FUNCTION audit_unsealed_since() RETURNS TABLE (since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT min(u.at) FROM audit_unsealed u
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_log_unsealed() FROM PUBLIC;
CREATE TRIGGER audit_log_new AFTER INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_unsealed();
SELECT dispatch_owns('audit_unsealed_since()');

-- Secrets that sign what comes in: events (Standard Webhooks), vapi, retell. Each is good until it ends, so that whoever
-- signs may use either of two in rotation; the one of a kind without an end is the newest.
CREATE TABLE webhook_secret (
  org_id     uuid NOT NULL REFERENCES org,
  id         uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('events', 'vapi', 'retell')),
  sealed     bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ends_at    timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX webhook_secret_newest ON webhook_secret (org_id, kind) WHERE ends_at IS NULL;
SELECT isolate('webhook_secret');
GRANT SELECT ON webhook_secret TO holdfast_app;

-- Secrets that sign what goes out to the org's own endpoint. Each signs until it ends, so that of two in rotation
-- the endpoint may know either; the one without an end is the newest.
CREATE TABLE endpoint_secret (
  org_id     uuid NOT NULL REFERENCES org,
  id         uuid NOT NULL,
  sealed     bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ends_at    timestamptz,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX endpoint_secret_newest ON endpoint_secret (org_id) WHERE ends_at IS NULL;
SELECT isolate('endpoint_secret');
GRANT SELECT ON endpoint_secret TO holdfast_app;

-- What an operator should look at: a key used on another org's path, a forged signature. n is how often it was seen: the
-- first time is a row of its own, what follows within a minute is one more. at is when the row was written, after the last.
CREATE TABLE security_event (
  org_id uuid NOT NULL REFERENCES org,
  id     bigint GENERATED ALWAYS AS IDENTITY,
  at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind   text NOT NULL,
  key_id uuid,
  route  text NOT NULL DEFAULT '',
  n      int NOT NULL DEFAULT 1 CHECK (n > 0),
  PRIMARY KEY (org_id, id)
);
SELECT isolate('security_event');
GRANT SELECT, INSERT ON security_event TO holdfast_app;

-- api_key_find answers which org a key belongs to and what it may do, before any org is known. dead tells of one that was
-- revoked or has expired: who proves it is refused all the same, but its org is told.
-- +goose StatementBegin
CREATE FUNCTION api_key_find(p_prefix text)
RETURNS TABLE (org_id uuid, id uuid, hash bytea, scopes text[], dead boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT k.org_id, k.id, k.hash, k.scopes, LEAST(k.expires_at, k.revoked_at) <= clock_timestamp() IS TRUE
    FROM api_key k WHERE k.prefix = p_prefix
$$;
-- +goose StatementEnd
SELECT dispatch_owns('api_key_find(text)');
