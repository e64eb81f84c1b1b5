package twiliosim

import (
	"strings"
	"unicode/utf16"
)

const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€" // each costs an escape and itself
)

// segments counts the parts that a text is sent and billed as.
func segments(body string) int {
	septets := 0
	for _, r := range body {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			septets++
		case strings.ContainsRune(gsmExtended, r):
			septets += 2
		default:
			return parts(len(utf16.Encode([]rune(body))), 70, 67)
		}
	}
	return parts(septets, 160, 153)
}

func parts(length, alone, joined int) int {
	if length <= alone {
		return 1
	}
	return (length + joined - 1) / joined
}

// smart replaces what looks like a GSM-7 character by that character, as SmartEncoded=true asks.
var smart = strings.NewReplacer(
	"\u2018", "'", "\u2019", "'", "\u201c", `"`, "\u201d", `"`, "\u2013", "-", "\u2014", "-",
	"\u2026", "...", "\u00a0", " ", "\u2022", "-", "\u00b4", "'", "`", "'",
)
