// Package pglogin brings a PostgreSQL connection from its first byte to the server's first ReadyForQuery: TLS on
// both legs, start-up, authentication, cancel requests. It is not the session engine: it decides nothing about
// statements and records nothing; what it saw is in [Login].
//
// # Two ways to log in
//
// In relay mode every message of the start-up goes to the other side unchanged; the server decides. In terminate
// mode the gate authenticates the client itself (SCRAM-SHA-256 with or without channel binding, or a client
// certificate) and logs in to the server with credentials of its own.
//
// What cannot be relayed: client certificates and peer authentication (the server sees the gate, not the client;
// its own refusal reaches the client), and SCRAM-SHA-256-PLUS when the gate's certificate is not the server's. The
// last is refused with a hint if the client chooses it. One byte sequence is changed: to a client without TLS the
// mechanism SCRAM-SHA-256-PLUS is not offered, because the server offered it to the gate's TLS leg, and libpq ends
// a connection that offers it in clear (fe-auth.c, pg_SASL_init).
//
// # First bytes (PostgreSQL 18 documentation, "Message Flow", sections "Start-up", "SSL Session Encryption")
//
//	00 00 00 08 04 d2 16 2f   SSLRequest     → 'S' and a handshake, or 'N'
//	00 00 00 08 04 d2 16 30   GSSENCRequest  → 'N'
//	16 …                      ClientHello    → direct TLS; ALPN must be "postgresql"
//	length 04 d2 16 2e …      CancelRequest  → passed to the server that gave the key
//	length 00 03 00 0x …      StartupMessage
//
// # Bounds
//
// One deadline for the whole login (Config.Timeout), Config.MaxLogins logins at once, 10,000 bytes for a start-up
// packet, 64 KiB for a message of the client and 1 MiB for one of the server.
package pglogin
