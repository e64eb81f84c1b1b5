package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"holdfast/handlers/sms/twiliosim"
)

func TestListPagesAndFilters(t *testing.T) {
	w := start(t, twiliosim.Options{SentAfter: -1})
	w.sim.AddNumber("+14155550101", acme, "")
	const n = 7
	for i := range n {
		w.send(text(phone, fmt.Sprint(i)))
	}
	w.send(text("+14155550143", "elsewhere").SetFrom("+14155550101"))
	eventually(t, "all sent", func() bool {
		return !slices.ContainsFunc(w.sim.Messages(""), func(m twiliosim.Message) bool { return m.Status == "queued" })
	})

	all, err := w.api.ListMessage((&openapi.ListMessageParams{}).SetTo(phone).SetPageSize(3))
	if err != nil || len(all) != n {
		t.Fatalf("%d messages, %v", len(all), err)
	}
	for i, m := range all {
		if *m.Body != fmt.Sprint(n-1-i) {
			t.Errorf("no. %d is %s: newest first", i, *m.Body)
		}
	}
	w.wantPaging()

	hour := time.Hour
	for _, c := range []struct {
		p    *openapi.ListMessageParams
		want int
	}{
		{(&openapi.ListMessageParams{}), n + 1},
		{(&openapi.ListMessageParams{}).SetFrom("+14155550101"), 1},
		{(&openapi.ListMessageParams{}).SetTo(phone).SetFrom("+14155550101"), 0},
		{(&openapi.ListMessageParams{}).SetLimit(2), 2},
		{(&openapi.ListMessageParams{}).SetDateSentAfter(time.Now().Add(-hour)), n + 1},
		{(&openapi.ListMessageParams{}).SetDateSentAfter(time.Now().Add(hour)), 0},
		{(&openapi.ListMessageParams{}).SetDateSentBefore(time.Now().Add(hour)), n + 1},
		{(&openapi.ListMessageParams{}).SetDateSentBefore(time.Now().Add(-hour)), 0},
	} {
		got, err := w.api.ListMessage(c.p)
		if err != nil || len(got) != c.want {
			t.Errorf("%d messages, want %d: %v", len(got), c.want, err)
		}
	}
	for _, q := range []string{"PageSize=0", "PageSize=1001", "PageSize=x", "Page=-1", "PageToken=PAx", "DateSent=soon"} {
		if e := w.getList(q); e["code"] == nil {
			t.Errorf("%s was accepted", q)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	for q, want := range map[string]int{"DateSent=" + today: n + 1, "DateSent%3E=" + today: n + 1, "DateSent=2001-01-01": 0} {
		if got := w.getList(q)["messages"].([]any); len(got) != want {
			t.Errorf("%s: %d, want %d", q, len(got), want)
		}
	}
}

// wantPaging goes forward and back while a new message comes in at the front.
func (w *world) wantPaging() {
	w.t.Helper()
	to := "To=" + url.QueryEscape(phone)
	first := w.getList(to + "&PageSize=3")
	if first["page"] != 0.0 || first["page_size"] != 3.0 || first["start"] != 0.0 || first["end"] != 2.0 || first["previous_page_uri"] != nil {
		w.t.Errorf("first page: %v", first)
	}
	_, query, _ := strings.Cut(first["next_page_uri"].(string), "?")
	second := w.getList(query)
	if bodies(second) != "3 2 1" || second["page"] != 1.0 || second["start"] != 3.0 || second["end"] != 5.0 {
		w.t.Errorf("second page: %v", second)
	}
	_, query, _ = strings.Cut(second["previous_page_uri"].(string), "?")
	if back := w.getList(query); bodies(back) != "6 5 4" {
		w.t.Errorf("back: %s", bodies(back))
	}
	if third := w.getList(to + "&PageSize=3&Page=2"); bodies(third) != "0" || third["next_page_uri"] != nil {
		w.t.Errorf("third page: %v", third)
	}
}

func bodies(page map[string]any) string {
	var out []string
	for _, m := range page["messages"].([]any) {
		out = append(out, m.(map[string]any)["body"].(string))
	}
	return strings.Join(out, " ")
}

func (w *world) getList(query string) map[string]any {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(w.t.Context(), "GET", w.url+"/2010-04-01/Accounts/"+acme+"/Messages.json?"+query, nil)
	req.SetBasicAuth(acme, acmeToken)
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var page map[string]any
	decode(w.t, res.Body, &page)
	return page
}
