package sms

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// gate answers, for good, whether a request's body could have left. httptrace cannot: net/http writes
// in a goroutine of its own, which may write after a cancelled call has returned and its trace was read.
// A gate has one state for both sides. The first read of the body opens it; shut closes it, after which
// no read succeeds, and a POST without its body is none that Twilio could act on.
type gate struct{ state atomic.Int32 }

const (
	gateFresh int32 = iota
	gateOpen
	gateShut
)

// shut closes the gate and reports whether that came first: true means that nothing was sent and
// nothing will be.
func (g *gate) shut() bool {
	return g.state.CompareAndSwap(gateFresh, gateShut) || g.state.Load() == gateShut
}

func (g *gate) open() bool {
	return g.state.CompareAndSwap(gateFresh, gateOpen) || g.state.Load() == gateOpen
}

// gated is a request body behind a gate.
type gated struct {
	gate *gate
	ctx  context.Context // of the call
	r    io.Reader
}

// Read opens the gate, or fails once it is shut. A process that was stopped between the call and this moment may
// not have noticed that its time is up, so the deadline is compared with the clock here, just before writing.
func (b *gated) Read(p []byte) (int, error) {
	if deadline, ok := b.ctx.Deadline(); ok && !time.Now().Before(deadline) {
		b.gate.shut()
	}
	if !b.gate.open() {
		return 0, io.ErrClosedPipe
	}
	return b.r.Read(p)
}

// Close does nothing: the body is in memory.
func (b *gated) Close() error { return nil }
