package arch

import (
	"slices"
	"strings"
)

// line is the house from right to left: a folder imports only folders that stand at its right, and what
// lies below a folder stands where it stands.
var line = []string{"migrations", "store", "tasks", "handlers", "cmd"}

func stand(dir string) int {
	top, _, _ := strings.Cut(dir, "/")
	return slices.Index(line, top)
}

var importLine = rule{
	name: "a folder imports only folders to its right",
	check: func(files []*file) (findings []string) {
		for _, f := range files {
			here := stand(f.dir())
			if here < 0 {
				findings = append(findings, f.at(f.Name, "%s has no place in the line %s", f.dir(), strings.Join(line, " <- ")))
				continue
			}
			for spec, p := range f.imports() {
				to, ours := strings.CutPrefix(p, module+"/")
				if ours && stand(to) > here {
					findings = append(findings, f.at(spec, "%s imports %s, which stands at its left", f.dir(), to))
				}
			}
		}
		return findings
	},
	bad: []example{
		{"store/pii/x.go", `package pii; import "holdfast/tasks"`},
		{"store/x_test.go", `package store_test; import "holdfast/handlers/sms"`},
		{"migrations/x.go", `package migrations; import "holdfast/store/pii"`},
		{"handlers/x.go", `package handlers; import "holdfast/cmd/internal/config"`},
		{"util/x.go", `package util`},
	},
	good: []example{
		{"store/x.go", `package store; import ("holdfast/migrations"; "holdfast/store/pii")`},
		{"store/pii/x.go", `package pii; import "holdfast/store/calendar"`},
		{"cmd/internal/boot/x.go", `package boot; import ("holdfast/handlers/sms/twiliosim"; "holdfast/cmd/internal/ingress")`},
	},
}

// place says where an import may stand.
type place struct {
	path  string // of the imported package, and of all below it unless a longer path is in the table
	in    []string
	tests bool // tests may import it anywhere
}

// misplaced finds imports out of their place.
func misplaced(places []place) func([]*file) []string {
	return func(files []*file) (findings []string) {
		for _, f := range files {
			for spec, p := range f.imports() {
				best := place{}
				for _, pl := range places {
					if within(p, pl.path) && len(pl.path) > len(best.path) {
						best = pl
					}
				}
				allowed := best.path == "" || best.tests && f.test ||
					slices.ContainsFunc(best.in, func(dir string) bool { return within(f.dir(), dir) })
				if !allowed {
					findings = append(findings, f.at(spec, "%s belongs to %s", p, strings.Join(best.in, ", ")))
				}
			}
		}
		return findings
	}
}

var foreign = rule{
	name: "a third party has its place",
	check: misplaced([]place{
		{path: "github.com/twilio/twilio-go", in: []string{"handlers/sms"}},
		{path: "github.com/twilio/twilio-go/client", in: []string{"handlers/sms", "cmd/internal/ingress"}}, // for its RequestValidator
		{path: "github.com/kelseyhightower/envconfig", in: []string{"cmd/internal/config"}},
		{path: "github.com/redis/go-redis", in: []string{"cmd/internal", "tasks", "store/embedded"}, tests: true},
	}),
	bad: []example{
		{"handlers/x.go", `package handlers; import "github.com/twilio/twilio-go/client"`},
		{"cmd/internal/ingress/x.go", `package ingress; import "github.com/twilio/twilio-go/rest/api/v2010"`},
		{"cmd/holdfast/main.go", `package main; import "github.com/kelseyhightower/envconfig"`},
		{"handlers/x.go", `package handlers; import "github.com/redis/go-redis/v9"`},
	},
	good: []example{
		{"handlers/sms/twiliosim/x_test.go", `package twiliosim; import "github.com/twilio/twilio-go/rest/api/v2010"`},
		{"cmd/internal/ingress/x.go", `package ingress; import "github.com/twilio/twilio-go/client"`},
		{"handlers/x_test.go", `package handlers; import "github.com/redis/go-redis/v9"`},
	},
}

var innerForeign = rule{
	name: "what serves tests is not built into the rest",
	check: misplaced([]place{
		{path: "testing", in: []string{"store/storetest"}, tests: true},
		{path: module + "/store/storetest", in: []string{"store/storetest"}, tests: true},
		{path: module + "/handlers/sms/twiliosim", in: []string{"handlers/sms/twiliosim", "cmd"}, tests: true},
		{path: module + "/handlers/redact/redacttest", in: []string{"handlers/redact/redacttest", "cmd/internal/bench"}, tests: true},
		{path: module + "/cmd/internal/contract", in: []string{"cmd/internal/contract"}, tests: true},
	}),
	bad: []example{
		{"store/x.go", `package store; import "testing"`},
		{"handlers/x.go", `package handlers; import "holdfast/store/storetest"`},
		{"handlers/sms/x.go", `package sms; import "holdfast/handlers/sms/twiliosim"`},
		{"cmd/internal/ingress/x.go", `package ingress; import "holdfast/cmd/internal/contract"`},
		{"cmd/holdfast/x.go", `package main; import "holdfast/handlers/redact/redacttest"`},
	},
	good: []example{
		{"store/storetest/x.go", `package storetest; import "testing"`},
		{"cmd/internal/dev/x.go", `package dev; import "holdfast/handlers/sms/twiliosim"`},
	},
}
