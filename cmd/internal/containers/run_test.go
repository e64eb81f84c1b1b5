package containers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"holdfast/store/embedded"
)

// TestServices runs every service as the compose file says, in its order, does what the README says and books.
func TestServices(t *testing.T) {
	lines := readmeLines(t)
	r := newRig(t, exported(lines))
	err := r.project.ForEachService(r.project.ServiceNames(), func(_ string, s *types.ServiceConfig) error {
		switch s.Name {
		case "postgres":
			r.startPostgres(t, *s)
		case "redis":
			r.startRedis(t, *s)
		default:
			r.up(t, *s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	t.Run("a second start keeps the secrets", func(t *testing.T) {
		before := r.secrets(t)
		r.up(t, r.project.Services["keys"])
		r.up(t, r.project.Services["migrate"])
		if after := r.secrets(t); before != after {
			t.Error("the secrets have changed")
		}
	})
	env := r.paste(t, lines)
	t.Run("a booking", func(t *testing.T) { book(t, env) })
	t.Run("every process ends in time", func(t *testing.T) {
		for _, p := range slices.Backward(r.started) {
			if !once(p.service) {
				t.Logf("%s: %v", p.service.Name, p.stop(t).Round(time.Millisecond))
				if r.healthy(p) == nil {
					t.Errorf("%s has ended and its health check passes", p.service.Name)
				}
			}
		}
	})
}

func newRig(t *testing.T, env map[string]string) *rig {
	t.Helper()
	images, _, err := dockerfile(read(t, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{project: project(t, env), images: images, bin: binaries(t), files: t.TempDir()}
	api, sim := freeAddr(t), freeAddr(t)
	r.hosts = map[string]string{
		"postgres:5432": freeAddr(t), "redis:6379": freeAddr(t),
		"ingress:8080": api, "0.0.0.0:8080": api, "localhost:8080": api,
		"twiliosim:8082": sim, "0.0.0.0:8082": sim, "localhost:8082": sim,
	}
	return r
}

// port is that of the address which stands for host.
func (r *rig) port(t *testing.T, host string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(r.hosts[host])
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// startPostgres starts a private PostgreSQL and does with it what the image does at its first start: the superuser
// gets the password of the file, and the server the settings of the command, each of which it must know.
func (r *rig) startPostgres(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	pg, err := embedded.StartPostgres(t.Context(), embedded.Options{DataDir: t.TempDir(), PostgresPort: r.port(t, "postgres:5432")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close() })
	conn, err := pgx.Connect(t.Context(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for i, arg := range s.Command {
		if arg == "-c" {
			name, value, _ := strings.Cut(s.Command[i+1], "=")
			if _, err := conn.Exec(t.Context(), fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value)); err != nil {
				t.Errorf("postgres -c %s=%s: %v", name, value, err)
			}
		}
	}
	password, err := os.ReadFile(r.local(value(s, "POSTGRES_PASSWORD_FILE")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "ALTER ROLE postgres PASSWORD '"+strings.TrimSpace(string(password))+"'"); err != nil {
		t.Fatal(err)
	}
}

// startRedis starts a private Redis and gives it the settings of the command, each of which it must know.
func (r *rig) startRedis(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	srv, err := embedded.StartRedis(t.Context(), embedded.Options{DataDir: t.TempDir(), RedisPort: r.port(t, "redis:6379")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	rdb := redis.NewClient(&redis.Options{Addr: r.hosts["redis:6379"]})
	defer rdb.Close()
	for i := 1; i+1 < len(s.Command); i += 2 {
		name := strings.TrimPrefix(s.Command[i], "--")
		if err := rdb.ConfigSet(t.Context(), name, s.Command[i+1]).Err(); err != nil {
			t.Errorf("redis-server --%s %s: %v", name, s.Command[i+1], err)
		}
	}
}

// secrets is all that `keys` has written.
func (r *rig) secrets(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.files, "secrets", "*", "*"))
	if err != nil || len(files) < 9 {
		t.Fatalf("only %d secrets (%v)", len(files), err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %s", f, b)
	}
	return all.String()
}

// readmeLines are what the README tells to paste.
func readmeLines(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, "README.md"), "<!-- containers -->\n```sh\n")
	lines, _, end := strings.Cut(rest, "```\n<!-- /containers -->")
	if !ok || !end {
		t.Fatal("README.md has no lines between <!-- containers --> and <!-- /containers -->")
	}
	return lines
}

// exported is what the first line sets.
func exported(lines string) map[string]string {
	first, _, _ := strings.Cut(lines, "\n")
	env := make(map[string]string)
	for _, m := range regexp.MustCompile(`([A-Z_]+)=(\S+)`).FindAllStringSubmatch(first, -1) {
		env[m[1]] = m[2]
	}
	return env
}

// paste runs the README's lines in a shell whose docker is the rig, and returns what they have set.
func (r *rig) paste(t *testing.T, lines string) map[string]string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-euc", r.local(lines)+"\necho; env")
	cmd.Env = []string{"PATH=" + r.shim(t) + ":" + os.Getenv("PATH")}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("README: %v\n%s\n%s", err, out, said.String())
	}
	env := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if name, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = v
		}
	}
	return env
}

// book books as an integrator does: ingress, a worker, the double, and the code back.
func book(t *testing.T, env map[string]string) {
	base := env["HOLDFAST_URL"] + "/v1/orgs/" + env["HOLDFAST_ORG"]
	free := call(t, env, http.MethodGet, base+"/availability?resource="+env["HOLDFAST_RESOURCE"], "", 200)
	slots, _ := free["slots"].([]any)
	if len(slots) == 0 {
		t.Fatalf("nothing is free: %v", free)
	}
	slot, _ := slots[0].(map[string]any)
	const phone = "+12025550142"
	held := call(t, env, http.MethodPost, base+"/bookings",
		fmt.Sprintf(`{"resource":%q,"start":%q,"customer":{"phone":%q,"name":"Ana"}}`, env["HOLDFAST_RESOURCE"], slot["start"], phone), 201)
	var code string
	wait(t, 20*time.Second, "a code text", func() bool {
		list := call(t, env, http.MethodGet, env["HOLDFAST_PHONE_URL"]+"/_sim/messages?to="+url.QueryEscape(phone), "", 200)
		raw, _ := json.Marshal(list)
		if m := regexp.MustCompile(`"body":"(\d{6})`).FindSubmatch(raw); m != nil {
			code = string(m[1])
		}
		return code != ""
	})
	id, _ := held["id"].(string)
	confirmed := call(t, env, http.MethodPost, base+"/bookings/"+id+"/verify", `{"code":"`+code+`"}`, 200)
	if confirmed["state"] != "confirmed" {
		t.Errorf("%v", confirmed)
	}
	// The double's callback finds its way to the API.
	wait(t, 20*time.Second, "the delivery in the timeline", func() bool {
		raw, _ := json.Marshal(call(t, env, http.MethodGet, base+"/bookings/"+id+"/timeline", "", 200))
		return strings.Contains(string(raw), "delivered")
	})
}

// call sends a request with the org's key and returns the JSON of the answer, which must have the status.
func call(t *testing.T, env map[string]string, method, to, body string, status int) (v map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+env["HOLDFAST_KEY"])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=20")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || json.Unmarshal(raw, &v) != nil {
		t.Fatalf("%s %s: %d %s (%v)", method, to, res.StatusCode, raw, err)
	}
	return v
}
