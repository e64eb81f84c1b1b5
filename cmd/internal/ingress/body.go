package ingress

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// maxBody is the largest body that is read. A booking with all its notes has a quarter of it.
const maxBody = 64 << 10

// maxVoiceBody is the same for voice agents, whose platforms send all that was said so far with each tool call.
const maxVoiceBody = 2 << 20

func bodyLimit(path string) int64 {
	if strings.HasPrefix(path, "/webhooks/vapi/") || strings.HasPrefix(path, "/webhooks/retell/") {
		return maxVoiceBody
	}
	return maxBody
}

// What all bodies together may take of memory, those of voice agents beyond maxBody no more than half: whoever fills
// that leaves room for bookings.
const (
	maxBodies      = 64 << 20
	maxLargeBodies = maxBodies / 2
)

// firstRead is what a body is given before any of it has come. A length is only a promise of whoever asks, who has proved
// nothing yet: memory is taken as the bytes come.
const firstRead = 4 << 10

// bodies bounds the memory of all bodies that are in hand, proved or not. It is safe for use by many goroutines.
type bodies struct {
	mu           sync.Mutex
	taken, large int64
}

// resize gives a body that has from bytes to bytes. It is false when there is no room; to give back there always is.
func (b *bodies) resize(from, to int64) bool {
	more := max(0, to-maxBody) - max(0, from-maxBody)
	b.mu.Lock()
	defer b.mu.Unlock()
	if to > from && (b.taken+to-from > maxBodies || more > 0 && b.large+more > maxLargeBodies) {
		return false
	}
	b.taken += to - from
	b.large += more
	return true
}

// buffered is a body that has been read.
type buffered struct {
	bytes.Reader
	raw []byte
	of  *bodies
	has int64 // what it was given
}

// Close does nothing: what the body was given is given back when the request has been answered.
func (*buffered) Close() error { return nil }

// free gives back what the body was given.
func (b *buffered) free() { b.of.resize(b.has, 0) }

// buffer reads the body, so that signatures can be checked over exactly what was sent. What is read is given back by free,
// also after an error.
func (in *Ingress) buffer(r *http.Request) (free func(), err error) {
	free = func() {}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return free, nil
	}
	limit := bodyLimit(r.URL.Path)
	b := &buffered{of: &in.bodies}
	err = b.read(r.Body, r.ContentLength, limit)
	var network net.Error
	var p *Problem
	switch {
	case errors.As(err, &p):
		return b.free, p
	case errors.As(err, &network) && network.Timeout():
		return b.free, newProblem("request-timeout", "", "")
	case err != nil:
		return b.free, newProblem("invalid-json", "", "the body could not be read")
	}
	b.Reset(b.raw)
	r.Body = b
	return b.free, nil
}

// read takes in a body of a known length, or of an unknown one (-1) up to limit.
func (b *buffered) read(from io.Reader, length, limit int64) error {
	end := limit + 1
	if length >= 0 {
		end = length
	}
	if err := b.grow(min(firstRead, end)); err != nil {
		return err
	}
	for {
		n, err := from.Read(b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		switch got := int64(len(b.raw)); {
		case got > limit:
			return newProblem("body-too-large", "", "")
		case got == length, length < 0 && errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		if len(b.raw) == cap(b.raw) {
			if err := b.grow(min(2*b.has, end)); err != nil {
				return err
			}
		}
	}
}

// grow makes room for so many bytes in all.
func (b *buffered) grow(to int64) error {
	if !b.of.resize(b.has, to) {
		return newProblem("temporarily-unavailable", "", "too much is being sent at a time")
	}
	b.has = to
	b.raw = append(make([]byte, 0, to), b.raw...)
	return nil
}

// bodyOf is the body that buffer has read.
func bodyOf(r *http.Request) []byte {
	if b, ok := r.Body.(*buffered); ok {
		return b.raw
	}
	return nil
}
