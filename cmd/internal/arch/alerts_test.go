package arch

import (
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestAlerts: the metrics that deploy/alerts.yml asks for exist, and the runbook says what to do about each alert.
func TestAlerts(t *testing.T) {
	read := func(name string) string {
		raw, err := os.ReadFile("../../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	alerts, runbook := read("deploy/alerts.yml"), read("docs/runbook.md")
	defined := make(map[string]bool)
	for _, f := range repository(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok {
				defined[strings.Trim(lit.Value, "`\"")] = true
			}
			return true
		})
	}
	used := regexp.MustCompile(`holdfast_[a-z_]+`).FindAllString(alerts, -1)
	for _, name := range used {
		if !defined[name] {
			t.Errorf("there is no metric %s", name)
		}
	}
	names := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(alerts, -1)
	for _, name := range names {
		if !strings.Contains(runbook, name[1]) {
			t.Errorf("docs/runbook.md says nothing of %s", name[1])
		}
	}
	if len(used) < 5 || len(names) < 5 {
		t.Errorf("%d metrics and %d alerts were found", len(used), len(names))
	}
}
