// Package tlsrecord is the record layer of a TLS connection that begins in the
// middle: after the handshake, and after any number of records. TLS 1.3 (RFC 8446,
// 5 to 7), and TLS 1.2 with the suites that are AEADs (RFC 5246, 6; RFC 5288; RFC
// 7905). A program that follows another in its process goes on with it where
// crypto/tls cannot be handed over.
//
// It makes no handshake, checks no certificate and chooses nothing: all that was
// done by crypto/tls, which tells the secrets (tls.Config.KeyLogWriter). A Trace
// counts the records that crypto/tls carried meanwhile, and says whether the count
// is all that there is to know. A Conn goes on from there.
//
// A record of TLS 1.3, its type at the end of what is protected:
//
//	23 3 3 | length (2) | content, type, padding, under the AEAD | tag (16)
//
// and of TLS 1.2, its type in clear; the nonce stands there with AES-GCM only:
//
//	type 3 3 | length (2) | nonce (8) | content, under the AEAD | tag (16)
//
// Secrets are in memory only, where crypto/tls has them too. Nothing here writes
// them anywhere.
package tlsrecord
