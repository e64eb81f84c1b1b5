package arch

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

var packageDocs = rule{
	name: "every package says what it is",
	check: func(files []*file) (findings []string) {
		packages := make(map[string][]*file)
		for _, f := range files {
			if !f.test {
				packages[f.dir()] = append(packages[f.dir()], f)
			}
		}
		for _, dir := range slices.Sorted(maps.Keys(packages)) {
			var docs []*file
			for _, f := range packages[dir] {
				if f.Doc != nil {
					docs = append(docs, f)
				}
			}
			first := packages[dir][0]
			begins := "Package " + first.Name.Name + " "
			if first.isMain() {
				begins = "Command " + path.Base(dir) + " "
			}
			switch {
			case len(docs) == 0:
				findings = append(findings, first.at(first.Name, "package %s has no doc", first.Name.Name))
			case len(docs) > 1:
				findings = append(findings, docs[1].at(docs[1].Doc, "a second doc of package %s", first.Name.Name))
			case !strings.HasPrefix(docs[0].Doc.Text(), begins):
				findings = append(findings, docs[0].at(docs[0].Doc, "the doc does not begin with %q", begins))
			}
		}
		return findings
	},
	bad: []example{
		{"store/x.go", "package store"},
		{"store/x.go", "// All SQL is here.\npackage store"},
		{"cmd/holdfast/main.go", "// Package main is the binary.\npackage main"},
	},
	good: []example{
		{"store/x.go", "// Package store holds all SQL.\npackage store"},
		{"cmd/holdfast/main.go", "// Command holdfast is the binary.\npackage main"},
	},
}

// wellKnown are methods whose meaning their interface has fixed.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true, "String": true, "ServeHTTP": true}

var exportedDocs = rule{
	name: "what is exported has a doc",
	check: func(files []*file) (findings []string) {
		for _, f := range files {
			if f.test || f.isMain() {
				continue
			}
			for _, d := range f.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Name.IsExported() && d.Doc == nil && onExported(d) && (d.Recv == nil || !wellKnown[d.Name.Name]) {
						findings = append(findings, f.at(d.Name, "%s has no doc", d.Name.Name))
					}
				case *ast.GenDecl:
					findings = append(findings, f.undocumented(d)...)
				}
			}
		}
		return findings
	},
	bad: []example{
		{"store/x.go", `package store; func Open() {}`},
		{"store/x.go", `package store; type T struct{}`},
		{"store/x.go", "package store\n// T is a thing.\ntype T[P any] struct{}\nfunc (t *T[P]) Do() {}"},
		{"store/x.go", "package store\nconst (\n\t// A is first.\n\tA = 1\n\n\tB = 2\n)"},
		{"store/x.go", `package store; var All []string`},
	},
	good: []example{
		{"store/x.go", `package store; type t struct{}; func (t) Do() {}; func open() {}`},
		{"store/x.go", "package store\n// Colours.\nconst (\n\tRed = 1\n\tBlue = 2\n)"},
		{"store/x.go", "package store\nconst (\n\tRed = 1 // like blood\n)"},
		{"cmd/holdfast/x.go", `package main; type T struct{}`},
	},
}

// undocumented finds types, constants and variables without a doc: their own, their line's, or their group's.
func (f *file) undocumented(d *ast.GenDecl) (findings []string) {
	if d.Tok == token.IMPORT || d.Doc != nil {
		return nil
	}
	for _, s := range d.Specs {
		var names []*ast.Ident
		var doc bool
		switch s := s.(type) {
		case *ast.TypeSpec:
			names, doc = []*ast.Ident{s.Name}, s.Doc != nil || s.Comment != nil
		case *ast.ValueSpec:
			names, doc = s.Names, s.Doc != nil || s.Comment != nil
		}
		for _, name := range names {
			if name.IsExported() && !doc {
				findings = append(findings, f.at(name, "%s has no doc", name.Name))
			}
		}
	}
	return findings
}

// onExported tells whether a function is one that other packages can name: no method of a hidden type.
func onExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return false
		}
	}
}
