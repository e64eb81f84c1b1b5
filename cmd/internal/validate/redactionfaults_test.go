package validate

import (
	"bytes"
	"net/http"
	"strings"
)

// redactionFaults break what is promised of texts.
var redactionFaults = []fault{
	{what: "prices are taken for something else", red: "redact-ordinary", front: retold("$120.50", "[US_SSN]")},
	{what: "what stays is counted", red: "redact-ordinary", front: retold(`"redactions":{}`, `"redactions":{"DATE":1}`)},
	{what: "spoken phones come back", red: "redact-phones", front: retold(`call me back at [PHONE_NUMBER]`, "call me back at dos cero dos, cinco cinco cinco, cero uno cuatro seis")},
	{what: "a phone is not counted", red: "redact-phones", front: retold(`"PHONE_NUMBER":5`, `"PHONE_NUMBER":4`)},
	{what: "rows are lost", red: "redact-trail", trigger: "INSERT ON redaction: RETURN NULL;", also: []string{"redact-phones"}},
	{what: "notes are stored as they are told", red: "redact-trail",
		trigger: "INSERT ON redaction: IF NEW.source = 'note' THEN RETURN NULL; END IF;"},
	{what: "what an org wants does not act", red: "redact-token", trigger: "UPDATE ON settings: NEW.doc := NEW.doc - 'redaction';"},
	{what: "each form has a token of its own", red: "redact-token", front: func(_ *rig, req *http.Request) func(*http.Response) error {
		if !strings.Contains(req.URL.Path, "/transcripts/") {
			return nil
		}
		return func(res *http.Response) error {
			n := byte('a')
			return recast(res, 0, func(body []byte) []byte {
				return tokens.ReplaceAllFunc(body, func(token []byte) []byte {
					token = bytes.Clone(token)
					n++
					token[len(token)-2] = n
					return token
				})
			})
		}
	}},
}

// retold replaces a part of what is left of a transcript.
func retold(find, put string) spoiler {
	return func(_ *rig, req *http.Request) func(*http.Response) error {
		if !strings.Contains(req.URL.Path, "/transcripts/") {
			return nil
		}
		return func(res *http.Response) error {
			return recast(res, 0, func(body []byte) []byte { return bytes.Replace(body, []byte(find), []byte(put), 1) })
		}
	}
}
