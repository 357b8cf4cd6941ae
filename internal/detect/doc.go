// Package detect finds what is suspicious in what leaves: a server that talks
// to somebody new, beacons, tunnels through DNS, very long connections, more
// bytes than usual, and bytes that left a host which had just read persons at a
// database gate.
//
// It is pure: flows, name queries and reads go in, findings come out. It opens
// nothing, knows no clock but the times of what it is given, and gives the same
// findings for the same input. Its memory is bounded by Config: a host that
// talks to very many destinations pushes out its own oldest ones, not those of
// others. It decides nothing: a finding is for a person, or for a rule about
// findings, to act on. Lists of known bad destinations are package indicator's.
//
// Every finding keeps the features that led to it and, for connections, what
// the gate saw of their content, not only that something matched.
package detect
