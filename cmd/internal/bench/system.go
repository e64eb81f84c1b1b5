package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"holdfast/cmd/internal/config"
	"holdfast/cmd/internal/dev"
)

// system is a whole Holdfast in this process, as `holdfast dev` runs it, on data of its own.
type system struct {
	ready
	stop func() error
}

// ready is what the ready file says, as far as it is used here.
type ready struct {
	APIURL         string `json:"api_url"`
	OpsURL         string `json:"ops_url"`
	SimURL         string `json:"sim_url"`
	Org            string `json:"org"`
	APIKey         string `json:"api_key"`
	Resource       string `json:"resource"`
	OpsToken       string `json:"ops_token"`
	AppDatabaseURL string `json:"app_database_url"`
	RedisURL       string `json:"redis_url"`
}

// startSystem starts one below dir; tracer sees what it asks of PostgreSQL.
func startSystem(ctx context.Context, dir string, tracer pgx.QueryTracer) (*system, error) {
	cfg, err := config.Load(func(name string) (string, bool) {
		switch name {
		case "HOLDFAST_API_ADDR", "HOLDFAST_OPS_ADDR", "HOLDFAST_SIM_ADDR":
			return "127.0.0.1:0", true
		case "HOLDFAST_RECONCILE_GRACE":
			return dev.ReconcileGrace.String(), true
		}
		return "", false
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "ready.json")
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- dev.Run(ctx, cfg, dev.Options{Data: filepath.Join(dir, "data"), ReadyFile: file, Tracer: tracer,
			Stdout: io.Discard, Log: slog.New(slog.DiscardHandler)})
	}()
	s := &system{stop: func() error { cancel(); return <-ended }}
	err = poll(ctx, time.Minute, func() (bool, error) {
		select {
		case err := <-ended:
			ended <- err
			return false, errors.Join(errors.New("dev ended"), err)
		default:
		}
		raw, err := os.ReadFile(file) // #nosec G304 -- written by the system
		return err == nil && json.Unmarshal(raw, &s.ready) == nil, nil
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
	req, err := http.NewRequestWithContext(ctx, method, s.APIURL+"/v1/orgs/"+s.Org+path, &body)
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

// saga drives one booking from the request to the delivered confirmation.
func (s *system) saga(ctx context.Context, start, phone string) error {
	var booking struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	body := map[string]any{"resource": s.Resource, "start": start, "customer": map[string]string{"phone": phone, "name": "Ana"}}
	if status, err := s.call(ctx, http.MethodPost, "/bookings", body, &booking); err != nil || status != http.StatusCreated {
		return fmt.Errorf("book: %d, %w", status, err)
	}
	code, err := s.delivered(ctx, phone, 1)
	if err != nil {
		return fmt.Errorf("code text: %w", err)
	}
	status, err := s.call(ctx, http.MethodPost, "/bookings/"+booking.ID+"/verify", map[string]string{"code": code[:6]}, &booking)
	if err != nil || status != http.StatusOK || booking.State != "confirmed" {
		return fmt.Errorf("verify: %d %s, %w", status, booking.State, err)
	}
	_, err = s.delivered(ctx, phone, 2)
	return err
}

// delivered waits until the nth text to a phone is delivered, and every callback of it answered.
func (s *system) delivered(ctx context.Context, phone string, n int) (last string, err error) {
	err = poll(ctx, 20*time.Second, func() (bool, error) {
		states, body, err := s.texts(ctx, phone)
		last = body
		return len(states) == n && states[n-1] == "delivered", err
	})
	return last, err
}
