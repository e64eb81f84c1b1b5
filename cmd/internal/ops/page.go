package ops

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

var (
	//go:embed page.css
	css string
	//go:embed index.html
	indexHTML string
	//go:embed login.html
	loginHTML string

	indexPage = parse(indexHTML)
	loginPage = parse(loginHTML)

	// pagePolicy lets in our one style element by its hash, and nothing else.
	pagePolicy = "style-src 'sha256-" + hash(css) + "'; img-src data:"
)

// hash is how a policy names an inline element.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func parse(html string) *template.Template {
	style := template.FuncMap{"css": func() template.CSS { return template.CSS(css) }} // #nosec G203 -- our own style sheet, embedded; nothing of a request is in it
	return template.Must(template.New("page").Funcs(style).Parse(html))
}

// writePage renders before it answers, so that a page is whole or a 500.
func writePage(w http.ResponseWriter, status int, t *template.Template, view any) {
	var b bytes.Buffer
	if err := t.Execute(&b, view); err != nil {
		http.Error(w, "page cannot be shown", http.StatusInternalServerError)
		return
	}
	setCSP(w, "default-src 'none'", pagePolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

type loginView struct {
	Next  string
	Wrong bool
}

type indexView struct {
	Pages            []Page
	Missing          string // what is not ready
	Version, Go      string
	Uptime           time.Duration
	Goroutines, CPUs int
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	v := indexView{
		Pages:      s.pages,
		Version:    version(),
		Go:         runtime.Version(),
		Uptime:     time.Since(s.started).Round(time.Second),
		Goroutines: runtime.NumGoroutine(),
		CPUs:       runtime.GOMAXPROCS(0),
	}
	if err := s.check(r.Context()); err != nil {
		v.Missing = err.Error()
	}
	writePage(w, http.StatusOK, indexPage, v)
}

// version is the commit that the binary was built from, as the toolchain stamped it.
func version() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range bi.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return bi.Main.Version
}
