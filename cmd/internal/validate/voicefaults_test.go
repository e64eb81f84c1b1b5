package validate

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// voiceFaults break what voice agents are promised.
var voiceFaults = []fault{
	{what: "one of Vapi's lists is not read", red: "vapi-hold", front: overheard("vapi", `"toolCalls"`, `"toolCallsNot"`)},
	{what: "a function that stands in the URL is not read", red: "retell-hold", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		if strings.HasPrefix(req.URL.Path, "/webhooks/retell/") {
			req.URL.RawQuery = ""
		}
		return nil
	}},
	{what: "Vapi's repeats are not known again", red: "vapi-retry",
		trigger: "INSERT ON request: IF NEW.source = 'vapi' THEN NEW.idem_key := NULL; END IF;", front: overheard("vapi", number, "")},
	{what: "Retell's repeats are not known again", red: "retell-retry",
		trigger: "INSERT ON request: IF NEW.source = 'retell' THEN NEW.idem_key := NULL; END IF;", front: overheard("retell", number, "")},
	{what: "Vapi's secret is not looked at", red: "vapi-secret", front: func(r *rig, req *http.Request) func(*http.Response) error {
		req.Header.Set("X-Vapi-Secret", r.VapiSecret)
		return nil
	}},
	{what: "Retell's signature is not looked at", red: "retell-secret", front: overheard("retell", nothing, "")},
	{what: "Vapi is told no times", red: "vapi-availability", front: mumbled("vapi")},
	{what: "Retell is told no times", red: "retell-availability", front: mumbled("retell")},
	{what: "Vapi's codes are misheard", red: "vapi-verify", front: overheard("vapi", `"code":"\d+"`, `"code":"000000"`)},
	{what: "Retell's codes are misheard", red: "retell-verify", front: overheard("retell", `"code":"\d+"`, `"code":"000000"`)},
}

const (
	// number is the caller's, as the platform knows it.
	number = `"(number|from_number)":"\+1555\d+"`
	// nothing stands in no text.
	nothing = `x^`
)

// overheard replaces what a platform says, and signs what it has changed as Retell would; to find nothing signs all.
// The number of a call that is sent more than once is another one each time.
func overheard(platform, find, put string) spoiler {
	said := regexp.MustCompile(find)
	return func(r *rig, req *http.Request) func(*http.Response) error {
		if !strings.HasPrefix(req.URL.Path, "/webhooks/"+platform+"/") {
			return nil
		}
		reword(req, func(body []byte) []byte {
			with := put
			if find == number && bytes.Contains(body, []byte("repeated")) {
				with = `"$1":"+1555` + strings.Repeat("2", 3) + strings.Map(digits, uuid.NewString())[:4] + `"`
			}
			heard := body
			if with != "" {
				heard = said.ReplaceAll(body, []byte(with))
			}
			if platform == "retell" && (find == nothing || !bytes.Equal(heard, body)) {
				req.Header.Set("X-Retell-Signature", retellSignature(r.RetellKey, heard))
			}
			return heard
		})
		return nil
	}
}

// digits keeps a text's digits, and makes digits of its letters.
func digits(r rune) rune {
	switch {
	case r >= '0' && r <= '9':
		return r
	case r >= 'a' && r <= 'f':
		return r - 'a' + '0'
	}
	return -1
}

// mumbled takes the digits out of what a platform is told.
func mumbled(platform string) spoiler {
	sentence := regexp.MustCompile(`("result":")([^"]*)"`)
	return func(_ *rig, req *http.Request) func(*http.Response) error {
		asked := false
		if strings.HasPrefix(req.URL.Path, "/webhooks/"+platform+"/") {
			reword(req, func(body []byte) []byte { asked = bytes.Contains(body, []byte("check_availability")); return body })
		}
		if !asked {
			return nil
		}
		return func(res *http.Response) error {
			return recast(res, 0, func(body []byte) []byte { return sentence.ReplaceAll(body, []byte(`${1}several"`)) })
		}
	}
}
