package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Story is everything that is known to have happened around one thing, in order of time. It holds ids, states, times
// and reason codes: no personal data.
type Story struct {
	Of     string       `json:"of"` // request, booking, move, task, message, inbound, verification, transcript or report
	ID     uuid.UUID    `json:"id"`
	Org    string       `json:"org"` // its slug
	Events []StoryEvent `json:"events"`
}

// StoryEvent is one thing that happened, or that will: a hold's end, a task's next run.
type StoryEvent struct {
	At     time.Time       `json:"at"`
	Of     string          `json:"of"` // what it happened to, as in Story
	ID     string          `json:"id"`
	What   string          `json:"what"`
	Detail json.RawMessage `json:"detail,omitempty"`
}

// FindStory tells the story of the thing that ref names: an id, or the SID of a text at the provider. What belongs to
// one booking is one story, whichever of its parts is named. ErrNotFound: nothing has that id. pool is of a role
// that sees every org.
func FindStory(ctx context.Context, pool *pgxpool.Pool, ref string) (s Story, err error) {
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		org, err := s.find(ctx, tx, ref)
		if err != nil {
			return err
		}
		ids, err := around(ctx, tx, org, s.ID)
		if err != nil {
			return fmt.Errorf("story: %w", err)
		}
		for _, part := range storyParts {
			rows, err := tx.Query(ctx, part, org, ids)
			events, err := many(rows, err, pgx.RowToStructByPos[StoryEvent])
			if err != nil {
				return fmt.Errorf("story: %w", err)
			}
			s.Events = append(s.Events, events...)
		}
		return nil
	})
	slices.SortStableFunc(s.Events, func(a, b StoryEvent) int { return a.At.Compare(b.At) })
	return s, err
}

// named finds a thing by its id in the tables whose rows operators meet the ids of. It asks org by org, since the
// keys begin with it.
const named = `SELECT o.id, o.slug, f.of, f.id FROM org o, LATERAL (
	SELECT 'booking' AS of, id FROM booking WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'request', id FROM request WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'task', id FROM task WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'message', id FROM message WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'inbound', id FROM inbound WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'verification', id FROM verification WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'move', id FROM move WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'transcript', id FROM transcript WHERE org_id = o.id AND id = $1
	UNION ALL SELECT 'report', id FROM transcript_report WHERE org_id = o.id AND id = $1 OFFSET 0) f LIMIT 1`

const namedBySID = `SELECT o.id, o.slug, f.of, f.id FROM org o JOIN (
	SELECT 'message' AS of, org_id, id FROM message WHERE provider_sid = $1
	UNION ALL SELECT 'inbound', org_id, id FROM inbound WHERE provider_sid = $1) f ON f.org_id = o.id LIMIT 1`

// find fills in whose story it is.
func (s *Story) find(ctx context.Context, tx DB, ref string) (org uuid.UUID, err error) {
	look, by := namedBySID, any(ref)
	if id, notID := uuid.Parse(ref); notID == nil {
		look, by = named, id
	}
	if err := tx.QueryRow(ctx, look, by).Scan(&org, &s.Org, &s.Of, &s.ID); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrNotFound
		}
		return org, err
	}
	return org, nil
}

// since is the smallest id that was made at a time or later, of those that begin with their time (UUIDv7): it keeps a
// search that no index serves to what came after the thing that it is about. A minute is for clocks that differ.
const since = `(lpad(to_hex(floor(extract(epoch FROM (SELECT min(at) FROM known) - interval '1 min') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid`

// made is the id of what a request made: a booking, a transcript, a report. What else answers name is found in no table
// of those.
const made = `CASE WHEN answer->>'id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN (answer->>'id')::uuid END`

// around lists the ids of what belongs together with id: what it is about, the bookings of that, and all that is about
// those.
func around(ctx context.Context, tx DB, org, id uuid.UUID) (ids []uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		WITH start(id) AS (
		  SELECT $2::uuid
		  UNION SELECT request_id FROM task WHERE org_id = $1 AND id = $2 AND request_id IS NOT NULL
		  UNION SELECT v.value::uuid FROM task t, jsonb_each_text(t.payload) v WHERE t.org_id = $1 AND t.id = $2 AND v.value ~ '^[0-9a-f-]{36}$'),
		named(id) AS (
		  SELECT id FROM start
		  UNION SELECT booking_id FROM request WHERE org_id = $1 AND id IN (SELECT id FROM start)
		  UNION SELECT `+made+` FROM request WHERE org_id = $1 AND id IN (SELECT id FROM start)
		  UNION SELECT booking_id FROM message WHERE org_id = $1 AND id IN (SELECT id FROM start)
		  UNION SELECT booking_id FROM verification WHERE org_id = $1 AND id IN (SELECT id FROM start)
		  UNION SELECT booking_id FROM move WHERE org_id = $1 AND id IN (SELECT id FROM start)
		  UNION SELECT booking_id FROM inbound WHERE org_id = $1 AND id IN (SELECT id FROM start)
		  UNION SELECT booking_id FROM booking_event WHERE org_id = $1 AND told_as = $2
		  UNION SELECT booking_id FROM inbound WHERE org_id = $1 AND told_as = $2),
		heard(id) AS (SELECT transcript_id FROM transcript_report WHERE org_id = $1 AND id IN (SELECT id FROM named) UNION SELECT id FROM named),
		bookings AS (SELECT id, created_at AS at FROM booking WHERE org_id = $1 AND (id IN (SELECT id FROM named)
		     OR id IN (SELECT booking_id FROM transcript WHERE org_id = $1 AND id IN (SELECT id FROM heard)))),
		transcripts AS (SELECT id, created_at AS at FROM transcript WHERE org_id = $1
		    AND (id IN (SELECT id FROM heard) OR booking_id IN (SELECT id FROM bookings))),
		reports AS (SELECT id, created_at AS at FROM transcript_report WHERE org_id = $1 AND transcript_id IN (SELECT id FROM transcripts)),
		requests AS (
		  SELECT r.id, r.created_at AS at FROM request r WHERE r.org_id = $1 AND r.id IN (SELECT id FROM start)
		  UNION SELECT r.id, r.created_at FROM request r, (SELECT min(at) - interval '1 day' AS at FROM bookings) b
		   WHERE r.org_id = $1 AND r.created_at > b.at
		     AND (r.booking_id IN (SELECT id FROM bookings) OR `+made+` IN (SELECT id FROM bookings))
		  UNION SELECT r.id, r.created_at FROM request r WHERE r.org_id = $1 AND r.created_at >= (SELECT min(at) FROM transcripts)
		     AND `+made+` IN (SELECT id FROM transcripts UNION SELECT id FROM reports)),
		known AS (
		  SELECT id, at FROM bookings
		  UNION SELECT id, at FROM requests
		  UNION SELECT id, at FROM transcripts
		  UNION SELECT id, at FROM reports
		  UNION SELECT id, created_at FROM message WHERE org_id = $1 AND (id IN (SELECT id FROM start) OR booking_id IN (SELECT id FROM bookings))
		  UNION SELECT id, created_at FROM verification WHERE org_id = $1 AND (id IN (SELECT id FROM start) OR booking_id IN (SELECT id FROM bookings))
		  UNION SELECT id, created_at FROM inbound WHERE org_id = $1 AND (id IN (SELECT id FROM start) OR told_as = $2 OR booking_id IN (SELECT id FROM bookings))
		  UNION SELECT id, created_at FROM task WHERE org_id = $1 AND id = $2)
		SELECT ARRAY(
		  SELECT id FROM known
		  UNION SELECT told_as FROM booking_event WHERE org_id = $1 AND booking_id IN (SELECT id FROM bookings) AND told_as IS NOT NULL
		  UNION SELECT told_as FROM inbound WHERE org_id = $1 AND id IN (SELECT id FROM known) AND told_as IS NOT NULL
		  UNION SELECT t.id FROM task t WHERE t.org_id = $1 AND t.id >= `+since+`
		    AND (t.request_id IN (SELECT id FROM known)
		      OR EXISTS (SELECT FROM jsonb_each_text(t.payload) v WHERE v.value IN (SELECT id::text FROM known))))`, org, id).Scan(&ids)
	return ids, err
}
