package containers

import (
	"fmt"
	"go/version"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// image is one stage of the Dockerfile with what it has from the stages below it.
type image struct {
	name, base string // base is what its lowest stage comes from
	commands   []instructions.Command
	env        map[string]string // ENV, and ARG where it has a default
	user, stop string
	entrypoint []string
	health     []string
}

// dockerfile reads the text of a Dockerfile: its stages by name, and the name of the last.
func dockerfile(text string) (images map[string]*image, last string, err error) {
	ast, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil, "", err
	}
	if len(ast.Warnings) > 0 {
		return nil, "", fmt.Errorf("warnings: %v", ast.Warnings)
	}
	stages, _, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		return nil, "", err
	}
	images = make(map[string]*image)
	for _, s := range stages {
		im := &image{name: s.Name, base: s.BaseName, env: make(map[string]string)}
		if below, ok := images[s.BaseName]; ok {
			*im = *below
			im.name = s.Name
		}
		for _, c := range s.Commands {
			im.add(c)
		}
		images[s.Name], last = im, s.Name
	}
	return images, last, nil
}

func (im *image) add(c instructions.Command) {
	im.commands = append(slices.Clip(im.commands), c)
	switch c := c.(type) {
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			im.env[kv.Key] = kv.Value
		}
	case *instructions.ArgCommand:
		for _, kv := range c.Args {
			if kv.Value != nil {
				im.env[kv.Key] = *kv.Value
			}
		}
	case *instructions.UserCommand:
		im.user = c.User
	case *instructions.StopSignalCommand:
		im.stop = c.Signal
	case *instructions.EntrypointCommand:
		im.entrypoint = c.CmdLine
		if c.PrependShell {
			im.entrypoint = append([]string{"/bin/sh", "-c"}, c.CmdLine...)
		}
	case *instructions.HealthCheckCommand:
		im.health = c.Health.Test
	}
}

// TestDockerfile holds the rules of images against the Dockerfile, and against spoiled ones.
func TestDockerfile(t *testing.T) {
	text, goMod := read(t, "Dockerfile"), read(t, "go.mod")
	for _, finding := range faults(text, goMod) {
		t.Error(finding)
	}
	for _, s := range []change{
		{"golang:1.26.8-alpine", "golang:1.25.9-alpine"},
		{"golang:1.26.8-alpine", "golang"},
		{"golang:1.26.8-alpine", "golang:latest"},
		{"USER 65532:65532", "USER root"},
		{"USER 65532:65532", "USER holdfast"},
		{"FROM scratch AS base", "FROM alpine:3.22 AS base"},
		{"CMD [\"/holdfast\", \"ready\"]", "CMD /holdfast ready"},
		{"ENTRYPOINT [\"/holdfast\"]", "ENTRYPOINT /holdfast"},
		{"STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL"},
		{"COPY . .", "ADD https://holdfast.example/x.tar.gz ."},
		{"CGO_ENABLED=0", "CGO_ENABLED=1"},
		{"-trimpath ", ""},
		{"-s -w ", ""},
		{"--chown=65532:65532 ", ""},
		{"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/\n", ""},
		{"FROM base AS holdfast", "FROM base AS other"},
	} {
		spoiled := strings.Replace(text, s.old, s.new, 1)
		if spoiled == text {
			t.Errorf("there is no %q to spoil", s.old)
		}
		if len(faults(spoiled, goMod)) == 0 {
			t.Errorf("%q in place of %q goes unnoticed", s.new, s.old)
		}
	}
}

// faults says what is wrong with a Dockerfile.
func faults(text, goMod string) (bad []string) {
	images, last, err := dockerfile(text)
	if err != nil {
		return []string{err.Error()}
	}
	build := images["build"]
	bad = append(bad, unless(last == "holdfast", "`docker build .` makes %s", last)...)
	bad = append(bad, unless(build != nil && goVersion(build.base, goMod), "the build stage does not have the Go of go.mod")...)
	bad = append(bad, unless(build.env["CGO_ENABLED"] == "0", "the binary is not static")...)
	command := strings.Join(goBuild(build), " ")
	for _, want := range []string{" -trimpath ", "-s -w ", "-X main.version=${VERSION}", " -buildvcs=false "} {
		bad = append(bad, unless(strings.Contains(command, want), "the build has no %s", want)...)
	}
	for name, im := range images {
		for _, c := range im.commands {
			_, added := c.(*instructions.AddCommand)
			bad = append(bad, unless(!added, "%s: ADD fetches and unpacks; COPY says what it does", name)...)
		}
	}
	for _, name := range []string{"holdfast", "twiliosim"} {
		im := images[name]
		if im == nil {
			bad = append(bad, "there is no image "+name)
			continue
		}
		bad = append(bad, unless(im.base == "scratch", "%s is made from %s", name, im.base)...)
		bad = append(bad, unless(regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(im.user), "%s runs as %q, which is not known to be no root", name, im.user)...)
		bad = append(bad, unless(im.stop == "SIGTERM", "%s is stopped by %s", name, im.stop)...)
		bad = append(bad, unless(len(im.entrypoint) == 1 && im.entrypoint[0] == "/"+name, "%s starts by %q", name, im.entrypoint)...)
		bad = append(bad, unless(len(im.health) > 1 && im.health[0] == "CMD", "%s is watched by %q, which needs a shell", name, im.health)...)
		bad = append(bad, unless(im.copies("/etc/ssl/certs/ca-certificates.crt", ""), "%s trusts no certificate", name)...)
		bad = append(bad, unless(im.copies("/out/secrets", im.user), "%s cannot write its volumes", name)...)
	}
	return bad
}

// copies tells whether a file of the build stage is copied for an owner.
func (im *image) copies(source, owner string) bool {
	return slices.ContainsFunc(im.commands, func(c instructions.Command) bool {
		cp, ok := c.(*instructions.CopyCommand)
		return ok && cp.From == "build" && slices.Contains(cp.SourcePaths, source) && cp.Chown == owner
	})
}

// goVersion tells whether a golang image has the language version of go.mod and is not older than it asks for.
func goVersion(from, goMod string) bool {
	m := regexp.MustCompile(`^golang:(\d+\.\d+\.\d+)-`).FindStringSubmatch(from)
	want := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(goMod)
	return m != nil && want != nil && version.Lang("go"+m[1]) == version.Lang("go"+want[1]) && version.Compare("go"+m[1], "go"+want[1]) >= 0
}

// goBuild is the command that builds the binaries, as the shell gets it.
func goBuild(build *image) []string {
	for _, c := range build.commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(strings.Join(run.CmdLine, " "), "go build") {
			return run.CmdLine
		}
	}
	return nil
}

// TestComposeUsesTheImages: what the compose file says of an image agrees with the image.
func TestComposeUsesTheImages(t *testing.T) {
	images, _, err := dockerfile(read(t, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range project(t, map[string]string{"COMPOSE_PROFILES": "demo"}).Services {
		if !ours(s) {
			continue
		}
		im := images[s.Build.Target]
		if im == nil {
			t.Errorf("%s is built from a stage that does not exist: %s", name, s.Build.Target)
			continue
		}
		if !once(s) && !slices.Equal(s.HealthCheck.Test, im.health) {
			t.Errorf("%s is watched by %q, its image by %q", name, s.HealthCheck.Test, im.health)
		}
	}
}
