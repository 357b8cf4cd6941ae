// Package revproxy is the web gate: a reverse proxy for HTTP/1.1 and HTTP/2
// that lets no attack and no card number through and records every exchange.
//
// An exchange goes this way. The request is read, its body up to a bound; the
// card guard looks for card numbers in target, headers and body, and the web
// application firewall (package waf) at the whole. What is refused is answered
// by the gate, with the id of the event and never with the rule. Everything
// else is recorded (event.Exchange) before it is passed to the upstream. The
// response is looked into while it streams: personal data is counted, a card
// number cuts the connection before its last digits are sent. At the end
// event.ExchangeEnd says what came of it.
//
// What the upstream may have seen: of a body that fits the bound nothing
// before the decision. A longer body streams, and is aborted when a card
// number has appeared: the upstream has then read a part of a request that
// never ends, which servers discard.
//
// It does not terminate logins, does not keep pages and keeps no body on disk.
package revproxy
