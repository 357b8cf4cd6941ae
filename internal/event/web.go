package event

import (
	"math"

	"sekisho/internal/element"
)

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
	Unread   string         `json:"unread,omitempty"`  // why the response could not be looked into, or not for everything: encoding, upgrade, websocket (looked at for card numbers alone), no text
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
// a page of maintenance from now on, or no longer. Also are further hosts of which
// the same is said, when all sites are stopped at once.
type SiteStop struct {
	Host    string   `json:"host"`
	What    string   `json:"what"` // site, payment
	Stopped bool     `json:"stopped"`
	By      string   `json:"by"`
	Reason  string   `json:"reason"`
	Also    []string `json:"also,omitempty"`
}

// SiteGuard says what is guarded at a site from now on. It is written at every
// start, and when it changes.
type SiteGuard struct {
	Place    Place    `json:"place"`
	Host     string   `json:"host"`
	Firewall string   `json:"firewall"` // off, observe, report, enforce
	Cards    string   `json:"cards"`
	Pages    string   `json:"pages,omitempty"`   // "" without a section of payment pages
	Payment  []string `json:"payment,omitempty"` // beginnings of the paths that lead to payment
	// Lower are the paths where card numbers are guarded less.
	Lower     []string   `json:"lower,omitempty"`
	Providers []Provider `json:"providers,omitempty"`
	Canary    int64      `json:"canary,omitempty"` // ns between two, 0: none
}

// Provider is a payment provider that pages may send to.
type Provider struct {
	Host    string `json:"host"`
	AOC     string `json:"aoc,omitempty"`     // reference of its attestation of compliance
	Expires string `json:"expires,omitempty"` // last day, "2027-03-31"
}

// PageItem is a part of a page that leads to payment, when it is first seen in a
// run and when it changes whether it is allowed.
type PageItem struct {
	Place Place  `json:"place"`
	Route string `json:"route"`
	Item  string `json:"item"` // id
	What  string `json:"what"` // script, inline, handler, form, frame, base, redirect, file
	Name  string `json:"name,omitempty"`
	Hash  string `json:"hash,omitempty"`
	Host  string `json:"host,omitempty"` // where it goes; "": the site itself
	// Problem is "" (authorised), "new" (nobody has authorised anything yet),
	// "unauthorised", "host" or "card".
	Problem string `json:"problem,omitempty"`
}

// Canary says how a walk through the checkout ended.
type Canary struct {
	Place   Place  `json:"place"`
	Reached string `json:"reached,omitempty"` // host of the provider that the checkout leads to
	Refused bool   `json:"refused"`           // the test card number was refused by the gate
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
	Nanos   int64  `json:"ns"`
}

// SiteLogin is an attempt to log in to a site, before the visitor hears what came
// of it.
type SiteLogin struct {
	Place    Place         `json:"place"`
	Exchange string        `json:"exchange"`
	Account  string        `json:"account"` // keyed hash of its name
	Source   SubjectSource `json:"source,omitempty"`
	Subject  *uint32       `json:"subject,omitempty"` // whose it is, where an identifier tells
	Address  string        `json:"address"`
	OK       bool          `json:"ok"`
	Leaked   bool          `json:"leaked,omitempty"` // the password is on the list of known ones
}

// ElementCount is how often an element was seen.
type ElementCount struct {
	Element element.Mask `json:"element"` // of one kind
	Count   uint64       `json:"count"`
}

// Kind implements Body.
func (*Exchange) Kind() Kind { return KindExchange }

func (b *Exchange) appendJSON(dst []byte) []byte {
	dst = appendText(dst, `{"id":`, b.ID)
	dst = appendText(dst, `,"place":`, b.Place)
	dst = appendText(dst, `,"host":`, b.Host)
	dst = appendText(dst, `,"method":`, b.Method)
	dst = appendText(dst, `,"route":`, b.Route)
	dst = appendText(dst, `,"address":`, b.Address)
	if b.TLS {
		dst = append(dst, `,"tls":true`...)
	}
	dst = appendText(dst, `,"protocol":`, b.Protocol)
	dst = appendTextIf(dst, `,"trace":`, b.Trace)
	return append(dst, '}')
}

func (b *Exchange) scan(s *scanner, d *Decoder) {
	b.ID = s.fresh(`{"id":`)
	b.Place = Place(s.name(d, `,"place":`))
	b.Host = s.name(d, `,"host":`)
	b.Method = s.name(d, `,"method":`)
	b.Route = s.name(d, `,"route":`)
	b.Address = s.name(d, `,"address":`)
	b.TLS = s.try(`,"tls":true`)
	b.Protocol = s.name(d, `,"protocol":`)
	b.Trace = s.freshIf(`,"trace":`)
	s.lit(`}`)
}

// Kind implements Body.
func (*SiteRules) Kind() Kind { return KindSiteRules }

func (b *SiteRules) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SiteGuard) Kind() Kind { return KindSiteGuard }

func (b *SiteGuard) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PageItem) Kind() Kind { return KindPageItem }

func (b *PageItem) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Canary) Kind() Kind { return KindCanary }

func (b *Canary) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SiteLogin) Kind() Kind { return KindSiteLogin }

func (b *SiteLogin) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*SiteStop) Kind() Kind { return KindSiteStop }

func (b *SiteStop) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*ExchangeEnd) Kind() Kind { return KindExchangeEnd }

func (b *ExchangeEnd) appendJSON(dst []byte) []byte {
	dst = appendText(dst, `{"id":`, b.ID)
	dst = appendInt(dst, `,"status":`, int64(b.Status))
	dst = appendText(dst, `,"outcome":`, b.Outcome)
	dst = appendUint(dst, `,"received":`, b.Received)
	dst = appendUint(dst, `,"sent":`, b.Sent)
	if b.Elements != 0 {
		dst = appendMask(dst, `,"elements":`, b.Elements)
	}
	if len(b.Counts) > 0 {
		dst = append(dst, `,"counts":[`...)
		for i, c := range b.Counts {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendMask(dst, `{"element":`, c.Element)
			dst = appendUint(dst, `,"count":`, c.Count)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	dst = appendUintIf(dst, `,"persons":`, b.Persons)
	dst = appendInt(dst, `,"ns":`, b.Nanos)
	dst = appendTextIf(dst, `,"unread":`, b.Unread)
	return append(dst, '}')
}

func (b *ExchangeEnd) scan(s *scanner, d *Decoder) {
	b.ID = s.fresh(`{"id":`)
	b.Status = int(s.keyInt(`,"status":`))
	b.Outcome = s.name(d, `,"outcome":`)
	b.Received = s.key(`,"received":`, math.MaxUint64)
	b.Sent = s.key(`,"sent":`, math.MaxUint64)
	if s.begins(`,"elements":`) {
		b.Elements = s.mask(d, `,"elements":`)
	}
	if s.try(`,"counts":[`) {
		for !s.bad {
			c := ElementCount{Element: s.mask(d, `{"element":`), Count: s.key(`,"count":`, math.MaxUint64)}
			s.lit(`}`)
			b.Counts = append(b.Counts, c)
			if !s.try(`,`) {
				break
			}
		}
		s.lit(`]`)
	}
	b.Persons = s.keyIf(`,"persons":`, math.MaxUint64)
	b.Nanos = s.keyInt(`,"ns":`)
	b.Unread = s.nameIf(d, `,"unread":`)
	s.lit(`}`)
}
