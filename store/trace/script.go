package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Script is how a recorded run becomes a pgbench script: the same statements in the same round trips, with fresh
// ids, phones and times on each run.
type Script struct {
	// Fixed are ids that are the same on each run, by what they were when they were recorded: the org, its resources.
	Fixed map[uuid.UUID]uuid.UUID
	// Start is the start of the booking that was made; each run of the script books another time.
	Start time.Time
}

// CommitScript is the smallest durable transaction: what a commit costs.
const CommitScript = "INSERT INTO tick (name, due_window) VALUES (gen_random_uuid()::text, now());\n"

// String is what Write writes.
func (s Script) String(list []*Transaction) (string, error) {
	var b strings.Builder
	err := s.Write(&b, list)
	return b.String(), err
}

// Write writes transactions as a pgbench script (PostgreSQL 15 or later, to be run with -M prepared). Each run
// begins with one statement of its own, which makes what differs between runs; everything after it was recorded.
// What was rolled back is left out. A value of a kind that it cannot vary is an error.
func (s Script) Write(w io.Writer, list []*Transaction) error {
	p := &script{Script: s, names: make(map[string]string)}
	var body strings.Builder
	for _, t := range list {
		if !t.Committed {
			continue
		}
		for _, trip := range t.Trips {
			if err := p.trip(&body, trip); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(w, `\set slot random(1, 1000000000)`)
	fmt.Fprintf(w, "WITH made AS MATERIALIZED (SELECT\n  %s)\nSELECT made.*,\n  %s FROM made\n\\gset\n%s",
		strings.Join(p.made, ",\n  "), strings.Join(append(p.texts, "1 AS one"), ",\n  "), body.String())
	return nil
}

// script collects what the first statement of a run makes.
type script struct {
	Script
	names map[string]string // of a value: its variable
	made  []string          // fresh values
	texts []string          // what has fresh values in it
}

func (p *script) trip(w io.Writer, trip []Statement) error {
	if len(trip) > 1 {
		fmt.Fprintln(w, `\startpipeline`)
	}
	for _, st := range trip {
		sql, err := p.statement(st)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s;\n", sql)
	}
	if len(trip) > 1 {
		fmt.Fprintln(w, `\endpipeline`)
	}
	return nil
}

var (
	spaces = regexp.MustCompile(`\s+`)
	param  = regexp.MustCompile(`\$\d+`)
)

// statement writes each parameter as the variable that holds its value, or as a literal.
func (p *script) statement(st Statement) (string, error) {
	var failed error
	sql := param.ReplaceAllStringFunc(spaces.ReplaceAllString(strings.TrimSpace(st.SQL), " "), func(n string) string {
		i, err := strconv.Atoi(n[1:])
		if err != nil || i < 1 || i > len(st.Args) {
			failed = fmt.Errorf("trace: %s has no %s", st.SQL, n)
			return n
		}
		v, err := p.value(st.Args[i-1])
		if err != nil {
			failed = err
		}
		return v
	})
	return sql, failed
}

// value is how an argument stands in the script.
func (p *script) value(arg any) (string, error) {
	switch v := arg.(type) {
	case nil:
		return "NULL", nil
	case uuid.UUID:
		return p.id(v), nil
	case uuid.NullUUID:
		if !v.Valid {
			return "NULL", nil
		}
		return p.id(v.UUID), nil
	case []uuid.UUID:
		ids := make([]string, len(v))
		for i, id := range v {
			if as, fixed := p.Fixed[id]; fixed {
				id = as
			}
			ids[i] = id.String()
		}
		return p.text("{" + strings.Join(ids, ",") + "}"), nil
	case time.Time:
		return p.time(v), nil
	case *time.Time:
		if v == nil {
			return "NULL", nil
		}
		return p.time(*v), nil
	case time.Duration:
		return quote(fmt.Sprintf("%f s", v.Seconds())), nil
	case string:
		if sid.MatchString(v) {
			return ":" + p.variable(v, "'SM' || md5(random()::text)"), nil
		}
		return p.text(v), nil
	case []byte:
		return p.bytes(v), nil
	case map[string]any:
		raw, err := json.Marshal(v)
		return p.text(string(raw)), err
	case bool, int, int16, int32, int64:
		return quote(fmt.Sprint(v)), nil
	}
	return "", fmt.Errorf("trace: no way to vary a %T", arg)
}

// id is a variable with a fresh id, the same wherever the recorded one stood.
func (p *script) id(id uuid.UUID) string {
	if as, fixed := p.Fixed[id]; fixed {
		return quote(as.String())
	}
	return ":" + p.variable(id.String(), "gen_random_uuid()")
}

// near is how far from the booking's start a time belongs to it, and is moved with it. Others are the moment itself.
const near = 2 * time.Hour

func (p *script) time(t time.Time) string {
	off := t.Sub(p.Start)
	if off.Abs() > near {
		return ":" + p.variable("now", "clock_timestamp()")
	}
	return ":" + p.variable(off.String(), fmt.Sprintf("timestamptz '2100-01-01' + (:slot)::float8 * interval '30 min' + interval '%f s'", off.Seconds()))
}

// variable is one for the whole run, made once.
func (p *script) variable(key, expression string) string {
	name, known := p.names[key]
	if !known {
		name = fmt.Sprintf("v%d", len(p.made)+1)
		p.made = append(p.made, fmt.Sprintf("(%s) AS %s", expression, name))
		p.names[key] = name
	}
	return name
}

// sid is how the provider names a text.
var sid = regexp.MustCompile(`^SM[0-9a-f]{32}$`)

var anID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// text puts the variables of ids in their place inside a text.
func (p *script) text(s string) string {
	var parts []string
	last := 0
	for _, at := range anID.FindAllStringIndex(s, -1) {
		id := uuid.MustParse(s[at[0]:at[1]])
		if as, fixed := p.Fixed[id]; fixed {
			s = s[:at[0]] + as.String() + s[at[1]:] // of the same length
			continue
		}
		name := p.id(id)
		parts = append(parts, quote(s[last:at[0]]), name[1:])
		last = at[1]
	}
	if parts == nil {
		return quote(s)
	}
	parts = append(parts, quote(s[last:]))
	name, known := p.names[s]
	if !known {
		name = fmt.Sprintf("t%d", len(p.texts)+1)
		p.texts = append(p.texts, fmt.Sprintf("(%s) AS %s", strings.Join(parts, " || "), name))
		p.names[s] = name
	}
	return ":" + name
}

// bytes are JSON, which may hold ids; a hash, which finds a row again and so is fresh on each run; or sealed text, of
// which only the length matters.
func (p *script) bytes(b []byte) string {
	switch {
	case b == nil:
		return "NULL"
	case json.Valid(b):
		return p.text(string(b))
	case len(b) == hashLength:
		return ":" + p.variable(string(b), `'\x' || encode(sha256(random()::text::bytea), 'hex')`)
	}
	return quote(fmt.Sprintf(`\x%x`, b))
}

// hashLength is that of pii.Keyring's fingerprints.
const hashLength = 32

// quote writes a literal. pgbench takes a colon for the beginning of a variable wherever it stands.
func quote(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if !strings.ContainsRune(s, ':') {
		return "'" + s + "'"
	}
	return "E'" + strings.NewReplacer(`\`, `\\`, ":", `\x3A`).Replace(s) + "'"
}
