package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestRunServesUntilTheSignal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, in := io.Pipe()
	done := make(chan error, 1)
	const sid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	go func() {
		done <- run(ctx, []string{"--addr", "127.0.0.1:0", "--account", sid + ":token", "--number", "+14155550100=" + sid + "=http://127.0.0.1:1/x?a=b="}, in, io.Discard)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, line[:len(line)-1]+"/2010-04-01/Accounts/"+sid+".json", nil)
	req.SetBasicAuth(sid, "token")
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", res, err)
	}
	_ = res.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"--account", "AC1:x"}, {"--number", "x"}, {"--nothing"}} {
		if run(t.Context(), args, io.Discard, io.Discard) == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
