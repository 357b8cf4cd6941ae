// Package policy compiles rules and decides. It is pure: no I/O, no clock, no
// goroutine. A decision names the rule and the digest it was made under.
//
// It does not count: running totals are the gate's, which holds them against
// the caps of a Decision.
package policy
