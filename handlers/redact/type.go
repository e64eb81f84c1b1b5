package redact

import "slices"

// Type is a kind of personal data.
type Type uint8

// The types. The first eleven and Name are looked for by each policy, the others by Strict alone.
const (
	PhoneNumber Type = iota + 1
	Email
	SSN
	CreditCard
	DateOfBirth
	IP
	MRN         // a medical record number
	NPI         // a provider's number (45 CFR 162.406)
	DEA         // a prescriber's registration
	MBI         // a Medicare beneficiary identifier
	MedicalTerm // of the dictionary, or the org's own
	Name
	Address
	Date
	URL
	Age // over 89 (45 CFR 164.514(b)(2)(i)(C))
)

var typeNames = [...]string{
	PhoneNumber: "PHONE_NUMBER", Email: "EMAIL", SSN: "US_SSN", CreditCard: "CREDIT_CARD", DateOfBirth: "DATE_OF_BIRTH",
	IP: "IP", MRN: "MRN", NPI: "NPI", DEA: "DEA", MBI: "MBI", MedicalTerm: "MEDICAL_TERM", Name: "NAME",
	Address: "ADDRESS", Date: "DATE", URL: "URL", Age: "AGE",
}

// String is the type's name in settings, results and replacements, as PHONE_NUMBER.
func (t Type) String() string {
	if int(t) < len(typeNames) && t > 0 {
		return typeNames[t]
	}
	return "UNKNOWN"
}

// ParseType is the type of that name.
func ParseType(name string) (Type, bool) {
	i := slices.Index(typeNames[1:], name)
	return Type(i + 1), i >= 0
}

// Types are all types, in the order of their declaration.
func Types() []Type {
	all := make([]Type, 0, len(typeNames)-1)
	for t := PhoneNumber; int(t) < len(typeNames); t++ {
		all = append(all, t)
	}
	return all
}

// Maskable says whether the last four digits of such a value may stay: it is a number, and mostly long
// enough that four digits of it are not yet the whole. Of one with fewer than eight none stays.
func (t Type) Maskable() bool {
	return t == PhoneNumber || t == SSN || t == CreditCard || t == MRN || t == NPI
}
