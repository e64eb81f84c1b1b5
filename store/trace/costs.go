package trace

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Costs are what a run asked of PostgreSQL.
type Costs struct {
	Transactions, Commits, Trips, Statements int
}

// CostsOf adds up transactions.
func CostsOf(list []*Transaction) (c Costs) {
	for _, t := range list {
		c.Transactions++
		c.Trips += len(t.Trips)
		c.Statements += t.Statements()
		if t.Committed && writes(t) {
			c.Commits++
		}
	}
	return c
}

func writes(t *Transaction) bool {
	for _, trip := range t.Trips {
		for _, s := range trip {
			if v := verb(s.SQL); strings.HasPrefix(v, "INSERT") || strings.HasPrefix(v, "UPDATE") || strings.HasPrefix(v, "DELETE") {
				return true
			}
		}
	}
	return false
}

// Outline tells transactions in a few words: for each who it belongs to, and a line for each round trip. They stand in
// alphabetical order, since those of one run overlap.
func Outline(list []*Transaction) string {
	all := make([]string, len(list))
	for i, t := range list {
		label := t.Label
		if label == "" {
			label = "ingress"
		}
		lines := make([]string, len(t.Trips))
		for j, trip := range t.Trips {
			heads := make([]string, len(trip))
			for k, s := range trip {
				heads[k] = verb(s.SQL)
			}
			lines[j] = "  " + strings.Join(heads, ", ")
		}
		all[i] = label + "\n" + strings.Join(lines, "\n") + "\n"
	}
	slices.Sort(all)
	c := CostsOf(list)
	return strings.Join(all, "") + fmt.Sprintf("\n%d transactions, %d commits that write, %d round trips, %d statements\n",
		c.Transactions, c.Commits, c.Trips, c.Statements)
}

// verb is what a statement does and to what: "UPDATE task".
func verb(sql string) string {
	sql = strings.TrimSpace(sql)
	for _, known := range []string{"begin", "commit", "rollback"} {
		if strings.EqualFold(sql, known) {
			return known
		}
	}
	switch m := written.FindStringSubmatch(sql); {
	case m != nil:
		return strings.Join(strings.Fields(m[1]), " ") + " " + m[2]
	case strings.Contains(sql, namesOrg):
		return "name org"
	}
	if m := called.FindStringSubmatch(sql); m != nil {
		return "SELECT " + m[1]
	}
	if m := read.FindStringSubmatch(sql); m != nil {
		return "SELECT " + m[1]
	}
	return "SELECT"
}

var (
	written = regexp.MustCompile(`(?s)^(?:WITH \w+ AS \(\s*)?(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)`)
	called  = regexp.MustCompile(`(?s)^SELECT (\w+)\(`)
	read    = regexp.MustCompile(`(?s)\bFROM\s+(\w+)`)
)
