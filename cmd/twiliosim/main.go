// Command twiliosim serves the Twilio double on its own, for programs that are not tested from Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"holdfast/handlers/sms/twiliosim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "twiliosim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("twiliosim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8082", "`address` to listen on")
	var accounts, numbers [][]string
	flags.Func("account", "an account as `SID:TOKEN`; repeatable", func(v string) error {
		sid, token, _ := strings.Cut(v, ":")
		if !twiliosim.ValidAccountSID(sid) || token == "" {
			return errors.New("want SID:TOKEN, the SID being AC and 32 hex digits")
		}
		accounts = append(accounts, []string{sid, token})
		return nil
	})
	flags.Func("number", "a sender as `+1…=SID=inboundURL`; the URL may be left out; repeatable", func(v string) error {
		phone, rest, _ := strings.Cut(v, "=")
		sid, inboundURL, _ := strings.Cut(rest, "=")
		if !strings.HasPrefix(phone, "+") || !twiliosim.ValidAccountSID(sid) {
			return errors.New("want +1…=SID=inboundURL")
		}
		numbers = append(numbers, []string{phone, sid, inboundURL})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}

	sim := twiliosim.New(twiliosim.Options{Log: slog.New(slog.NewTextHandler(stderr, nil))}) //nolint:contextcheck // it lives until Close
	defer sim.Close()
	for _, a := range accounts {
		sim.AddAccount(a[0], a[1])
	}
	for _, n := range numbers {
		sim.AddNumber(n[0], n[1], n[2])
	}
	return serve(ctx, *addr, sim, stdout)
}

func serve(ctx context.Context, addr string, sim *twiliosim.Sim, stdout io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: sim, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	_, _ = fmt.Fprintf(stdout, "http://%s\n", l.Addr())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	sim.Close() // first: it frees the streams and hanging requests that Shutdown would wait for
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return srv.Shutdown(grace)
}
