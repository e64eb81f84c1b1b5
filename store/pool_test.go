package store_test

import (
	"net/url"
	"testing"

	"holdfast/store"
	"holdfast/store/storetest"
)

// On loopback TLS is not tried where it is only preferred; what asks for it gets it, or an error.
func TestPlainOnLoopback(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for mode, plain := range map[string]bool{"": true, "prefer": true, "disable": true, "require": false} {
		u, err := url.Parse(db.AppURL)
		if err != nil {
			t.Fatal(err)
		}
		u.RawQuery = ""
		if mode != "" {
			u.RawQuery = "sslmode=" + mode
		}
		pool, err := store.OpenPool(t.Context(), u.String(), store.Pool{Max: 1, Lazy: true})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if c := pool.Config().ConnConfig; (c.TLSConfig == nil && len(c.Fallbacks) == 0) != plain {
			t.Errorf("sslmode %q: TLS %v, %d fallbacks", mode, c.TLSConfig != nil, len(c.Fallbacks))
		}
	}
}
