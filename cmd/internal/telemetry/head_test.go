package telemetry

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"

	"holdfast/store"
)

// The head of an audit chain is logged to be held against the chain later: whatever its digits are, it stays as it is.
func TestLogKeepsHeads(t *testing.T) {
	for range 300 {
		for _, format := range []string{"json", "text"} {
			head := store.ChainHead{Seq: 4155550142, Hash: make([]byte, 32)}
			_, _ = rand.Read(head.Hash) // never fails
			head.Hash[0], head.Hash[1], head.Hash[2], head.Hash[3], head.Hash[4] = 0x20, 0x25, 0x55, 0x01, 0x42
			var out bytes.Buffer
			NewLogger(&out, slog.LevelInfo, format).Info("audit log sealed", "head", head)
			if !strings.Contains(out.String(), head.String()) {
				t.Fatalf("%s: %s", head, out.String())
			}
		}
	}
}
