// Package arch holds no code: its test reads the whole repository and keeps the rules of the house.
//
// A rule is a function over parsed files, with a small bad example that must make it speak: a rule that
// cannot fail is no rule.
package arch
