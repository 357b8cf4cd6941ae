package event

import "sekisho/internal/element"

// Exchange is a web request that is about to be passed to the upstream, or was
// refused (then Decision follows with the same ID and there is no ExchangeEnd).
// Without its ExchangeEnd (a killed process) any element may have passed.
type Exchange struct {
	ID     string `json:"id"` // what the client is told when it is refused
	Place  Place  `json:"place"`
	Host   string `json:"host"`
	Method string `json:"method"`
	// Route is the path with everything that may name a person left out:
	// "/orders/:x".
	Route    string `json:"route"`
	Address  string `json:"address"` // client IP address without port
	TLS      bool   `json:"tls,omitempty"`
	Protocol string `json:"protocol"`        // "HTTP/1.1"
	Trace    string `json:"trace,omitempty"` // trace id of traceparent (W3C Trace Context): a label, it never narrows a scope
}

// ExchangeEnd says what came of an Exchange.
type ExchangeEnd struct {
	ID       string         `json:"id"`
	Status   int            `json:"status"`             // HTTP status sent to the client, 0 for none
	Outcome  string         `json:"outcome"`            // done, refused, cut, aborted, upstream
	Received uint64         `json:"received"`           // bytes of the request body
	Sent     uint64         `json:"sent"`               // bytes of the response body
	Elements element.Mask   `json:"elements,omitempty"` // seen in the response
	Counts   []ElementCount `json:"counts,omitempty"`
	Persons  uint64         `json:"persons,omitempty"` // whom the response showed, where that is counted
	Nanos    int64          `json:"ns"`                // from the first byte of the request to the last of the response
	Unread   string         `json:"unread,omitempty"`  // why the response could not be looked into
}

// SiteRules says which exceptions, virtual patches and typed fields are in force
// at a web gate, or why a file was refused and the old ones stay.
type SiteRules struct {
	Gate       string `json:"gate"`
	Digest     string `json:"digest"` // SHA-256 of the file, hexadecimal
	Exceptions int    `json:"exceptions"`
	Patches    int    `json:"patches"`
	Parameters int    `json:"parameters"`
	Refused    string `json:"refused,omitempty"`
}

// SiteStop says that the sites of a host, or their paths of payment, answer with
// a page of maintenance from now on, or no longer.
type SiteStop struct {
	Host    string `json:"host"`
	What    string `json:"what"` // site, payment
	Stopped bool   `json:"stopped"`
	By      string `json:"by"`
	Reason  string `json:"reason"`
}

// ElementCount is how often an element was seen.
type ElementCount struct {
	Element element.Mask `json:"element"` // of one kind
	Count   uint64       `json:"count"`
}

// Kind implements Body.
func (*Exchange) Kind() Kind { return KindExchange }

func (b *Exchange) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SiteRules) Kind() Kind { return KindSiteRules }

func (b *SiteRules) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SiteStop) Kind() Kind { return KindSiteStop }

func (b *SiteStop) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*ExchangeEnd) Kind() Kind { return KindExchangeEnd }

func (b *ExchangeEnd) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
