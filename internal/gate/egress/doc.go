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
// Where an entry of the policy says so and the gate has an authority for the name
// (Reading), it ends the client's TLS and begins one of its own with the
// destination: each request is judged, what is in it is attributed to persons,
// and that is recorded (event.Crossing) before any of it leaves.
//
// Everywhere else it does not look into TLS: names that are fronted inside
// (another Host behind an allowed server name) it cannot see. It keeps no page
// and no content, and resolves through whatever it is given.
package egress
