package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"
)

// theirRequests finds the requests of bookings $2: those that made them or what was said in calls about them, and those about them.
// Each is found by key or by request_booking, so that it costs the same however many the org has. A join leads there also while
// a table is too new to have been analysed; = ANY would not.
const theirRequests = `SELECT r.id FROM unnest($2::uuid[]) u(id), LATERAL (
	SELECT b.request_id FROM booking b WHERE b.org_id = $1 AND b.id = u.id AND b.request_id IS NOT NULL
	UNION ALL SELECT x.request_id FROM transcript x WHERE x.org_id = $1 AND x.booking_id = u.id AND x.request_id IS NOT NULL
	UNION ALL SELECT q.id FROM request q WHERE q.org_id = $1 AND q.booking_id = u.id) r(id)`

// emptyRequest empties what an answered request tells: the fingerprint of the body, and in the answer the last digits of a phone
// and the id of a call, which another system gave. A value of JSON's ends at the first quote that has no backslash before it, and
// inside of one a key cannot look like this, since its quotes would have one.
const emptyRequest = `UPDATE request SET fingerprint = '',
	answer = regexp_replace(regexp_replace(answer::text, '"phone":"(?:\\.|[^"\\])*"', '"phone":""', 'g'),
		'"call_id":"(?:\\.|[^"\\])*"', '"call_id":"erased"', 'g')::json
	WHERE org_id = $1 AND id = $2 AND done_at IS NOT NULL AND fingerprint <> ''`

// eraseRequests empties what answered requests tell of a customer's bookings, and of once, bookings that were his until they were
// given to another number, only those that were answered with his digits. Requests that are not answered yet are answered by
// their tasks, which find nothing left. Keys stay, as hashes: with one of them nothing is done again. So does that of the
// call, by which a transcript that comes late is refused.
func eraseRequests(ctx context.Context, tx *Tx, customer uuid.UUID, bookings, once []uuid.UUID, e *Erased) error {
	var theirs, shown []uuid.UUID
	queueIDs(tx, &theirs, theirRequests, tx.Org, bookings)
	queueIDs(tx, &shown, `SELECT a.id FROM (`+theirRequests+`) t JOIN request a ON a.org_id = $1 AND a.id = t.id
		WHERE a.answer->'customer'->>'id' = $3`, tx.Org, once, customer.String())
	if err := tx.Flush(ctx); err != nil {
		return err
	}
	ids := append(theirs, shown...)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	emptied := make([]int, len(ids))
	for i, id := range ids { // by key each: see theirRequests
		queueCount(tx, &emptied[i], emptyRequest, tx.Org, id)
	}
	if err := tx.Flush(ctx); err != nil {
		return err
	}
	for _, n := range emptied {
		e.Requests += n
	}
	return nil
}
