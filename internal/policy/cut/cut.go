// Package cut says which flows are cut: an immutable set of entries with a
// generation number that only rises, and the question whether a flow matches.
// It is the first step of every gate's decision and final: no rule opens what
// is cut.
//
// It is pure: no I/O, no clock, no goroutine. It signs nothing, ships nothing
// and closes nothing: a gate takes a Set through package gate/cutting, which
// closes the live flows that match.
package cut

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Kind says what an Entry cuts.
type Kind string

// The kinds of entries.
const (
	// Name is a destination name and every name under it.
	Name Kind = "name"
	// Address is a destination address or prefix.
	Address Kind = "address"
	// Role is a role of a gate's policy.
	Role Kind = "role"
	// Host is the address or prefix of who began the flow.
	Host Kind = "host"
	// User is who began the flow, as the gate authenticated it.
	User Kind = "user"
	// All is every flow.
	All Kind = "all"
)

// Entry is one cut.
type Entry struct {
	// ID names the cut in events and receipts. Required, unique in a Set.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// Target is what is cut, in the form of its kind; empty for All.
	Target string `json:"target,omitempty"`
	// Until is when the cut lapses (UTC ns since 1970). Required: a cut without
	// an end is forgotten.
	Until int64 `json:"until"`
	// Case names the case that the cut was made for. Such a cut does not lapse
	// by itself: a person takes it out of the next generation.
	Case string `json:"case,omitempty"`
}

// InForce reports whether e cuts at the time now.
func (e *Entry) InForce(now time.Time) bool { return e.Case != "" || now.UnixNano() < e.Until }

// Flow is what a gate knows of a flow. Zero fields match no entry but All.
type Flow struct {
	Role   string
	Client netip.Addr // who began it
	User   string
	// Name is the destination as the client named it, and Others are names that
	// mean the same flow, such as the SNI.
	Name   string
	Others []string
	// Address is where the flow goes; not valid before it is resolved.
	Address netip.Addr
}

// Set is one generation of cuts. The zero value and nil cut nothing. It is
// safe for concurrent use.
type Set struct {
	generation uint64
	entries    []Entry

	all                []int
	names, roles, user map[string][]int
	hosts, addresses   []prefix
}

type prefix struct {
	netip.Prefix
	entry int
}

// MaxEntries is the most that a Set may hold.
const MaxEntries = 10_000

// ErrEntry is wrapped by the errors of New.
var ErrEntry = errors.New("not a cut")

// New builds a set. Targets are normalised: names in lower case without a
// trailing dot, IPv4-mapped addresses as IPv4.
func New(generation uint64, entries []Entry) (*Set, error) {
	if len(entries) > MaxEntries {
		return nil, fmt.Errorf("%w: %d entries, at most %d", ErrEntry, len(entries), MaxEntries)
	}
	s := &Set{generation: generation, entries: slices.Clone(entries),
		names: map[string][]int{}, roles: map[string][]int{}, user: map[string][]int{}}
	seen := map[string]bool{}
	for i := range s.entries {
		e := &s.entries[i]
		if e.ID == "" || seen[e.ID] {
			return nil, fmt.Errorf("%w: entry %d: id %q is empty or repeated", ErrEntry, i, e.ID)
		}
		seen[e.ID] = true
		if e.Until <= 0 {
			return nil, fmt.Errorf("%w: %s has no end", ErrEntry, e.ID)
		}
		if err := s.add(i, e); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrEntry, e.ID, err)
		}
	}
	return s, nil
}

func (s *Set) add(i int, e *Entry) error {
	if (e.Target == "") != (e.Kind == All) {
		return fmt.Errorf("kind %q with target %q", e.Kind, e.Target)
	}
	switch e.Kind {
	case All:
		s.all = append(s.all, i)
	case Role:
		s.roles[e.Target] = append(s.roles[e.Target], i)
	case User:
		s.user[e.Target] = append(s.user[e.Target], i)
	case Name:
		e.Target = Plain(strings.TrimPrefix(e.Target, "*."))
		s.names[e.Target] = append(s.names[e.Target], i)
	case Address, Host:
		p, err := ParsePrefix(e.Target)
		if err != nil {
			return err
		}
		e.Target = p.String()
		if e.Kind == Host {
			s.hosts = append(s.hosts, prefix{p, i})
		} else {
			s.addresses = append(s.addresses, prefix{p, i})
		}
	default:
		return fmt.Errorf("kind %q is not known", e.Kind)
	}
	return nil
}

// ParsePrefix reads an address or a prefix.
func ParsePrefix(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() {
			if p.Bits() < 96 {
				return netip.Prefix{}, fmt.Errorf("%q is wider than IPv4", text)
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a prefix", text)
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

// Plain is a name in the form in which names are compared: lower case (ASCII,
// RFC 4343), without the trailing dot of the root.
func Plain(name string) string {
	return strings.TrimSuffix(lower(name), ".")
}

// lower is strings.ToLower for ASCII alone: other letters in names are not
// ours to fold.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for k := i; k < len(b); k++ {
				if 'A' <= b[k] && b[k] <= 'Z' {
					b[k] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// Generation is the number of s, 0 for nil.
func (s *Set) Generation() uint64 {
	if s == nil {
		return 0
	}
	return s.generation
}

// Entries are the entries of s in the order given, normalised. The caller must
// not change them.
func (s *Set) Entries() []Entry {
	if s == nil {
		return nil
	}
	return s.entries
}

// Empty reports whether s can cut nothing at any time.
func (s *Set) Empty() bool { return s == nil || len(s.entries) == 0 }

// Match returns the first entry, in the order given to New, that cuts f at the
// time now.
func (s *Set) Match(f *Flow, now time.Time) (Entry, bool) {
	if s.Empty() {
		return Entry{}, false
	}
	best := s.first(len(s.entries), s.all, now)
	best = s.first(best, s.roles[f.Role], now)
	best = s.first(best, s.user[f.User], now)
	best = s.name(best, f.Name, now)
	for _, n := range f.Others {
		best = s.name(best, n, now)
	}
	best = s.within(best, s.hosts, f.Client, now)
	best = s.within(best, s.addresses, f.Address, now)
	if best == len(s.entries) {
		return Entry{}, false
	}
	return s.entries[best], true
}

func (s *Set) first(best int, which []int, now time.Time) int {
	for _, i := range which {
		if i < best && s.entries[i].InForce(now) {
			return i
		}
	}
	return best
}

// name looks for name and every name above it. A destination that is written
// as an address is one.
func (s *Set) name(best int, name string, now time.Time) int {
	if name == "" {
		return best
	}
	if a, err := netip.ParseAddr(name); err == nil {
		best = s.within(best, s.addresses, a, now)
	}
	for rest := Plain(name); rest != ""; {
		best = s.first(best, s.names[rest], now)
		_, above, found := strings.Cut(rest, ".")
		if !found {
			break
		}
		rest = above
	}
	return best
}

func (s *Set) within(best int, prefixes []prefix, a netip.Addr, now time.Time) int {
	if !a.IsValid() {
		return best
	}
	a = a.Unmap().WithZone("")
	for _, p := range prefixes {
		if p.entry < best && p.Contains(a) && s.entries[p.entry].InForce(now) {
			best = p.entry
		}
	}
	return best
}
