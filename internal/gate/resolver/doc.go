// Package resolver is the gate for names: DNS over UDP, TCP and TLS under the
// policy of what leaves.
//
// A question goes this way. The policy decides by the client's role and the
// name; what is refused is answered here, with no such name or the address of a
// sinkhole, and an extended error (RFC 8914) that holds the event's id. What is
// in memory is answered from there and summed up (event.Lookups). Everything
// else is recorded (event.Lookup) before it is sent to a resolver of ours.
// Answers are cleaned: keys of Encrypted Client Hello are taken out of HTTPS
// and SVCB records (RFC 9460), so that gates can read server names; addresses
// that the client may not reach are taken out, so that an outside name cannot
// lead inside.
//
// It does not walk from the root itself, does not validate DNSSEC and passes no
// signatures on: what is cleaned could not be verified anyway.
package resolver
