package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

// Free ports are drawn from below the kernel's ephemeral range: inside it an outgoing connection can
// take the port while its server is down, and a restart on the same port would fail now and then.
const lowPort, highPort = 20000, 32000

// choosePort gives the demanded port, or the one in the memory file, or any other that is free.
func choosePort(demanded int, memory string) (int, error) {
	if demanded != 0 {
		if !portFree(demanded) {
			return 0, fmt.Errorf("port %d: %w", demanded, errPortTaken)
		}
		return demanded, nil
	}
	if b, err := os.ReadFile(memory); err == nil { // #nosec G304 -- our own file
		if port, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && portFree(port) {
			return port, nil
		}
	}
	for range 100 {
		if port := lowPort + rand.IntN(highPort-lowPort); portFree(port) { // #nosec G404 -- a port that is free is no secret
			return port, nil
		}
	}
	return 0, errors.New("no free port")
}

// FreePort is a TCP port of 127.0.0.1 that is free, for a server that is stopped and started again: no outgoing
// connection takes it meanwhile. Somebody else who looks for one may.
func FreePort() (int, error) { return choosePort(0, "") }

func rememberPort(memory string, port int) error {
	return os.WriteFile(memory, []byte(strconv.Itoa(port)+"\n"), 0o600)
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
