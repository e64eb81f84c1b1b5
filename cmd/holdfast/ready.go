package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// readyCmd is the health check of a container that has neither a shell nor curl.
type readyCmd struct {
	URL     string        `help:"What to ask; by default /readyz of the operators' listener (HOLDFAST_OPS_ADDR) on this machine." placeholder:"URL"`
	Timeout time.Duration `help:"How long to wait for the answer." default:"4s"`
}

// Run asks once. Its error says what the process lacks.
func (c *readyCmd) Run(e *env) error {
	url := c.URL
	if url == "" {
		host, port, err := net.SplitHostPort(e.cfg.OpsAddr)
		if err != nil {
			return err
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		url = "http://" + net.JoinHostPort(host, port) + "/readyz"
	}
	req, err := http.NewRequestWithContext(e.ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// No proxy: what is asked is this machine.
	client := http.Client{Timeout: c.Timeout, Transport: &http.Transport{}}
	res, err := client.Do(req)
	if err != nil {
		return errors.Join(errors.New("not ready: no answer"), err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 512)) // it only adds to the status
	return fmt.Errorf("not ready: %s: %s", res.Status, body)
}
