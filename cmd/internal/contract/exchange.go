package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Exchange is a request and its answer.
type Exchange struct {
	Request *http.Request
	Sent    []byte
	Status  int
	Header  http.Header
	Body    []byte
}

// plain are headers that say nothing of this API: HTTP's own, and what all answers tell browsers.
var plain = []string{"Content-Type", "Content-Length", "Date", "Connection", "Cache-Control", "X-Content-Type-Options", "Content-Security-Policy"}

// Check lists what the document does not say of an exchange.
func (c *Contract) Check(e Exchange) []string {
	_, pattern := c.mux.Handler(e.Request)
	o, ok := c.operations[pattern]
	if !ok {
		return c.elsewhere(e)
	}
	var findings []string
	add := func(format string, args ...any) {
		findings = append(findings, fmt.Sprintf("%s %d: ", o.ID, e.Status)+fmt.Sprintf(format, args...))
	}
	status := strconv.Itoa(e.Status)
	r, ok := o.Responses[status]
	if !ok {
		add("the status is not documented: %.300s", e.Body)
		return findings
	}
	c.checkHeaders(r, e, add)
	if e.Request.Method != http.MethodHead {
		c.checkBody(o, r, e, add)
	}
	if e.Status < http.StatusBadRequest {
		c.see(o.ID + " " + status)
		if string(e.Body) == "{}" { // nothing was taken of it
			return findings
		}
		if err := c.request(o, e); err != nil {
			add("was accepted, and its body breaks the schema: %v", err)
		}
	}
	return findings
}

// elsewhere judges answers where there is no operation.
func (c *Contract) elsewhere(e Exchange) []string {
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusTemporaryRedirect:
		return nil
	}
	return []string{fmt.Sprintf("%s %s: not documented, and answered with %d", e.Request.Method, e.Request.URL.Path, e.Status)}
}

func (c *Contract) checkHeaders(r response, e Exchange, add func(string, ...any)) {
	documented := make(map[string]header)
	for name, h := range r.Headers {
		if ref, ok := strings.CutPrefix(h.Ref, "#/components/headers/"); ok {
			h = c.doc.Components.Headers[ref]
		}
		documented[http.CanonicalHeaderKey(name)] = h
	}
	for name := range e.Header {
		if _, ok := documented[name]; !ok && !slices.Contains(plain, name) {
			add("header %s is not documented", name)
		}
	}
	for name, h := range documented {
		value := e.Header.Get(name)
		if value == "" && h.Required {
			add("header %s is promised and missing", name)
		}
		if _, err := strconv.Atoi(value); value != "" && h.Schema.Type == "integer" && err != nil {
			add("header %s is no integer", name)
		}
	}
}

func (c *Contract) checkBody(o operation, r response, e Exchange, add func(string, ...any)) {
	if len(r.Content) == 0 {
		if len(e.Body) > 0 {
			add("a body where none is documented")
		}
		return
	}
	kind, _, err := mime.ParseMediaType(e.Header.Get("Content-Type"))
	m, ok := r.Content[kind]
	if err != nil || !ok {
		add("content type %q is not documented", e.Header.Get("Content-Type"))
		return
	}
	at := o.at + "/responses/" + strconv.Itoa(e.Status) + "/content/" + escape(kind) + "/schema"
	body := e.Body
	if !strings.HasSuffix(kind, "json") { // text is a string
		if body, err = json.Marshal(string(body)); err != nil {
			add("%v", err)
		}
	}
	if err := c.validate(true, at, body); err != nil {
		add("%v in %.500s", err, e.Body)
	}
	if kind == "application/problem+json" {
		c.checkProblem(o, m, e, add)
	}
}

// checkProblem wants the kind of a problem among the examples of its status.
func (c *Contract) checkProblem(o operation, m media, e Exchange, add func(string, ...any)) {
	var p struct {
		Type   string `json:"type"`
		Status int    `json:"status"`
	}
	if json.Unmarshal(e.Body, &p) != nil || p.Status != e.Status {
		add("the problem says status %d", p.Status)
	}
	kind := p.Type[strings.LastIndexByte(p.Type, '/')+1:]
	if _, ok := m.Examples[kind]; !ok {
		add("problem %s is not documented", kind)
	}
	c.see(o.ID + " " + kind)
}

// request holds a body that was accepted against its schema, as it stands: fields that are not known are ignored.
func (c *Contract) request(o operation, e Exchange) error {
	if len(e.Sent) == 0 {
		if o.RequestBody.Required {
			return errors.New("it is empty")
		}
		return nil
	}
	if len(o.RequestBody.Content) == 0 { // there is nothing to say in it
		return nil
	}
	kind, _, _ := mime.ParseMediaType(e.Request.Header.Get("Content-Type"))
	if strings.HasSuffix(kind, "+json") || kind == "" {
		kind = "application/json"
	}
	if _, ok := o.RequestBody.Content[kind]; !ok {
		return fmt.Errorf("content type %q is not documented", kind)
	}
	raw := e.Sent
	if kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return err
		}
		fields := make(map[string]string)
		for name, values := range form {
			fields[name] = values[0]
		}
		if raw, err = json.Marshal(fields); err != nil {
			return err
		}
	}
	return c.validate(false, o.at+"/requestBody/content/"+escape(kind)+"/schema", raw)
}
