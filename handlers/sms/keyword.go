package sms

import (
	"slices"
	"strings"
)

// stopKeywords are the words that Twilio takes for an opt-out by default ("Default keywords for STOP, START and HELP"):
// as the whole text, whatever the case.
var stopKeywords = []string{"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"}

// ProviderStops reports whether Twilio takes a text for an opt-out by itself, and answers it: a second answer from us would
// be refused, or annoy.
func ProviderStops(body string) bool {
	return slices.Contains(stopKeywords, strings.ToUpper(strings.TrimSpace(body)))
}

// yeses are the courtesies that say yes by themselves.
var yeses = []string{"yes", "yeah", "yep", "yup", "sure", "si", "claro"}

// SaysYes reports whether a text says yes and nothing else but courtesies. What it agrees to is what was asked.
func SaysYes(body string) bool {
	text := words(body[:min(len(body), maxReply)])
	return text == "y" || containsAny(text, yeses) && slices.Contains(courtesies, trim(text, courtesies, courtesies))
}
