package main

import "testing"

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		ok   bool
	}{
		{[]string{"--", "sh", "-c", `test -n "$HOLDFAST_TEST_DATABASE_URL" && test -n "$HOLDFAST_TEST_REDIS_URL" && exit 7`}, 7, true},
		{[]string{"sh", "-c", "kill -9 $$"}, 137, true},
		{[]string{"true"}, 0, true},
		{[]string{"no-such-command"}, 1, false},
		{nil, 2, false},
	} {
		if code, err := run(c.args); code != c.code || (err == nil) != c.ok {
			t.Errorf("%q: code %d, error %v; want code %d", c.args, code, err, c.code)
		}
	}
}
