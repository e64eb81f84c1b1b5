package redact

import "strings"

// phone recognises a written phone. Its shape decides, not whether somebody has been given the number: what is misheard
// or made up is personal too.
func (m *matcher) phone(w *written) int {
	if w.n < leastPhone {
		return 0
	}
	if n := m.knownPhone(w); n > 0 {
		e := m.extension(w.until(n))
		m.hit(rPhoneKnown, w.start, e)
		return e
	}
	what, back := m.cue(w.start)
	if why := m.labelled(what, back); why != "" && !(back > 0 && what&(mLabel|mVersion) != 0 && w.shape(3, 3, 4)) {
		m.no(PhoneNumber, w.start, w.end, why)
		return 0
	}
	near := what&mPhone != 0
	for _, look := range [...]func(*matcher, *written, bool) (int, rule){
		(*matcher).phoneNANP, (*matcher).phonePlus, (*matcher).phoneAbroad, (*matcher).phoneCue,
	} {
		n, r := look(m, w, near)
		if n == 0 {
			continue
		}
		e := w.until(n)
		spaced := w.seps(n, ' ') && n > 1
		if !m.freeLeft(w.start, spaced) {
			m.no(PhoneNumber, w.start, e, "part of something longer, by what stands before")
			return 0
		}
		x := m.extension(e)
		if x == e && !m.freeRight(e, spaced && !near) {
			m.no(PhoneNumber, w.start, e, "part of something longer, by what stands behind")
			return 0
		}
		m.hit(r, w.start, x)
		return x
	}
	if what&mPhone == 0 {
		m.no(PhoneNumber, w.start, w.end, "neither the shape of a phone nor a word that says so")
	} else {
		m.no(PhoneNumber, w.start, w.end, "not the shape of a phone")
	}
	return 0
}

// leastPhone is how many digits a phone has at least: a line of the North American plan, as it is told at home.
const leastPhone = 7

// knownPhone is how many groups of a number are a phone that was told; 0 for none.
func (m *matcher) knownPhone(w *written) int {
	n := 0
	for k, g := range w.groups {
		if n += g.n; m.told(w.digits[:n]) && (k == len(w.groups)-1 || w.groups[k+1].sep == ' ') {
			return k + 1
		}
	}
	return 0
}

// told says whether digits are those of a phone that was told, perhaps without its beginning.
func (m *matcher) told(d []byte) bool {
	for _, p := range m.phones {
		if len(d) >= leastPhone && (strings.HasSuffix(p, string(d)) || strings.HasSuffix(string(d), p)) {
			return true
		}
	}
	return false
}

// labelled says why a number with that cue is no phone, or nothing.
func (m *matcher) labelled(what mark, back int) string {
	switch {
	case what&mPhone != 0:
		return ""
	case what&(mLabel|mVersion) != 0 && back <= 2:
		return "a number with a label"
	case what&(mSSN|mCard|mMRN|mNPI|mDEA|mMBI) != 0 && back <= 4:
		return "said to be another number"
	}
	return ""
}

// in says whether w has those digits from place k.
func (w *written) in(k int, from, to byte) bool { return w.digits[k] >= from && w.digits[k] <= to }

// phoneNANP recognises a number of the North American plan, in its first n groups: area, exchange, line; a 1 before.
func (m *matcher) phoneNANP(w *written, near bool) (n int, r rule) {
	d := 0 // digits before the area
	if w.digits[0] == '1' && (w.prefix(11) > 0 && w.n >= 11) && (w.shape(1) || w.shape(4) || w.shape(11) || near) {
		d = 1
	}
	if w.plus && d == 0 {
		return 0, 0
	}
	n = w.prefix(10 + d)
	if n == 0 {
		return 0, 0
	}
	g := w.groups[:n]
	if d == 1 && g[0].n == 1 {
		g = g[1:]
	}
	lengths := [3]int{}
	for k := range min(len(g), 3) {
		lengths[k] = g[k].n
	}
	if d == 1 && lengths[0] >= 4 {
		lengths[0]--
	}
	valid := w.in(d, '2', '9') && w.in(d+3, '2', '9') && !(w.digits[d+1] == '1' && w.digits[d+2] == '1')
	whole := n == len(w.groups) || w.groups[n].sep != g[len(g)-1].sep || w.groups[n].sep == ' ' || w.groups[n].sep == '/'
	if !whole {
		return 0, 0
	}
	paren := w.paren && d == 0 || len(g) > 1 && g[1].sep == ')'
	switch {
	case len(g) == 3 && lengths == [3]int{3, 3, 4}:
		a, b := g[1].sep, g[2].sep
		switch {
		case paren && a == ')' && b != '(':
			return n, rPhoneNANP
		case a == '(' || b == '(' || a == ')' || b == ')' && !near:
			return when(near && valid, n), rPhoneCue
		case a == ' ' && b == ' ' && !near && d == 0 && m.round(w, n):
			return 0, 0
		case a == ' ' && b == ' ':
			return when(near || valid || d == 1 || w.plus || m.toks[w.start].gap == none && m.toks[w.start-1].sign == '-', n), rPhoneNANP
		case a == '~' || b == '~':
			return when(near || valid && a == b, n), rPhoneNANP
		}
		return n, rPhoneNANP
	case len(g) == 2 && lengths[0] == 3 && lengths[1] == 7:
		if a := g[1].sep; a == '-' || a == ')' && paren || near {
			return n, rPhoneNANP
		}
	case len(g) == 1:
		return when((valid && (near || m.plain(w)) || near && d == 1) && (w.paren || n == len(w.groups) || w.groups[n].sep == ' ' || w.groups[n].sep == '/'), n), rPhonePlain
	}
	return 0, 0
}

// plain says whether ten digits in a row, of which nothing is said, may be a phone.
func (m *matcher) plain(w *written) bool {
	p := &m.toks[w.start-1]
	switch string(w.digits[:10]) {
	case "2147483647", "2147483648", "4294967295", "4294967296": // what computers count to
		return false
	}
	if n := &m.toks[w.groups[0].tok+1]; n.kind == kSign && strings.IndexByte("*+<>=", n.sign) >= 0 && n.gap != none || p.sign == '\\' {
		return false // of a sum, of a path
	}
	return !counting(w.digits[:7]) && !(m.toks[w.start].gap == none && p.sign == '-')
}

// counting says whether each digit is one more than the one before, as in a number that was made up in a hurry.
func counting(d []byte) bool {
	for k := 1; k < len(d); k++ {
		if d[k] != d[k-1]+1 {
			return false
		}
	}
	return true
}

// when is n if ok, else 0.
func when(ok bool, n int) int {
	if ok {
		return n
	}
	return 0
}

// countryCodes are those in use (ITU-T E.164, list of assigned codes), without 1.
const countryCodes = ` 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98
 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249
 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359
 370 371 372 373 374 375 376 377 378 379 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592
 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 853 855
 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998 `

// country says whether the digits begin with a country code.
func country(digits []byte) bool {
	var b [5]byte
	for n := 1; n <= 3 && n < len(digits); n++ {
		code := append(append(append(b[:0], ' '), digits[:n]...), ' ')
		if strings.Contains(countryCodes, string(code)) {
			return true
		}
	}
	return false
}

// phonePlus recognises +44 20 7946 0958.
func (m *matcher) phonePlus(w *written, near bool) (n int, r rule) {
	if !w.plus || w.digits[0] == '1' && w.n >= 11 && !near {
		return 0, 0
	}
	return m.international(w, 0, near), rPhonePlus
}

// international is how many groups a number takes whose country code begins at digit k.
func (m *matcher) international(w *written, k int, near bool) int {
	if w.n-k < 7 || !near && (w.digits[k] == '1' || !country(w.digits[k:w.n])) || w.digits[k] == '0' {
		return 0
	}
	digits, round := 0, len(w.groups) > 1
	n := 0
	for i, g := range w.groups {
		if digits+g.n-k > 15 || g.sep == '~' && !near {
			break
		}
		if i > 1 && !near && g.sep != w.groups[1].sep && (g.sep == '.' || w.groups[1].sep == '.') { // +37.7749-122.4194 is a place
			return 0
		}
		digits += g.n
		n = i + 1
		for _, c := range w.digits[digits-g.n : digits] {
			round = round && (i == 0 || c == '0' && g.n == 3)
		}
	}
	if digits-k < 7 || digits-k == 7 && !near && n == 1 || round {
		return 0
	}
	if last := w.groups[n-1]; n > 1 && last.sep == ' ' && m.counted(last.tok) && m.toks[last.tok+1].marks&(mUnit|mMoney) != 0 {
		n--
	}
	return n
}

// phoneAbroad recognises what is dialled to call another country: 011 44 20 7946 0958, 0049 171 1234567.
func (m *matcher) phoneAbroad(w *written, near bool) (n int, r rule) {
	k := 0
	switch first := w.groups[0]; {
	case w.digits[0] == '0' && w.digits[1] == '1' && w.digits[2] == '1' && first.n == 3:
		k = 3
	case w.digits[0] == '0' && w.digits[1] == '0' && (near || len(w.groups) >= 3 && w.n >= 11 && (w.digits[2] == '1' && w.n == 13 || country(w.digits[2:w.n]))):
		k = 2
	default:
		return 0, 0
	}
	if w.n-k < 9 || len(w.groups) < 3 && !near || !near && w.even() {
		return 0, 0
	}
	if n = m.international(w, k, true); n < 3 && !near {
		return 0, 0
	}
	return n, rPhoneAbroad
}

// even says whether the groups are alike, as in 00-14-22-01-23-45, which is the address of a network card.
func (w *written) even() bool {
	for _, g := range w.groups {
		if g.n != w.groups[0].n {
			return false
		}
	}
	return true
}

// phoneCue recognises any number of 7 to 15 digits that a word says is a phone.
func (m *matcher) phoneCue(w *written, near bool) (n int, r rule) {
	n = len(w.groups)
	digits := w.n
	last := w.groups[n-1].tok
	if m.toks[last+1].marks&mMoney != 0 || m.hours(w) {
		return 0, 0
	}
	if n > 1 && m.houseNumber(last) {
		n--
		digits -= w.groups[n].n
	}
	if n > 1 && w.groups[n-1].sep == ' ' && m.counted(w.groups[n-1].tok) && m.toks[w.groups[n-1].tok+1].marks&(mUnit|mMoney) != 0 {
		n--
		digits -= w.groups[n].n
	}
	if digits < 7 || digits > 15 || w.plus && !near {
		return 0, 0
	}
	e := w.until(n)
	if !near && !m.tail(e) && !m.trunk(w) && !(m.extension(e) > e && m.toks[e].kind == kWord) {
		return 0, 0
	}
	for k, g := range w.groups[:n] {
		if g.sep == '~' || g.sep == '.' && n == 2 && !w.shape(3, 4) || k > 0 && n > 3 && g.n == 1 {
			return 0, 0
		}
	}
	return n, rPhoneCue
}

// trunk says whether a number has several groups and begins with the 0 that is dialled within most countries, but not
// within those of the North American plan.
func (m *matcher) trunk(w *written) bool {
	return m.e.policy.Region != "US" && m.e.policy.Region != "CA" && w.digits[0] == '0' && w.n >= 8 && len(w.groups) > 1
}

// hours says whether two groups are times of day, as in "call 0900-1700".
func (m *matcher) hours(w *written) bool {
	if !w.shape(4, 4) || len(w.groups) > 2 {
		return false
	}
	for k := 0; k < 8; k += 4 {
		h, min := 10*int(w.digits[k]-'0')+int(w.digits[k+1]-'0'), 10*int(w.digits[k+2]-'0')+int(w.digits[k+3]-'0')
		if h > 24 || min > 59 || min%5 != 0 {
			return false
		}
	}
	return true
}

// houseNumber says whether a street stands behind the digits at token i: 1300 Main Street.
func (m *matcher) houseNumber(i int) bool {
	for j := i + 1; j < i+5 && m.toks[j].kind == kWord && m.toks[j].gap == space; j++ {
		if j > i+1 && m.toks[j].marks&mStreet != 0 {
			return true
		}
	}
	return false
}

// round says whether the groups are amounts rather: each ends in 0, and the last in 00; or what they measure stands behind.
func (m *matcher) round(w *written, n int) bool {
	if next := &m.toks[w.groups[n-1].tok+1]; next.kind == kWord && next.gap == space && next.marks&(mUnit|mMoney) != 0 {
		return true
	}
	at := 0
	for _, g := range w.groups[:n] {
		at += g.n
		if w.digits[at-1] != '0' {
			return false
		}
	}
	return w.digits[at-2] == '0'
}

// tail says whether the word at token e says that a phone was before: "781 1704 office".
func (m *matcher) tail(e int) bool {
	t := m.toks
	if (t[e].sign == '(' || t[e].sign == '-') && t[e].gap <= space {
		e++
	}
	if m.is(e, "to") && t[e+1].marks&mPhone != 0 {
		return true
	}
	if m.is(e, "is", "es", "was") && t[e].gap <= space && !m.is(e+1, "not", "no") {
		for j := e + 1; j < e+5 && t[j].kind == kWord; j++ {
			if t[j].marks&(mPhone|mNumber) != 0 || t[j].marks&mPhoneTail != 0 && t[j+1].kind != kWord {
				return true
			}
		}
		return false
	}
	return t[e].kind == kWord && t[e].gap <= space && t[e].marks&mPhoneTail != 0 && (t[e+1].gap >= line || t[e+1].kind != kWord)
}

// extension ends an extension behind token e-1; e when there is none.
func (m *matcher) extension(e int) int {
	t := m.toks
	i := e
	if (t[i].sign == ',' || t[i].sign == ';') && t[i].gap <= space {
		i++
	}
	if t[i].gap > space {
		return e
	}
	switch {
	case t[i].kind == kWord && t[i].marks&mExt != 0:
		i++
		for t[i].kind == kSign && t[i].gap <= space && (t[i].sign == '.' || t[i].sign == ':' || t[i].sign == '=' || t[i].sign == '#') {
			i++
		}
	case t[i].sign == '#' && i == e:
		i++
		if t[i].gap != none {
			return e
		}
	default:
		return e
	}
	if t[i].kind == kNum && t[i+1].kind == kWord && (t[i+1].gap == none || t[i+1].marks&mUnit != 0) { // x2 people
		return e
	}
	if t[i].kind == kNum && t[i].gap <= space && t[i].len() <= 7 {
		return i + 1
	}
	if end := m.digitWords(i, 7); end > i {
		return end
	}
	return e
}
