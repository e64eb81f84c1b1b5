package store_test

import (
	"encoding/json"
	"testing"

	"holdfast/store"
	"holdfast/store/pii"
)

// What limits look at is found by index, with the rows that count and no others, also in a database that was never analysed:
// it is part of every booking.
func TestCodeLimitReadsLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy := store.AddresseeOf(w.Keys, w.org.ID, pii.KnownPhone("+12025550100"), []byte(`{"phone":{"per_10_minutes":3,"per_day":10},"prefix":{"per_hour":20},"ratio":{"confirmed_percent":20,"after_texts":20}}`))
	_, err := w.Admin.Exec(t.Context(), `WITH unset AS (DELETE FROM settings) INSERT INTO message (org_id, id, kind, to_hash, to_sealed, prefix_hash, created_at)
		SELECT $1, gen_random_uuid(), 'code', decode(md5(n::text), 'hex'), '', CASE WHEN n % 40 = 0 THEN $2 ELSE decode(md5((n / 10)::text), 'hex') END,
		       clock_timestamp() - n * interval '12.5 seconds' FROM generate_series(1, 2000) n`, w.org.ID, busy.Prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		a    store.Addressee
		want string
		most int // pages: a few for each row, and for each index that is looked into
	}{
		{"busy", busy, "ratio", 400}, // fifty texts of the day, and the customers of their numbers
		{"new", store.AddresseeOf(w.Keys, w.org.ID, pii.KnownPhone("+13125550100"), busy.Defaults), "", 40},
	} {
		var l store.CodeLimit
		var plan []struct {
			Plan map[string]any
		}
		w.in(func(tx *store.Tx) (err error) {
			for range 2 { // the first looks into the catalog
				if l, err = store.FindCodeLimit(t.Context(), tx, tt.a); err != nil {
					return err
				}
			}
			var raw []byte
			err = tx.QueryRow(t.Context(), `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT code_limit($1, $2, $3, $4)`, tx.Org, tt.a.Phone, tt.a.Prefix, tt.a.Defaults).Scan(&raw)
			if err != nil {
				return err
			}
			return json.Unmarshal(raw, &plan)
		})
		pages := plan[0].Plan["Shared Hit Blocks"].(float64) + plan[0].Plan["Shared Read Blocks"].(float64)
		if l.Name != tt.want || pages == 0 || int(pages) > tt.most {
			t.Errorf("%s: %+v, %v pages were read, want at most %d", tt.name, l, pages, tt.most)
		}
	}
}
