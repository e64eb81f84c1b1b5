package redact

import "io"

// Writer redacts a stream, in constant memory. What it writes is what Redact gives for the whole, however the stream is
// cut into writes. It is not safe for concurrent use.
type Writer struct {
	e      *Engine
	w      io.Writer
	key    Key
	report func(Redaction)
	names  []string

	buf   []byte // what is not yet written, after what was, as far as it matters to what follows
	from  int    // where that begins
	off   int    // of buf in the stream
	spans []Span // of buf that begin before from
	err   error
}

// NewWriter is a writer that passes what it is given on to w, redacted; each redaction is told to report, if that is
// not nil, with its place in the stream. Close writes what is held back, and leaves w open.
func (e *Engine) NewWriter(w io.Writer, key Key, report func(Redaction), names ...string) *Writer {
	return &Writer{e: e, w: w, key: key, report: report, names: names}
}

// Write takes more of the stream. Its error is that of the writer below, and stays.
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.err == nil {
		// A block's end is known, and seen with what stands behind it, only with that much.
		room := w.from + blockMost + ahead + 1 - len(w.buf)
		k := min(len(p), max(room, 1))
		w.buf = append(w.buf, p[:k]...)
		p = p[k:]
		if len(w.buf)-w.from > blockMost+ahead {
			w.block()
		}
	}
	return n - len(p), w.err
}

// Close ends the stream.
func (w *Writer) Close() error {
	for w.from < len(w.buf) && w.err == nil {
		w.block()
	}
	return w.err
}

// block writes one block.
func (w *Writer) block() {
	text := string(w.buf)
	to := cut(text, w.from)
	m := w.e.matcher(w.names)
	known := len(w.spans)
	w.spans = m.block(w.spans, 0, text, w.from, to)
	matchers.Put(m)
	last := w.from
	if known > 0 { // the last of the block before may reach into this one
		last = max(last, w.spans[known-1].End)
	}
	for _, s := range w.spans[known:] {
		r, replacement := w.e.replace(s, text[s.Start:s.End], w.key)
		w.write(text[last:s.Start])
		w.write(replacement)
		last = s.End
		if w.report != nil {
			r.Start, r.End = r.Start+w.off, r.End+w.off
			w.report(r)
		}
	}
	if last < to {
		w.write(text[last:to])
	}
	w.forget(to)
}

// forget drops what no longer matters; the next block begins at to.
func (w *Writer) forget(to int) {
	drop := max(0, to-2*behind)
	kept := w.spans[:0]
	for _, s := range w.spans {
		if s.End > to-behind-1 && s.Start < drop {
			drop = s.Start
		}
	}
	drop = runeStart(string(w.buf), drop)
	for _, s := range w.spans {
		if s.Start >= drop {
			kept = append(kept, Span{Start: s.Start - drop, End: s.End - drop, Type: s.Type, Rule: s.Rule})
		}
	}
	w.spans = kept
	w.buf = append(w.buf[:0], w.buf[drop:]...)
	w.from = to - drop
	w.off += drop
}

func (w *Writer) write(s string) {
	if w.err == nil && s != "" {
		_, w.err = io.WriteString(w.w, s)
	}
}
