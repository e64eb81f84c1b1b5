package store

import (
	"context"
	"fmt"
)

// flaw is a fault of PostgreSQL by which rows that policies hide could be reached.
type flaw struct {
	cve, what string
	fixed     map[int]int // the minor version that mended it, by major version; majors that are not named never had it
}

// flaws are those of the versions that this schema can run on, as the releases' notes and the project's list of CVEs tell
// them (postgresql.org/support/security).
var flaws = []flaw{
	{"CVE-2025-8713", "statistics tell values of rows that a policy hides", map[int]int{13: 22, 14: 19, 15: 14, 16: 10, 17: 6}},
	{"CVE-2024-10976", "a policy below a subquery disregards a change of role", map[int]int{12: 21, 13: 17, 14: 14, 15: 9, 16: 5, 17: 1}},
	{"CVE-2023-39418", "MERGE does not enforce policies of UPDATE and SELECT", map[int]int{15: 4}},
	{"CVE-2023-2455", "a policy disregards a change of role after inlining", map[int]int{12: 15, 13: 11, 14: 8, 15: 3}},
}

// Flaws names the known faults of row-level security that a server of this version has (server_version_num, as 150018 for
// 15.18), one for each line of a warning; none is the good answer.
func Flaws(version int) (known []string) {
	major, minor := version/10000, version%10000
	for _, f := range flaws {
		if fixed, had := f.fixed[major]; had && minor < fixed {
			known = append(known, fmt.Sprintf("%s: %s; mended in %d.%d", f.cve, f.what, major, fixed))
		}
	}
	return known
}

// ServerVersion is the server's server_version_num.
func ServerVersion(ctx context.Context, db DB) (version int, err error) {
	if err := db.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return 0, fmt.Errorf("postgres: version: %w", err)
	}
	return version, nil
}
