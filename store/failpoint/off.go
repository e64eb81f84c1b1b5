//go:build !failpoints

package failpoint

import "context"

// Scene names what ctx is about, for the points that are passed with it: what, and in which phase of it.
func Scene(ctx context.Context, _, _ string) context.Context { return ctx }

// In reports whether ctx has a scene.
func In(context.Context) bool { return false }

// Here is a point at which the process may be told to die. Without a scene it is none.
func Here(context.Context, string) {}

// On reports whether failpoints are built in.
const On = false
