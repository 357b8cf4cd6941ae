package indicator

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is what an indicator names.
type Kind string

// The kinds.
const (
	Name    Kind = "name"    // a name and everything below it
	Address Kind = "address" // an address or a prefix
	URL     Kind = "url"     // everything whose address begins so, up to a border of its path
)

// Indicator is one destination that is known to be bad.
type Indicator struct {
	Kind  Kind
	Value string    // normalised: lower-case name, prefix, URL without query and fragment
	Until time.Time // from then on it does not count; never zero
	Note  string    // who says so and why
	List  string    // which list it stands in
}

// Most is the largest number of indicators in a Set.
const Most = 2_000_000

// Parse reads one value: a name, an address, a prefix or a URL. Values that
// were made harmless for mail (hxxp://, evil[.]example) are read as meant.
func Parse(text string) (Kind, string, error) {
	text = strings.NewReplacer("[.]", ".", "(.)", ".", "[:]", ":").Replace(strings.TrimSpace(text))
	low := strings.ToLower(text)
	for _, scheme := range []string{"hxxp://", "hxxps://", "http://", "https://"} {
		if strings.HasPrefix(low, scheme) {
			return parseURL("http" + text[4:])
		}
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return Address, p.Masked().String(), nil
	}
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return Address, netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(low, "*."), ".")
	if !plausible(name) {
		return "", "", fmt.Errorf("%q is no name, address or URL", text)
	}
	return Name, name, nil
}

// plausible reports whether a name could be asked for: at least two labels of
// letters, digits, hyphens and underscores (and whatever is not ASCII).
func plausible(name string) bool {
	if len(name) > 253 || !strings.Contains(name, ".") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range label {
			if c < 0x80 && (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func parseURL(text string) (Kind, string, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || !host(u.Hostname()) {
		return "", "", fmt.Errorf("%q is no URL that a client would ask for", text)
	}
	return URL, plainURL(u), nil
}

func host(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || plausible(strings.TrimSuffix(strings.ToLower(name), "."))
}

// plainURL leaves out what clients change freely. The scheme does not count:
// a gate sees the path of plain and of intercepted requests alike.
func plainURL(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if u.Port() != "" {
		name += ":" + u.Port()
	}
	return name + path
}

// Set answers whether something is listed. It does not change; it is safe for
// concurrent use. The zero value and nil list nothing.
type Set struct {
	names, urls map[string][]Indicator
	exact       map[netip.Addr][]Indicator
	prefixes    []prefix // wider than one address
	size        int
}

type prefix struct {
	netip.Prefix
	Indicator
}

// New builds a set.
func New(all []Indicator) (*Set, error) {
	if len(all) > Most {
		return nil, fmt.Errorf("%d indicators are more than %d", len(all), Most)
	}
	s := &Set{names: map[string][]Indicator{}, urls: map[string][]Indicator{}, exact: map[netip.Addr][]Indicator{}, size: len(all)}
	for _, i := range all {
		if i.Until.IsZero() {
			return nil, fmt.Errorf("indicator %q has no end", i.Value)
		}
		switch i.Kind {
		case Name:
			s.names[i.Value] = append(s.names[i.Value], i)
		case URL:
			s.urls[i.Value] = append(s.urls[i.Value], i)
		case Address:
			p, err := netip.ParsePrefix(i.Value)
			switch {
			case err != nil:
				return nil, fmt.Errorf("indicator %q: %w", i.Value, err)
			case p.IsSingleIP():
				s.exact[p.Addr()] = append(s.exact[p.Addr()], i)
			default:
				s.prefixes = append(s.prefixes, prefix{p, i})
			}
		default:
			return nil, fmt.Errorf("indicator %q: kind %q is not known", i.Value, i.Kind)
		}
	}
	slices.SortStableFunc(s.prefixes, func(a, b prefix) int { return cmp.Compare(b.Bits(), a.Bits()) })
	return s, nil
}

// Len is how many indicators the set was made from.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return s.size
}

func inForce(all []Indicator, at time.Time) (Indicator, bool) {
	for _, i := range all {
		if at.Before(i.Until) {
			return i, true
		}
	}
	return Indicator{}, false
}

// Name returns the indicator that lists a name, or one above it, at a time. A
// name that is an address is looked up as one.
func (s *Set) Name(name string, at time.Time) (Indicator, bool) {
	if s == nil {
		return Indicator{}, false
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return s.Address(a, at)
	}
	for rest := strings.TrimSuffix(strings.ToLower(name), "."); rest != ""; {
		if i, ok := inForce(s.names[rest], at); ok {
			return i, true
		}
		_, above, found := strings.Cut(rest, ".")
		if !found {
			break
		}
		rest = above
	}
	return Indicator{}, false
}

// Address returns the indicator that lists an address, the narrowest first.
func (s *Set) Address(a netip.Addr, at time.Time) (Indicator, bool) {
	if s == nil || !a.IsValid() {
		return Indicator{}, false
	}
	a = a.Unmap().WithZone("")
	if i, ok := inForce(s.exact[a], at); ok {
		return i, true
	}
	for _, p := range s.prefixes {
		if p.Contains(a) && at.Before(p.Until) {
			return p.Indicator, true
		}
	}
	return Indicator{}, false
}

// URL returns the indicator that lists a URL or one that it begins with, or its
// host.
func (s *Set) URL(text string, at time.Time) (Indicator, bool) {
	u, err := url.Parse(text)
	if s == nil || err != nil || u.Host == "" {
		return Indicator{}, false
	}
	full := plainURL(u)
	if i, ok := inForce(s.urls[full], at); ok {
		return i, true
	}
	for k := len(full) - 1; k > 0; k-- { // the addresses that it begins with, up to a border
		if full[k] != '/' {
			continue
		}
		for _, shorter := range []string{full[:k+1], full[:k]} {
			if i, ok := inForce(s.urls[shorter], at); ok {
				return i, true
			}
		}
	}
	return s.Name(u.Hostname(), at)
}
