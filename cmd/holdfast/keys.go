package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"holdfast/migrations"
	"holdfast/store/pii"
)

type keysCmd struct {
	Dir      string `help:"Write them there, a file each, with passwords of the roles and of the operators; what exists stays." type:"path" placeholder:"DIR"`
	Postgres string `help:"host:port of the server that the files in --dir are for." default:"localhost:5432"`
}

// Run prints new keys, or writes the secrets that a folder does not hold yet. They are needed as long as
// the data that they seal.
func (c *keysCmd) Run(e *env) error {
	k, err := pii.GenerateKeys()
	if err != nil {
		return err
	}
	if c.Dir == "" {
		fmt.Fprintf(e.stdout, "HOLDFAST_KEYSET=%s\nHOLDFAST_HASH_KEY=%s\nHOLDFAST_CODE_PEPPER=%s\n", k.Keyset, k.HashKey, k.Peppers)
		return nil
	}
	// First, because the superuser's URL repeats it.
	superuser, err := keepSecret(filepath.Join(c.Dir, "superuser", "password"), rand.Text(), 0o444)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	for name, value := range map[string]string{
		"app/keyset": k.Keyset, "app/hash_key": k.HashKey, "app/code_pepper": k.Peppers, "app/ops_token": rand.Text(),
		"app/database_url":         c.url(migrations.RoleApp, rand.Text(), "holdfast"),
		"owner/owner_database_url": c.url(migrations.RoleOwner, rand.Text(), "holdfast"),
		"owner/audit_database_url": c.url(migrations.RoleAudit, rand.Text(), "holdfast"),
		"owner/admin_database_url": c.url("postgres", superuser, "postgres"),
	} {
		if _, err := keepSecret(filepath.Join(c.Dir, filepath.FromSlash(name)), value, 0o400); err != nil {
			return fmt.Errorf("keys: %w", err)
		}
	}
	return nil
}

func (c *keysCmd) url(role, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: c.Postgres, Path: "/" + database}
	return u.String()
}

// keepSecret returns what file holds; a file that is missing gets the value first. It appears with all that
// it holds and is never overwritten, also when two do this at the same time. Others than the owner read it
// only if mode says so.
func keepSecret(file, value string, mode fs.FileMode) (string, error) {
	old, err := os.ReadFile(file) // #nosec G304 -- the operator has named the folder
	if !errors.Is(err, fs.ErrNotExist) {
		return strings.TrimSpace(string(old)), err
	}
	folder := fs.FileMode(0o700)
	if mode&0o004 != 0 {
		folder = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(file), folder); err != nil {
		return "", err
	}
	aside := file + "." + rand.Text()
	if err := os.WriteFile(aside, []byte(value+"\n"), mode); err != nil {
		return "", err
	}
	defer os.Remove(aside)
	if err := os.Link(aside, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	now, err := os.ReadFile(file) // #nosec G304 -- as above
	return strings.TrimSpace(string(now)), err
}
