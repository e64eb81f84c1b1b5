package containers

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

const root = "../../.." // of the repository

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// compose resolves the text of a compose file as `docker compose` does in a shell that has env, and says
// what it warned of.
func compose(text string, env map[string]string) (p *types.Project, warnings []string, err error) {
	logrus.SetOutput(io.Discard)
	hook := logtest.NewGlobal()
	defer func() {
		for _, e := range hook.AllEntries() {
			warnings = append(warnings, e.Message)
		}
		logrus.StandardLogger().ReplaceHooks(make(logrus.LevelHooks))
	}()
	p, err = loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: []byte(text)}},
		Environment: env,
	}, loader.WithProfiles(strings.Split(env["COMPOSE_PROFILES"], ",")))
	return p, warnings, err
}

// project is the compose file with the double of Twilio.
func project(t *testing.T, env map[string]string) *types.Project {
	t.Helper()
	p, warnings, err := compose(read(t, "docker-compose.yml"), env)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 0 {
		t.Errorf("compose warns: %q", warnings)
	}
	return p
}

// TestNothingNeedsToBeSet: the file loads without a warning in an empty shell, and without the double.
func TestNothingNeedsToBeSet(t *testing.T) {
	p := project(t, nil)
	if _, err := p.GetService("twiliosim"); err == nil {
		t.Error("the double of Twilio runs without being asked for")
	}
	_, warnings, err := compose("{name: x, services: {a: {image: 'x:1', environment: {A: $NOT_SET}}}}", nil)
	if err != nil || len(warnings) == 0 {
		t.Errorf("a variable that is not set goes unnoticed: %v %q", err, warnings)
	}
}

// TestComposeRules holds each rule against the file, and against the file spoiled for it.
func TestComposeRules(t *testing.T) {
	text := read(t, "docker-compose.yml")
	demo := map[string]string{"COMPOSE_PROFILES": "demo"}
	for _, r := range composeRules {
		t.Run(r.name, func(t *testing.T) {
			for _, finding := range r.check(t, project(t, demo)) {
				t.Error(finding)
			}
			if len(r.spoil) == 0 {
				t.Error("nothing breaks it")
			}
			for _, s := range r.spoil {
				spoiled := strings.Replace(text, s.old, s.new, 1)
				if spoiled == text {
					t.Errorf("there is no %q to spoil", s.old)
				}
				p, _, err := compose(spoiled, demo)
				if err != nil {
					t.Errorf("%q: %v", s.new, err)
					continue
				}
				if len(r.check(t, p)) == 0 {
					t.Errorf("%q in place of %q goes unnoticed", s.new, s.old)
				}
			}
		})
	}
}
