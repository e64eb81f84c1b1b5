-- +goose Up

-- What was said in a call, redacted. The clear text is the body of the request that asked for it, sealed there until
-- the transaction that writes this row and its redactions empties it: there is no state between. The text that is left is
-- sealed too, since no redaction is perfect. A call may have several: call_id is the platform's word, not a key of ours. Once the
-- booking's customer was erased the text is null and the call 'erased'.
CREATE TABLE transcript (
  org_id      uuid NOT NULL REFERENCES org,
  id          uuid NOT NULL,
  call_id     text NOT NULL CHECK (call_id <> ''),
  booking_id  uuid,                  -- whose customer's name was known; null: none was
  text_sealed bytea,
  engine      text NOT NULL,         -- what redacted it: rules, dictionary and policy
  redactions  int NOT NULL CHECK (redactions >= 0),
  request_id  uuid,                  -- that asked for it
  created_at  timestamptz NOT NULL,  -- when it was asked for
  redacted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, request_id) REFERENCES request (org_id, id),
  FOREIGN KEY (org_id, booking_id) REFERENCES booking (org_id, id)
);
CREATE INDEX transcript_booking ON transcript (booking_id) WHERE booking_id IS NOT NULL;
SELECT isolate('transcript');
GRANT SELECT, INSERT, UPDATE (call_id, text_sealed) ON transcript TO holdfast_app;

-- Each thing that was taken out of a text: where it stood, what it was and by which rule. Never the value: hash is keyed,
-- the same for the same value of an org. subject is the transcript, the booking whose notes it
-- were, or the reply. The app can add rows and read them; erasing a customer empties their hashes, and no more.
CREATE TABLE redaction (
  org_id     uuid NOT NULL REFERENCES org,
  source     text NOT NULL CHECK (source IN ('transcript', 'note', 'reply')),
  subject    uuid NOT NULL,
  ordinal    int NOT NULL CHECK (ordinal >= 0), -- from 0, in the order of the text
  type       text NOT NULL CHECK (type <> ''),
  rule       text NOT NULL CHECK (rule <> ''),
  confidence smallint NOT NULL CHECK (confidence BETWEEN 0 AND 100), -- percent
  from_byte  int NOT NULL CHECK (from_byte >= 0), -- of the text before
  to_byte    int NOT NULL,                        -- exclusive
  action     text NOT NULL CHECK (action IN ('remove', 'mask', 'token')),
  hash       bytea CHECK (octet_length(hash) = 32), -- null: the customer was erased
  engine     text NOT NULL,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (subject, source, ordinal, org_id),
  CHECK (from_byte < to_byte)
);
SELECT isolate('redaction');
GRANT SELECT, INSERT, UPDATE (hash) ON redaction TO holdfast_app;

-- What somebody who read a transcript found wrong: a value that was left in it (missed), or a redaction of what was
-- none (false). Places are bytes of the redacted text; what stands there is not kept.
CREATE TABLE transcript_report (
  org_id        uuid NOT NULL,
  id            uuid NOT NULL,
  transcript_id uuid NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('missed', 'false')),
  type          text, -- null: not told
  from_byte     int NOT NULL CHECK (from_byte >= 0),
  to_byte       int NOT NULL, -- exclusive
  actor         text NOT NULL CHECK (actor <> ''), -- the API key's id
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  CHECK (from_byte < to_byte),
  FOREIGN KEY (org_id, transcript_id) REFERENCES transcript (org_id, id)
);
CREATE INDEX transcript_report_of ON transcript_report (transcript_id);
SELECT isolate('transcript_report');
GRANT SELECT, INSERT ON transcript_report TO holdfast_app;
