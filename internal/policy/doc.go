// Package policy compiles rules and decides. It is pure: no I/O, no clock, no
// goroutine. A decision names the rule and the digest it was made under.
package policy
