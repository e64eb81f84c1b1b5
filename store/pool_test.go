package store_test

import (
	"net/url"
	"strings"
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

// Modes that guess the types of parameters are refused before anything is asked in them.
func TestModesOfStatements(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for mode, fine := range map[string]bool{"cache_statement": true, "cache_describe": true, "describe_exec": true, "exec": false, "simple_protocol": false} {
		pool, err := store.OpenPool(t.Context(), db.AppURL+"?default_query_exec_mode="+mode, store.Pool{Max: 1, Lazy: true})
		if err == nil {
			pool.Close()
		}
		if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), "cache_describe") {
			t.Errorf("%s: %v", mode, err)
		}
	}
}
