package sms

import (
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- Twilio's signature is HMAC-SHA1; HMAC does not lean on collision resistance
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"

	twilio "github.com/twilio/twilio-go/client"

	"holdfast/store/pii"
)

// ValidSignature checks X-Twilio-Signature of a form-encoded webhook (Twilio, "Webhooks security").
// publicURL is the URL as Twilio was given it, query included: build it from configuration, never from
// the Host header. It is tried with and without the scheme's default port, and compared in constant
// time. An empty token or signature is never valid. The signature has no timestamp: a repeat is valid
// too, and telling it from the first is the caller's.
func ValidSignature(token pii.Token, publicURL string, form url.Values, signature string) bool {
	if token.IsZero() || signature == "" {
		return false
	}
	v := twilio.NewRequestValidator(token.Reveal())
	return v.Validate(publicURL, signedParams(form), signature)
}

// ValidBodySignature checks X-Twilio-Signature of a JSON webhook: the signature covers the URL, and the
// URL's bodySHA256 the body. A URL without it is not valid, whatever the signature.
func ValidBodySignature(token pii.Token, publicURL string, body []byte, signature string) bool {
	u, err := url.Parse(publicURL)
	if err != nil || token.IsZero() || signature == "" || u.Query().Get("bodySHA256") == "" {
		return false
	}
	v := twilio.NewRequestValidator(token.Reveal())
	return v.ValidateBody(publicURL, body, signature)
}

// Sign signs as Twilio does, for tests and doubles. A JSON body is signed with a nil form and
// bodySHA256 in the URL.
func Sign(token pii.Token, publicURL string, form url.Values) string {
	m := hmac.New(sha1.New, []byte(token.Reveal()))
	_, _ = m.Write([]byte(publicURL))
	params := signedParams(form)
	for _, k := range slices.Sorted(maps.Keys(params)) {
		_, _ = m.Write([]byte(k + params[k]))
	}
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// signedParams gives every value of a repeated key a part in the signature. Twilio's libraries sign
// key+value for each distinct value in order; twilio-go takes one string a key and writes key+string,
// so the values are joined by their key. Left to twilio-go, all but the first would go unsigned.
func signedParams(form url.Values) map[string]string {
	params := make(map[string]string, len(form))
	for k, vs := range form {
		params[k] = strings.Join(slices.Compact(slices.Sorted(slices.Values(vs))), k)
	}
	return params
}
