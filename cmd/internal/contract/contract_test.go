package contract

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const small = `{"openapi":"3.1.0",
 "paths":{"/things/{id}":{
  "get":{"operationId":"thing","responses":{
   "200":{"headers":{"X-Request-Id":{"$ref":"#/components/headers/X-Request-Id"},"Retry-After":{"schema":{"type":"integer"}}},
    "content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"},"example":{"id":"0190a111-2222-7333-8444-555566667777"}}}},
   "404":{"content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"},
    "examples":{"not-found":{"value":{"type":"https://x/not-found","status":404}}}}}}}},
  "put":{"operationId":"put","requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}},
    "application/x-www-form-urlencoded":{"schema":{"$ref":"#/components/schemas/Form"}}}},
   "responses":{"204":{},"200":{"content":{"text/xml":{"schema":{"type":"string"}}}}}}}},
 "components":{"headers":{"X-Request-Id":{"required":true,"schema":{"type":"string"}}},
  "schemas":{"Thing":{"type":"object","properties":{"id":{"type":"string","format":"uuid"},"next":{"$ref":"#/components/schemas/Thing"}},"required":["id"]},
   "Form":{"type":"object","properties":{"Body":{"type":"string"}},"required":["Body"]},
   "Problem":{"type":"object","properties":{"type":{"type":"string"},"status":{"type":"integer"}},"required":["type"]}}}}`

const id = "0190a111-2222-7333-8444-555566667777"

func TestCheck(t *testing.T) {
	t.Parallel()
	ok := `{"id":"` + id + `"}`
	for name, tt := range map[string]struct {
		method, path, sent string
		status             int
		header             string // pairs
		body               string
		finding            string // a part of it; "" = none
	}{
		"good":               {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1", ok, ""},
		"head":               {"HEAD", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1", "", ""},
		"status":             {"GET", "/things/1", "", 201, "", ok, "status is not documented"},
		"no header":          {"GET", "/things/1", "", 200, "Content-Type: application/json", ok, "X-Request-Id is promised"},
		"another header":     {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1; X-New: 1", ok, "X-New is not documented"},
		"no integer":         {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1; Retry-After: soon", ok, "no integer"},
		"media":              {"GET", "/things/1", "", 200, "Content-Type: text/html; X-Request-Id: 1", ok, "content type"},
		"another field":      {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1", `{"id":"` + id + `","new":1}`, "'new' not allowed"},
		"another field deep": {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1", `{"id":"` + id + `","next":{"id":"` + id + `","new":1}}`, "'new' not allowed"},
		"missing field":      {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1", `{}`, "missing property 'id'"},
		"format":             {"GET", "/things/1", "", 200, "Content-Type: application/json; X-Request-Id: 1", `{"id":"7"}`, "not valid uuid"},
		"problem":            {"GET", "/things/1", "", 404, "Content-Type: application/problem+json", `{"type":"https://x/not-found","status":404}`, ""},
		"another problem":    {"GET", "/things/1", "", 404, "Content-Type: application/problem+json", `{"type":"https://x/gone","status":404}`, "problem gone is not documented"},
		"problem's status":   {"GET", "/things/1", "", 404, "Content-Type: application/problem+json", `{"type":"https://x/not-found","status":400}`, "says status 400"},
		"accepted":           {"PUT", "/things/1", `{"id":"` + id + `","unknown":1}`, 204, "", "", ""},
		"wrongly accepted":   {"PUT", "/things/1", `{"id":7}`, 204, "", "", "breaks the schema"},
		"nothing accepted":   {"PUT", "/things/1", ``, 204, "", "", "it is empty"},
		"a body":             {"PUT", "/things/1", ok, 204, "", "x", "a body where none"},
		"text":               {"PUT", "/things/1", ok, 200, "Content-Type: text/xml", "<a/>", ""},
		"form":               {"PUT", "/things/1", "Body=x", 204, "", "", ""},
		"bad form":           {"PUT", "/things/1", "Other=x", 204, "", "", "missing property 'Body'"},
		"no operation":       {"GET", "/other", "", 200, "", "", "not documented"},
		"no route":           {"GET", "/other", "", 404, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := Read([]byte(small))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.sent))
			if strings.Contains(tt.sent, "=") {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for pair := range strings.SplitSeq(tt.header, "; ") {
					if name, value, ok := strings.Cut(pair, ": "); ok {
						w.Header().Set(name, value)
					}
				}
				if _, err := fmt.Fscan(r.Body, new(string)); err == nil == (tt.sent == "") {
					t.Error("the server does not get the body")
				}
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			var findings []string
			c.Watch(server, func(f string) { findings = append(findings, f) }).ServeHTTP(httptest.NewRecorder(), r)
			switch all := strings.Join(findings, "\n"); {
			case tt.finding == "" && all != "":
				t.Error(all)
			case !strings.Contains(all, tt.finding):
				t.Errorf("%q, want %q", all, tt.finding)
			}
		})
	}
}

func TestUnseen(t *testing.T) {
	t.Parallel()
	c, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	c.Check(Exchange{Request: httptest.NewRequest("PUT", "/things/1", nil), Status: 204, Header: http.Header{}})
	answers, problems := c.Unseen()
	if !slices.Equal(answers, []string{"put 200", "thing 200"}) || !slices.Equal(problems, []string{"thing not-found"}) {
		t.Errorf("%q %q", answers, problems)
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	c, err := Read([]byte(strings.Replace(small, `"example":{"id":"`+id+`"}`, `"example":{"id":"7"}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(c.Examples(), "\n")
	for _, want := range []string{"get/responses/200/content/application~1json, example", "put/responses/200/content/text~1xml has no example", "put/requestBody/content/application~1json has no example"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %s", want, all)
		}
	}
}
