package exit

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sekisho/internal/policy/cut"
)

// Policy is a compiled policy. It does not change and is safe for concurrent
// use.
type Policy struct {
	generation uint64
	digest     Digest
	zone       *time.Location
	segments   map[string]*segment
	roles      []*role
	byCert     map[string]*role
	byUser     map[string]*role
	byAddress  []clients // longest prefix first
	known      map[string]bool
}

type clients struct {
	netip.Prefix
	role *role
}

type segment struct {
	name     string
	networks []netip.Prefix
	names    names
}

type role struct {
	name  string
	mode  Mode
	allow []*entry
}

type entry struct {
	name     string
	rule     string // "role/entry", what events show
	names    names
	networks []netip.Prefix
	segments []*segment
	ports    []portRange
	methods  []string
	hours    []span
	sent     uint64
	anyInner bool
	read     bool
}

// names are exact names and suffixes.
type names struct {
	all    bool
	exact  map[string]bool
	suffix map[string]bool
}

func (n *names) has(name string) bool {
	if name == "" {
		return false
	}
	if n.all || n.exact[name] {
		return true
	}
	if len(n.suffix) == 0 {
		return false
	}
	for rest := name; ; {
		_, above, found := strings.Cut(rest, ".")
		if !found {
			return false
		}
		if n.suffix[above] {
			return true
		}
		rest = above
	}
}

func (n *names) empty() bool { return !n.all && len(n.exact) == 0 && len(n.suffix) == 0 }

// Compile checks a source and makes a policy of it; its tests must hold. The
// error joins an *Error for each place that is wrong, or for each test that does not
// hold.
func Compile(src *Source) (*Policy, error) {
	p, err := compile(src)
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, failed := range p.RunTests(src.Tests) {
		wrong = append(wrong, failed)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return p, nil
}

// Closed is a policy without a rule: it refuses everything.
func Closed() *Policy {
	p, err := compile(&Source{Generation: 1})
	if err != nil {
		panic("exit: " + err.Error()) // our own source
	}
	return p
}

func compile(src *Source) (*Policy, error) {
	p := &Policy{generation: src.Generation, digest: src.digest(), segments: map[string]*segment{},
		byCert: map[string]*role{}, byUser: map[string]*role{}, known: map[string]bool{}}
	var wrong []error
	if src.Generation == 0 {
		wrong = append(wrong, &Error{"generation", "a policy has a generation from 1", "write generation: 1"})
	}
	zone := src.Zone
	if zone == "" {
		zone = "+09:00"
	}
	var err error
	if p.zone, err = parseZone(zone); err != nil {
		wrong = append(wrong, &Error{"zone", err.Error(), "write for example +09:00"})
	}
	seen := map[string]bool{}
	for i := range src.Segments {
		wrong = append(wrong, p.addSegment(fmt.Sprintf("segments[%d]", i), &src.Segments[i], seen))
	}
	seen = map[string]bool{}
	for i := range src.Roles {
		wrong = append(wrong, p.addRole(fmt.Sprintf("roles[%d]", i), &src.Roles[i], seen))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.byAddress, func(a, b clients) int { return b.Bits() - a.Bits() })
	return p, nil
}

// checkWord checks a name that stands in events.
func checkWord(path, name string, seen map[string]bool) error {
	if name == "" || len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return &Error{path, fmt.Sprintf("%q is no name", name), "choose a short name of letters, digits, - and _"}
	}
	if seen[name] {
		return &Error{path, fmt.Sprintf("%q is there twice", name), "choose another name"}
	}
	seen[name] = true
	return nil
}

func (p *Policy) addSegment(path string, src *SegmentSource, seen map[string]bool) error {
	wrong := []error{checkWord(path+".name", src.Name, seen)}
	see := func(err error) { wrong = append(wrong, err) }
	s := &segment{name: src.Name}
	var err error
	s.networks, err = prefixes(path+".networks", src.Networks)
	see(err)
	if len(src.Networks) == 0 {
		see(&Error{path + ".networks", "a segment has networks", "write for example [10.20.0.0/16]"})
	}
	for i, n := range s.networks {
		if n.IsValid() && (n.Bits() < 8 && n.Addr().Is4() || n.Bits() < 16 && n.Addr().Is6()) {
			see(&Error{fmt.Sprintf("%s.networks[%d]", path, i), "wider than any inner network", "name your own networks"})
		}
	}
	s.names, err = p.parseNames(path+".names", src.Names, false)
	see(err)
	p.segments[s.name] = s
	return errors.Join(wrong...)
}

// prefixes are those that the texts spell, in their places.
func prefixes(path string, texts []string) ([]netip.Prefix, error) {
	all, wrong := make([]netip.Prefix, len(texts)), []error(nil)
	for i, text := range texts {
		n, err := cut.ParsePrefix(text)
		if err != nil {
			wrong = append(wrong, &Error{fmt.Sprintf("%s[%d]", path, i), err.Error(), "write for example 192.0.2.0/24"})
		}
		all[i] = n
	}
	return all, errors.Join(wrong...)
}

func (p *Policy) parseNames(path string, texts []string, star bool) (names, error) {
	n := names{exact: map[string]bool{}, suffix: map[string]bool{}}
	var wrong []error
	for i, text := range texts {
		at := fmt.Sprintf("%s[%d]", path, i)
		if text == "*" && star {
			n.all = true
			continue
		}
		name, under := strings.CutPrefix(text, "*.")
		t, err := ParseHost(name)
		switch {
		case err != nil || t.Name != name:
			wrong = append(wrong, &Error{at, fmt.Sprintf("%q is no host name in lower case", text), `write for example www.example.jp or "*.example.jp"`})
		case under && !strings.Contains(name, ".") && star:
			wrong = append(wrong, &Error{at, fmt.Sprintf("%q would allow a whole top-level domain", text), `write for example "*.example.jp"`})
		}
		if under {
			n.suffix[name] = true
		} else {
			n.exact[name] = true
		}
		p.known[name] = true
	}
	return n, errors.Join(wrong...)
}

func (p *Policy) addRole(path string, src *RoleSource, seen map[string]bool) error {
	r := &role{name: src.Name, mode: Enforce}
	wrong := []error{checkWord(path+".name", src.Name, seen)}
	see := func(err error) { wrong = append(wrong, err) }
	if src.Mode != "" {
		var ok bool
		if r.mode, ok = ParseMode(src.Mode); !ok {
			see(&Error{path + ".mode", fmt.Sprintf("%q is no mode", src.Mode), "write open, report or enforce"})
		}
	}
	for _, who := range []struct {
		key   string
		names []string
		into  map[string]*role
	}{{"certificates", src.Certificates, p.byCert}, {"users", src.Users, p.byUser}} {
		for i, name := range who.names {
			if name == "" || who.into[name] != nil {
				see(&Error{fmt.Sprintf("%s.%s[%d]", path, who.key, i), fmt.Sprintf("%q is empty or in another role too", name), "name each in one role"})
			}
			who.into[name] = r
		}
	}
	networks, err := prefixes(path+".addresses", src.Addresses)
	see(err)
	for i, n := range networks {
		if n.IsValid() && slices.ContainsFunc(p.byAddress, func(c clients) bool { return c.Prefix == n }) {
			see(&Error{fmt.Sprintf("%s.addresses[%d]", path, i), fmt.Sprintf("%s is in another role too", n), "name each in one role"})
		}
		p.byAddress = append(p.byAddress, clients{n, r})
	}
	entries := map[string]bool{}
	for i := range src.Allow {
		at := fmt.Sprintf("%s.allow[%d]", path, i)
		see(checkWord(at+".name", src.Allow[i].Name, entries))
		e, err := p.compileEntry(at, &src.Allow[i])
		see(err)
		e.rule = r.name + "/" + e.name
		r.allow = append(r.allow, e)
	}
	p.roles = append(p.roles, r)
	return errors.Join(wrong...)
}

func (p *Policy) compileEntry(path string, src *AllowSource) (*entry, error) {
	e := &entry{name: src.Name, methods: src.Methods}
	var wrong []error
	see := func(err error) { wrong = append(wrong, err) }
	var err error
	e.names, err = p.parseNames(path+".names", src.Names, true)
	see(err)
	e.networks, err = prefixes(path+".networks", src.Networks)
	see(err)
	for i, name := range src.Segments {
		s := p.segments[name]
		if s == nil {
			see(&Error{fmt.Sprintf("%s.segments[%d]", path, i), fmt.Sprintf("%q is no segment", name), "name one of segments"})
			continue
		}
		e.segments = append(e.segments, s)
	}
	if len(src.Names) == 0 && len(src.Networks) == 0 && len(src.Segments) == 0 {
		see(&Error{path, "it allows nothing", "write names, networks or segments"})
	}
	see(e.compilePorts(path, src))
	for i, m := range src.Methods {
		if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			see(&Error{fmt.Sprintf("%s.methods[%d]", path, i), fmt.Sprintf("%q is no method", m), "write for example GET"})
		}
	}
	for i, text := range src.Hours {
		s, err := parseSpan(text)
		if err != nil {
			see(&Error{fmt.Sprintf("%s.hours[%d]", path, i), err.Error(), `write for example "mon-fri 08:00-20:00"`})
		}
		e.hours = append(e.hours, s)
	}
	if src.SentPerHour != "" {
		if e.sent, err = parseBytes(src.SentPerHour); err != nil {
			see(&Error{path + ".sent_per_hour", err.Error(), "write for example 50MiB"})
		}
	}
	switch src.Inner {
	case "", "tls":
	case "any":
		e.anyInner = true
	case "read":
		e.read = true
		if e.names.empty() && !slices.ContainsFunc(e.segments, func(s *segment) bool { return !s.names.empty() }) {
			see(&Error{path + ".inner", "what is read has a name: the gate shows a certificate for it", "write names"})
		}
	default:
		see(&Error{path + ".inner", fmt.Sprintf("%q is neither tls nor any nor read", src.Inner), "write tls, any or read"})
	}
	return e, errors.Join(wrong...)
}

func (e *entry) compilePorts(path string, src *AllowSource) error {
	var wrong []error
	for i, text := range src.Ports {
		r, err := parsePorts(text)
		if err != nil {
			wrong = append(wrong, &Error{fmt.Sprintf("%s.ports[%d]", path, i), err.Error(), "write for example 443"})
		}
		e.ports = append(e.ports, r)
	}
	for i, name := range src.Protocols {
		ports, ok := namedPorts(name)
		if !ok {
			wrong = append(wrong, &Error{fmt.Sprintf("%s.protocols[%d]", path, i), fmt.Sprintf("%q is no protocol that has a name here", name), "write its port"})
		}
		e.ports = append(e.ports, ports...)
	}
	if len(src.Ports) == 0 && len(src.Protocols) == 0 {
		if len(src.Segments) > 0 {
			wrong = append(wrong, &Error{path + ".ports", "what reaches into a segment names its ports", "write ports or protocols"})
		}
		e.ports = []portRange{{80, 80}, {443, 443}}
	}
	return errors.Join(wrong...)
}

// each puts names into a set as they are written in a policy.
func (n *names) each(into map[string]bool) {
	for name := range n.exact {
		into[name] = true
	}
	for name := range n.suffix {
		into["*."+name] = true
	}
	if n.all {
		into["*"] = true
	}
}

// Reads are the names of the entries whose tunnels are read, sorted:
// "www.example.jp", "*.example.jp", "*".
func (p *Policy) Reads() []string {
	all := map[string]bool{}
	for _, r := range p.roles {
		for _, e := range r.allow {
			if !e.read {
				continue
			}
			of := []*names{&e.names}
			for _, s := range e.segments {
				of = append(of, &s.names)
			}
			for _, n := range of {
				n.each(all)
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Generation is the number of the policy.
func (p *Policy) Generation() uint64 { return p.generation }

// Digest names the policy.
func (p *Policy) Digest() Digest { return p.digest }

// Roles are the names of the roles, in order.
func (p *Policy) Roles() []string {
	var all []string
	for _, r := range p.roles {
		all = append(all, r.name)
	}
	return all
}

// Supersedes says whether p may follow old: a newer generation, or the same
// text.
func (p *Policy) Supersedes(old *Policy) *Error {
	if old == nil || p.generation > old.generation || p.digest == old.digest {
		return nil
	}
	return &Error{"generation", fmt.Sprintf("generation %d is in force already", old.generation), fmt.Sprintf("raise generation to %d", old.generation+1)}
}
