// Package egress is the gate for what leaves: a forward proxy (HTTP/1.1,
// CONNECT, SOCKS5 on one port) and a transparent gate (TLS by server name, HTTP
// by host, the rest by address).
//
// A flow goes this way. The client says where it wants to go; policy/exit
// decides by the name; the name is resolved once; policy/exit decides again
// with each address; the flow is entered where cuts find it and recorded
// (event.Flow); the checked address is dialled. In a tunnel the first bytes of
// the client must be a TLS hello whose server name is the name that was asked
// for, unless the entry lets it be anything; until then nothing of the client
// leaves. Then netloop carries the bytes. At the end event.FlowEnd says what
// came of it. An HTTP request is one flow, also when connections are kept.
//
// It does not look into TLS, keeps no page and no content, and resolves through
// whatever it is given. Names that are fronted inside TLS (another Host behind
// an allowed server name) it cannot see.
package egress
