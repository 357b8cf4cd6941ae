// Package pgwire frames, decodes and builds messages of the PostgreSQL
// frontend/backend protocol, versions 3.0 and 3.2, without allocating on the
// path that every row takes.
//
// It is not a client and not a server: it has no sockets, no state machine and
// no opinion about which message may follow which. Decoded values alias the
// bytes they were decoded from and are valid only as long as those are.
//
// Source of every layout: PostgreSQL 18 documentation, chapter "Frontend/
// Backend Protocol", sections "Message Formats" and "Error and Notice Message
// Fields", checked against PostgreSQL 15 by the golden files in testdata.
//
// A message is laid out as
//
//	byte  0     type (absent in startup packets)
//	bytes 1..4  length, big-endian, counting itself but not the type
//	bytes 5..   body
//
// Functions called Decode… take the body. Functions called Append… append a
// whole message, header included, and return the extended slice.
package pgwire
