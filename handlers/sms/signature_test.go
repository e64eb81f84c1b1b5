package sms_test

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"testing"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

var (
	docToken = pii.NewToken("12345")
	docURL   = "https://mycompany.com/myapp.php?foo=1&bar=2"
	docForm  = url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"},
		"From": {"+14158675309"}, "To": {"+18005551212"},
	}
	// The example of Twilio's page "Webhooks security".
	docSignature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
)

func TestValidSignature(t *testing.T) {
	if got := sms.Sign(docToken, docURL, docForm); got != docSignature {
		t.Errorf("Sign gives %s, Twilio's page says %s", got, docSignature)
	}
	more := url.Values{"Extra": {"1"}}
	for k, v := range docForm {
		more[k] = v
	}
	for name, tt := range map[string]struct {
		token pii.Token
		url   string
		form  url.Values
		sig   string
		want  bool
	}{
		"as documented":    {docToken, docURL, docForm, docSignature, true},
		"default port":     {docToken, "https://mycompany.com:443/myapp.php?foo=1&bar=2", docForm, docSignature, true},
		"other port":       {docToken, "https://mycompany.com:8443/myapp.php?foo=1&bar=2", docForm, sms.Sign(docToken, "https://mycompany.com:8443/myapp.php?foo=1&bar=2", docForm), true},
		"signed with port": {docToken, docURL, docForm, sms.Sign(docToken, "https://mycompany.com:443/myapp.php?foo=1&bar=2", docForm), true},
		"plain http":       {docToken, "http://127.0.0.1:8080/a", docForm, sms.Sign(docToken, "http://127.0.0.1:8080/a", docForm), true},
		"other token":      {pii.NewToken("12346"), docURL, docForm, docSignature, false},
		"no token":         {pii.Token{}, docURL, docForm, sms.Sign(pii.Token{}, docURL, docForm), false},
		"no signature":     {docToken, docURL, docForm, "", false},
		"other query":      {docToken, "https://mycompany.com/myapp.php?foo=1&bar=3", docForm, docSignature, false},
		"other scheme":     {docToken, "http://mycompany.com/myapp.php?foo=1&bar=2", docForm, docSignature, false},
		"extra field":      {docToken, docURL, more, docSignature, false},
		"no form":          {docToken, docURL, nil, docSignature, false},
		"not a url":        {docToken, "://", docForm, docSignature, false},
	} {
		if got := sms.ValidSignature(tt.token, tt.url, tt.form, tt.sig); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Every value of a repeated key is signed, in order of the values: what is appended is noticed.
func TestRepeatedKeys(t *testing.T) {
	form := url.Values{"MediaUrl": {"b", "a", "b"}, "X": {"1"}}
	sig := sms.Sign(docToken, "https://x.example/aMediaUrlaMediaUrlbX1", nil) // what Twilio's libraries concatenate
	if got := sms.Sign(docToken, "https://x.example/a", form); got != sig {
		t.Errorf("signed %s, want %s", got, sig)
	}
	if !sms.ValidSignature(docToken, "https://x.example/a", form, sig) {
		t.Error("not valid")
	}
	form.Add("X", "2")
	if sms.ValidSignature(docToken, "https://x.example/a", form, sig) {
		t.Error("an appended value went unsigned")
	}
}

func TestValidBodySignature(t *testing.T) {
	body := []byte(`{"a":1}`)
	signed := fmt.Sprintf("https://x.example/hook?a=b&bodySHA256=%x", sha256.Sum256(body))
	sig := sms.Sign(docToken, signed, nil)
	for name, tt := range map[string]struct {
		token pii.Token
		url   string
		body  string
		sig   string
		want  bool
	}{
		"good":         {docToken, signed, `{"a":1}`, sig, true},
		"other body":   {docToken, signed, `{"a":2}`, sig, false},
		"other token":  {pii.NewToken("x"), signed, `{"a":1}`, sig, false},
		"no token":     {pii.Token{}, signed, `{"a":1}`, sms.Sign(pii.Token{}, signed, nil), false},
		"no signature": {docToken, signed, `{"a":1}`, "", false},
		"no hash":      {docToken, "https://x.example/hook", `{"a":1}`, sms.Sign(docToken, "https://x.example/hook", nil), false},
		"not a url":    {docToken, "://", `{"a":1}`, sig, false},
	} {
		if got := sms.ValidBodySignature(tt.token, tt.url, []byte(tt.body), tt.sig); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
