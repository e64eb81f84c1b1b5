package boot

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/cmd/internal/config"
	"holdfast/store/pii"
)

// How often a keyset's file is looked at, and how soon again when a value is met whose key nobody knows: somebody else
// has seen the change before us.
const (
	KeysetEvery    = 2 * time.Second
	keysetAtOnce   = 100 * time.Millisecond
	maxKeysetBytes = 1 << 20
)

// KeysetFile keeps a Keyring as the file says that its keyset came from. The file is judged by its content: a mounted
// secret is a link whose target is exchanged, and its times say nothing.
type KeysetFile struct {
	path string
	keys *pii.Keyring
	log  *slog.Logger

	mu    sync.Mutex
	seen  string    // what the file held when it was looked at last
	asked time.Time // when an unknown key last made us look
}

// OpenKeyring makes the Keyring that the configuration describes. When its keyset came from a file, file follows it once
// Run is called, and before that whenever a value turns up whose key is unknown; otherwise file is nil.
func OpenKeyring(cfg config.Config, log *slog.Logger) (keys *pii.Keyring, file *KeysetFile, err error) {
	if keys, err = pii.NewKeyring(cfg.Keys()); err != nil || cfg.KeysetFile == "" {
		return keys, nil, err
	}
	file = &KeysetFile{path: cfg.KeysetFile, keys: keys, log: log, seen: cfg.Keyset.Reveal()}
	keys.OnUnknownKey(file.lookAtOnce)
	return keys, file, nil
}

// Run looks at the file every two seconds until ctx ends.
func (f *KeysetFile) Run(ctx context.Context) {
	tick := time.NewTicker(KeysetEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.mu.Lock()
			f.look()
			f.mu.Unlock()
		}
	}
}

// lookAtOnce is for who met a key that the keyset does not have. Who comes while somebody looks waits for that, and a look
// that was asked for a moment ago is not repeated: values that no key opens cost no more than that.
func (f *KeysetFile) lookAtOnce() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < keysetAtOnce {
		return
	}
	f.look()
	f.asked = time.Now()
}

// look takes up what the file holds if that has changed. A keyset that cannot be used is told once, and the one in use
// stays. The caller has locked f.
func (f *KeysetFile) look() {
	raw, err := readSome(f.path)
	if err != nil {
		if f.seen != "" {
			f.log.Error("the keyset file cannot be read: the keyset stays as it is")
		}
		f.seen = ""
		return
	}
	text := strings.TrimSpace(string(raw))
	if text == f.seen {
		return
	}
	f.seen = text
	if err := f.keys.SetKeyset(text); err != nil {
		f.log.Error("the keyset file holds no keyset that can be used: the keyset stays as it is")
		return
	}
	f.log.Info("another keyset is in use", "primary", uint32(f.keys.Primary()), "keys", len(f.keys.Keys()))
}

// readSome reads a file that is not meant to be large.
func readSome(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err == nil && st.Size() > maxKeysetBytes {
		return nil, os.ErrInvalid
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path) // #nosec G304 -- the operator has named it
}

// keysetMetrics shows which keys a process has, so that it is seen when all of them have a new one.
type keysetMetrics struct{ keys *pii.Keyring }

var keysetKey = prometheus.NewDesc("holdfast_keyset_key", "Keys of the keyset that the process uses; 1 for the one that seals, 0 for those that only open.", []string{"key"}, nil)

// Describe is Collector's.
func (keysetMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- keysetKey }

// Collect is Collector's.
func (m keysetMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, k := range m.keys.Keys() {
		seals := 0.0
		if k.Primary {
			seals = 1
		}
		ch <- prometheus.MustNewConstMetric(keysetKey, prometheus.GaugeValue, seals, strconv.FormatUint(uint64(k.ID), 10))
	}
}
