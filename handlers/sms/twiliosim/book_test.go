package twiliosim

import (
	"fmt"
	"testing"
)

func TestBookKeepsTheNewest(t *testing.T) {
	b := newBook(10)
	for i := range 35 {
		b.add(&record{sid: fmt.Sprint(i), to: fmt.Sprint(i % 3), account: acct(i), direction: outboundAPI})
	}
	if len(b.all.records) != 10 || len(b.bySID) != 10 || b.all.records[0].sid != "25" {
		t.Errorf("%d kept, %d indexed, oldest %s", len(b.all.records), len(b.bySID), b.all.records[0].sid)
	}
	total := 0
	for _, s := range b.byTo {
		total += len(s.records)
	}
	if total != 10 || len(b.texts("1", false, 0)) != 4 {
		t.Errorf("%d by phone", total)
	}
	for i := range 20 {
		b.add(&record{sid: "x" + fmt.Sprint(i), to: "one", account: "A"})
	}
	if len(b.byTo) != 1 || len(b.byAccount) != 1 {
		t.Errorf("empty indexes are kept: %d, %d", len(b.byTo), len(b.byAccount))
	}
}

func acct(i int) string { return string(rune('A' + i%2)) }
