package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/cmd/internal/config"
	"holdfast/cmd/internal/dev"
)

// system is a running `holdfast dev` on data of its own.
type system struct {
	dev.Ready
	stop func() error
}

// startSystem starts one in this process below dir; tracer sees what it asks of PostgreSQL.
func startSystem(ctx context.Context, dir string, tracer pgx.QueryTracer) (*system, error) {
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := freePorts[name]; return v, ok })
	if err != nil {
		return nil, err
	}
	cfg.ReconcileGrace = dev.ReconcileGrace
	file := filepath.Join(dir, "ready.json")
	if err := os.MkdirAll(dir, 0o711); err != nil { // #nosec G301 -- PostgreSQL's user must pass through
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- dev.Run(ctx, cfg, dev.Options{Data: filepath.Join(dir, "data"), ReadyFile: file, Tracer: tracer,
			Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	}()
	return await(ctx, file, ended, func() error { cancel(); return <-ended })
}

// startProcess starts one below dir as a process of its own.
func startProcess(ctx context.Context, binary, dir string) (*system, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil { // #nosec G301 -- PostgreSQL's user must pass through
		return nil, err
	}
	file := filepath.Join(dir, "ready.json")
	cmd := exec.CommandContext(ctx, binary, "dev", "--data", filepath.Join(dir, "data"), "--ready-file", file) // #nosec G204 -- named on the command line
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), "HOLDFAST_LOG_LEVEL=warn")
	for name, value := range freePorts {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return await(ctx, file, ended, func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		return <-ended
	})
}

var freePorts = map[string]string{"HOLDFAST_API_ADDR": "127.0.0.1:0", "HOLDFAST_OPS_ADDR": "127.0.0.1:0", "HOLDFAST_SIM_ADDR": "127.0.0.1:0",
	"HOLDFAST_DATABASE_URL": "", "DATABASE_URL": "", "HOLDFAST_REDIS_URL": "", "REDIS_URL": ""}

// await waits for the ready file, or for the end of what should write it.
func await(ctx context.Context, file string, ended chan error, stop func() error) (*system, error) {
	s := &system{stop: stop}
	err := poll(ctx, time.Minute, func() (bool, error) {
		select {
		case err := <-ended:
			ended <- err
			return false, errors.Join(errors.New("the system ended"), err)
		default:
		}
		var err error
		s.Ready, err = dev.ReadFile(file)
		return err == nil, nil //nolint:nilerr // it is not there yet
	})
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// poll asks every few milliseconds until ok, an error, or the limit.
func poll(ctx context.Context, limit time.Duration, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// call makes a request with the org's key, waits for its task, and decodes the answer.
func (s *system) call(ctx context.Context, method, path string, in, out any) (status int, err error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return 0, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.APIURL+"/v1/orgs/"+s.Org.String()+path, &body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+s.APIKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "wait=20")
	return do(req, out)
}

func do(req *http.Request, out any) (status int, err error) {
	resp, err := http.DefaultClient.Do(req) // #nosec G704 -- our own system
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(raw, out)
	}
	return resp.StatusCode, err
}

// texts are the states of the texts that the double has for a phone, oldest first, and the last one's body.
func (s *system) texts(ctx context.Context, phone string) (states []string, last string, err error) {
	var list struct {
		Messages []struct {
			Body   string `json:"body"`
			Status string `json:"status"`
		} `json:"messages"`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.SimURL+"/_sim/messages?to=%2B"+phone[1:], http.NoBody)
	if err != nil {
		return nil, "", err
	}
	if _, err := do(req, &list); err != nil {
		return nil, "", err
	}
	for _, m := range list.Messages {
		states, last = append(states, m.Status), m.Body
	}
	return states, last, nil
}
