package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Action is what becomes of a span.
type Action uint8

// The actions.
const (
	Remove Action = iota // [PHONE_NUMBER]
	Mask                 // [PHONE_NUMBER:*0142], for types that are Maskable
	Token                // [PHONE_NUMBER:abcdefghijklmnop], the same for the same value in one org, however it was written or spoken
)

var actionNames = [...]string{Remove: "remove", Mask: "mask", Token: "token"}

// String is the action's name in settings.
func (a Action) String() string { return actionNames[a] }

// ParseAction is the action of that name.
func ParseAction(name string) (Action, bool) {
	i := slices.Index(actionNames[:], name)
	return Action(max(i, 0)), i >= 0
}

// The policies' names.
const (
	Booking = "booking" // dates, times and addresses stay, which a booking is about
	Strict  = "strict"  // addresses, dates, URLs and ages over 89 go too
)

// Policy is what an org wants taken out, and how. The zero value of a field is its default.
type Policy struct {
	Name    string          // Booking or Strict; empty is Booking
	Region  string          // ISO 3166, whose numbers are written without a country code; empty is US
	Actions map[Type]Action // Remove for a type that is missing
	Terms   []string        // the org's own medical terms, besides the dictionary's
	MRN     string          // how the org's record numbers look: # a digit, @ a letter, anything else itself, as MR-######
}

// Bounds of a policy.
const (
	MaxTerms = 10_000
	MaxTerm  = 100 // bytes
	MaxMRN   = 32  // bytes
	leastMRN = 4   // digits and letters: fewer are in every second sentence
)

// Errors of Policy.Compile. They name the rule and never the value.
var (
	ErrPolicy = errors.New("want booking or strict")
	ErrMask   = fmt.Errorf("mask is only for %v, %v, %v, %v, %v", PhoneNumber, SSN, CreditCard, MRN, NPI)
	ErrTerm   = fmt.Errorf("want at most %d terms of 2 to %d bytes with a letter in each", MaxTerms, MaxTerm)
	ErrMRN    = fmt.Errorf("want # for a digit, @ for a letter and the rest as it is, at most %d bytes with at least %d # or @, one of them #", MaxMRN, leastMRN)
	ErrRegion = errors.New("want an ISO 3166 region, as US")
)

// ruleVersion names the rules of this package. Who changes what they find raises it.
const ruleVersion = "1"

// Compile checks the policy and makes its engine. The error wraps one of ErrPolicy, ErrMask, ErrTerm, ErrMRN, ErrRegion.
func (p Policy) Compile() (*Engine, error) {
	if p.Name == "" {
		p.Name = Booking
	}
	if p.Region == "" {
		p.Region = "US"
	}
	if p.Name != Booking && p.Name != Strict {
		return nil, ErrPolicy
	}
	if len(p.Region) != 2 || strings.Trim(p.Region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return nil, ErrRegion
	}
	for t, a := range p.Actions {
		if a == Mask && !t.Maskable() {
			return nil, fmt.Errorf("%v: %w", t, ErrMask)
		}
	}
	e := &Engine{strict: p.Name == Strict}
	if p.MRN != "" {
		e.mrn = []byte(fold(p.MRN))
		n := strings.Count(p.MRN, "#") + strings.Count(p.MRN, "@")
		if len(p.MRN) > MaxMRN || n < leastMRN || !strings.Contains(p.MRN, "#") || strings.TrimSpace(p.MRN) != p.MRN || kinds[e.mrn[0]] == kSign && e.mrn[0] != '#' && e.mrn[0] != '@' {
			return nil, ErrMRN
		}
	}
	lex, err := lexiconWith(p.Terms)
	if err != nil {
		return nil, err
	}
	p.Actions, p.Terms = maps.Clone(p.Actions), slices.Clone(p.Terms)
	e.policy, e.lexicon, e.version = p, lex, p.version()
	return e, nil
}

// version is made of all that a result depends on.
func (p Policy) version() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", p.Name, p.Region, p.MRN)
	for _, t := range Types() {
		fmt.Fprintf(h, "%v\n", p.Actions[t])
	}
	for _, t := range p.Terms {
		fmt.Fprintf(h, "%q\n", t)
	}
	return ruleVersion + "." + DictionaryVersion + "." + hex.EncodeToString(h.Sum(nil)[:6])
}

// common is the lexicon of an org without terms of its own.
var common = sync.OnceValues(func() (*lexicon, error) {
	b := vocabulary()
	err := b.dictionary()
	return b.build(), err
})

// lexiconWith is the lexicon with an org's own terms.
func lexiconWith(own []string) (*lexicon, error) {
	if len(own) == 0 {
		return common()
	}
	if len(own) > MaxTerms {
		return nil, ErrTerm
	}
	b := vocabulary()
	if err := b.dictionary(); err != nil {
		return nil, err
	}
	for _, t := range own {
		words := split(fold(t))
		if len(t) < 2 || len(t) > MaxTerm || len(words) == 0 || !strings.ContainsFunc(fold(t), func(r rune) bool { return r >= 'a' && r <= 'z' }) {
			return nil, ErrTerm
		}
		b.add(words, phrase{term: true, own: true})
	}
	return b.build(), nil
}
