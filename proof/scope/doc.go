// Package scope computes whose personal data crossed, could have crossed and
// was held, from event lines alone: what a stranger needs to recompute the
// three sets of a disclosure bundle.
//
// It opens no file and no connection and does not check that the lines are
// genuine or complete: that is package proof's work. It keeps everything in
// memory; the product's own view (internal/view/disclosure) answers the same
// questions over years of records and is tested against this package.
//
// docs/format/disclosure.md has the rules; the comments here follow it:
//
//   - confirmed: subjects of exact crossings by the actors, in the window, at
//     the places;
//   - reachable: confirmed, the holdings behind every bounded crossing, and the
//     holdings of the places in every interval that was not covered;
//   - ever held: everyone whose data was at the places in the window.
package scope

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// DefaultSilence is how long a gate may go without a heartbeat before the
// time since the last one counts as uncovered.
const DefaultSilence = 10 * time.Second

// Query says what is asked. Empty lists do not narrow. Within a list any entry
// may hold; between lists all must.
type Query struct {
	// From and To bound the window: From ≤ t < To. A zero From begins with the
	// records, a zero To ends with the last sign of life of a gate.
	From, To time.Time
	// Places are databases ("shop") or tables ("shop/public.customers").
	Places []string
	// Users are database users as the gate saw them.
	Users []string
	// Addresses are client IP addresses or prefixes ("10.0.0.0/8").
	Addresses []string
	Sessions  []Session
	// Elements are stable names of element kinds ("email").
	Elements []string
	// Labels are names that clients chose (application_name). They never
	// narrow: when the query narrows by something else, what sessions with such
	// a label read is reachable as well.
	Labels []string
	// Silence replaces DefaultSilence when it is not zero.
	Silence time.Duration
}

// Session is a client session at a gate. An empty Source stands for any gate.
type Session struct {
	Source string `json:"source,omitempty"`
	ID     uint64 `json:"session"`
}

type queryJSON struct {
	From      int64     `json:"from,omitempty"` // UTC ns since 1970
	To        int64     `json:"to,omitempty"`
	Places    []string  `json:"places,omitempty"`
	Users     []string  `json:"users,omitempty"`
	Addresses []string  `json:"addresses,omitempty"`
	Sessions  []Session `json:"sessions,omitempty"`
	Elements  []string  `json:"elements,omitempty"`
	Labels    []string  `json:"labels,omitempty"`
	Silence   int64     `json:"silence"` // ns
}

// Canonical returns q with its lists sorted and without doubles, its silence
// filled in and its times in UTC. Equal questions have equal canonical JSON.
func (q Query) Canonical() Query {
	list := func(in []string) []string { return slices.Compact(slices.Sorted(slices.Values(in))) }
	out := Query{From: q.From.UTC(), To: q.To.UTC(), Places: list(q.Places), Users: list(q.Users),
		Addresses: list(q.Addresses), Elements: list(q.Elements), Labels: list(q.Labels), Silence: q.Silence}
	out.Sessions = slices.Clone(q.Sessions)
	slices.SortFunc(out.Sessions, func(a, b Session) int {
		if c := strings.Compare(a.Source, b.Source); c != 0 {
			return c
		}
		return int(min(max(int64(a.ID)-int64(b.ID), -1), 1))
	})
	out.Sessions = slices.Compact(out.Sessions)
	if out.Silence == 0 {
		out.Silence = DefaultSilence
	}
	return out
}

// MarshalJSON writes the canonical form.
func (q Query) MarshalJSON() ([]byte, error) {
	c := q.Canonical()
	return json.Marshal(queryJSON{nanos(c.From), nanos(c.To), c.Places, c.Users, c.Addresses, c.Sessions,
		c.Elements, c.Labels, int64(c.Silence)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Query) UnmarshalJSON(text []byte) error {
	var j queryJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("scope query: %w", err)
	}
	*q = Query{Places: j.Places, Users: j.Users, Addresses: j.Addresses, Sessions: j.Sessions,
		Elements: j.Elements, Labels: j.Labels, Silence: time.Duration(j.Silence)}
	if j.From != 0 {
		q.From = time.Unix(0, j.From).UTC()
	}
	if j.To != 0 {
		q.To = time.Unix(0, j.To).UTC()
	}
	return nil
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// ErrQuery is returned for a question that cannot be asked.
var ErrQuery = errors.New("bad scope query (SK5301)")

// Actors is a compiled narrowing to clients.
type Actors struct {
	users     []string
	addresses []netip.Prefix
	sessions  []Session
	labels    []string
}

// Actors compiles the narrowing parts of q.
func (q Query) Actors() (Actors, error) {
	a := Actors{users: q.Users, sessions: q.Sessions, labels: q.Labels}
	for _, text := range q.Addresses {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return a, fmt.Errorf("%w: %q is no IP address or prefix", ErrQuery, text)
			}
			p = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		a.addresses = append(a.addresses, p.Masked())
	}
	return a, nil
}

// Narrow reports whether a narrows at all.
func (a Actors) Narrow() bool { return len(a.users)+len(a.addresses)+len(a.sessions) > 0 }

// Client reports whether user and address fit, leaving sessions out.
func (a Actors) Client(user, address string) bool {
	if len(a.users) > 0 && !slices.Contains(a.users, user) {
		return false
	}
	if len(a.addresses) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(a.addresses, func(p netip.Prefix) bool {
		return p.Contains(addr.Unmap().WithZone(""))
	})
}

// Sessions returns the sessions that a is narrowed to; empty means any.
func (a Actors) Sessions() []Session { return a.sessions }

// Session reports whether a session number fits, leaving user and address out.
func (a Actors) Session(source string, id uint64) bool {
	return len(a.sessions) == 0 || slices.ContainsFunc(a.sessions, func(s Session) bool {
		return s.ID == id && (s.Source == "" || s.Source == source)
	})
}

// Labelled reports whether the label widens the question.
func (a Actors) Labelled(label string) bool { return slices.Contains(a.labels, label) }

// Covers reports whether place p covers q: they are equal or q lies in p.
func Covers(p, q string) bool {
	return p == q || len(q) > len(p) && q[len(p)] == '/' && q[:len(p)] == p
}

// Meet reports whether p and q have something in common.
func Meet(p, q string) bool { return Covers(p, q) || Covers(q, p) }
