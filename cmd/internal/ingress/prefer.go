package ingress

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers that steer a write.
const (
	headerKey    = "Idempotency-Key"
	headerPrefer = "Prefer"
)

// maxWait is the longest wait that is granted.
const maxWait = 20 * time.Second

// preference is what a client prefers of RFC 7240, as far as it is known here.
type preference struct {
	wait  time.Duration
	given bool
}

// applied is the value of Preference-Applied, "" when there was nothing to apply.
func (p preference) applied() string {
	if !p.given {
		return ""
	}
	return "wait=" + strconv.Itoa(int(p.wait/time.Second))
}

// preferenceOf reads wait=N from all lines of Prefer, cut to 0..20 seconds. As RFC 7240 says: names in any
// case, the first of several counts, and what cannot be read is ignored.
func preferenceOf(h http.Header) preference {
	for _, line := range h.Values(headerPrefer) {
		for item := range elements(line) {
			name, value, _ := strings.Cut(item, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if n, ok := seconds(value); ok {
				return preference{wait: n, given: true}
			}
		}
	}
	return preference{}
}

// seconds reads delta-seconds, quoted or not.
func seconds(value string) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(value)
	if err != nil || n > int(maxWait/time.Second) { // digits only, so err means too many of them
		return maxWait, true
	}
	return time.Duration(n) * time.Second, true
}

// elements yields the preferences of a line without their parameters: what stands before the first ";", at
// commas outside of quotes.
func elements(line string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, start, end := false, 0, -1
		for i := 0; i <= len(line); i++ {
			switch {
			case i < len(line) && quoted && line[i] == '\\':
				i++
			case i < len(line) && line[i] == '"':
				quoted = !quoted
			case i < len(line) && quoted:
			case i < len(line) && line[i] == ';' && end < 0:
				end = i
			case i >= len(line) || line[i] == ',':
				stop := min(i, len(line))
				if end >= 0 {
					stop = end
				}
				if !quoted && !yield(line[start:stop]) {
					return
				}
				start, end = i+1, -1
			}
		}
	}
}

// idempotencyKey reads the header: "" when there is none.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values(headerKey)
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 || !validKey(values[0]) {
		return "", newProblem("invalid-request", headerKey, "one of 1 to 255 visible ASCII characters")
	}
	return values[0], nil
}

// validKey holds for keys of every source: 1 to 255 visible ASCII characters.
func validKey(key string) bool {
	if key == "" || len(key) > 255 {
		return false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return true
}
