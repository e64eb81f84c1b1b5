package redact

// speaker is the last token of what begins a turn in a transcript at token j, the first of its line, as "Caller:",
// "[00:01] Agent 2:", "SPEAKER_00:", "**Caller** (0:05):" or "[Caller]"; 0 when none does. known says that the word is one for
// a speaker, and not somebody's name, or a heading.
func (m *matcher) speaker(j int) (last int, known bool) {
	t := m.toks
	sign := func(k int, signs string) bool {
		for _, c := range []byte(signs) {
			if t[k].sign == c {
				return true
			}
		}
		return false
	}
	k := j
	for sign(k, "[(*>-") && k < j+3 { // quotes, lists, bold letters
		if e := m.stamp(k); e > 0 {
			k = e
			break
		}
		k++
	}
	if e := m.stamp(k); e > 0 {
		k = e
	}
	for sign(k, "[(*-") && k < j+12 {
		k++
	}
	if t[k].kind != kWord {
		return 0, false
	}
	known = t[k].marks&mSpeaker != 0
	for n := 0; n < 3 && (t[k].kind == kWord || n > 0 && t[k].kind == kNum) && (n == 0 || t[k].gap <= space); n++ {
		k++
		if sign(k, "._") && t[k].gap == none && (t[k+1].kind == kWord || t[k+1].kind == kNum) { // Dr. Lee, SPEAKER_00
			k++
		}
	}
	bracket := t[k].sign == ']'
	for sign(k, "*])") {
		k++
	}
	if e := m.stamp(k); e > 0 {
		k = e
	}
	if t[k].sign == ':' && t[k].gap == none {
		for sign(k+1, "*") && t[k+1].gap == none {
			k++
		}
		return k, known
	}
	if bracket && known {
		return k - 1, true
	}
	return 0, false
}

// stamp ends a time of a recording that begins at token k, with its brackets: [00:01], (0:05), 10:01:05 AM; 0 for none.
func (m *matcher) stamp(k int) int {
	t := m.toks
	open := t[k].sign == '[' || t[k].sign == '('
	if open {
		k++
	}
	e := m.clock(k)
	if e == 0 {
		return 0
	}
	if m.is(e, "am", "pm") {
		e++
	}
	if open {
		if t[e].sign != ']' && t[e].sign != ')' {
			return 0
		}
		e++
	}
	return e
}
