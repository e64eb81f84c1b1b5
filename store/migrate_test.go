package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"holdfast/migrations"
	"holdfast/store/storetest"
)

var update = flag.Bool("update", false, "write golden files")

// emptyDatabase makes a database without a schema and returns its owner's URL.
func emptyDatabase(t *testing.T, db *storetest.DB) (ownerURL string) {
	t.Helper()
	admin := db.Admin.Config().ConnString()
	u, err := url.Parse(db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	name := "holdfast_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	u.Path = "/" + name
	t.Cleanup(func() {
		if _, err := db.Admin.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	for range 2 { // the second finds it made
		if err := migrations.CreateDatabase(t.Context(), admin, u.String()); err != nil {
			t.Fatal(err)
		}
	}
	return u.String()
}

// applied counts what Status says.
func applied(t *testing.T, ownerURL string) (done, files int) {
	t.Helper()
	states, err := migrations.Status(t.Context(), ownerURL)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range states {
		if s.Applied {
			done++
		}
		if want := fmt.Sprintf("%05d_", i+1); !strings.HasPrefix(s.File, want) {
			t.Errorf("file %d is %s", i+1, s.File)
		}
	}
	return done, len(states)
}

// ask reads one text from the database of a URL.
func ask(t *testing.T, dbURL, sql string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dbURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// Several processes may migrate at once: each file runs in one of them. Afterwards there is nothing to do.
func TestMigrateFromNothing(t *testing.T) {
	t.Parallel()
	owner := emptyDatabase(t, storetest.New(t))
	done, files := applied(t, owner)
	if done != 0 || files < 5 {
		t.Errorf("before: %d of %d files", done, files)
	}
	var ran atomic.Int64
	together(3, func(int) {
		n, err := migrations.Up(t.Context(), owner)
		if err != nil {
			t.Error(err)
		}
		ran.Add(int64(n))
	})
	if done, _ := applied(t, owner); int(ran.Load()) != files || done != files {
		t.Errorf("%d files ran, %d are applied, of %d", ran.Load(), done, files)
	}
	const rows = "SELECT string_agg(g::text, ' ' ORDER BY id) FROM goose_db_version g"
	before := ask(t, owner, rows)
	if n, err := migrations.Up(t.Context(), owner); n != 0 || err != nil || ask(t, owner, rows) != before {
		t.Errorf("again: %d, %v", n, err)
	}
	if c := ask(t, owner, "SELECT obj_description('goose_db_version'::regclass)"); c != migrations.Fingerprint() {
		t.Errorf("made by %s, we are %s", c, migrations.Fingerprint())
	}
}

// A database of other files is left as it is, even when a file seems to be missing there.
func TestMigrateOldSchema(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const state = "SELECT count(*) || obj_description('goose_db_version'::regclass) FROM goose_db_version"
	for _, sql := range []string{"DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)", "COMMENT ON TABLE goose_db_version IS 'older'"} {
		if _, err := db.Owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	before := ask(t, db.OwnerURL, state)
	if n, err := migrations.Up(t.Context(), db.OwnerURL); n != 0 || !errors.Is(err, migrations.ErrOldSchema) {
		t.Errorf("%d, %v", n, err)
	}
	if after := ask(t, db.OwnerURL, state); after != before {
		t.Errorf("touched: %s, was %s", after, before)
	}
	// It is the comment that stops it: with ours the missing file runs.
	if _, err := db.Owner.Exec(t.Context(), "COMMENT ON TABLE goose_db_version IS '"+migrations.Fingerprint()+"'"); err != nil {
		t.Fatal(err)
	}
	if n, err := migrations.Up(t.Context(), db.OwnerURL); n != 1 || err != nil {
		t.Errorf("control: %d, %v", n, err)
	}
}

// TestBootstrapTwice runs alone: roles are the server's, and other tests change them in transactions.
func TestBootstrapTwice(t *testing.T) {
	db := storetest.New(t)
	admin := db.Admin.Config().ConnString()
	const roles = `SELECT string_agg(r::text || COALESCE((SELECT s.setconfig::text FROM pg_db_role_setting s WHERE s.setrole = r.oid AND s.setdatabase = 0), ''), ' ' ORDER BY rolname)
		|| (SELECT count(*) FROM pg_auth_members) || (SELECT string_agg(rolpassword, '' ORDER BY rolname) FROM pg_authid) FROM pg_roles r WHERE rolname LIKE 'holdfast\_%'`
	before := ask(t, admin, roles)
	for range 2 {
		if err := migrations.Bootstrap(t.Context(), admin, nil); err != nil {
			t.Fatal(err)
		}
	}
	if after := ask(t, admin, roles); after != before {
		t.Errorf("roles: %s\nwere: %s", after, before)
	}
	// A password is set as it is, and no error quotes it.
	name := "holdfast_guest_" + uuid.NewString()[:8]
	exec := func(sql string) {
		if _, err := db.Admin.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE ROLE " + name + " LOGIN")
	t.Cleanup(func() { exec("DROP ROLE " + name) })
	const odd = `it's "\odd\" %s $1`
	if err := migrations.Bootstrap(t.Context(), admin, map[string]string{name: odd}); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, odd)
	if got := ask(t, u.String(), "SELECT session_user::text"); got != name {
		t.Errorf("logged in as %s", got)
	}
	err = migrations.Bootstrap(t.Context(), admin, map[string]string{"nobody at all": odd})
	if err == nil || strings.Contains(err.Error(), "odd") {
		t.Errorf("a role that is not there: %v", err)
	}
}

// pgDump finds a pg_dump that can read the server: beside postgres, where store/embedded finds that, or on the PATH.
func pgDump(t *testing.T, server int) string {
	t.Helper()
	var dirs []string
	for _, program := range []string{"postgres", "pg_dump"} {
		if path, err := exec.LookPath(program); err == nil {
			if real, err := filepath.EvalSymlinks(path); err == nil {
				dirs = append(dirs, filepath.Dir(real))
			}
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	patterns := []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin", "/usr/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	}
	if cache, err := os.UserCacheDir(); err == nil {
		patterns = append(patterns, filepath.Join(cache, "holdfast/packages/postgres/usr/lib/postgresql/*/bin"))
	}
	for _, p := range patterns {
		m, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, m...)
	}
	for _, dir := range dirs {
		file := filepath.Join(dir, "pg_dump")
		out, err := exec.CommandContext(t.Context(), file, "--version").Output()
		if err != nil {
			continue
		}
		if major, _ := strconv.Atoi(regexp.MustCompile(`\d+`).FindString(string(out))); major >= server {
			return file
		}
	}
	t.Fatalf("no pg_dump of version %d or later in %v: install PostgreSQL's client programs", server, dirs)
	return ""
}

// dump is the schema as pg_dump writes it, without what is of the program's version and not of ours.
func dump(t *testing.T, db *storetest.DB) string {
	t.Helper()
	major, err := strconv.Atoi(ask(t, db.OwnerURL, "SELECT current_setting('server_version_num')"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	cmd := exec.CommandContext(t.Context(), pgDump(t, major/10000), "--schema-only", u.String())
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("pg_dump: %v: %s", err, exit.Stderr)
		}
		t.Fatalf("pg_dump: %v", err)
	}
	var b strings.Builder
	b.WriteString("-- Generated from the migrations by `go test ./store -run TestSchema -update`.\n")
	noise := regexp.MustCompile(`^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict|COMMENT ON TABLE public\.goose_db_version)`)
	inBody := false
	for line := range strings.Lines(string(out)) {
		if !inBody && (noise.MatchString(line) || strings.TrimSpace(line) == "") {
			continue
		}
		if strings.Count(line, "$$")%2 == 1 {
			inBody = !inBody
		}
		if !inBody && regexp.MustCompile(`^(CREATE|ALTER TABLE ONLY) `).MatchString(line) {
			b.WriteString("\n")
		}
		b.WriteString(line)
	}
	return b.String()
}

// TestSchemaGolden keeps the schema readable in one piece, and shows in a review what a migration changes.
func TestSchemaGolden(t *testing.T) {
	t.Parallel()
	const file = "../migrations/schema.golden.sql"
	db := storetest.New(t)
	got := dump(t, db)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := firstDifference(got, string(want)); diff != "" {
		t.Errorf("the schema is not %s (write it with -update): %s", file, diff)
	}
	// A change that no migration made shows.
	if _, err := db.Owner.Exec(t.Context(), "ALTER POLICY org_only ON hold USING (true)"); err != nil {
		t.Fatal(err)
	}
	if firstDifference(dump(t, db), got) == "" {
		t.Error("a policy that was changed does not show")
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q, want %q", i+1, a[i], b[i])
		}
	}
	if !slices.Equal(a, b) {
		return fmt.Sprintf("%d lines, want %d", len(a), len(b))
	}
	return ""
}
