package sms

// FitNote is a note as it may stand in a text, or "".
func FitNote(string) string { return "" }
