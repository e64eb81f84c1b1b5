package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// proxies stand in front of everything that the parts speak to over a network.
type proxies struct {
	server                           *toxiproxy.ApiServer
	postgres, redis, double, ingress *toxiproxy.Proxy
}

func newProxies() *proxies {
	return &proxies{server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
}

// before starts a proxy in front of upstream (host:port), on a port that stays the same.
func (p *proxies) before(name, upstream string) (*toxiproxy.Proxy, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	proxy := toxiproxy.NewProxy(p.server, name, addr, upstream)
	if err := proxy.Start(); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", name, err)
	}
	return proxy, nil
}

// all are the proxies by what stands behind them.
func (p *proxies) all() []*toxiproxy.Proxy {
	return []*toxiproxy.Proxy{p.postgres, p.redis, p.double, p.ingress}
}

// heal takes all faults off, and lets connections through.
func (p *proxies) heal(ctx context.Context) {
	for _, proxy := range p.all() {
		if proxy == nil {
			continue
		}
		proxy.Toxics.ResetToxics(ctx)
		_ = proxy.Start() // it says so when it is on
	}
}

func (p *proxies) close() {
	for _, proxy := range p.all() {
		if proxy != nil {
			proxy.Stop()
		}
	}
}

// toxic spoils what comes through. kind and attributes are toxiproxy's; stream is whose bytes: upstream or downstream.
func toxic(proxy *toxiproxy.Proxy, kind, stream, attributes string) error {
	_, err := proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":%s}`, kind, stream, attributes)))
	return err
}

// through is rawURL with the proxy's address in place of the server's.
func through(proxy *toxiproxy.Proxy, rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	u.Host = proxy.Listen
	return u.String()
}

// hostOf is the host:port of a URL.
func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Host
}
