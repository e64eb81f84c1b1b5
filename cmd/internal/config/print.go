package config

import (
	"fmt"
	"io"
	"strings"
)

// headings of the groups in .env.example.
var headings = map[string]string{
	"Database": "PostgreSQL, one URL for each role",
	"Redis":    "Redis",
	"Listen":   "Listeners",
	"Twilio":   "Twilio (credentials belong to an org: holdfast org credentials set)",
	"Endpoint": "Orgs' own endpoints for events (URL and secret belong to an org: its settings, holdfast org endpoint-secret)",
	"Booking":  "Booking policy",
	"Secrets":  "Keys (holdfast dev makes its own; keep them out of the database and its backups)",
	"Workers":  "Concurrency of one worker process",
	"Log":      "Log",
}

// WriteEnvExample writes .env.example: what must be filled in as an assignment, what has a default as
// a comment.
func WriteEnvExample(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Printed from cmd/internal/config by `go test ./cmd/internal/config -update`; do not edit.\n" +
		"# `holdfast dev` needs none of these, nor does docker-compose.yml. An empty value counts as unset. Passwords, keys and\n" +
		"# URLs with a password may stand in a file instead, which NAME_FILE names.\n")
	part := ""
	for _, v := range variables {
		if v.part != part {
			part = v.part
			fmt.Fprintf(&b, "\n# --- %s ---\n", headings[part])
		}
		fmt.Fprintf(&b, "\n# %s\n", v.tag("desc"))
		if notes := v.notes(); notes != "" {
			fmt.Fprintf(&b, "# %s\n", notes)
		}
		if v.tag("need") == "" {
			b.WriteString("# ")
		}
		fmt.Fprintf(&b, "%s=%s\n", v.name(), v.tag("default")+v.tag("example"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// notes says who needs the variable and whether it has a second name.
func (v variable) notes() string {
	var notes []string
	if need := v.needs(); len(need) > 0 {
		notes = append(notes, "needed by "+strings.Join(need, ", "))
	}
	if v.tag("bare") != "" {
		notes = append(notes, v.tag("env")+" counts too")
	}
	return strings.Join(notes, "; ")
}

// WriteTable writes the variables as a Markdown table.
func WriteTable(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| variable | default | needed by | what it sets |\n|---|---|---|---|\n")
	for _, v := range variables {
		name, def := "`"+v.name()+"`", "`"+v.tag("default")+"`"
		if v.tag("bare") != "" {
			name += " or `" + v.tag("env") + "`"
		}
		if v.tag("default") == "" {
			def = ""
		}
		desc := v.tag("desc")
		if v.tag("min") != "" {
			desc += fmt.Sprintf(" (%s to %s)", v.tag("min"), v.tag("max"))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, def, strings.Join(v.needs(), ", "), strings.ReplaceAll(desc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
