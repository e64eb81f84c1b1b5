package validate

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// These take as long as the system's holds, and then as its follow-ups: on one with the usual five and two minutes they
// are not made.
var followupChecks = []check{
	{
		name: "expiry", promise: "a hold that nobody confirmed ends by itself: its time can be had again, and its timeline tells",
		needs: []need{needDouble}, slow: true, run: expiry,
	},
	{
		name: "follow-up", promise: "one follow-up, and no second, says what was asked for and how to keep it",
		needs: []need{needDouble}, slow: true, run: followup,
	},
	{name: "keep-reply", promise: "the reply K to a follow-up confirms, once", needs: []need{needDouble}, slow: true, run: keepReply},
	{
		name: "stop-sentence", promise: "who asks in plain words not to be texted is answered once, and gets no follow-up",
		needs: []need{needDouble, needTwilio}, slow: true, run: stopSentence,
	},
}

// shortFollowup is the longest time from a hold's end to its follow-up that is waited for.
const shortFollowup = 10 * time.Second

// left is a hold whose customer does not answer, after its end.
func (s *system) left(ctx context.Context) (b bookingView, phone string, err error) {
	if b, phone, _, err = s.held(ctx); err != nil {
		return b, phone, err
	}
	b, err = s.lapsed(ctx, b)
	return b, phone, err
}

// followed is a hold whose customer did not answer, after its follow-up: texts are all that the phone has got.
func (s *system) followed(ctx context.Context) (b bookingView, phone string, texts []text, err error) {
	if night, err := s.night(ctx); err != nil || night {
		return b, "", nil, orCannot(err, "nobody is texted at this hour of the org's day (HOLDFAST_QUIET_HOURS=off)")
	}
	if b, phone, err = s.left(ctx); err != nil {
		return b, phone, nil, err
	}
	err = until(ctx, shortFollowup+s.patience, "a follow-up, or why there is none", func() (bool, error) {
		story, err := s.timeline(ctx, b.ID)
		if err == nil && slices.Contains(story.kinds(), "followup_dropped") {
			return false, &cannot{"the system has a reason not to follow up"}
		}
		texts, _ = s.double.texts(ctx, phone)
		return len(texts) > 1, err
	})
	return b, phone, texts, err
}

// orCannot is the error, or that a check cannot be made.
func orCannot(err error, why string) error {
	if err != nil {
		return err
	}
	return &cannot{why}
}

// night tells whether the org's quiet hours are now.
func (s *system) night(ctx context.Context) (bool, error) {
	own, err := get[settingsView](ctx, s.api, s.api.route("/settings"))
	if err != nil {
		return false, err
	}
	zone, err := s.calendar.where(ctx)
	if err != nil {
		return false, err
	}
	from, to, ok := strings.Cut(own.QuietHours, "-")
	if !ok {
		return false, nil
	}
	begin, err1 := strconv.Atoi(from)
	end, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil {
		return false, fmt.Errorf("quiet_hours is %q", own.QuietHours)
	}
	now := time.Now().In(zone).Hour()
	if begin < end {
		return now >= begin && now < end, nil
	}
	return now >= begin || now < end, nil
}

func expiry(ctx context.Context, s *system) (string, error) {
	b, _, err := s.left(ctx)
	if err != nil {
		return "", err
	}
	if offered, err := s.offered(ctx, b.Start); err != nil || !offered {
		return "", or(err, "the time of a hold that has lapsed is not offered")
	}
	if _, err := s.hold(ctx, b.Start, s.phones.fresh()); err != nil {
		return "", err
	}
	err = until(ctx, s.patience, "the end of a hold in its timeline", func() (bool, error) {
		story, err := s.timeline(ctx, b.ID)
		return slices.Contains(story.kinds(), "expired"), err
	})
	return "expired; the time is offered, and another phone has got it; the timeline tells", err
}

func followup(ctx context.Context, s *system) (string, error) {
	b, phone, texts, err := s.followed(ctx)
	if err != nil {
		return "", err
	}
	at, err := time.Parse(time.RFC3339, b.Start)
	if err != nil {
		return "", err
	}
	said := texts[1].Body
	for _, want := range []string{"K", at.Format("2 Jan"), strings.TrimSuffix(at.Format("3:04"), ":00")} {
		if !strings.Contains(said, want) {
			return "", fmt.Errorf("the follow-up does not say %q: %q", want, said)
		}
	}
	if leading, err := codeIn(said); err == nil {
		return "", fmt.Errorf("the follow-up begins with a code of %d digits", len(leading))
	}
	// A second one would come with one of the next sweeps.
	pause := time.After(shortFollowup / 2)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-pause:
	}
	if texts, err = s.double.texts(ctx, phone); err != nil || len(texts) != 2 {
		return "", or(err, fmt.Sprintf("%d texts about one hold, want a code and a follow-up", len(texts)))
	}
	return fmt.Sprintf("%q", said), nil
}

func keepReply(ctx context.Context, s *system) (string, error) {
	b, phone, _, err := s.followed(ctx)
	if err != nil {
		return "", err
	}
	if err := s.double.reply(ctx, phone, "K"); err != nil {
		return "", err
	}
	err = until(ctx, s.patience, "a booking that is kept", func() (bool, error) {
		b, err = s.booking(ctx, b.ID)
		return b.State == "confirmed", err
	})
	if err != nil {
		return "", err
	}
	if _, err := s.double.count(ctx, phone, 3); err != nil { // the confirmation
		return "", err
	}
	if err := s.double.reply(ctx, phone, "K"); err != nil {
		return "", err
	}
	pause := time.After(shortFollowup / 5)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-pause:
	}
	texts, err := s.double.texts(ctx, phone)
	if err != nil || len(texts) != 3 {
		return "", or(err, fmt.Sprintf("K twice: %d texts, want a code, a follow-up and a confirmation", len(texts)))
	}
	story, err := s.timeline(ctx, b.ID)
	if n := slices.DeleteFunc(story.kinds(), func(k string) bool { return k != "confirmed" }); err != nil || len(n) != 1 {
		return "", or(err, fmt.Sprintf("K twice: confirmed %d times", len(n)))
	}
	return "K: confirmed, with a text; K again: nothing more", nil
}

// stopSentence writes to the webhook itself: it must hold whatever the provider does.
func stopSentence(ctx context.Context, s *system) (string, error) {
	b, phone, _, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	first, err := s.double.count(ctx, phone, 1)
	if err != nil {
		return "", err
	}
	for range 2 {
		a, err := s.twilio(ctx, "/inbound", url.Values{"MessageSid": {twilioID()}, "From": {phone}, "To": {first[0].From},
			"Body": {"please stop texting me"}}, s.TwilioAuthToken)
		if err != nil || a.status != http.StatusOK {
			return "", or(err, fmt.Sprintf("a signed reply: %v, want 200", a))
		}
	}
	if _, err := s.double.count(ctx, phone, 2); err != nil {
		return "", err
	}
	if b, err = s.lapsed(ctx, b); err != nil {
		return "", err
	}
	err = until(ctx, shortFollowup+s.patience, "why there is no follow-up", func() (bool, error) {
		story, err := s.timeline(ctx, b.ID)
		return slices.Contains(story.kinds(), "followup_dropped"), err
	})
	if err != nil {
		return "", err
	}
	texts, err := s.double.texts(ctx, phone)
	if err != nil || len(texts) != 2 {
		return "", or(err, fmt.Sprintf("%d texts, want a code and one answer", len(texts)))
	}
	return fmt.Sprintf("answered once, %q; no follow-up", texts[1].Body), nil
}
