package main

import (
	"context"
	"sync"
	"time"

	"holdfast/handlers/sms/twiliosim"
)

// flow is a kind of visit.
type flow struct {
	name string
	do   func(ctx context.Context, d *driver, name string)
}

// codeWait is how long a customer looks at the phone. Texts whose outcome is unknown take httpTimeout + grace.
const codeWait = 12 * time.Second

// flows are all kinds. Customers follow them in turn.
var flows = []flow{
	{"happy", happy},
	{"contention", contention},
	{"reply", reply},
	{"wrong code", wrongCode},
	{"cancel", cancelHeld},
	{"refused: 21614", refused(twiliosim.Fault{Do: twiliosim.FaultError, Code: 21614, Status: 400})},
	{"happy", happy},
	{"server error", mended(twiliosim.Fault{Do: twiliosim.FaultError, Code: 20500, Status: 500, Times: 1})},
	{"same key at once", atOnce},
	{"rate limit", mended(twiliosim.Fault{Do: twiliosim.FaultError, Code: 20429, Status: 429, Times: 1})},
	{"other number", otherNumber},
	{"never answered", mended(twiliosim.Fault{Do: twiliosim.FaultHang, Times: 1})},
	{"accepted, never answered", mended(twiliosim.Fault{Do: twiliosim.FaultAcceptThenHang, Times: 1})},
	{"cancel confirmed", cancelConfirmed},
	{"reset", mended(twiliosim.Fault{Do: twiliosim.FaultReset, Times: 1})},
	{"not JSON", mended(twiliosim.Fault{Do: twiliosim.FaultHTML503, Times: 1})},
	{"block", block},
	{"transcript", transcript},
	{"slow", mended(twiliosim.Fault{Do: twiliosim.FaultDelay, MS: 500})},
	{"callback lost", mended(twiliosim.Fault{Do: twiliosim.FaultDropCallback})},
	{"magic number", magic},
	{"callback doubled", mended(twiliosim.Fault{Do: twiliosim.FaultDoubleCallback})},
	{"undelivered", refused(twiliosim.Fault{Do: twiliosim.FaultUndelivered, Code: 30003})},
	{"left alone", leftAlone},
	{"stop", stop},
}

// rareFlows are those that lead to what few others do.
var rareFlows = []flow{{"block", block}, {"transcript", transcript}, {"cancel", cancelHeld}, {"other number", resendOnly}, {"reply", reply},
	{"rate limit", mended(twiliosim.Fault{Do: twiliosim.FaultError, Code: 20429, Status: 429, Times: 1})}}

// confirm reads the code and gives it back.
func (d *driver) confirm(ctx context.Context, v *visit) bool {
	code := d.double.code(ctx, v.phone, codeWait)
	return code != "" && d.verify(ctx, v, code).status == 200
}

func happy(ctx context.Context, d *driver, name string) {
	if v := d.open(name); v != nil && d.book(ctx, v) {
		d.confirm(ctx, v)
	}
}

// contention is several who want one slot at one moment.
func contention(ctx context.Context, d *driver, name string) {
	first := d.open(name)
	if first == nil {
		return
	}
	rivals := []*visit{first}
	for range 4 {
		v := &visit{flow: name, slot: first.slot, phone: d.another()}
		d.ledger.add(v)
		rivals = append(rivals, v)
	}
	var wg sync.WaitGroup
	for _, v := range rivals {
		wg.Go(func() {
			if d.book(ctx, v) {
				d.confirm(ctx, v)
			}
		})
	}
	wg.Wait()
}

// reply is a code that is texted back.
func reply(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil || !d.book(ctx, v) {
		return
	}
	code := d.double.code(ctx, v.phone, codeWait)
	for code != "" && ctx.Err() == nil && !v.replied {
		if v.replied = d.double.reply(ctx, v.phone, code); !v.replied {
			pause(ctx, 300*time.Millisecond) // nobody answered: the customer tries again
		}
	}
}

func wrongCode(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil || !d.book(ctx, v) {
		return
	}
	code := d.double.code(ctx, v.phone, codeWait)
	if code == "" {
		return
	}
	other := byte('0')
	if code[0] == other {
		other = '1'
	}
	d.verify(ctx, v, string(other)+code[1:])
	d.verify(ctx, v, code)
}

func cancelHeld(ctx context.Context, d *driver, name string) {
	if v := d.open(name); v != nil && d.book(ctx, v) {
		d.cancel(ctx, v)
	}
}

func cancelConfirmed(ctx context.Context, d *driver, name string) {
	if v := d.open(name); v != nil && d.book(ctx, v) && d.confirm(ctx, v) {
		d.cancel(ctx, v)
	}
}

// mended is a booking whose text meets a fault that a second try, a look-up or a callback mends.
func mended(f twiliosim.Fault) func(context.Context, *driver, string) {
	return func(ctx context.Context, d *driver, name string) {
		v := d.open(name)
		if v == nil {
			return
		}
		f := f
		f.Match.To = v.phone
		if d.double.fault(ctx, f) == nil && d.book(ctx, v) {
			d.confirm(ctx, v)
		}
	}
}

// refused is a booking whose text fails for good.
func refused(f twiliosim.Fault) func(context.Context, *driver, string) {
	return func(ctx context.Context, d *driver, name string) {
		v := d.open(name)
		if v == nil {
			return
		}
		f := f
		f.Match.To = v.phone
		if d.double.fault(ctx, f) == nil {
			d.book(ctx, v)
		}
	}
}

// magic is a number that the double refuses as Twilio's test credentials do.
func magic(ctx context.Context, d *driver, name string) {
	numbers := []string{"+15005550001", "+15005550002", "+15005550003", "+15005550009"}
	if v := d.open(name); v != nil {
		v.phone = numbers[d.ledger.count()%len(numbers)]
		d.book(ctx, v)
	}
}

// otherNumber is a code that is asked for anew at another phone.
func otherNumber(ctx context.Context, d *driver, name string) {
	if v := d.open(name); v != nil && d.book(ctx, v) && d.resend(ctx, v) {
		d.confirm(ctx, v)
	}
}

// resendOnly does not wait for the code.
func resendOnly(ctx context.Context, d *driver, name string) {
	if v := d.open(name); v != nil && d.book(ctx, v) {
		d.resend(ctx, v)
	}
}

// resend asks for the code at another phone.
func (d *driver) resend(ctx context.Context, v *visit) bool {
	phone := d.another()
	ok := d.ask(ctx, v, "POST", "/bookings/"+v.booking+"/resend", map[string]string{"phone": phone}).status == 200
	if ok {
		v.phone = phone
	}
	return ok
}

// atOnce is one wish that is sent twice at one moment, as a proxy that is out of patience does.
func atOnce(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil {
		return
	}
	twin := &visit{flow: name, slot: v.slot, phone: v.phone, twin: true}
	d.ledger.add(twin)
	w := &asked{path: "/bookings", key: hex(16)}
	again := &asked{path: w.path, key: w.key}
	v.writes, twin.writes = []*asked{w}, []*asked{again}
	var wg sync.WaitGroup
	wg.Go(func() { v.granted(d.api.write(ctx, w, "POST", v.wish())) })
	wg.Go(func() { twin.granted(d.api.write(ctx, again, "POST", v.wish())) })
	wg.Wait()
}

// block keeps a time free and lets it go.
func block(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil {
		return
	}
	start, err := time.Parse(time.RFC3339, v.slot.start)
	if err != nil {
		return
	}
	a := d.ask(ctx, v, "POST", "/blocks", map[string]string{"resource": v.slot.resource, "start": v.slot.start, "end": start.Add(10 * time.Minute).Format(time.RFC3339)})
	var b struct{ ID string }
	if a.status == 201 && a.decode(&b) {
		d.ask(ctx, v, "DELETE", "/blocks/"+b.ID, nil)
	}
}

// transcript is what was said while somebody booked, and a reader who finds something wrong in it. What the audit says of
// a transcript holds whatever dies.
func transcript(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil || !d.book(ctx, v) {
		return
	}
	a := d.ask(ctx, v, "POST", "/transcripts", map[string]string{"call_id": "call-" + v.booking, "booking_id": v.booking,
		"text": "Agent: And your number?\nCaller: It is " + v.phone + "."})
	var t struct{ ID string }
	if a.status == 201 && a.decode(&t) {
		d.ask(ctx, v, "POST", "/transcripts/"+t.ID+"/reports", map[string]any{"kind": "missed", "start": 0, "end": 5})
	}
}

// leftAlone is a hold whose customer never comes back.
func leftAlone(ctx context.Context, d *driver, name string) {
	if v := d.open(name); v != nil {
		d.book(ctx, v)
	}
}

// kept is a customer who misses the code and answers the follow-up, twice.
func kept(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil || !d.book(ctx, v) {
		return
	}
	if until(ctx, codeWait, "a follow-up", func() bool {
		list, err := d.double.texts(ctx, v.phone)
		return err == nil && len(list) > 1
	}) == nil {
		for range 2 {
			v.replied = d.double.reply(ctx, v.phone, "K") || v.replied
		}
	}
}

// stop is a customer who wants no texts, and then books again.
func stop(ctx context.Context, d *driver, name string) {
	v := d.open(name)
	if v == nil || !d.book(ctx, v) {
		return
	}
	if d.double.code(ctx, v.phone, codeWait) != "" && d.double.reply(ctx, v.phone, "STOP") {
		d.cancel(ctx, v)
	}
}
