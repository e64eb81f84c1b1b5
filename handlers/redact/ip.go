package redact

// ipv4 recognises 192.0.2.1 at token i, and returns the token behind, or 0.
func (m *matcher) ipv4(i int) int {
	t := m.toks
	if t[i].len() > 3 || !m.joined(i+1, '.') || !m.joined(i+3, '.') || !m.joined(i+5, '.') {
		return 0
	}
	for k := i; k <= i+6; k += 2 {
		if t[k].len() > 3 || m.value(k) > 255 {
			return 0
		}
	}
	e := i + 7
	what, back := m.cue(i)
	switch p, n := &t[i-1], &t[e]; {
	case what&mVersion != 0 && what&mIP == 0 && back <= 3:
		m.no(IP, i, e, "a version")
		return e
	case t[i].gap == none && (p.kind == kWord || p.kind == kNum || p.kind == kBar || (p.sign == '.' || p.sign == '_' || p.sign == '$' ||
		(p.sign == '-' || p.sign == '/') && p.gap == none && t[i-2].kind == kWord)),
		n.gap == none && (n.kind == kWord || n.kind == kBar || n.sign == '_' || n.sign == '%'),
		n.gap == none && n.sign == '.' && t[e+1].gap == none && (t[e+1].kind == kWord || t[e+1].kind == kNum && !m.private(i)):
		m.no(IP, i, e, "part of something longer")
		return 0
	}
	m.hit(rIPv4, i, e)
	return e
}

// private says whether the address at token i is of a network at home (RFC 1918): a version seldom begins so.
func (m *matcher) private(i int) bool {
	return m.value(i) == 192 && m.value(i+2) == 168
}

// ipv6 recognises 2001:db8::1 around the colon at token i.
func (m *matcher) ipv6(i int) int {
	b := m.f.text[:len(m.f.text)+pad]
	hi := m.toks[i].start
	if hi < m.v6 {
		return i + 1
	}
	part := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c == ':' || c == '.' }
	lo := hi
	for lo > 0 && part(b[lo-1]) {
		lo--
	}
	for part(b[hi]) {
		hi++
	}
	for hi > lo && (b[hi-1] == '.' || b[hi-1] == ':' && (hi-lo < 2 || b[hi-2] != ':')) {
		hi--
	}
	m.v6 = hi
	if hi-lo < 3 || lo > 0 && (kinds[b[lo-1]] == kWord || kinds[b[lo-1]] == kNum || b[lo-1] == '_' || b[lo-1] == '%' || b[lo-1] == barByte) ||
		kinds[b[hi]] == kWord || b[hi] == '_' || b[hi] == barByte {
		return i + 1
	}
	groups, plain, compressed, ok := ipv6Groups(b[lo:hi])
	if !ok {
		return i + 1
	}
	first := i
	for m.toks[first].start > lo {
		first--
	}
	if m.toks[first].start < lo {
		return i + 1
	}
	// 10::30 is rather a slip of the pen.
	if what, _ := m.cue(first); compressed && what&mIP == 0 && (groups <= 2 && plain && b[lo] != ':' || !hasDigit(b[lo:hi])) {
		return i + 1
	}
	if b[hi] == '%' && (kinds[b[hi+1]] == kWord || kinds[b[hi+1]] == kNum) { // a zone
		for hi++; kinds[b[hi]] == kWord || kinds[b[hi]] == kNum; hi++ {
		}
	}
	e := i
	for m.toks[e].start < hi {
		e++
	}
	m.hit(rIPv6, first, e)
	m.done = e - 1
	return e
}

// ipv6Groups counts the groups of an address, and says whether they are decimal, and whether :: stands for some.
func ipv6Groups(s []byte) (groups int, plain, compressed, ok bool) {
	plain = true
	for i := 0; i < len(s); {
		if s[i] == ':' {
			if i+1 >= len(s) || s[i+1] != ':' || compressed {
				return 0, false, false, false
			}
			compressed = true
			if i += 2; i == len(s) {
				break
			}
			if s[i] == ':' {
				return 0, false, false, false
			}
		}
		n := i
		for n < len(s) && s[n] != ':' && s[n] != '.' {
			plain = plain && s[n] <= '9'
			n++
		}
		if n < len(s) && s[n] == '.' {
			if !quad(s[i:]) {
				return 0, false, false, false
			}
			groups += 2
			break
		}
		if n-i < 1 || n-i > 4 {
			return 0, false, false, false
		}
		groups++
		i = n
		if i < len(s)-1 && s[i] == ':' && s[i+1] != ':' {
			i++
		}
	}
	return groups, plain, compressed, groups == 8 && !compressed || groups < 8 && compressed
}

// quad says whether s is an IPv4 address.
func quad(s []byte) bool {
	parts, v, n := 0, 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if n < 1 || n > 3 || v > 255 {
				return false
			}
			parts++
			v, n = 0, 0
			continue
		}
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		v, n = 10*v+int(s[i]-'0'), n+1
	}
	return parts == 4
}

func hasDigit(s []byte) bool {
	for _, c := range s {
		if c >= '0' && c <= '9' {
			return true
		}
	}
	return false
}
