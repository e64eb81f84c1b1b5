package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// manager is a package manager. Its commands are complete but for the package names.
type manager struct {
	tool     string
	packages map[string][]string // by server
	refresh  []string            // tried when an install fails, since package lists age and may be missing
	install  []string
	root     bool // it must be root; brew must not
}

func managers() []manager {
	return []manager{
		{tool: "apt-get", packages: map[string][]string{"postgres": {"postgresql"}, "redis": {"redis-server"}, "pgbouncer": {"pgbouncer"}},
			refresh: []string{"apt-get", "update"}, install: []string{"apt-get", "install", "-y", "--no-install-recommends"}, root: true},
		{tool: "apk", packages: map[string][]string{"postgres": {"postgresql", "postgresql-contrib"}, "redis": {"redis"}, "pgbouncer": {"pgbouncer"}},
			refresh: []string{"apk", "update"}, install: []string{"apk", "add"}, root: true},
		{tool: "dnf", packages: map[string][]string{"postgres": {"postgresql-server", "postgresql-contrib"}, "redis": {"redis"}, "pgbouncer": {"pgbouncer"}},
			refresh: []string{"dnf", "makecache"}, install: []string{"dnf", "install", "-y"}, root: true},
		{tool: "brew", packages: map[string][]string{"postgres": {"postgresql@17"}, "redis": {"redis"}, "pgbouncer": {"pgbouncer"}},
			refresh: []string{"brew", "update"}, install: []string{"brew", "install"}},
	}
}

// findManager is the first package manager on the machine; nil when there is none.
func findManager() *manager {
	for _, m := range managers() {
		if _, err := exec.LookPath(m.tool); err == nil {
			return &m
		}
	}
	return nil
}

// advice is the one command that installs servers.
func advice(servers ...string) string {
	m := findManager()
	if m == nil {
		return "your system's command to install " + strings.Join(servers, " and ")
	}
	words := m.install
	if m.root && os.Geteuid() != 0 {
		words = append([]string{"sudo"}, words...)
	}
	for _, s := range servers {
		words = append(words, m.packages[s]...)
	}
	return strings.Join(words, " ")
}

// Provision installs the servers that o would start and that the machine lacks, so that one command
// runs the tests on a bare machine, and says so on out in one line. As root it installs the
// distribution's packages, without starting their services; an ordinary user of Debian or its
// children gets them unpacked below the user's cache folder, where Start looks; for anybody else the
// error names the one command to type. It may take minutes; ctx ends it.
func Provision(ctx context.Context, o Options, out io.Writer) error {
	missing := o.missing()
	if len(missing) == 0 {
		return nil
	}
	var err error
	switch m := findManager(); {
	case m != nil && m.root == (os.Geteuid() == 0):
		fmt.Fprintf(out, "holdfast: no %s on this machine: %s\n", strings.Join(missing, " and "), advice(missing...))
		err = m.add(ctx, missing)
	case m != nil && m.tool == "apt-get":
		fmt.Fprintf(out, "holdfast: no %s on this machine: unpacking Debian's packages in %s\n", strings.Join(missing, " and "), cacheDir())
		err = m.unpack(ctx, missing)
	}
	missing = o.missing()
	if o.Downloads { // Start's own way out, should this one have failed
		missing = slices.DeleteFunc(missing, func(s string) bool { return s == "postgres" })
	}
	if len(missing) == 0 {
		return nil
	}
	lack := fmt.Errorf("provision: no %s; type: %s", strings.Join(missing, " and "), advice(missing...))
	return errors.Join(lack, err)
}

// missing names the servers that would be started and cannot be.
func (o Options) missing() (servers []string) {
	if o.DatabaseURL == "" && len(postgresFolders()) == 0 {
		servers = append(servers, "postgres")
	}
	if _, err := findRedis(); o.RedisURL == "" && err != nil {
		servers = append(servers, "redis")
	}
	if _, err := findPgBouncer(); o.PgBouncer && err != nil {
		servers = append(servers, "pgbouncer")
	}
	return servers
}

// add installs packages, with fresh package lists when it fails without.
func (m *manager) add(ctx context.Context, servers []string) error {
	allow, err := denyServices(m.tool)
	if err != nil {
		return err
	}
	defer allow()
	install := m.install
	for _, s := range servers {
		install = append(install[:len(install):len(install)], m.packages[s]...)
	}
	if _, err = runTool(ctx, "", install...); err == nil {
		return nil
	}
	if _, err := runTool(ctx, "", m.refresh...); err != nil {
		return err
	}
	_, err = runTool(ctx, "", install...)
	return err
}

// policyFile is what Debian's packages ask before they start their service.
const policyFile = "/usr/sbin/policy-rc.d"

// denyServices keeps packages from starting services that nobody asked for, until allow is called. The
// answer of an administrator who wrote the policy stands.
func denyServices(tool string) (allow func(), err error) {
	if tool != "apt-get" {
		return func() {}, nil // the others start nothing
	}
	f, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) // #nosec G302 -- it is a program
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("#!/bin/sh\n# Written by holdfast's make test while it installs packages.\nexit 101\n")
	return func() { _ = os.Remove(policyFile) }, errors.Join(err, f.Close())
}

// runTool runs a package tool in dir and returns its output; an error carries the end of it.
func runTool(ctx context.Context, dir string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) // #nosec G204 -- from the table above
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		words := strings.TrimSpace(stderr.String())
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, words[max(0, len(words)-500):])
	}
	return stdout.String(), nil
}
