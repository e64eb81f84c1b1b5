package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// each makes a check of a function that looks at one node.
func each(look func(f *file, n ast.Node) (finding string)) func([]*file) []string {
	return func(files []*file) (findings []string) {
		for _, f := range files {
			ast.Inspect(f.File, func(n ast.Node) bool {
				if n == nil {
					return false
				}
				if finding := look(f, n); finding != "" {
					findings = append(findings, f.at(n, "%s", finding))
				}
				return true
			})
		}
		return findings
	}
}

// statement is how a SQL statement begins, and the middle of those that are put together.
var statement = regexp.MustCompile(`(?i:^\s*(select\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|truncate\s|with\s+\w+\s+as\s*\(|` +
	`(create|alter|drop)\s+(table|role|database|index|function|policy|schema|view)\s))` +
	`|\b(SELECT\s.*\sFROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET)\s`)

var onlySQLInStore = rule{
	name: "SQL stands in store and migrations",
	check: each(func(f *file, n ast.Node) string {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || f.test || within(f.dir(), "store") || within(f.dir(), "migrations") {
			return ""
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && statement.MatchString(text) {
			return "SQL outside store and migrations"
		}
		return ""
	}),
	bad: []example{
		{"tasks/x.go", "package tasks; const q = `SELECT id\n FROM task`"},
		{"handlers/x.go", `package handlers; var q = "update booking set state = " + "'held'"`},
		{"cmd/internal/boot/x.go", `package boot; var q = "/* all */ DELETE FROM task "`},
		{"cmd/internal/boot/x.go", `package boot; var q = "create role x login"`},
	},
	good: []example{
		{"store/x.go", `package store; const q = "SELECT 1"`},
		{"tasks/x_test.go", `package tasks; const q = "SELECT 1"`},
		{"handlers/x.go", `package handlers; const text = "Choose one: select a time from the list"`},
	},
}

// noErrorDetail: what PostgreSQL says of an error beyond its code and names can quote rows, also of who has a key in common.
var noErrorDetail = rule{
	name: "nobody reads the details of PostgreSQL's errors",
	check: each(func(f *file, n ast.Node) string {
		if f.test || f.nameOf("github.com/jackc/pgx/v5/pgconn") == "" {
			return ""
		}
		switch n := n.(type) {
		case *ast.File:
			if !within(f.dir(), "store") && !within(f.dir(), "migrations") {
				return "imports pgconn; store.Code and store.Safe tell what may be told of an error"
			}
		case *ast.SelectorExpr:
			switch n.Sel.Name {
			case "Detail", "Hint", "Where", "InternalQuery":
				return n.Sel.Name + " can quote rows"
			default:
			}
		}
		return ""
	}),
	bad: []example{
		{"handlers/x.go", `package handlers; import "github.com/jackc/pgx/v5/pgconn"; var e pgconn.PgError`},
		{"store/x.go", `package store; import "github.com/jackc/pgx/v5/pgconn"; func f(e *pgconn.PgError) string { return e.Detail }`},
		{"store/x.go", `package store; import c "github.com/jackc/pgx/v5/pgconn"; func f(e *c.PgError) string { return e.InternalQuery }`},
	},
	good: []example{
		{"store/x.go", `package store; import "github.com/jackc/pgx/v5/pgconn"; func f(e *pgconn.PgError) string { return e.Code }`},
		{"store/y.go", `package store; func f(e AuditEntry) any { return e.Detail }`},
		{"store/x_test.go", `package store; import "github.com/jackc/pgx/v5/pgconn"; func f(e *pgconn.PgError) string { return e.Detail }`},
	},
}

// exits are the calls that end the process: os.Exit, and log.Fatal and log.Panic in all forms.
func (f *file) exits(n ast.Node) bool {
	return f.calls(n, "os", "Exit") || f.calls(n, "log", "Fatal", "Panic")
}

var noExits = rule{
	name: "only main ends the process",
	check: func(files []*file) (findings []string) {
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if ok && fn.Recv == nil && (f.isMain() && fn.Name.Name == "main" || f.test && fn.Name.Name == "TestMain") {
					continue
				}
				ast.Inspect(d, func(n ast.Node) bool {
					if n != nil && f.exits(n) {
						findings = append(findings, f.at(n, "ends the process; return an error"))
					}
					return true
				})
			}
		}
		return findings
	},
	bad: []example{
		{"tasks/x.go", `package tasks; import "os"; func stop() { os.Exit(1) }`},
		{"tasks/x_test.go", `package tasks; import l "log"; func stop() { l.Fatalf("no") }`},
		{"cmd/holdfast/main.go", `package main; import "log"; func main() { run() }; func run() { log.Fatal("no") }`},
		{"store/x.go", `package store; import "os"; var _ = func() int { os.Exit(1); return 0 }()`},
	},
	good: []example{
		{"cmd/holdfast/main.go", `package main; import "os"; func main() { os.Exit(1) }`},
		{"tasks/x_test.go", `package tasks; import ("os"; "testing"); func TestMain(m *testing.M) { os.Exit(m.Run()) }`},
		{"store/x.go", `package store; var os struct{ Exit func() }; func f() { os.Exit() }`},
	},
}

var noInit = rule{
	name: "no func init",
	check: each(func(_ *file, n ast.Node) string {
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			return "init runs unasked; build it where it is used"
		}
		return ""
	}),
	bad:  []example{{"store/x.go", `package store; func init() {}`}, {"cmd/holdfast/x_test.go", `package main; func init() {}`}},
	good: []example{{"store/x.go", `package store; type t struct{}; func (t) init() {}`}},
}

var noSkips = rule{
	name: "no test skips",
	check: each(func(f *file, n ast.Node) string {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return ""
		}
		if f.calls(call.Fun, "testing", "Short") {
			return "what -short leaves out is skipped too"
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !f.test && f.nameOf("testing") == "" {
			return ""
		}
		switch sel.Sel.Name {
		case "Skip", "Skipf", "SkipNow":
			return "what a test needs and does not find is a failure"
		}
		return ""
	}),
	bad: []example{
		{"store/x_test.go", `package store; import "testing"; func TestX(t *testing.T) { t.Skip("no database") }`},
		{"store/storetest/x.go", `package storetest; import "testing"; func New(t testing.TB) { t.SkipNow() }`},
		{"store/x_test.go", `package store; import "testing"; func TestX(t *testing.T) { if testing.Short() { return } }`},
	},
	good: []example{{"cmd/internal/ops/x.go", `package ops; func f(r interface{ Skip() }) { r.Skip() }`}},
}

var noSleeps = rule{
	name: "no test sleeps",
	check: func(files []*file) (findings []string) {
		for _, f := range files {
			if !f.test && f.nameOf("testing") == "" {
				continue
			}
			ast.Inspect(f.File, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && f.calls(call.Fun, "testing/synctest", "Test") {
					return false // time is not real in there
				}
				if n != nil && f.calls(n, "time", "Sleep") {
					findings = append(findings, f.at(n, "wait for a state with a deadline, or use testing/synctest"))
				}
				return true
			})
		}
		return findings
	},
	bad: []example{
		{"store/x_test.go", `package store; import "time"; func wait() { time.Sleep(1) }`},
		{"store/storetest/x.go", `package storetest; import ("testing"; clock "time"); func wait(testing.TB) { clock.Sleep(1) }`},
	},
	good: []example{
		{"store/x_test.go", `package store; import ("time"; "testing"; "testing/synctest"); func TestX(t *testing.T) { synctest.Test(t, func(*testing.T) { time.Sleep(1) }) }`},
		{"store/x.go", `package store; import "time"; func wait() { time.Sleep(1) }`},
	},
}

// words splits a name at underscores, dashes and capitals.
var words = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)

// empty words name nothing. ("service" is not among them: here it is what a customer books.)
var emptyWords = map[string]bool{"util": true, "utils": true, "helper": true, "helpers": true, "common": true, "misc": true,
	"manager": true, "base": true, "impl": true}

func emptyWord(name string) string {
	for _, w := range words.FindAllString(name, -1) {
		if emptyWords[strings.ToLower(w)] {
			return strings.ToLower(w)
		}
	}
	return ""
}

var plainNames = rule{
	name: "files, packages and types are named by their noun",
	check: func(files []*file) (findings []string) {
		for _, f := range files {
			if w := emptyWord(strings.TrimSuffix(f.path, ".go")); w != "" {
				findings = append(findings, f.at(f.Name, "%q says nothing in a path", w))
			}
			ast.Inspect(f.File, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
					if w := emptyWord(spec.Name.Name); w != "" {
						findings = append(findings, f.at(spec, "%q says nothing in a type's name", w))
					}
				}
				return true
			})
		}
		return findings
	},
	bad: []example{
		{"store/utils.go", `package store`},
		{"store/common/booking.go", `package common`},
		{"store/booking_helper_test.go", `package store`},
		{"store/booking.go", `package store; type BookingManager struct{}`},
	},
	good: []example{{"store/booking.go", `package store; type Booking struct{}; type manager struct{}; const ProblemBase = ""`}},
}
