// Package redact takes personal data out of text.
//
// An Engine is a compiled Policy. It reads a text once, sorts out what is a date, a time, a price or an order number,
// and only then says what is a phone, a card or a name. It needs no network, no clock and no model, gives the same
// answer for the same text, and allocates nothing for a text that has nothing to hide. docs/redaction.md says what a
// policy cannot see.
//
// What was taken out is never kept, returned or printed by this package: a Redaction says where it stood, what it was,
// by which rule, and has a keyed hash of it.
package redact
