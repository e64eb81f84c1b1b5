package hook

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is public, by addresses at both ends of what is not.
func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "100.63.255.255": true, "100.128.0.0": true, "172.15.255.255": true, "172.32.0.0": true,
		"192.167.255.255": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true, "::ffff:8.8.8.8": true,
		"2606:4700::1111": true, "2001:200::1": true, "2003::1": true, "3fff:1000::": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false, "100.64.0.1": false, "100.127.255.255": false,
		"127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.19.255.255": false,
		"198.51.100.7": false, "203.0.113.9": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.1.2.3": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false,
		"64:ff9b:1::a00:1": false, "100::1": false, "2001::1": false, "2001:1ff::1": false, "2001:db8::1": false, "2002:7f00:1::": false,
		"2002:a00:1::1": false, "3fff::1": false, "5f00::1": false, "fc00::1": false, "fd12:3456::1": false, "fe80::1": false,
		"fe80::1%eth0": false, "2606:4700::1111%eth0": false, "fec0::1": false, "ff02::1": false, "ff0e::1": false,
	} {
		if got := public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is public: %v", addr, got)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
	// What the standard library calls anything but a global unicast address, or private, is never public.
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip")
		ip := netip.AddrFrom16([16]byte(raw))
		if rapid.Bool().Draw(t, "v4") {
			ip = netip.AddrFrom4([4]byte(raw[:4]))
		}
		if public(ip) && (!ip.Unmap().IsGlobalUnicast() || ip.Unmap().IsPrivate()) {
			t.Fatalf("%s is public", ip)
		}
	})
}

func allow(t *testing.T, list string) (a Allow) {
	t.Helper()
	if err := a.UnmarshalText([]byte(list)); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	return a
}

func TestRefuses(t *testing.T) {
	list := allow(t, " 10.1.0.0/16, fd00::/8,192.168.7.7 ,Hooks.internal,web:3000,[::1]:9000")
	for raw, want := range map[string]string{
		"https://a.example/hook": "", "https://8.8.8.8": "", "https://[2606:4700::1111]:8443/x": "",
		"http://a.example": "want https", "http://8.8.8.8": "want https", "ftp://a.example": "want https",
		"https://10.0.0.1": "want a public address", "https://[::1]": "want a public address", "https://169.254.169.254/latest": "want a public address",
		"https://[::ffff:127.0.0.1]": "want a public address", "https://[fe80::1%25eth0]": "want a public address",

		"http://10.1.2.3": "", "https://10.1.2.3:99": "", "http://[fd00::5]": "", "http://192.168.7.7": "", "https://192.168.7.8": "want a public address",
		"http://hooks.internal": "", "http://HOOKS.internal:81/x": "", "http://web:3000": "", "http://web": "want https", "http://web:3001": "want https",
		"http://[::1]:9000": "", "http://[::1]": "want https",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := list.Refuses(u); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
	if u := (&url.URL{Scheme: "http", Host: "localhost:1"}); Loopback().Refuses(u) != "" || list.Refuses(u) == "" || list.And(Loopback()).Refuses(u) != "" {
		t.Error("Loopback, and only it, allows localhost")
	}
}

func TestAllowList(t *testing.T) {
	for _, good := range []string{"", " ", ",", "10.0.0.0/8", "::1", "a", "a.example:80", "[::1]:80", "10.0.0.1:8080, b"} {
		allow(t, good)
	}
	for _, bad := range []string{"10.0.0.0/33", "http://a", "a/b", "a:x", "a:", "*", "*.example", "a b", "fe80::1%eth0", "u@a", ":80", "a;b"} {
		if err := new(Allow).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	a := allow(t, "10.0.0.0/8")
	if a.UnmarshalText([]byte("x y")) == nil || !a.contains(netip.MustParseAddr("10.9.9.9")) {
		t.Error("a bad list has changed the old one")
	}
}

// FuzzAllow: a list is taken whole or not at all, allows nothing but what it names, and reads the same in any case and with
// any spaces.
func FuzzAllow(f *testing.F) {
	for _, list := range []string{"", "10.0.0.0/8", "10.1.0.0/16, fd00::/8,192.168.7.7 ,Hooks.internal,web:3000,[::1]:9000", "0.0.0.0/0", "::/0", "*", "a b", "fe80::1%eth0", "http://a", "a:x",
		"169.254.169.254", "::ffff:10.0.0.0/104", "0x7f.1", "2130706433", "127.1", ",,,", "a\x00", "\u202e", "[::1", "a..b", strings.Repeat("a,", 2000)} {
		for _, u := range []string{"https://a.example/x", "http://a", "http://10.1.2.3", "https://169.254.169.254/latest", "http://[::1]:9000/", "https://[::ffff:127.0.0.1]"} {
			f.Add(list, u)
		}
	}
	f.Fuzz(func(t *testing.T, list, raw string) {
		var a Allow
		if err := a.UnmarshalText([]byte(list)); err != nil {
			if !errors.Is(err, ErrAllow) || len(a.nets)+len(a.hosts) > 0 {
				t.Fatalf("%q: %v, and %+v", list, err, a)
			}
			return
		}
		var again Allow
		if err := again.UnmarshalText([]byte(" " + strings.ToUpper(strings.ReplaceAll(list, ",", " , ")) + ",")); err == nil && (!slices.Equal(a.nets, again.nets) || len(a.hosts) != len(again.hosts)) {
			t.Fatalf("%q: %+v, in capitals %+v", list, a, again)
		}
		if n := strings.Count(list, ",") + 1; len(a.nets)+len(a.hosts) > n {
			t.Fatalf("%q: %d entries", list, len(a.nets)+len(a.hosts))
		}
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		var none Allow
		if none.Refuses(u) == "" && a.Refuses(u) != "" {
			t.Fatalf("%q refuses %q, which nobody had to allow", list, raw)
		}
		if a.Refuses(u) != "" {
			return
		}
		ip, err := netip.ParseAddr(u.Hostname())
		named := slices.ContainsFunc(strings.Split(strings.ToLower(list), ","), func(part string) bool {
			part = strings.TrimSpace(part)
			return part == strings.ToLower(u.Hostname()) || part == hostPort(u) || part == strings.ToLower(hostPort(u)) || part == "["+strings.ToLower(u.Hostname())+"]"
		})
		within := err == nil && slices.ContainsFunc(a.nets, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
		if !named && !within && (u.Scheme != "https" || err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast())) {
			t.Fatalf("%q allows %q", list, raw)
		}
	})
}
