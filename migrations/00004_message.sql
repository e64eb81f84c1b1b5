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

-- A text to a customer. Its body is rendered when it is sent and never stored; body_hash finds it again at
-- the provider when the outcome of a send is unknown. States only move forward.
CREATE TABLE message (
  org_id          uuid NOT NULL REFERENCES org,
  id              uuid NOT NULL,
  kind            text NOT NULL,
  booking_id      uuid,
  verification_id uuid,
  to_hash         bytea NOT NULL,
  to_sealed       bytea NOT NULL,
  state           text NOT NULL DEFAULT 'queued' CHECK (state IN
    ('queued', 'sending', 'unknown', 'accepted', 'sent', 'delivered', 'undelivered', 'failed', 'canceled')),
  sends           int NOT NULL DEFAULT 0,
  body_hash       bytea,
  segments        int,
  provider_sid    text,
  error_class     text,
  error_code      int,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  claimed_at      timestamptz,
  accepted_at     timestamptz,
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  UNIQUE (provider_sid, org_id),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id),
  FOREIGN KEY (org_id, verification_id) REFERENCES verification (org_id, id)
);
CREATE INDEX message_to ON message (to_hash, created_at);
CREATE INDEX message_booking ON message (booking_id);
CREATE INDEX message_verification ON message (verification_id) WHERE verification_id IS NOT NULL;
SELECT isolate('message');
GRANT SELECT, INSERT, UPDATE ON message TO holdfast_app;

-- A text from a customer; the body is sealed and emptied once it is understood.
CREATE TABLE inbound (
  org_id       uuid NOT NULL REFERENCES org,
  id           uuid NOT NULL,
  provider_sid text NOT NULL,
  from_hash    bytea NOT NULL,
  from_sealed  bytea NOT NULL,
  sender       text NOT NULL,
  body_sealed  bytea,
  opt_out_type text NOT NULL DEFAULT '',
  intent       text,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at      timestamptz,
  PRIMARY KEY (org_id, id),
  UNIQUE (provider_sid, org_id),
  CHECK (done_at IS NULL OR body_sealed IS NULL)
);
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
