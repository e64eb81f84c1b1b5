package hook

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Allow lists what an endpoint may be besides a public address by https: networks (CIDR), addresses, hosts, or hosts
// with a port. What is listed may also be plain http. The zero Allow lists nothing.
type Allow struct {
	nets  []netip.Prefix
	hosts []string // with or without a port, in lower case
}

// ErrAllow tells what a list must be.
var ErrAllow = errors.New("want networks (10.0.0.0/8), addresses, hosts or host:port, separated by commas")

// UnmarshalText reads a list separated by commas.
func (a *Allow) UnmarshalText(b []byte) error {
	var got Allow
	for part := range strings.SplitSeq(string(b), ",") {
		if part = strings.ToLower(strings.TrimSpace(part)); part == "" {
			continue
		}
		if p, err := netip.ParsePrefix(part); err == nil {
			got.nets = append(got.nets, p.Masked())
		} else if ip, err := netip.ParseAddr(part); err == nil && ip.Zone() == "" {
			got.nets = append(got.nets, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
		} else if isHost(part) {
			got.hosts = append(got.hosts, part)
		} else {
			return ErrAllow
		}
	}
	*a = got
	return nil
}

// isHost holds for a host as URLs have it, with or without a port.
func isHost(s string) bool {
	u, err := url.Parse("//" + s)
	return err == nil && u.Host == s && u.Hostname() != "" && !strings.HasSuffix(s, ":") && !strings.ContainsAny(s, "*,;")
}

// And is what either list allows.
func (a Allow) And(b Allow) Allow {
	return Allow{nets: slices.Concat(a.nets, b.nets), hosts: slices.Concat(a.hosts, b.hosts)}
}

// Loopback allows this machine, for trying things out.
func Loopback() Allow {
	return Allow{nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, hosts: []string{"localhost"}}
}

// Refuses tells why a URL can be no endpoint, as far as it can be told before its name is resolved; "" when it may be
// one.
func (a Allow) Refuses(u *url.URL) string {
	ip, err := netip.ParseAddr(u.Hostname())
	literal := err == nil
	switch {
	case a.names(hostPort(u)) || literal && a.contains(ip):
		return ""
	case u.Scheme != "https":
		return "want https"
	case literal && !public(ip):
		return "want a public address"
	}
	return ""
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// names reports whether a host:port is listed, by itself or by its host.
func (a Allow) names(hostport string) bool {
	hostport = strings.ToLower(hostport)
	host, _, err := net.SplitHostPort(hostport)
	return err == nil && (slices.Contains(a.hosts, hostport) || slices.Contains(a.hosts, host))
}

// contains reports whether an address lies in a network that is listed.
func (a Allow) contains(ip netip.Addr) bool {
	ip = ip.Unmap()
	return slices.ContainsFunc(a.nets, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// unicast is what is given out for public hosts of IPv6 (IANA, "IPv6 Global Unicast Address Assignments"). All else is
// private, local, multicast, or an IPv4 address in disguise (mapped, NAT64).
var unicast = netip.MustParsePrefix("2000::/3")

// special are networks that are no place for an endpoint (IANA, special-purpose address registries): this network,
// private, shared (carrier-grade NAT), loopback, link-local, protocols, documentation, 6to4, benchmarks, multicast,
// reserved; of IPv6 those within unicast: protocols with Teredo, documentation, 6to4.
var special = func() (all []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}()

// public reports whether an address is one that anybody on the internet can reach.
func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.Zone() == "" && (ip.Is4() || unicast.Contains(ip)) &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) })
}
