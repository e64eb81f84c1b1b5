//go:build failpoints

package failpoint

import (
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
)

// On reports whether failpoints are built in.
const On = true

type sceneKey struct{}

// Scene names what ctx is about, for the points that are passed with it: what, and in which phase of it.
func Scene(ctx context.Context, noun, phase string) context.Context {
	return context.WithValue(ctx, sceneKey{}, noun+"/"+phase)
}

// In reports whether ctx has a scene.
func In(ctx context.Context) bool {
	_, ok := ctx.Value(sceneKey{}).(string)
	return ok
}

// Here is a point at which the process may be told to die. Without a scene it is none.
func Here(ctx context.Context, spot string) {
	if scene, ok := ctx.Value(sceneKey{}).(string); ok {
		pass(scene + "/" + spot)
	}
}

// armed is what the environment says, read when the first point is passed.
var armed = sync.OnceValue(func() (a struct {
	log    *os.File
	deadly map[string]bool
}) {
	a.deadly = make(map[string]bool)
	for name := range strings.SplitSeq(os.Getenv("HOLDFAST_FAILPOINT"), ",") {
		a.deadly[name] = true
	}
	if file := os.Getenv("HOLDFAST_FAILPOINT_LOG"); file != "" {
		// Each line is one write at the end of the file, so that several processes can share it.
		a.log, _ = os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G304 G703 -- the test that built with this tag has named it
	}
	return a
})

// passed are the points that this process has noted already.
var passed sync.Map

func pass(name string) {
	a := armed()
	if a.deadly[name] {
		note(a.log, "died "+name)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
	if _, known := passed.LoadOrStore(name, true); !known {
		note(a.log, "passed "+name)
	}
}

func note(log *os.File, line string) {
	if log != nil {
		_, _ = log.WriteString(line + "\n") // what is not noted counts as not passed
	}
}
