package handlers

import (
	"fmt"
	"testing"
	"time"
)

// With a limit on its sender an org's texts go out at that rate, and codes go past those that wait.
func TestSenderLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.set(`{"limits":{"sender":{"per_second":1}}}`)
	for i := range 20 {
		r.writes(fmt.Sprintf("+120255501%02d", i), "hello")
	}
	r.start()
	waiting := func() int {
		return query[int](r, "SELECT count(*) FROM task WHERE state = 'pending' AND last_error = 'sms-paced'")
	}
	eventually(t, 10*time.Second, "texts wait for their turn", func() bool { return waiting() > 8 })
	for i, phone := range []string{ana, bob, eve} {
		r.hold(phone, at(2, 10+i, 0))
		r.texts(phone, 1)
	}
	if n := query[int](r, "SELECT count(*) FROM task WHERE type = 'verification:send' AND last_error IS NOT NULL"); n > 0 || waiting() == 0 {
		t.Errorf("%d codes had to wait, and %d other texts do", n, waiting())
	}
	eventually(t, 15*time.Second, "some have gone", func() bool { return waiting() < 15 })
	// The nth text but one may not go before n seconds are over.
	if n := query[int](r, `SELECT count(*) FROM (SELECT claimed_at - min(claimed_at) OVER () AS after, row_number() OVER (ORDER BY claimed_at) AS n
		FROM message WHERE kind <> 'code' AND claimed_at IS NOT NULL) x WHERE after < (n - 2) * interval '1 s' - interval '50 ms'`); n > 0 {
		t.Errorf("%d texts went out too soon", n)
	}
	if got := query[int](r, "SELECT sum(attempt) FROM task"); got != 0 {
		t.Errorf("waiting has cost %d attempts", got)
	}
}
