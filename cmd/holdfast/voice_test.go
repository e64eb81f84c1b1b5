package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// caller is somebody on the line of a voice agent, seen from outside.
type caller struct {
	r                    ready
	platform, id, number string
	calls, turns         int // of tools; of those that were answered, repeats among them
}

// testVoice holds a call of twenty turns on each platform, with real workers and the codes that the double got.
func testVoice(t *testing.T, r ready) {
	for i, platform := range []string{"vapi", "retell"} {
		t.Run(platform, func(t *testing.T) {
			r.conversation(t, platform, 20+i)
		})
	}
}

// conversation is the call; days is how far ahead it books.
func (r ready) conversation(t *testing.T, platform string, days int) {
	first := &caller{r: r, platform: platform, id: platform + "-call-1", number: "+1202555012" + strconv.Itoa(days%10)}
	second := &caller{r: r, platform: platform, id: platform + "-call-2", number: "+1202555013" + strconv.Itoa(days%10)}
	at := func(clock string) string { return fmt.Sprintf("in %d days at %s", days, clock) }
	start := time.Now()
	say := func(c *caller, want, tool string, args ...string) string {
		t.Helper()
		body := c.body(t, tool, args...)
		c.hears(t, body, want)
		return body
	}
	who := []string{"resource", r.str("resource")}

	say(first, "are free.", "check_availability", append(who, "start", fmt.Sprintf("in %d days", days))...)
	say(first, "at 3 PM is free. Shall I hold it?", "check_availability", append(who, "start", at("3 pm"))...)
	say(first, "I do not know that service.", "check_availability", "service", "haircut")
	say(second, "at 3 PM with ", "hold_slot", append(who, "start", at("3 in the afternoon"))...)
	say(first, "That time was just taken. 2 PM, 2:30 PM or 3:30 PM on ", "hold_slot", append(who, "start", at("15:00"))...)
	say(first, "At what time on ", "hold_slot", append(who, "start", fmt.Sprintf("in %d days", days))...)
	hold := say(first, "A code was sent to the number ending in 2 "+first.number[len(first.number)-1:], "hold_slot",
		append(who, "start", at("half past three pm"), "name", "Ana", "phone", second.number)...)
	first.hears(t, hold, "is held.")
	code := r.codeFor(t, first.number)
	say(first, "I need the six digits", "verify_code", "code", code[:4])
	guess := say(first, "There are 4 tries left.", "verify_code", "code", other(code))
	first.hears(t, guess, "There are 4 tries left.")
	say(first, "a moment ago. I can send it again in ", "resend_code")
	r.ageTexts(t)
	say(first, "A code was sent to the number ending in 2 ", "resend_code")
	eventually(t, 10*time.Second, "the second text", func() bool { return len(r.texts(t, first.number)) == 2 })
	if again := r.codeFor(t, first.number); again != code {
		t.Errorf("the second text has another code")
	}
	confirm := say(first, "at 3:30 PM with ", "verify_code", "code", strings.Join(strings.Split(code, ""), " "))
	first.hears(t, confirm, "is confirmed.")
	first.hears(t, hold, "is confirmed.")
	cancel := say(first, "is canceled.", "cancel_booking")
	first.hears(t, cancel, "is canceled.")
	say(second, "is confirmed.", "verify_code", "code", r.codeFor(t, second.number))
	say(first, "at 4 PM with ", "hold_slot", append(who, "start", at("4 pm"))...)
	say(first, "at 4 PM with ", "cancel_booking")
	if n := first.turns + second.turns; n < 20 {
		t.Errorf("%d turns", n)
	}
	t.Logf("%d turns in %v", first.turns+second.turns, time.Since(start))
}

// ageTexts makes every text a minute older.
func (r ready) ageTexts(t *testing.T) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), r.str("database_url"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), "UPDATE message SET created_at = created_at - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
}

// body is one call of a tool. args are pairs.
func (c *caller) body(t *testing.T, tool string, args ...string) string {
	t.Helper()
	c.calls++
	m := map[string]string{}
	for i := 0; i < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	var v any = map[string]any{"name": tool, "args": m, "call": map[string]any{"call_id": c.id, "direction": "inbound", "from_number": c.number}}
	if c.platform == "vapi" {
		v = map[string]any{"message": map[string]any{"type": "tool-calls", "toolCalls": []any{map[string]any{"id": strconv.Itoa(c.calls), "type": "function",
			"function": map[string]any{"name": tool, "arguments": m}}}, "call": map[string]any{"id": c.id, "customer": map[string]any{"number": c.number}}}}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// hears sends a body, again until the agent is no longer still working on it, as it is told to.
func (c *caller) hears(t *testing.T, body, want string) {
	t.Helper()
	c.turns++
	var text string
	eventually(t, 30*time.Second, "an answer", func() bool {
		headers := []string{"Authorization", "", "X-Vapi-Secret", c.r.str("vapi_secret")}
		if c.platform == "retell" {
			stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
			mac := hmac.New(sha256.New, []byte(c.r.str("retell_key")))
			mac.Write([]byte(body + stamp))
			headers = []string{"Authorization", "", "X-Retell-Signature", "v=" + stamp + ",d=" + hex.EncodeToString(mac.Sum(nil))}
		}
		a := c.r.call(t, "POST", c.r.str("api_url")+"/webhooks/"+c.platform+"/"+c.r.str("org"), json.RawMessage(body), headers...)
		if a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		text, _ = a.body["result"].(string)
		if list, ok := a.body["results"].([]any); ok {
			result := list[0].(map[string]any)
			text = fmt.Sprint(result["result"], result["error"])
		}
		return !strings.Contains(text, "I am still working on it.")
	})
	if !strings.Contains(text, want) {
		t.Errorf("heard %q, want %q", text, want)
	}
}
