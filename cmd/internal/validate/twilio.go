package validate

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

var twilioChecks = []check{
	{
		name: "twilio-status", promise: "a signed status callback counts, and a forged one changes nothing",
		needs: []need{needDouble, needTwilio}, run: twilioStatus,
	},
	{
		name: "stop", promise: "STOP ends texts and START allows them again, if Twilio has signed them",
		needs: []need{needDouble, needTwilio}, run: stop,
	},
}

func needTwilio(s *system) string {
	if s.TwilioAccountSID == "" || s.TwilioAuthToken == "" {
		return "no Twilio account and its token were given"
	}
	return ""
}

// twilio posts a form as Twilio would, signed with a token for the public URL.
func (s *system) twilio(ctx context.Context, path string, form url.Values, token string) (answer, error) {
	return s.twilioAt(ctx, s.Org, path, form, token)
}

// twilioAt does so on any org's path, with the org's own account.
func (s *system) twilioAt(ctx context.Context, org, path string, form url.Values, token string) (answer, error) {
	path = "/webhooks/twilio/" + org + path
	form.Set("AccountSid", s.TwilioAccountSID)
	return s.open.do(ctx, http.MethodPost, path, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded",
		"X-Twilio-Signature", sms.Sign(pii.NewToken(token), s.PublicURL+path, form))
}

// twilioID makes an id as Twilio's are.
func twilioID() string { return "SM" + strings.ReplaceAll(uuid.NewString(), "-", "") }

const forgedToken = "0123456789abcdef0123456789abcdef"

func twilioStatus(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	phone := s.phones.fresh()
	if err := s.double.silence(ctx, phone); err != nil { // or its own callbacks would come first
		return "", err
	}
	b, err := s.hold(ctx, day[0].Start, phone)
	if err != nil {
		return "", err
	}
	texts, err := s.double.count(ctx, phone, 1)
	if err != nil {
		return "", err
	}
	message := ""
	err = until(ctx, s.patience, "text_accepted in the timeline", func() (bool, error) {
		story, err := s.timeline(ctx, b.ID)
		for _, e := range story.Events {
			if e.Kind == "text_accepted" {
				message = e.Detail.Message
			}
		}
		return message != "", err
	})
	if err != nil {
		return "", err
	}
	failed := func() url.Values {
		return url.Values{"MessageSid": {texts[0].SID}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30003"}}
	}
	forged, err := s.twilio(ctx, "/status/"+message, failed(), forgedToken)
	if err != nil || !forged.is(http.StatusUnauthorized, "invalid-signature") {
		return "", or(err, fmt.Sprintf("a forged callback: %v, want 401 invalid-signature", forged))
	}
	if now, err := s.booking(ctx, b.ID); err != nil || now.CodeState != "sent" {
		return "", or(err, "after a forged callback the code is "+now.CodeState)
	}
	signed, err := s.twilio(ctx, "/status/"+message, failed(), s.TwilioAuthToken)
	if err != nil || signed.status >= 300 {
		return "", or(err, fmt.Sprintf("a signed callback: %v, want 204", signed))
	}
	now, err := s.booking(ctx, b.ID)
	if err != nil {
		return "", err
	}
	story, err := s.timeline(ctx, b.ID)
	if err == nil && (now.CodeState != "revoked" || !slices.Contains(story.kinds(), "text_undelivered")) {
		err = fmt.Errorf("after a signed \"undelivered\" the code is %s; the timeline tells %v", now.CodeState, story.kinds())
	}
	return fmt.Sprintf("forged: 401, code still sent; signed: %d, code revoked and told in the timeline", signed.status), err
}

// stop writes to the webhook itself: the double would keep its own list of who has opted out.
func stop(ctx context.Context, s *system) (string, error) {
	day, err := s.calendar.day(ctx, 1)
	if err != nil {
		return "", err
	}
	start, phone := day[0].Start, s.phones.fresh()
	if sent, err := s.texted(ctx, start, phone); err != nil || !sent {
		return "", or(err, "a new phone got no code text")
	}
	first, err := s.double.count(ctx, phone, 1)
	if err != nil {
		return "", err
	}
	write := func(body, token string) (answer, error) {
		return s.twilio(ctx, "/inbound", url.Values{"MessageSid": {twilioID()}, "From": {phone}, "To": {first[0].From}, "Body": {body}}, token)
	}
	forged, err := write("STOP", forgedToken)
	if err != nil || !forged.is(http.StatusUnauthorized, "invalid-signature") {
		return "", or(err, fmt.Sprintf("a forged STOP: %v, want 401 invalid-signature", forged))
	}
	if sent, err := s.texted(ctx, start, phone); err != nil || !sent {
		return "", or(err, "a forged STOP ended the texts")
	}
	for _, word := range []string{"STOP", "START"} {
		a, err := write(word, s.TwilioAuthToken)
		if err != nil || a.status != http.StatusOK {
			return "", or(err, fmt.Sprintf("a signed %s: %v, want 200", word, a))
		}
		// It takes effect a moment later, as other texts do; a wish that was quicker is given back and made again.
		err = until(ctx, s.patience/5, "texts as "+word+" says", func() (bool, error) {
			sent, err := s.texted(ctx, start, phone)
			return sent == (word == "START"), err
		})
		if err != nil {
			return "", err
		}
	}
	return "forged STOP: 401, texts go on; STOP: held, but no text; START: texts again", nil
}

// texted books, tells whether a code text went out, and gives the time back.
func (s *system) texted(ctx context.Context, start, phone string) (sent bool, err error) {
	b, err := s.hold(ctx, start, phone)
	if err != nil {
		return false, err
	}
	err = until(ctx, s.patience, "what became of a code text", func() (bool, error) {
		story, err := s.timeline(ctx, b.ID)
		sent = slices.Contains(story.kinds(), "text_accepted")
		return sent || slices.Contains(story.kinds(), "text_failed"), err
	})
	if err != nil {
		return false, err
	}
	_, err = s.write(ctx, http.MethodPost, s.api.route("/bookings/"+b.ID+"/cancel"), nil)
	return sent, err
}
