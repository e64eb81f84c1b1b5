package containers

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"holdfast/cmd/internal/config"
)

// composeRule is one thing that holds for docker-compose.yml.
type composeRule struct {
	name  string
	check func(t *testing.T, p *types.Project) (findings []string)
	spoil []change // each makes it speak
}

type change struct{ old, new string }

var composeRules = []composeRule{
	{"everything is watched or ends", watched, []change{
		{"test: [CMD, /holdfast, ready]", "disable: true"},
		{"restart: unless-stopped", "restart: always"},
		{"keys: {condition: service_completed_successfully}", "keys: {condition: service_started}"},
	}},
	{"images have a tag", tagged, []change{
		{"postgres:15-alpine", "postgres"},
		{"redis:7-alpine", "redis:latest"},
	}},
	{"only the API is published", published, []change{
		{"127.0.0.1:${HOLDFAST_OPS_PORT", "${HOLDFAST_OPS_PORT"},
		{"user: redis", "ports: [\"127.0.0.1:6379:6379\"]"},
		{"networks: [inside]", "network_mode: host"},
	}},
	{"nothing takes the whole machine", limited, []change{
		{"limits: {cpus: \"1\", memory: 512M, pids: 100}", "limits: {cpus: \"1\"}"},
		{"GOMEMLIMIT: 220MiB", "GOMEMLIMIT: 256MiB"},
		{"--maxmemory, 256mb", "--maxmemory, 500mb"},
	}},
	{"nothing can do more than it must", hardened, []change{
		{"read_only: true", "read_only: false"},
		{"cap_drop: [ALL]", "cap_drop: [NET_RAW]"},
		{"no-new-privileges:true", "no-new-privileges:false"},
		{"user: postgres", "user: root"},
	}},
	{"every variable is one of ours", known, []change{{"HOLDFAST_HTTP_TIMEOUT:", "HOLDFAST_HTTP_TIME: 5s"}}},
	{"secrets come from the shell or from a volume", secret, []change{
		{"HOLDFAST_KEYSET:\n", "HOLDFAST_KEYSET: abc\n"},
		{"HOLDFAST_OPS_TOKEN:\n", "HOLDFAST_OPS_TOKEN: ${HOLDFAST_OPS_TOKEN:-0123456789abcdef}\n"},
		{"POSTGRES_PASSWORD_FILE: /secrets/superuser/password", "POSTGRES_PASSWORD: postgres"},
		{"/secrets/superuser, read_only: true}", "/secrets/superuser}"},
		{"/secrets/owner/admin", "/elsewhere/admin"},
	}},
	{"who serves cannot become the owner", unprivileged, []change{
		{"volumes: [{type: volume, source: app-secrets", "volumes: [{type: volume, source: owner-secrets"},
		{"HOLDFAST_SWEEP_INTERVAL:", "HOLDFAST_OWNER_DATABASE_URL:"},
	}},
	{"every variable can be set from outside", settable, []change{{"HOLDFAST_KEEP_WINDOW:", "# "}}},
	{"work in hand can end", graceful, []change{{"stop_grace_period: 90s", "stop_grace_period: 40s"}}},
	{"PostgreSQL has connections for all", connections, []change{{"replicas: 2", "replicas: 5"}, {"max_connections=200", "max_connections=100"}}},
	{"what was committed is kept", durable, []change{
		{"shared_buffers=256MB", "fsync=off"},
		{"--appendonly, \"yes\"", "--appendonly, \"no\""},
		{"noeviction", "allkeys-lru"},
		{"source: postgres-data", "source: redis-data"},
	}},
}

// each collects what look says of every service.
func each(p *types.Project, look func(s types.ServiceConfig) []string) (findings []string) {
	for _, name := range p.ServiceNames() {
		for _, finding := range look(p.Services[name]) {
			findings = append(findings, name+": "+finding)
		}
	}
	return findings
}

// unless says what is wrong unless ok.
func unless(ok bool, format string, args ...any) []string {
	if ok {
		return nil
	}
	return []string{fmt.Sprintf(format, args...)}
}

// once tells a service that does something and ends.
func once(s types.ServiceConfig) bool { return s.Restart == types.RestartPolicyNo }

// serving tells the services that are processes of Holdfast and stay.
func serving(s types.ServiceConfig) bool { return ours(s) && s.Name != "twiliosim" && !once(s) }

func ours(s types.ServiceConfig) bool { return s.Build != nil }

func watched(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) (bad []string) {
		if once(s) {
			bad = unless(s.HealthCheck != nil && s.HealthCheck.Disable, "ends by itself and has a health check")
		} else {
			bad = unless(s.HealthCheck != nil && !s.HealthCheck.Disable && len(s.HealthCheck.Test) > 1 && s.HealthCheck.Test[0] == "CMD" &&
				s.Restart == types.RestartPolicyUnlessStopped, "wants a health check without a shell, and to be restarted")
		}
		for name, d := range s.DependsOn {
			want := types.ServiceConditionHealthy
			if once(p.Services[name]) {
				want = types.ServiceConditionCompletedSuccessfully
			}
			bad = append(bad, unless(d.Condition == want, "waits for %s to be %s", name, d.Condition)...)
		}
		return bad
	})
}

func tagged(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) []string {
		_, tag, ok := strings.Cut(s.Image, ":")
		return unless(ok && tag != "" && tag != "latest", "image %s", s.Image)
	})
}

func published(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) (bad []string) {
		for _, port := range s.Ports {
			open := s.Name == "ingress" && port.Target == 8080
			local := port.HostIP == "127.0.0.1" && (s.Name == "ingress" && port.Target == 8081 || s.Name == "twiliosim")
			bad = append(bad, unless(open || local, "publishes %d on %q", port.Target, port.HostIP)...)
		}
		return append(bad, unless(s.NetworkMode == "" || s.NetworkMode == "none", "is on the network %s", s.NetworkMode)...)
	})
}

func limited(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) (bad []string) {
		if s.Deploy == nil || s.Deploy.Resources.Limits == nil {
			return []string{"has no limits"}
		}
		l := s.Deploy.Resources.Limits
		bad = unless(l.NanoCPUs > 0 && l.NanoCPUs <= 2 && l.MemoryBytes > 0 && l.MemoryBytes <= 1<<30 && l.Pids > 0, "limits %+v", *l)
		if serving(s) {
			mib, _ := strconv.ParseInt(strings.TrimSuffix(value(s, "GOMEMLIMIT"), "MiB"), 10, 64)
			bad = append(bad, unless(mib > 0 && mib<<20 < int64(l.MemoryBytes)*9/10, "GOMEMLIMIT does not fit below %d bytes", l.MemoryBytes)...)
		}
		if s.Name == "redis" { // writing its log anew takes a copy of what changes meanwhile
			mb, _ := strconv.ParseInt(strings.TrimSuffix(flag(s, "--maxmemory"), "mb"), 10, 64)
			bad = append(bad, unless(mb > 0 && mb<<20 <= int64(l.MemoryBytes)/2, "maxmemory is more than half of %d bytes", l.MemoryBytes)...)
		}
		return bad
	})
}

func hardened(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) []string {
		user := s.User != "" && s.User != "root" && s.User != "0" || ours(s) && s.User == "" // ours have theirs from the image
		return unless(s.ReadOnly && slices.Equal(s.CapDrop, []string{"ALL"}) && len(s.CapAdd) == 0 && !s.Privileged && user &&
			slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "is root, or may become more than it is, or may write where it runs")
	})
}

// value is what a service has in a variable.
func value(s types.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return ""
}

// flag is what stands behind name on the command line.
func flag(s types.ServiceConfig, name string) string {
	if i := slices.Index(s.Command, name); i >= 0 && i+1 < len(s.Command) {
		return s.Command[i+1]
	}
	return ""
}

func known(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) (bad []string) {
		for name := range s.Environment {
			bad = append(bad, config.Unknown([]string{name + "=x"})...)
		}
		return bad
	})
}

// isSecret tells a variable whose value may stand in a file, which secrets may and others may not.
func isSecret(name string) bool {
	return strings.HasPrefix(name, config.Prefix) && len(config.Unknown([]string{name + "_FILE=x"})) == 0
}

func secret(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) (bad []string) {
		for name, v := range s.Environment {
			if v == nil {
				continue
			}
			u, err := url.Parse(*v)
			harmless := err == nil && u.Scheme != "" && u.User == nil // where Redis is
			bad = append(bad, unless(!isSecret(name) || harmless, "%s has a value in the file", name)...)
			bad = append(bad, unless(!strings.HasSuffix(name, "PASSWORD"), "%s has a value in the file", name)...)
			if strings.HasSuffix(name, "_FILE") {
				mounted := slices.ContainsFunc(s.Volumes, func(m types.ServiceVolumeConfig) bool {
					return m.Target == path.Dir(*v) && m.ReadOnly && p.Volumes[m.Source].Name != ""
				})
				bad = append(bad, unless(mounted, "%s is not in a volume that it cannot write to", *v)...)
			}
		}
		return bad
	})
}

func unprivileged(_ *testing.T, p *types.Project) []string {
	return each(p, func(s types.ServiceConfig) (bad []string) {
		if !serving(s) {
			return nil
		}
		for name := range s.Environment {
			bad = append(bad, unless(!regexp.MustCompile("OWNER|ADMIN|AUDIT").MatchString(name), "has %s", name)...)
		}
		for _, m := range s.Volumes {
			bad = append(bad, unless(m.Source == "app-secrets", "mounts %s", m.Source)...)
		}
		return bad
	})
}

// fixed are the variables that containers do not take from outside.
var fixed = map[string]string{
	"HOLDFAST_API_ADDR":         "HOLDFAST_API_PORT says where it is published",
	"HOLDFAST_OPS_ADDR":         "HOLDFAST_OPS_PORT says where it is published",
	"HOLDFAST_SIM_ADDR":         "is dev's",
	"HOLDFAST_SHUTDOWN_TIMEOUT": "stop_grace_period depends on it",
}

// settable sets every variable of .env.example and looks who gets it.
func settable(t *testing.T, p *types.Project) (bad []string) {
	for _, m := range regexp.MustCompile(`(?m)^(?:# )?(HOLDFAST_[A-Z_]+)=`).FindAllStringSubmatch(read(t, ".env.example"), -1) {
		name := m[1]
		_, is := fixed[name]
		taken := false
		for _, s := range p.Services {
			v, there := s.Environment[name]
			taken = taken || there && (v == nil || !is)
		}
		bad = append(bad, unless(taken != is, "%s: is taken from outside: %v, should be: %v", name, taken, !is)...)
	}
	return bad
}

func graceful(t *testing.T, p *types.Project) []string {
	cfg, err := config.Load(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	// The operators' listener, the API, work in hand: one after the other.
	need := 3 * cfg.ShutdownTimeout
	return each(p, func(s types.ServiceConfig) []string {
		return unless(!serving(s) || s.StopGracePeriod != nil && time.Duration(*s.StopGracePeriod) > need, "is killed before %v", need)
	})
}

func connections(_ *testing.T, p *types.Project) []string {
	const pool, reserved = 40, 10 // of a process at most, see HOLDFAST_DB_MAX_CONNS; for superusers, commands and backups
	need := reserved
	for _, s := range p.Services {
		if _, ok := s.Environment["HOLDFAST_DATABASE_URL_FILE"]; ok && serving(s) {
			need += pool * s.GetScale()
		}
	}
	have := 0
	for _, arg := range p.Services["postgres"].Command {
		if v, ok := strings.CutPrefix(arg, "max_connections="); ok {
			have, _ = strconv.Atoi(v)
		}
	}
	return unless(have >= need, "PostgreSQL has %d connections for %d", have, need)
}

func durable(_ *testing.T, p *types.Project) (bad []string) {
	pg, redis := p.Services["postgres"], p.Services["redis"]
	unsafe := regexp.MustCompile(`^(fsync|synchronous_commit|full_page_writes)=`)
	bad = append(bad, unless(!slices.ContainsFunc(pg.Command, unsafe.MatchString), "PostgreSQL may lose commits")...)
	bad = append(bad, unless(flag(redis, "--appendonly") == "yes" && flag(redis, "--maxmemory-policy") == "noeviction", "Redis may lose tasks")...)
	seen := make(map[string]bool)
	for _, s := range []types.ServiceConfig{pg, redis} {
		source := s.Volumes[0].Source
		bad = append(bad, unless(s.Volumes[0].Type == types.VolumeTypeVolume && !seen[source], "%s has no data volume of its own", s.Name)...)
		seen[source] = true
	}
	return bad
}
