package twiliosim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 50
	maxPageSize     = 1000
)

// listQuery is a checked request for a page of messages.
type listQuery struct {
	to, from   string
	notBefore  time.Time // on date_sent, inclusive
	before     time.Time // exclusive
	size, page int
	older      uint64 // from PageToken PA…: continue with what is older
	newer      uint64 // from PageToken PB…: go back to what is newer
}

// listPage is the envelope of Twilio's lists.
type listPage struct {
	End             int     `json:"end"`
	FirstPageURI    string  `json:"first_page_uri"`
	NextPageURI     *string `json:"next_page_uri"`
	Page            int     `json:"page"`
	PageSize        int     `json:"page_size"`
	PreviousPageURI *string `json:"previous_page_uri"`
	Start           int     `json:"start"`
	URI             string  `json:"uri"`
	Messages        []wire  `json:"messages"`
}

func (s *Sim) list(w http.ResponseWriter, r *http.Request, account string) {
	q, bad := parseList(r.URL.Query())
	if bad != nil {
		writeError(w, bad)
		return
	}
	s.mu.Lock()
	source := seriesOrNone(s.book.byAccount, account)
	if q.to != "" {
		source = seriesOrNone(s.book.byTo, q.to)
	}
	found, more := q.find(source, func(m *record) bool { return m.account == account && q.matches(m) })
	messages := make([]wire, len(found))
	for i, m := range found {
		messages[i] = m.wire()
	}
	next, previous := "", ""
	if more {
		next = fmt.Sprintf("&Page=%d&PageToken=PA%032x", q.page+1, found[len(found)-1].seq)
	}
	if q.page > 0 && len(found) > 0 {
		previous = fmt.Sprintf("&Page=%d&PageToken=PB%032x", q.page-1, found[0].seq)
	}
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, q.envelope(r.URL, messages, next, previous))
}

func (q *listQuery) envelope(u *url.URL, messages []wire, next, previous string) listPage {
	base := u.Path + "?" + filters(u.Query()) + "PageSize=" + strconv.Itoa(q.size)
	link := func(tail string) *string {
		if tail == "" {
			return nil
		}
		return orNull(base + tail)
	}
	start := q.page * q.size
	uri := base + "&Page=" + strconv.Itoa(q.page)
	if token := u.Query().Get("PageToken"); token != "" {
		uri += "&PageToken=" + token
	}
	return listPage{
		Messages: messages, Page: q.page, PageSize: q.size,
		Start: start, End: start + max(len(messages)-1, 0),
		FirstPageURI: base + "&Page=0", NextPageURI: link(next), PreviousPageURI: link(previous), URI: uri,
	}
}

// filters repeats the request's filters in Twilio's order, each with a trailing &.
func filters(q url.Values) string {
	var b strings.Builder
	for _, key := range []string{"To", "From", "DateSent", "DateSent<", "DateSent>"} {
		if v := q.Get(key); v != "" {
			b.WriteString(url.QueryEscape(key) + "=" + url.QueryEscape(v) + "&")
		}
	}
	return b.String()
}

// find walks from the newest to the oldest, or back again for a previous page.
func (q *listQuery) find(in *series, keep func(*record) bool) (found []*record, more bool) {
	rs := in.records
	if q.newer > 0 {
		for _, m := range rs[in.after(q.newer):] {
			if keep(m) && len(found) < q.size {
				found = append(found, m)
			}
		}
		slices.Reverse(found)
		return found, len(found) > 0 // the page that we come from is older
	}
	top, skip := len(rs), q.page*q.size
	if q.older > 0 {
		top, skip = in.after(q.older-1), 0
	}
	for _, m := range slices.Backward(rs[:top]) {
		switch {
		case !keep(m):
		case skip > 0:
			skip--
		case len(found) == q.size:
			return found, true
		default:
			found = append(found, m)
		}
	}
	return found, false
}

// matches takes the filter at its word: a message that was not sent yet has no date_sent and so
// matches no filter on it.
func (q *listQuery) matches(m *record) bool {
	switch {
	case m.gone, q.to != "" && m.to != q.to, q.from != "" && m.from() != q.from:
		return false
	case !q.notBefore.IsZero() && (m.sent.IsZero() || m.sent.Before(q.notBefore)):
		return false
	case !q.before.IsZero() && (m.sent.IsZero() || !m.sent.Before(q.before)):
		return false
	}
	return true
}

func parseList(v url.Values) (q listQuery, bad *apiError) {
	q = listQuery{to: v.Get("To"), from: v.Get("From"), size: defaultPageSize}
	if bad := q.parseDates(v); bad != nil {
		return q, bad
	}
	if s := v.Get("PageSize"); v.Has("PageSize") {
		if !isIntIn(1, 1<<31-1)(s) {
			return q, fail(20001, "{it}", "PageSize")
		}
		if q.size, _ = strconv.Atoi(s); q.size > maxPageSize {
			return q, fail(20007)
		}
	}
	if s := v.Get("Page"); v.Has("Page") {
		if !isIntIn(0, 1<<31-1)(s) {
			return q, fail(20001, "{it}", "Page")
		}
		q.page, _ = strconv.Atoi(s)
	}
	return q, q.parseToken(v.Get("PageToken"))
}

func (q *listQuery) parseToken(token string) *apiError {
	if token == "" {
		return nil
	}
	kind, seq := token[:min(2, len(token))], uint64(0)
	if len(token) == 34 {
		seq, _ = strconv.ParseUint(token[2:], 16, 64)
	}
	switch {
	case seq > 0 && kind == "PA":
		q.older = seq
	case seq > 0 && kind == "PB":
		q.newer = seq
	default:
		return fail(20001, "{it}", "PageToken")
	}
	return nil
}

// parseDates takes a day (all of it) or an instant of RFC 3339, whose precision is the second.
func (q *listQuery) parseDates(v url.Values) *apiError {
	for _, p := range []struct {
		name      string
		from, end bool
	}{{"DateSent", true, true}, {"DateSent>", true, false}, {"DateSent<", false, true}} {
		s := v.Get(p.name)
		if s == "" {
			continue
		}
		span := 24 * time.Hour
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			span = time.Second
			t, err = time.Parse(time.RFC3339, s)
			t = t.Truncate(time.Second)
		}
		if err != nil {
			return fail(20001, "{it}", p.name)
		}
		if p.from && t.After(q.notBefore) {
			q.notBefore = t
		}
		if end := t.Add(span); p.end && (q.before.IsZero() || end.Before(q.before)) {
			q.before = end
		}
	}
	return nil
}
