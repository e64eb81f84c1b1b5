package redact

import (
	"slices"
	"strings"
)

// mark is what a word says of its neighbours: a set.
type mark uint64

const (
	mPhone     mark = 1 << iota // a phone follows
	mPhoneTail                  // a phone was before
	mNumber                     // "number": of what, another word says
	mMine                       // whose
	mSSN
	mCard
	mBirth
	mBorn     // a birth, if the date stands near
	mBirthday // if it stands right beside: there are parties too
	mMRN
	mNPI
	mDEA
	mMBI
	mIP
	mEmail
	mLabel   // what follows is the number of a thing
	mVersion // or of a program
	mMonth
	mDay
	mUnit   // what was before is a measure or a time of day
	mMoney  // or an amount
	mIs     // says nothing: is, it's
	mFiller // said while thinking
	mNod    // said while the other speaks
	mMend   // takes back what was said
	mDash
	mDot
	mAt
	mUnder
	mPlus
	mExt
	mStreet // ends the name of a street
	mUnitNo // a flat, a suite
	mState
	mCommon // a word of which no name and no mailbox is made
	mMed    // medical: makes an ambiguous term one
	mMister
	mNamed // a name follows
	mHost  // a provider of mailboxes
	mTop   // a top-level domain that people say
	mAge
	mLast    // "last four"
	mOld     // years old
	mArea    // "area code"
	mProv    // a name is a name only with a capital
	mSpeaker // who speaks in a transcript
	mBegin   // begins a phrase
	mWrap    // within a phrase, of which the last word speaks

	mCue = mPhone | mSSN | mCard | mBirth | mBorn | mBirthday | mMRN | mNPI | mDEA | mMBI | mIP | mEmail | mLabel | mVersion
)

// numeral is what a word counts as when digits are spoken.
type numeral struct {
	kind  numeralKind
	value int16
}

type numeralKind uint8

const (
	notNumber numeralKind = iota
	unit                  // 0 to 9
	oh                    // 0, if digits are beside it
	teen                  // 10 to 19, and the Spanish up to 29
	tens                  // 20 to 90
	hundred               // hundred
	hundreds              // doscientos
	thousand
	times // double, triple
	ordinal
)

// tongue is a language that numbers are spoken in.
type tongue uint8

const (
	english tongue = iota
	spanish
	tongues
)

// word is what the lexicon has of one.
type word struct {
	text    string
	marks   mark
	number  [tongues]numeral
	phrases []phrase // that begin with it, the longest first
}

// phrase is what some words say together.
type phrase struct {
	rest      []string // the words behind the first
	marks     mark     // of its last word, instead of that word's own
	term      bool     // a medical term
	ambiguous bool     // one only beside another, or beside mMed
	own       bool     // the org's own
	plain     bool     // neither: an ordinary phrase, which keeps its words from being terms
}

// lexicon is all the words that mean something. It is read-only once built.
type lexicon struct {
	words []word // [0] is none
	slots []slot
	mask  uint64
	bloom [4096]uint64 // by the hash: most words that are not in the lexicon end here
}

// slot is where a word may be found by its hash.
type slot struct {
	hash uint64
	word int32 // 0: free
}

// find is the index of the word with that hash, or 0. Words of up to eight bytes have each a hash of its own (all steps of
// hash can be undone); of longer ones two in 2^64 meet, and to compare them would cost more than all else here.
func (x *lexicon) find(h uint64) int32 {
	if x.bloom[h>>52]&(1<<(h>>46&63)) == 0 {
		return 0
	}
	for i := h & x.mask; ; i++ {
		s := &x.slots[i&uint64(len(x.slots)-1)]
		if s.word == 0 || s.hash == h {
			return s.word
		}
	}
}

// builder collects what a lexicon is made of.
type builder struct {
	words map[string]*word
}

func (b *builder) word(text string) *word {
	w := b.words[text]
	if w == nil {
		w = &word{text: text}
		b.words[text] = w
	}
	return w
}

// add gives a word, or a phrase of words, its marks.
func (b *builder) add(words []string, p phrase) {
	w := b.word(words[0])
	if len(words) == 1 && !p.term && !p.plain {
		w.marks |= p.marks
		return
	}
	p.rest = words[1:]
	for i := range w.phrases {
		if slices.Equal(w.phrases[i].rest, p.rest) {
			old := &w.phrases[i]
			old.marks |= p.marks
			old.plain = old.plain || p.plain
			if p.term {
				old.ambiguous = p.ambiguous && (old.ambiguous || !old.term)
				old.term, old.own = true, old.own || p.own
			}
			return
		}
	}
	w.phrases = append(w.phrases, p)
}

// build makes the lexicon.
func (b *builder) build() *lexicon {
	size := 16
	for size < 4*len(b.words) {
		size *= 2
	}
	x := &lexicon{words: make([]word, 1, len(b.words)+1), slots: make([]slot, size), mask: uint64(size - 1)}
	var buf []byte
	for text, w := range b.words {
		if len(w.phrases) > 0 {
			w.marks |= mBegin
		}
		slices.SortFunc(w.phrases, func(p, q phrase) int { return len(q.rest) - len(p.rest) })
		buf = append(append(buf[:0], text...), make([]byte, pad)...)
		h := hash(buf, int32(len(text)))
		x.bloom[h>>52] |= 1 << (h >> 46 & 63)
		i := h & x.mask
		for x.slots[i].word != 0 {
			i = (i + 1) & x.mask
		}
		x.slots[i] = slot{h, int32(len(x.words))}
		x.words = append(x.words, *w)
	}
	return x
}

// vocabulary fills a builder with the words of the rules.
func vocabulary() *builder {
	b := &builder{words: map[string]*word{}}
	for _, v := range marked {
		for p := range strings.FieldsSeq(fold(v.words)) {
			b.add(strings.Split(p, "_"), phrase{marks: v.mark})
		}
	}
	for t, all := range spoken {
		for _, n := range all {
			for i, w := range strings.Fields(n.words) {
				b.word(w).number[t] = numeral{n.kind, int16(n.from + i*max(n.step, 1))}
			}
		}
	}
	return b
}

// fold folds a word, as a text is.
func fold(s string) string {
	var f folded
	f.fold(s, nil, nil)
	return string(f.text)
}

// dictionary adds the medical terms, and what makes an ambiguous one medical.
func (b *builder) dictionary() error {
	all, err := medical()
	for _, t := range all {
		switch t.category {
		case cue:
			b.add(t.words, phrase{marks: mMed})
		case plain:
			b.add(t.words, phrase{plain: true})
		default:
			b.add(t.words, phrase{term: true, ambiguous: t.ambiguous})
		}
	}
	return err
}
