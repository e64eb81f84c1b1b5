package sms

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
	"time"
	"unicode"

	"holdfast/store/pii"
)

// MaxTemplate is how long an org's template may be, in bytes: two segments and what its fields take.
const MaxTemplate = 640

// maxSegments is how many SMS a text may be, filled in with the longest names of GSM-7 that Render lets through.
const maxSegments = 2

// templateFields are what a kind's template may name. The service stands only where texts.go says so, since a screen
// shows a text to anybody; what a kind has no value for is not offered.
var templateFields = map[Kind][]string{
	KindCode:          {"Org", "Code", "For"},
	KindMoveCode:      {"Org", "Code", "For", "When"},
	KindConfirmation:  {"Org", "Resource", "Service", "When"},
	KindMoved:         {"Org", "Resource", "Service", "When"},
	KindReminder:      {"Org", "Resource", "When"},
	KindFollowup:      {"Org", "Name", "Resource", "Service", "Notes", "When"},
	KindAlternatives:  {"Org", "Name", "Resource", "When", "Choices", "Numbers"},
	KindCancelCheck:   {"Org", "Resource", "When"},
	KindCanceled:      {"Org", "Resource", "When"},
	KindExpired:       {"Org", "Resource", "When"},
	KindWrongCode:     {"Org"},
	KindNotUnderstood: {"Org"},
	KindHelp:          {"Org"},
	KindStopConfirm:   {"Org"},
}

// TemplateFields are what a kind's template may name, as {{.Org}}.
func TemplateFields(k Kind) []string { return slices.Clone(templateFields[k]) }

// CheckTemplate judges a template before it is stored. Its error tells the rule that is broken, and quotes
// nothing.
//
// Of the template language it lets through fields, if and with: an org's template runs in our processes, and
// the rest of the language has loops and functions that could take any amount of memory.
func CheckTemplate(kind Kind, locale, text string) error {
	if err := checkCharacters(text); err != nil {
		return err
	}
	t, err := compile(kind, text)
	if err != nil {
		return errors.New("is no template: a field is written {{.Org}}, and what is opened by if or with is ended by {{end}}")
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return errLanguage
	}
	if err := checkNodes(kind, t.Root, false); err != nil {
		return err
	}
	if kind.Code() {
		if err := codeFirst(t.Root); err != nil {
			return err
		}
	}
	if kind == KindAlternatives && !holds(t.Root, "{{.Choices}}") {
		return errors.New("must hold {{.Choices}}, outside of if and with")
	}
	for _, d := range samples() {
		if err := checkSample(kind, locale, text, d); err != nil {
			return err
		}
	}
	return nil
}

var (
	errLanguage = errors.New("may use fields, if and with, and nothing else of the template language")
	errDot      = errors.New("{{.}} stands for a field only inside of its {{with}}")
)

func checkCharacters(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("must say something; leave it out for the default")
	case len(text) > MaxTemplate:
		return errors.New("at most 640 bytes")
	}
	for _, r := range text {
		if r == unicode.ReplacementChar || r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf) {
			return errors.New("must not hold control or invisible characters")
		}
	}
	return nil
}

// checkNodes lets through text, fields of the kind, if and with. inside is true within a with, where the dot is
// its field.
func checkNodes(kind Kind, list *parse.ListNode, inside bool) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.TextNode:
		case *parse.ActionNode:
			err = checkField(kind, n.Pipe, inside)
		case *parse.IfNode:
			err = checkBranch(kind, &n.BranchNode, inside, inside)
		case *parse.WithNode:
			err = checkBranch(kind, &n.BranchNode, true, inside)
		default:
			err = errLanguage
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkBranch(kind Kind, b *parse.BranchNode, then, otherwise bool) error {
	err := checkField(kind, b.Pipe, otherwise)
	if err == nil {
		err = checkNodes(kind, b.List, then)
	}
	if err == nil {
		err = checkNodes(kind, b.ElseList, otherwise)
	}
	return err
}

// checkField lets through a pipeline that is a field of the kind by itself.
func checkField(kind Kind, p *parse.PipeNode, inside bool) error {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return errLanguage
	}
	switch n := p.Cmds[0].Args[0].(type) {
	case *parse.DotNode:
		if !inside {
			return errDot
		}
		return nil
	case *parse.FieldNode:
		if len(n.Ident) != 1 || !slices.Contains(templateFields[kind], n.Ident[0]) {
			return errors.New("this text may name {{." + strings.Join(templateFields[kind], "}}, {{.") + "}} and no other field")
		}
		return nil
	}
	return errLanguage
}

// codeFirst holds a code text to the rule that its first six digits are the code: phones that fill it in go by
// it. Names may hold digits, so none may stand before it, nor touch it.
func codeFirst(list *parse.ListNode) error {
	for i, n := range list.Nodes {
		if text, ok := n.(*parse.TextNode); ok {
			if strings.ContainsFunc(string(text.Text), unicode.IsDigit) {
				return errCodeFirst
			}
			continue
		}
		if a, ok := n.(*parse.ActionNode); !ok || a.String() != "{{.Code}}" {
			return errCodeFirst
		}
		if i+1 == len(list.Nodes) {
			return nil
		}
		next, ok := list.Nodes[i+1].(*parse.TextNode)
		if !ok || unicode.IsDigit([]rune(string(next.Text))[0]) {
			return errCodeFirst
		}
		return nil
	}
	return errCodeFirst
}

// holds reports whether a field stands in a template whatever names are missing.
func holds(list *parse.ListNode, field string) bool {
	return slices.ContainsFunc(list.Nodes, func(n parse.Node) bool {
		a, ok := n.(*parse.ActionNode)
		return ok && a.String() == field
	})
}

// OwnWords is what a template that CheckTemplate lets through says by itself, whatever becomes of its conditions; {}
// stands for each field.
func OwnWords(kind Kind, text string) string {
	t, err := compile(kind, text)
	if err != nil || t.Tree == nil {
		return ""
	}
	var b strings.Builder
	ownWords(&b, t.Root)
	return b.String()
}

func ownWords(b *strings.Builder, list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			b.Write(n.Text)
		case *parse.IfNode:
			ownWords(b, n.List)
			ownWords(b, n.ElseList)
		case *parse.WithNode:
			ownWords(b, n.List)
			ownWords(b, n.ElseList)
		default:
			b.WriteString("{}")
		}
	}
}

var errCodeFirst = errors.New("must hold {{.Code}} before any other field and any digit, followed by text that is none")

// samples fill a template in with the longest names and times, and with each of the names that may be missing.
func samples() []Data {
	long := strings.Repeat("W", 100)
	start := time.Date(2026, 9, 20, 22, 30, 0, 0, time.FixedZone("", -(11*60+45)*60)) // by a zone without a name
	var choices []Choice
	for day := range maxChoice {
		choices = append(choices, Choice{Start: start.AddDate(0, 0, day+1)})
	}
	var all []Data
	for _, resource := range []string{long, ""} {
		for _, service := range []string{long, ""} {
			for _, notes := range []string{long, ""} {
				all = append(all, Data{Org: long, Name: resource, Resource: resource, Service: service, Notes: notes, Choices: choices,
					Start: start, Place: time.UTC, Code: pii.NewCode("048291"), ValidFor: 119 * time.Minute})
			}
		}
	}
	return all
}

var sixDigits = regexp.MustCompile(`[0-9]{6}`)

func checkSample(kind Kind, locale, text string, d Data) error {
	body, err := Wording{locale: {kind: text}}.Render(kind, locale, d)
	if err != nil {
		return errors.New("cannot be filled in: inside of {{with}} its field is {{.}}")
	}
	said := body.Reveal()
	n, encoding := Segments(said)
	switch {
	case strings.TrimSpace(said) == "":
		return errors.New("says nothing when names are missing")
	case kind.Code() && sixDigits.FindString(said) != d.Code.Reveal():
		return errCodeFirst
	case n > maxSegments && encoding == UCS2:
		return errors.New("takes more than two SMS with the longest names; a character outside of GSM-7 halves what one holds")
	case n > maxSegments:
		return errors.New("takes more than two SMS with the longest names")
	case invites(said):
		return errors.New("must not ask for CANCEL or YES, nor for another word that means STOP or START, as BAJA; ask for C, K or a number")
	}
	return nil
}

// Requests to reply with a word that means STOP or START, to the provider or to us, though the customer would mean the
// booking. STOP, START and HELP themselves may be offered for what they do.
var (
	invitation = regexp.MustCompile(`\b(reply|respond|answer|text|send|type|responde|responda|respondan|contesta|conteste|envia|envie|manda|mande|escribe|escriba)` +
		`( back| with| by| the| word| us| just| con| de| la| el| palabra| un| una| a| para| solo| c| k| or| o)* (cancel|yes|end|quit|revoke)\b`)
	// para is a keyword too, and more often means "to": then it begins what the reply is for.
	invitationES = regexp.MustCompile(`\b(responde|responda|respondan|contesta|conteste|envia|envie|manda|mande|escribe|escriba)` +
		`( con| la| el| palabra| solo| c| k| o)* (baja|alto|basta|parar|paren|detener|iniciar|inicio|empezar|comenzar|reanudar|para( para| si|$))\b`)
)

// keyword finds such words spelled as texts spell keywords.
var keyword = regexp.MustCompile(`(?:^|\PL)(?:CANCEL|YES|S[IÍ]|BAJA|ALTO|BASTA|PARAR)(?:\PL|$)`)

func invites(said string) bool {
	plain := words(said)
	return keyword.MatchString(said) || invitation.MatchString(plain) || invitationES.MatchString(plain)
}
