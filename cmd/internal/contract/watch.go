package contract

import (
	"bytes"
	"io"
	"net/http"
)

// Watch hands requests on to next and reports what the document does not say of each exchange. Answers that were cut
// off are not judged.
func (c *Contract) Watch(next http.Handler, report func(finding string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Clone(r.Context()) // the server marks the request that it gets
		var sent bytes.Buffer
		if r.ContentLength != 0 {
			r.Body = &tee{r.Body, &sent}
		}
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.WriteHeader(http.StatusOK)
		}
		for _, f := range c.Check(Exchange{Request: asked, Sent: sent.Bytes(), Status: rec.status, Header: rec.header, Body: rec.body.Bytes()}) {
			report(f)
		}
	})
}

// tee keeps what is read of a body.
type tee struct {
	io.ReadCloser
	kept *bytes.Buffer
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.kept.Write(p[:n])
	return n, err
}

// recorder keeps an answer while it is written.
type recorder struct {
	http.ResponseWriter
	status int
	header http.Header
	body   bytes.Buffer
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	if status >= http.StatusOK && r.status == 0 {
		r.status, r.header = status, r.Header().Clone()
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}
