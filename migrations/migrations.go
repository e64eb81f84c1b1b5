// Package migrations holds the schema as numbered SQL files and brings a database up to date.
//
// Files may be rewritten until v0.1.0; after that they are only added. Migrating twice, or from several
// processes at once, is safe: goose takes an advisory lock.
package migrations

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed [0-9]*.sql roles.sql
var files embed.FS

//go:embed roles.sql
var rolesSQL string

// Login roles, as roles.sql makes them.
const (
	RoleOwner = "holdfast_owner"
	RoleApp   = "holdfast_app"
	RoleAudit = "holdfast_audit"
)

// ErrOldSchema says that the database was made by files that have been rewritten since.
var ErrOldSchema = errors.New("the database has an older schema that cannot be migrated")

// Bootstrap makes the roles, as a role that may create roles. Passwords are set for those roles that
// passwords names; an empty map leaves them as they are.
func Bootstrap(ctx context.Context, adminURL string, passwords map[string]string) error {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, rolesSQL); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	for role, password := range passwords {
		quoted := "'" + strings.ReplaceAll(password, "'", "''") + "'"
		if _, err := conn.Exec(ctx, "ALTER ROLE "+pgx.Identifier{role}.Sanitize()+" PASSWORD "+quoted); err != nil {
			return fmt.Errorf("roles: password of %s was refused", role)
		}
	}
	return nil
}

// CreateDatabase makes the database that ownerURL names, owned by the owner's role, unless it is there.
func CreateDatabase(ctx context.Context, adminURL, ownerURL string) error {
	cfg, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return errors.New("database: the owner's URL cannot be read")
	}
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{cfg.Database}.Sanitize()+" OWNER "+RoleOwner)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P04" { // duplicate_database
		return nil
	}
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// Fingerprint identifies the exact text of all files: two trees with the same fingerprint make the same schema.
func Fingerprint() string {
	h := sha256.New()
	_ = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", path, len(b))
		_, _ = h.Write(bytes.TrimSpace(b))
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func provider(ownerURL string) (*goose.Provider, *sql.DB, error) {
	db, err := sql.Open("pgx", ownerURL)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	// Who finds another at it looks again each second, for five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithExcludeNames([]string{"roles.sql"}))
	if err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("migrate: %w", err)
	}
	return p, db, nil
}

// Up brings the database of ownerURL up to date and returns how many files it ran. Until the first
// release the files change in place, so the database remembers their fingerprint: a database made by
// other files gives ErrOldSchema, untouched.
func Up(ctx context.Context, ownerURL string) (ran int, err error) {
	p, db, err := provider(ownerURL)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var made sql.NullString
	err = db.QueryRowContext(ctx, "SELECT obj_description(to_regclass('public.goose_db_version'))").Scan(&made)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	if made.Valid && made.String != Fingerprint() {
		return 0, ErrOldSchema
	}
	results, err := p.Up(ctx)
	if err != nil {
		return len(results), fmt.Errorf("migrate: %w", err)
	}
	if _, err := db.ExecContext(ctx, "COMMENT ON TABLE goose_db_version IS '"+Fingerprint()+"'"); err != nil {
		return len(results), fmt.Errorf("migrate: %w", err)
	}
	return len(results), nil
}

// State is one migration file and whether the database has it.
type State struct {
	File    string
	Applied bool
}

// Status lists every file with its state, in order.
func Status(ctx context.Context, ownerURL string) ([]State, error) {
	p, db, err := provider(ownerURL)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	all, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	states := make([]State, len(all))
	for i, s := range all {
		states[i] = State{File: s.Source.Path, Applied: s.State == goose.StateApplied}
	}
	return states, nil
}
