package store_test

import (
	"testing"

	"holdfast/store"
	"holdfast/store/pii"
)

// What limits look at is found by index, with the rows that count and no others, also in a database that was never analysed:
// this statement is part of every booking.
func TestCodeLimitReadsLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const phone = "+12025550100"
	busy := store.AddresseeOf(w.Keys, w.org.ID, pii.KnownPhone(phone), []byte(`{"phone":{"per_10_minutes":3,"per_day":10},"prefix":{"per_hour":20},"ratio":{"confirmed_percent":20,"after_texts":20}}`))
	_, err := w.Admin.Exec(t.Context(), `WITH unset AS (DELETE FROM settings) INSERT INTO message (org_id, id, kind, to_hash, to_sealed, prefix_hash, created_at)
		SELECT $1, gen_random_uuid(), 'code', decode(md5(n::text), 'hex'), '', CASE WHEN n % 40 = 0 THEN $2 ELSE decode(md5((n / 10)::text), 'hex') END,
		       clock_timestamp() - n * interval '12.5 seconds' FROM generate_series(1, 2000) n`, w.org.ID, busy.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	w.in(func(tx *store.Tx) error {
		for _, tt := range []struct {
			name string
			a    store.Addressee
			want string
			most int
		}{
			{"busy", busy, "ratio", 60}, // the hour's, and the day's fifty
			{"new", store.AddresseeOf(w.Keys, w.org.ID, pii.KnownPhone("+13125550100"), busy.Defaults), "", 0},
		} {
			var before, after int
			count := `SELECT pg_stat_get_xact_tuples_returned(c) + pg_stat_get_xact_tuples_fetched(c) FROM CAST('message' AS regclass) c`
			if err := tx.QueryRow(t.Context(), count).Scan(&before); err != nil {
				return err
			}
			l, err := store.FindCodeLimit(t.Context(), tx, tt.a)
			if err != nil {
				return err
			}
			if err := tx.QueryRow(t.Context(), count).Scan(&after); err != nil {
				return err
			}
			if l.Name != tt.want || after-before > tt.most {
				t.Errorf("%s: %+v, %d rows of message were read, want at most %d", tt.name, l, after-before, tt.most)
			}
		}
		return nil
	})
}
