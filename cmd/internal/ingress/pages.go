package ingress

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"holdfast/handlers"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

//go:embed docs.js
var docsJS string

// pages are what needs no key: the document, a page that shows it, the kinds of problems, and a sign of life.
func (in *Ingress) pages(mux *http.ServeMux) error {
	for _, o := range []operation{opDocument, opDocs, opProblemKind, opHealth} {
		o.describe(in.api.OpenAPI())
	}
	finishSchemas(in.api.OpenAPI())
	var spec bytes.Buffer
	enc := json.NewEncoder(&spec)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(in.api.OpenAPI()); err != nil {
		return fmt.Errorf("openapi: %w", err)
	}
	page := strings.NewReplacer("/*css*/", docsCSS, "/*js*/", docsJS).Replace(docsHTML)
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		sourceHash(docsJS), sourceHash(docsCSS))

	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		serve(w, "application/openapi+json", spec.Bytes())
	})
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		serve(w, "text/html; charset=utf-8", []byte(page))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/docs", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		serve(w, "application/json", []byte(`{"status":"ok"}`))
	})
	mux.HandleFunc("GET /problems/{kind}", in.problemPage)
	mux.HandleFunc("/", in.unmatched(mux))
	return nil
}

func serve(w http.ResponseWriter, media string, body []byte) {
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body) // the client is gone; nobody is left to tell
}

// sourceHash lets an inline script or style through a Content-Security-Policy, and nothing else.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// describe documents a page, which huma does not serve.
func (o operation) describe(doc *huma.OpenAPI) {
	op := &huma.Operation{Method: o.method, Path: o.path, OperationID: o.id, Tags: []string{o.tag}, Summary: o.summary, Description: o.about,
		Security: []map[string][]string{}, Responses: o.responses(doc.Components.Schemas)}
	if strings.Contains(o.path, "{kind}") {
		op.Parameters = []*huma.Param{{Name: "kind", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Example: "slot-taken"}}
	}
	doc.AddOperation(op)
	o.documentHeaders(doc)
}

// problemKind is a row of the table of problems.
type problemKind struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	About  string `json:"about"`
}

// health is a sign of life.
type health struct {
	Status string `json:"status" enum:"ok"`
}

// problemPage tells what a kind of problem means.
func (in *Ingress) problemPage(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	k, ok := handlers.ProblemKinds[kind]
	if !ok {
		in.refuse(w, r, newProblem("not-found", "", "there is no such kind of problem"))
		return
	}
	body, err := json.Marshal(problemKind{handlers.ProblemBase + kind, k.Title, k.Status, k.About})
	if err != nil { // strings and a number: cannot be
		in.refuse(w, r, err)
		return
	}
	serve(w, "application/json", body)
}
