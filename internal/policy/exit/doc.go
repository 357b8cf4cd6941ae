// Package exit is the policy of what leaves: who may reach which destination,
// on the internet and in inner networks. It compiles rules and decides, in
// this order:
//
//  1. an emergency cut (package cut) refuses, whatever follows;
//  2. an address that nobody may reach through a gate, a name that only looks
//     like an allowed one: refused in every mode;
//  3. the role's entries: the first that fits allows;
//  4. the role's mode: open allows, report allows and reports;
//  5. deny.
//
// It is pure: no I/O, no clock, no goroutine. It resolves no name and counts
// nothing: a gate asks before it resolves and again with the address, and
// holds its running totals against the caps of a Decision.
package exit
