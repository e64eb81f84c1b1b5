package main

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"sync"
	"time"

	"holdfast/store"
	"holdfast/tasks"
)

// judge holds what was promised against the three sides that tell of it: the database, the double's record of texts,
// and what clients were answered.
type judge struct {
	s      *system
	d      *driver
	report *report
	mu     sync.Mutex
	spans  map[slot][]span // by slot, when somebody had it

	happened []happening // events that the endpoint is to hear of
	unheard  []string    // bookings whose code was texted back, and that are not confirmed
}

// span is from when to when a booking had its seat.
type span struct {
	booking  string
	from, to time.Time // to is zero: still
}

// verdict waits until all has settled, and judges.
func (s *system) verdict(ctx context.Context, d *driver, r *report) error {
	j := &judge{s: s, d: d, report: r, spans: make(map[slot][]span)}
	r.Visits, r.Slowest = d.ledger.count(), d.ledger.slowest()
	if err := j.settled(ctx); err != nil {
		return err
	}
	j.outcomes(ctx)
	j.codes(ctx)
	if err := j.settled(ctx); err != nil {
		return err
	}
	j.answers(ctx)
	j.seats()
	j.replies(ctx)
	j.events(ctx)
	if err := j.texts(ctx); err != nil {
		return err
	}
	return j.audit(ctx)
}

// breach is a promise that was broken, with the ids that show it.
func (j *judge) breach(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.Breaches = append(j.report.Breaches, fmt.Sprintf(format, args...))
}

func (j *judge) add(n *int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	*n++
}

// settleLimit is how long all that is left to do may take, once nothing goes wrong any more: a code text gives up at
// the end of its code.
const settleLimit = codeTTL + 30*time.Second

// settled waits until no task is pending.
func (j *judge) settled(ctx context.Context) error {
	start := time.Now()
	var last string
	err := until(ctx, settleLimit, "all tasks done", func() bool {
		stats, err := store.TaskStats(ctx, j.s.pool)
		if err != nil {
			last = store.Safe(err)
			return false
		}
		pending := ""
		for _, t := range stats {
			// An event that found its worker stopped twice is sent again after minutes.
			if t.State == "pending" && t.Type != tasks.WebhookDeliver.Name {
				pending += fmt.Sprintf(" %d %s", t.N, t.Type)
			}
		}
		last = pending
		return pending == ""
	})
	if err != nil {
		j.breach("tasks are stuck:%s (%v)", last, err)
	}
	j.report.Settled = max(j.report.Settled, time.Since(start))
	return nil
}

// outcomes reads what became of requests that nobody has waited for.
func (j *judge) outcomes(ctx context.Context) {
	j.each(func(v *visit) {
		for _, w := range v.writes {
			if w.request == "" || w.answer.status != 0 {
				continue
			}
			if j.d.api.look(ctx, w); w.path == "/bookings" {
				v.granted(w.answer)
			}
		}
	})
}

// codes gives back the codes that nobody has used: what a phone shows works, or has been revoked.
func (j *judge) codes(ctx context.Context) {
	j.each(func(v *visit) {
		if v.booking == "" || v.confirmed || v.canceled || v.replied || v.twin || !v.answered() {
			return
		}
		var b struct {
			State     string
			CodeState string `json:"code_state"`
		}
		code := j.d.double.code(ctx, v.phone, 10*time.Millisecond)
		if a := j.d.api.get(ctx, "/bookings/"+v.booking); code == "" || a.status != http.StatusOK || !a.decode(&b) || b.State != "held" {
			return
		}
		a := j.d.verify(ctx, v, code)
		switch {
		case b.CodeState == "pending" || b.CodeState == "sent":
			if j.add(&j.report.CodesTried); a.status != http.StatusOK && a.problem != "hold-expired" && a.problem != "code-expired" {
				j.breach("booking %s (%s): its code is %s and was answered %v", v.booking, v.flow, b.CodeState, a)
			}
		case a.status == http.StatusOK:
			j.breach("booking %s (%s): its code is %s and confirmed all the same", v.booking, v.flow, b.CodeState)
		}
	})
}

// answered reports whether the client knows the outcome of all that it asked.
func (v *visit) answered() bool {
	for _, w := range v.writes {
		if w.answer.status == 0 {
			return false
		}
	}
	return true
}

// each goes through all visits, some at a time.
func (j *judge) each(do func(*visit)) {
	work := make(chan *visit)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for v := range work {
				do(v)
			}
		})
	}
	for _, v := range j.d.ledger.all() {
		work <- v
	}
	close(work)
	wg.Wait()
}

// answers holds the client's record against what the API tells now.
func (j *judge) answers(ctx context.Context) {
	j.each(func(v *visit) {
		for _, w := range v.writes {
			j.write(ctx, v, w)
		}
		if v.booking != "" {
			j.booking(ctx, v)
		}
	})
}

// write is a request that was accepted: it has been done, once.
func (j *judge) write(ctx context.Context, v *visit, w *asked) {
	switch {
	case w.request == "" && (w.answer.status < 200 || w.answer.status > 299):
		return
	case w.request == "":
		j.add(&j.report.Accepted)
		return
	}
	j.add(&j.report.Accepted)
	told := w.answer
	w.answer = answer{}
	if j.d.api.look(ctx, w); w.answer.status == 0 {
		j.add(&j.report.Lost)
		j.breach("request %s (%s, %s) was accepted and is not done", w.request, v.flow, w.path)
	}
	if told.status != 0 && told.status != w.answer.status {
		j.breach("request %s was answered %v, and then %v", w.request, told, w.answer)
	}
	if told.problem == "request-failed" {
		j.add(&j.report.GivenUp)
	}
}

// booking is one that was granted: it is there, once, in the state that its own events imply.
func (j *judge) booking(ctx context.Context, v *visit) {
	var b struct {
		State   string
		Expires time.Time `json:"hold_expires_at"`
	}
	var timeline struct {
		Events []struct {
			At   time.Time
			Kind string
		}
	}
	if a := j.d.api.get(ctx, "/bookings/"+v.booking); a.status != http.StatusOK || !a.decode(&b) {
		j.add(&j.report.Lost)
		j.breach("booking %s (%s) was granted and is answered %v", v.booking, v.flow, a)
		return
	}
	if a := j.d.api.get(ctx, "/bookings/"+v.booking+"/timeline"); a.status != http.StatusOK || !a.decode(&timeline) {
		j.breach("booking %s: its timeline is answered %v", v.booking, a)
		return
	}
	state, seat := "", span{booking: v.booking}
	var had []span
	times := make(map[string]int)
	for _, e := range timeline.Events {
		times[e.Kind]++
		switch e.Kind {
		case "held":
			state, seat.from = "held", e.At
		case "hold_renewed":
			if !seat.to.IsZero() {
				had, seat = append(had, seat), span{booking: v.booking, from: e.At}
			}
			state = "held"
		case "confirmed":
			state = "confirmed"
		case "canceled", "expired":
			state, seat.to = e.Kind, e.At
		}
	}
	lapsed := state == "held" && b.State == "expired" && b.Expires.Before(time.Now())
	if state != b.State && !lapsed {
		j.breach("booking %s (%s) is %s, and its events imply %s", v.booking, v.flow, b.State, state)
	}
	if times["held"] != 1 || times["confirmed"] > 1 || times["canceled"] > 1 {
		j.breach("booking %s (%s) was held %d times, confirmed %d, canceled %d", v.booking, v.flow, times["held"], times["confirmed"], times["canceled"])
	}
	if v.replied && times["confirmed"] == 0 {
		j.mu.Lock()
		j.unheard = append(j.unheard, v.booking)
		j.mu.Unlock()
	}
	for _, kind := range []string{"held", "confirmed", "canceled", "expired", "unreachable"} {
		if heard := j.s.hooks.heard(kind, v.booking); heard > times[kind] {
			j.breach("booking %s (%s): its endpoint was told %d times that it is %s, which it was %d times", v.booking, v.flow, heard, kind, times[kind])
		}
		j.mu.Lock()
		j.happened = append(j.happened, happening{kind, v.booking, times[kind]})
		j.mu.Unlock()
	}
	if v.confirmed && times["confirmed"] == 0 {
		j.breach("booking %s (%s) was confirmed to its customer, and is %s", v.booking, v.flow, b.State)
	}
	if v.canceled && b.State != "canceled" {
		j.breach("booking %s (%s) was canceled to its customer, and is %s", v.booking, v.flow, b.State)
	}
	if lapsed {
		seat.to = b.Expires
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spans[v.slot] = append(append(j.spans[v.slot], had...), seat)
	if !v.twin {
		j.report.Bookings++
	}
}

// replies tells of codes that were texted back and confirmed nothing. One whose task killed its process too often is kept
// as a dead letter, which an operator replays: it is given up, and not lost.
func (j *judge) replies(ctx context.Context) {
	stats, err := store.TaskStats(ctx, j.s.pool)
	if err != nil {
		j.breach("dead letters cannot be counted: %s", store.Safe(err))
		return
	}
	var kept int64
	for _, t := range stats {
		if t.Type == tasks.SMSInbound.Name && t.State == "dead" {
			kept += t.N
		}
	}
	j.report.GivenUp += len(j.unheard)
	if int64(len(j.unheard)) > kept {
		j.breach("codes were texted back, nothing was confirmed, and only %d dead letters tell of it: %v", kept, j.unheard)
	}
}

// seats looks for slots that more people had at one time than there are seats, by what their timelines say.
func (j *judge) seats() {
	for slot, spans := range j.spans {
		for _, a := range spans {
			with := map[string]bool{}
			for _, b := range spans {
				if !b.from.After(a.from) && (b.to.IsZero() || b.to.After(a.from)) {
					with[b.booking] = true
				}
			}
			if len(with) > slot.seats {
				j.report.Double++
				j.breach("%s at %s has %d seats, and %d bookings at one time: %v", slot.resource, slot.start, slot.seats, len(with), with)
			}
		}
	}
}

// texts counts what the provider has accepted for each message of ours.
func (j *judge) texts(ctx context.Context) error {
	list, err := j.d.double.texts(ctx, "")
	if err != nil {
		return err
	}
	of := make(map[string][]string)
	for _, m := range list {
		if m.StatusCallback != "" {
			j.report.Sent++
			id := path.Base(m.StatusCallback)
			of[id] = append(of[id], m.SID)
		}
	}
	for id, sids := range of {
		if len(sids) > 1 {
			j.report.Duplicates += len(sids) - 1
			j.breach("message %s was accepted %d times: %v", id, len(sids), sids)
		}
	}
	return nil
}
