package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestRunbookCommands reads every command of docs/runbook.md as the command line does: at three in the morning is no time
// to find that a flag has another name.
func TestRunbookCommands(t *testing.T) {
	page, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)^holdfast [^#\n]+|`holdfast [^`]+`").FindAllString(string(page), -1)
	for _, line := range commands {
		var args []string
		for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(strings.Trim(line, "`"), -1) {
			args = append(args, strings.Trim(word, `"`))
		}
		var c cli
		parser, err := kong.New(&c, kong.Vars{"version": "test"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(args[1:])
		if err != nil && !strings.HasPrefix(err.Error(), "expected ") && !strings.HasPrefix(err.Error(), "missing flags") { // it names the command alone
			t.Errorf("%s: %v", line, err)
		}
		if err != nil && !strings.HasPrefix(line, "`") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if len(commands) < 7 {
		t.Errorf("only %d commands were found", len(commands))
	}
}
