package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/cmd/internal/config"
)

// TestSecretsInFiles: NAME_FILE counts when NAME is empty, and for secrets only.
func TestSecretsInFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ops_token")
	if err := os.WriteFile(file, []byte("from a file 0123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env  env
		want string
	}{
		{env{"HOLDFAST_OPS_TOKEN_FILE": file}, "from a file 0123"},
		{env{"HOLDFAST_OPS_TOKEN_FILE": file, "HOLDFAST_OPS_TOKEN": ""}, "from a file 0123"},
		{env{"HOLDFAST_OPS_TOKEN_FILE": file, "HOLDFAST_OPS_TOKEN": "from the shell 45"}, "from the shell 45"},
		{env{"HOLDFAST_OPS_TOKEN_FILE": ""}, ""},
	} {
		cfg, err := config.Load(c.env.get)
		if err != nil || cfg.OpsToken.Reveal() != c.want {
			t.Errorf("%v: %q, %v", c.env, cfg.OpsToken.Reveal(), err)
		}
	}

	if cfg, err := config.Load(env{"HOLDFAST_LOG_FORMAT_FILE": file}.get); err != nil || cfg.LogFormat != "auto" {
		t.Errorf("what is no secret is read from a file: %q, %v", cfg.LogFormat, err)
	}

	_, err := config.Load(env{"HOLDFAST_KEYSET_FILE": file + ".gone", "HOLDFAST_OPS_TOKEN_FILE": file, "HOLDFAST_HASH_KEY_FILE": file}.get)
	if got := names(t, err); !slices.Equal(got, []string{"KEYSET_FILE", "HASH_KEY"}) {
		t.Errorf("bad: %v", got)
	}
	var bad *config.Error
	if errors.As(err, &bad) && (strings.Contains(bad.Error(), "from a file") || strings.Contains(bad.Error(), file)) {
		t.Errorf("the error quotes the file, or its name: %v", bad)
	}
	if !strings.Contains(err.Error(), "KEYSET_FILE: the file cannot be read: no such file") {
		t.Errorf("the error does not tell why: %v", err)
	}

	if got := config.Unknown([]string{"HOLDFAST_KEYSET_FILE=x", "HOLDFAST_LOG_LEVEL_FILE=x"}); !slices.Equal(got, []string{"HOLDFAST_LOG_LEVEL_FILE"}) {
		t.Errorf("unknown: %v", got)
	}
}
