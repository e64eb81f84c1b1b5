package ingress

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"holdfast/handlers/redact/redacttest"
	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

func contextOf() context.Context { return context.Background() }

var fuzzToken = pii.NewToken("0123456789abcdef0123456789abcdef")

// FuzzTwilioForm reads a form, or JSON, as both of Twilio's routes do. What is signed verifies, and with anything appended it
// does not; what is taken can be kept.
func FuzzTwilioForm(f *testing.F) {
	for _, s := range []string{
		"AccountSid=AC1&MessageSid=SM1&MessageStatus=delivered", "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30005",
		"MessageSid=SM1&ErrorCode=99999999999999999999", "MessageSid=SM1&ErrorCode=-1", "MessageSid=&MessageSid=SM2", "MessageSid=SM1&MessageStatus=%00%ff",
		"MessageSid=SM1&From=%2B15550100042&To=%2B15005550006&Body=hi&OptOutType=STOP", "MessageSid=SM1&From=72404&To=1&Body=%F0%9F%98%80%00%E2%80%AE",
		"MessageSid=SM1&From=whatsapp%3A%2B15550100042&MessagingServiceSid=MG1", "From=a+b&MessageSid=SM1", "a=%zz", "a;b=1", "=&=&=", "", "&&&&",
		"MediaUrl=b&MediaUrl=a&MediaUrl=b", "MessageSid=" + strings.Repeat("S", 300), "MessageSid=SM1&From=" + strings.Repeat("1", 100),
	} {
		f.Add([]byte(s), false)
	}
	for _, s := range []string{`{"AccountSid":"AC1","MessageSid":"SM1","From":"+15550100042","Body":"hi","NumMedia":0}`, `{"MessageSid":1e400}`, `{"From":"a","From":"b"}`, "[]", "{", `{"Body":null,"MessageSid":{"a":1}}`} {
		f.Add([]byte(s), true)
	}
	in := bare(f)
	f.Fuzz(func(t *testing.T, raw []byte, asJSON bool) {
		c := &call{header: http.Header{}, body: raw, uri: "/webhooks/twilio/x/inbound?a=b"}
		var signature string
		if asJSON {
			c.header.Set("Content-Type", "application/json")
			sum := sha256.Sum256(raw)
			c.uri += "&bodySHA256=" + hex.EncodeToString(sum[:])
			signature = sms.Sign(fuzzToken, in.public+c.uri, nil)
		} else if fields, err := url.ParseQuery(string(raw)); err == nil {
			signature = sms.Sign(fuzzToken, in.public+c.uri, fields)
		}
		signed, form, ok := in.twilioSigned(c, signature)
		if !ok {
			return
		}
		if !signed(fuzzToken) || signed(pii.NewToken("another token")) || signed(pii.Token{}) {
			t.Fatalf("%q: verifies %v, by another token %v", raw, signed(fuzzToken), signed(pii.NewToken("another token")))
		}
		longer := *c
		longer.body = append(slices.Clone(raw), "&zzz=z"...)
		if signed, _, ok := in.twilioSigned(&longer, signature); ok && signed(fuzzToken) {
			t.Fatalf("%q: verifies with something appended", raw)
		}
		said, err := readStatus(form())
		if err != nil {
			refused(t, string(raw), err)
		} else if !validKey(said.SID) || said.ErrorCode < 0 || int64(said.ErrorCode) > 1<<31-1 {
			t.Fatalf("%q: %+v", raw, said)
		}
		text, err := readInbound(form())
		if err != nil {
			refused(t, string(raw), err)
			return
		}
		body, from := text.Body.Reveal(), text.From.Reveal()
		if !validKey(text.SID) || from == "" || len(from) > maxAddress || len(text.Sender) > maxAddress || !utf8.ValidString(body) || strings.ContainsRune(body, 0) ||
			strings.ContainsFunc(body, func(r rune) bool { return redacttest.Hidden(r) }) || text.OptOutType != optOutType(text.OptOutType) {
			t.Fatalf("%q: %q from %q to %q, %q", raw, body, from, text.Sender, text.OptOutType)
		}
		if p, err := pii.ParsePhone(from, ""); err == nil && p != text.From {
			t.Fatalf("%q: the phone is another when it is read again", raw)
		}
	})
}

// told holds calls of tools to what the rest relies on.
func told(t *testing.T, raw []byte, talk conversation, calls []toolCall) {
	t.Helper()
	if id := talk.id; id != "" && (!validKey(id) || callID(id) != id) {
		t.Fatalf("%q: a call named %q", raw, id)
	}
	if p, err := pii.ParsePhone(talk.number.Reveal(), ""); !talk.number.IsZero() && (err != nil || p != talk.number) {
		t.Fatalf("%q: the number is another when it is read again", raw)
	}
	for _, c := range calls {
		if c.key != "" && !validKey(c.key) {
			t.Fatalf("%q: key %q", raw, c.key)
		}
		again, err := json.Marshal(c.args)
		if err != nil || readArgs(again) != c.args {
			t.Fatalf("%q: %+v is %+v when it is read again", raw, c.args, readArgs(again))
		}
		for _, w := range []word{c.args.Service, c.args.Resource, c.args.Start, c.args.Phone, c.args.Name, c.args.Notes, c.args.Code, c.args.Booking} {
			if !utf8.ValidString(string(w)) || strings.ContainsFunc(string(w), func(r rune) bool { return r == 0 || r == 0x1b || redacttest.Hidden(r) }) {
				t.Fatalf("%q: %q", raw, w)
			}
		}
	}
}

func readArgs(raw []byte) toolArgs {
	a, _ := argsOf(raw)
	return a
}

// FuzzVapi reads messages of Vapi's. Each call has an id of its own or none, and a key if it has an id.
func FuzzVapi(f *testing.F) {
	for _, s := range append(nasty(exampleVapi),
		`{"message":{"type":"tool-calls","toolCalls":[{"id":"1","function":{"name":"hold_slot","arguments":"{\"start\":\"x\",\"start\":\"y\"}"}}],"call":{"id":"c","customer":{"number":"+15550100042"}}}}`,
		`{"message":{"toolWithToolCallList":[{"name":"a","toolCall":{"id":"1","function":{"function":{"function":{"name":"b"}}}}}]}}`,
		`{"message":{"toolCallList":[{"id":"1"},{"id":"1"},{},{}],"call":{"id":"`+strings.Repeat("c", 300)+`"}}}`,
		`{"message":{"toolCallList":[{"id":"\u202e","name":"\u0000","arguments":{"code":123456,"name":null,"notes":[],"phone":1e400,"service":true,"booking":"\ud83d"}}]}}`) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		talk, calls, _ := readVapi(raw)
		told(t, raw, talk, calls)
		ids := map[string]bool{}
		for _, c := range calls {
			if c.id != "" && ids[c.id] || (c.id == "") != (c.key == "") {
				t.Fatalf("%q: call %q with key %q", raw, c.id, c.key)
			}
			ids[c.id] = true
		}
		if len(calls) > len(raw) || len(calls) > maxAnswers {
			t.Fatalf("%q: %d calls", raw, len(calls))
		}
	})
}

// FuzzRetell reads signatures and bodies of Retell's. A signature reads the same when it is written again, holds for its body,
// time and key alone; the same body makes the same key.
func FuzzRetell(f *testing.F) {
	const day = 1_790_000_000_000
	for _, s := range nasty(exampleRetell) {
		f.Add([]byte(s), "hold_slot", fmt.Sprintf("v=%d,d=00", day))
	}
	for _, header := range []string{"", "v=,d=", "v=1,d=zz", "d=00,v=1", "v=01,d=00", "v=+1,d=00", "v=1,d=00,d=01", "v=99999999999999999999,d=00", " v=1 , d=AB ", "v=-1,d="} {
		f.Add([]byte(`{"code":123456,"call":{"call_id":"c"}}`), "", header)
	}
	f.Add([]byte(`{"name":"x","args":{"start":1},"chat":{"chat_id":"a"},"call":{"call_id":"b","direction":"outbound","to_number":"+15550100042"}}`), "", "v=1,d=00")
	in := bare(f)
	f.Fuzz(func(t *testing.T, raw []byte, name, header string) {
		at, digest, ok := splitRetell(header)
		if ok {
			if again, d, ok := splitRetell(fmt.Sprintf("v=%d,d=%x", at.UnixMilli(), digest)); !ok || !again.Equal(at) || !hmac.Equal(d, digest) {
				t.Fatalf("%q: %v %x", header, again, d)
			}
			if hmac.Equal(digest, retellDigest(fuzzToken.Reveal(), raw, at)) {
				t.Fatalf("%q: guessed", header)
			}
		}
		now := time.Now()
		good := retellDigest(fuzzToken.Reveal(), raw, now)
		for _, other := range [][]byte{retellDigest("other", raw, now), retellDigest(fuzzToken.Reveal(), append(slices.Clone(raw), ' '), now), retellDigest(fuzzToken.Reveal(), raw, now.Add(time.Millisecond))} {
			if hmac.Equal(good, other) {
				t.Fatalf("%q: the signature does not depend on all of it", raw)
			}
		}
		talk, tool := readRetell(raw, name, in.keys, fuzzOrg)
		told(t, raw, talk, []toolCall{tool})
		if _, again := readRetell(raw, name, in.keys, fuzzOrg); again != tool || (tool.key == "") != (talk.id == "") {
			t.Fatalf("%q: %+v, then %+v", raw, tool, again)
		}
		if _, elsewhere := readRetell(raw, name, in.keys, uuid.Nil); tool.key != "" && elsewhere.key == tool.key {
			t.Fatalf("%q: the key is that of another org too", raw)
		}
	})
}

// FuzzEventSignature holds the check of Standard Webhooks against its definition: one of the signatures, of version 1, is that
// of id, time and body; and the time is near.
func FuzzEventSignature(f *testing.F) {
	now := unix(time.Now())
	for _, s := range []string{"", "v1,", "v1,x v1,y", "v2,x", "v1 x", ",,,", "  ", "V1,x", "v1,x,y", "v1a,x"} {
		f.Add("msg_1", now, s, []byte(`{"type":"booking.canceled"}`), true)
	}
	f.Add("", now, "", []byte("{"), false)
	f.Add("a.b", "1", "", []byte("1.{}"), true)
	f.Add("m", "+"+now, "", []byte("{}"), true)
	f.Add("m", "99999999999999999999", "", []byte("{}"), true)
	f.Add("m", now+"000", "v1,x", []byte{}, true)
	key := []byte("an org's own secret, long enough")
	secret := pii.NewToken("whsec_" + base64.StdEncoding.EncodeToString(key))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte, right bool) {
		of := func(at int64) string {
			m := hmac.New(sha256.New, key)
			fmt.Fprintf(m, "%s.%d.%s", id, at, body)
			return base64.StdEncoding.EncodeToString(m.Sum(nil))
		}
		at, err := strconv.ParseInt(timestamp, 10, 64)
		if right {
			signature += " v1," + of(at)
		}
		c := &call{body: body, header: http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signature}}}
		want := err == nil && id != "" && slices.ContainsFunc(strings.Split(signature, " "), func(s string) bool {
			version, rest, _ := strings.Cut(s, ",")
			given, _, _ := strings.Cut(rest, ",")
			return version == "v1" && given == of(at)
		})
		far := time.Since(time.Unix(at, 0)).Abs()
		if got := signed(secret, c); far < 299*time.Second && got != want || far > 301*time.Second && got {
			t.Fatalf("%q %q %q %q: %v, want %v", id, timestamp, signature, body, got, want)
		}
		if signed(pii.NewToken("whsec_"), c) || signed(pii.Token{}, c) || signed(dummySecret(), c) {
			t.Fatalf("%q %q %q %q: verifies by another secret", id, timestamp, signature, body)
		}
	})
}
