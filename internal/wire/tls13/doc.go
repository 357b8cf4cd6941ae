// Package tls13 is the record layer of a TLS 1.3 connection that begins in the
// middle: after the handshake, and after any number of records (RFC 8446, 5 to
// 7). A program that follows another in its process goes on with it where
// crypto/tls cannot be handed over.
//
// It makes no handshake, checks no certificate and chooses nothing: all that was
// done by crypto/tls, which tells the traffic secrets (tls.Config.KeyLogWriter).
// A Trace counts the records that crypto/tls carried meanwhile, and says whether
// the count is all that there is to know. A Conn goes on from there.
//
// Secrets are in memory only, where crypto/tls has them too. Nothing here writes
// them anywhere.
package tls13
