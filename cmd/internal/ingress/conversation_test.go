package ingress

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/speech"
)

// newest is the booking that was made last.
func (r *rig) newest(t *testing.T) (id uuid.UUID) {
	t.Helper()
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT id FROM booking ORDER BY created_at DESC LIMIT 1").Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

func (r *rig) admin(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := r.db.Admin.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// TestConversation is a call of twenty turns, from the first question to a second appointment.
func TestConversation(t *testing.T) {
	t.Parallel()
	platforms(t, func(t *testing.T, platform string) {
		r := voiceRig(t)
		r.worker(t)
		day := spokenDay(2)
		weekday := day.Weekday().String()
		full := speech.English.Day(day, day.AddDate(0, 0, -2))
		a := r.agent(platform, "+15550100042")
		other := r.agent(platform, "+15550100043")
		dictated := []string{"5", "5", "5"}
		at3 := []string{"service", "cleaning", "resource", "dr lee", "start", weekday + " at 3", "name", "Ana Lee"}

		// 1-4: what there is, and when
		a.use(t, "check_availability", "start", weekday, "resource", "Dr. Lee").says(t, "8 AM, 1 PM or 5:30 PM on "+weekday+" are free.")
		a.use(t, "check_availability", "service", "haircut", "start", weekday).says(t, "I do not know that service. There is Cleaning.")
		a.use(t, "check_availability", "service", "cleaning", "start", weekday+" afternoon").says(t, "Noon, ")
		a.use(t, "check_availability", "resource", "Dr. Lee", "start", weekday+" at 3 pm").says(t, full+" at 3 PM is free.")
		// 5-6: somebody else is faster
		other.use(t, "hold_slot", at3...).says(t, full+" at 3 PM with Dr. Lee is held. A code was sent to the number ending in 4 3.")
		taken := a.use(t, "hold_slot", at3...)
		taken.says(t, "That time was just taken. 2 PM, 2:30 PM or 3:30 PM on "+weekday+" are free.")
		if taken.ok && platform == sourceVapi || platform == sourceRetell && (taken.Status != "slot-taken" || len(taken.Alternatives) != 3) {
			t.Errorf("%+v", taken)
		}
		// 7: the time alone is not enough
		a.use(t, "hold_slot", "service", "cleaning", "start", weekday).says(t, "At what time on ")
		// 8-9: an alternative, delivered twice
		hold := a.body(t, "hold_slot", "service", "cleaning", "resource", "Dr. Lee", "start", "half past three in the afternoon on "+weekday,
			"name", "Ana Lee", "phone", strings.Join(dictated, " "))
		held := a.send(t, hold)
		held.says(t, full+" at 3:30 PM with Dr. Lee is held. A code was sent to the number ending in 4 2.")
		a.send(t, hold).says(t, held.text)
		id := r.newest(t)
		if platform == sourceRetell && (held.State != "held" || *held.Booking != id) {
			t.Errorf("%+v", held.Facts)
		}
		// 10-12: the code is misread
		code := r.code(t, id)
		wrong := r.wrongCode(t, id)
		a.use(t, "verify_code", "code", wrong[:3]).says(t, "I need the six digits")
		guess := a.body(t, "verify_code", "code", wrong)
		a.send(t, guess).says(t, "That code is not right. There are 4 tries left.")
		a.send(t, guess).says(t, "That code is not right. There are 4 tries left.")
		// 13-14: sent again, too soon and then not
		a.use(t, "resend_code").says(t, "The code was sent to the number ending in 4 2 a moment ago. I can send it again in ")
		r.admin(t, "UPDATE message SET created_at = created_at - interval '1 minute'")
		a.use(t, "resend_code").says(t, "A code was sent to the number ending in 4 2.")
		// 15-16: as people read it aloud; and once more
		spoken := strings.NewReplacer("0", "zero ", "1", "one ", "2", "two ", "3", "three ", "4", "four ", "5", "five ", "6", "six ", "7", "seven ",
			"8", "eight ", "9", "nine ").Replace(code)
		confirm := a.body(t, "verify_code", "code", spoken)
		a.send(t, confirm).says(t, full+" at 3:30 PM with Dr. Lee is confirmed.")
		a.send(t, confirm).says(t, full+" at 3:30 PM with Dr. Lee is confirmed.")
		// 17: the first delivery of the hold comes again: it is told what the booking is now
		a.send(t, hold).says(t, full+" at 3:30 PM with Dr. Lee is confirmed.")
		// 18-19: another plan
		cancel := a.body(t, "cancel_booking")
		a.send(t, cancel).says(t, full+" at 3:30 PM with Dr. Lee is canceled.")
		a.send(t, cancel).says(t, full+" at 3:30 PM with Dr. Lee is canceled.")
		// 20-21: any time, anybody
		a.use(t, "hold_slot", "service", "Cleaning", "start", "tomorrow at 10 am").says(t,
			speech.English.Day(spokenDay(1), spokenDay(0))+" at 10 AM with ")
		second := r.newest(t)
		a.use(t, "verify_code", "code", r.code(t, second)).says(t, speech.English.Day(spokenDay(1), spokenDay(0))+" at 10 AM with ")
		// 22: a cancel that comes late means what it meant
		if platform == sourceVapi {
			a.send(t, cancel).says(t, full+" at 3:30 PM with Dr. Lee is canceled.")
		}
		if got := r.state(t, second); got != "confirmed" {
			t.Errorf("the second booking is %s", got)
		}
		// 23: cancel it, said of the other booking
		a.use(t, "cancel_booking").says(t, speech.English.Day(spokenDay(1), spokenDay(0))+" at 10 AM with ")
		if got := r.state(t, second); got != "canceled" {
			t.Errorf("the second booking is %s", got)
		}
		if n := r.count(t, "booking"); n != 3 {
			t.Errorf("%d bookings, want 3", n)
		}
		if leak := leaked(r.log.String()); leak != "" {
			t.Errorf("the log holds %q", leak)
		}
	})
}

func (r *rig) state(t *testing.T, booking uuid.UUID) (state string) {
	t.Helper()
	if err := r.db.Admin.QueryRow(t.Context(), "SELECT state FROM booking WHERE id = $1", booking).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

// TestDeliveredTwice: of one call of a tool, delivered many times at once, one takes effect and all are answered.
func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	platforms(t, func(t *testing.T, platform string) {
		r := voiceRig(t)
		r.worker(t)
		a := r.agent(platform, "+15550100042")
		a.use(t, "check_availability", "service", "cleaning") // the secret is known from here on
		body := a.body(t, "hold_slot", "service", "cleaning", "start", "in two days at 10 am")
		var wg sync.WaitGroup
		said := make([]heard, 6)
		for i := range said {
			wg.Go(func() { said[i] = a.send(t, body) })
		}
		wg.Wait()
		for _, h := range said {
			if h.text != said[0].text || !strings.Contains(h.text, "is held") {
				t.Errorf("heard %q", h.text)
			}
		}
		if b, q := r.count(t, "booking"), r.count(t, "request"); b != 1 || q != 1 {
			t.Errorf("%d bookings, %d requests", b, q)
		}
		guess := a.body(t, "verify_code", "code", r.wrongCode(t, r.newest(t)))
		for i := range 4 {
			wg.Go(func() { said[i] = a.send(t, guess) })
		}
		wg.Wait()
		for _, h := range said[:4] {
			h.says(t, "That code is not right. There are 4 tries left.")
		}
	})
}

// TestAskedAnew: what was asked is joined while it is in hand, though the agent makes a new call of it; what is
// over may be asked for again.
func TestAskedAnew(t *testing.T) {
	t.Parallel()
	platforms(t, func(t *testing.T, platform string) {
		r := voiceRig(t)
		a := r.agent(platform, "+15550100042")
		args := []string{"resource", "Dr. Lee", "start", "in two days at 10 am"}
		a.use(t, "hold_slot", args...).says(t, "I am still working on it.") // nobody works
		asked := make(chan heard)
		go func() { asked <- a.use(t, "hold_slot", args...) }()
		until(t, func() bool { return r.waiting() == 1 })
		r.worker(t)
		if h := <-asked; !strings.Contains(h.text, "is held") {
			t.Fatalf("heard %q", h.text)
		}
		if n := r.count(t, "request"); n != 1 {
			t.Errorf("%d requests", n)
		}
		// The hold lapses, and the caller says the same again.
		r.admin(t, "UPDATE booking SET hold_expires_at = clock_timestamp()")
		r.admin(t, "UPDATE hold SET expires_at = clock_timestamp()")
		if h := a.use(t, "hold_slot", args...); !strings.Contains(h.text, "is held") {
			t.Errorf("heard %q", h.text)
		}
		if n := r.count(t, "booking"); n != 2 {
			t.Errorf("%d bookings", n)
		}
	})
}

// TestAnswersInTime: answers come within five seconds though the database does not, also to several calls in one
// request.
func TestAnswersInTime(t *testing.T) {
	t.Parallel()
	a := voiceRig(t)
	r, g := a.behindGate(t, 4)
	r.voiceSecrets(t)
	talk := r.agent(sourceVapi, "+15550100042")
	talk.use(t, "check_availability", "resource", "Dr. Lee") // the secret is known now
	g.mu.Lock()
	g.hang = true
	g.mu.Unlock()
	g.cut()
	const calls = 8
	list := make([]string, calls)
	for i := range list {
		list[i] = fmt.Sprintf(`{"id":"%d","name":"hold_slot","arguments":{"resource":"Dr. Lee","start":"in two days at 10 am"}}`, i)
	}
	begun := time.Now()
	got := talk.post(t, `{"message":{"type":"tool-calls","toolCallList":[`+strings.Join(list, ",")+`]}}`)
	if d := time.Since(begun); d > 9*time.Second { // 5 s, on a machine that is busy; each call alone takes two
		t.Errorf("answered after %v", d)
	}
	var v vapiAnswer
	if got.json(t, &v); got.StatusCode != 200 || len(v.Results) != calls {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	for _, res := range v.Results {
		if said := res.Result + res.Error; !strings.HasPrefix(said, "I am still working on it.") && !strings.HasPrefix(said, "I cannot reach the calendar") {
			t.Errorf("heard %q", said)
		}
	}
}
