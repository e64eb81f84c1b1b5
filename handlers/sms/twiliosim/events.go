package twiliosim

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

const (
	maxListeners  = 64
	listenerQueue = 1024
	keepAlive     = 15 * time.Second
)

// hub hands events to open streams. A stream that cannot keep up is ended; its page reconnects and
// reads the whole state again, so nothing it shows is ever wrong for long.
type hub struct {
	mu        sync.Mutex
	listeners map[chan []byte]bool
}

func newHub() *hub { return &hub{listeners: map[chan []byte]bool{}} }

// publish sends an event; m, if any, must be guarded by the caller.
func (h *hub) publish(event string, m *record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) == 0 {
		return
	}
	data := []byte("{}")
	if m != nil {
		data, _ = json.Marshal(m.public())
	}
	frame := []byte("event: " + event + "\ndata: " + string(data) + "\n\n")
	for l := range h.listeners {
		select {
		case l <- frame:
		default:
			delete(h.listeners, l)
			close(l)
		}
	}
}

func (h *hub) join() chan []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) >= maxListeners {
		return nil
	}
	l := make(chan []byte, listenerQueue)
	h.listeners[l] = true
	return l
}

func (h *hub) leave(l chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

// events streams what happens: "message" on every change of one, "cleared", "faults".
func (s *Sim) events(w http.ResponseWriter, r *http.Request) {
	l := s.hub.join()
	if l == nil {
		controlError(w, http.StatusServiceUnavailable, "too many streams are open")
		return
	}
	defer s.hub.leave(l)
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // a server's write time-out is not meant for streams
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	frame, ok := []byte("retry: 500\n\n"), true
	for ok {
		if _, err := w.Write(frame); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case frame, ok = <-l:
		case <-tick.C:
			frame = []byte(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}
