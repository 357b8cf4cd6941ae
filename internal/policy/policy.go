package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sekisho/internal/element"
)

// Policy is a compiled policy. It is immutable and safe for concurrent use.
type Policy struct {
	generation uint64
	digest     Digest
	allow      bool // the default
	purposes   map[string]string
	rules      []rule
	channels   []channelRule
	breakGlass *breakGlass
}

type who struct {
	users     []string
	prefixes  []netip.Prefix
	databases []string
}

type rule struct {
	who
	name     string
	tables   []string
	elements element.Mask
	allow    bool
	purpose  string
	masks    map[element.Kind]Method
	caps     Caps
	bulk     bool
}

type channelRule struct {
	who
	name    string
	channel Channel
}

type breakGlass struct {
	requesters, approvers []string
	longest               time.Duration
}

// Generation returns the generation the policy was written as.
func (p *Policy) Generation() uint64 { return p.generation }

// Digest returns the digest of the policy's canonical form.
func (p *Policy) Digest() Digest { return p.digest }

// Supersedes says why p may not replace old, or nil: a policy that differs
// must have a higher generation.
func (p *Policy) Supersedes(old *Policy) *Error {
	if old == nil || p.digest == old.digest || p.generation > old.generation {
		return nil
	}
	return &Error{"generation",
		fmt.Sprintf("generation %d differs from the policy in force, which has generation %d", p.generation, old.generation),
		fmt.Sprintf("raise generation to %d", old.generation+1)}
}

// Open returns the policy of a configuration without one: everything is
// allowed, except the channels that cannot be attributed.
func Open() *Policy {
	p, err := Compile(&Source{Generation: 1, Default: "allow"})
	if err != nil {
		panic("policy: " + err.Error())
	}
	return p
}

// Compile checks a policy, compiles it and runs its tests. The error is an
// *Error that names the place.
func Compile(src *Source) (*Policy, error) {
	p := &Policy{generation: src.Generation, digest: src.digest(), purposes: src.Purposes}
	if src.Generation == 0 {
		return nil, &Error{"generation", "is missing or 0", "write generation: 1, and raise it with every change"}
	}
	var err error
	if p.allow, err = allowOrDeny("default", src.Default, false); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range src.Rules {
		r, err := compileRule(fmt.Sprintf("rules[%d]", i), &src.Rules[i], src.Purposes, names)
		if err != nil {
			return nil, err
		}
		p.rules = append(p.rules, r)
	}
	for i := range src.Channels {
		c, err := compileChannel(fmt.Sprintf("channels[%d]", i), &src.Channels[i], names)
		if err != nil {
			return nil, err
		}
		p.channels = append(p.channels, c)
	}
	if p.breakGlass, err = compileBreakGlass(src.BreakGlass); err != nil {
		return nil, err
	}
	if failed := p.RunTests(src.Tests); len(failed) > 0 {
		return nil, failed[0]
	}
	return p, nil
}

func allowOrDeny(path, text string, empty bool) (bool, error) {
	switch text {
	case "":
		return empty, nil
	case "allow":
		return true, nil
	case "deny":
		return false, nil
	}
	return false, &Error{path, fmt.Sprintf("%q is neither allow nor deny", text), "write allow or deny"}
}

// builtIn are the names that decisions use for themselves.
var builtIn = []string{"default", "unprotected", "channel", "break-glass"}

func checkName(path, name string, names map[string]bool) error {
	switch {
	case name == "":
		return &Error{path + ".name", "is missing", "name the rule: decisions and events show the name"}
	case slices.Contains(builtIn, name):
		return &Error{path + ".name", fmt.Sprintf("%q is a built-in name", name), "choose another name"}
	case names[name]:
		return &Error{path + ".name", fmt.Sprintf("%q is used twice", name), "give each rule its own name"}
	}
	names[name] = true
	return nil
}

func compileRule(path string, src *RuleSource, purposes map[string]string, names map[string]bool) (rule, error) {
	r := rule{name: src.Name, tables: src.Tables, purpose: src.Purpose, caps: NoCaps()}
	if err := checkName(path, src.Name, names); err != nil {
		return r, err
	}
	var err error
	if r.who, err = compileWho(path, src.Who); err != nil {
		return r, err
	}
	if err := checkTables(path, src.Tables); err != nil {
		return r, err
	}
	if r.elements, err = compileElements(path+".elements", src.Elements); err != nil {
		return r, err
	}
	if src.Action == "" {
		return r, &Error{path + ".action", "is missing", "write allow or deny"}
	}
	if r.allow, err = allowOrDeny(path+".action", src.Action, false); err != nil {
		return r, err
	}
	if _, ok := purposes[src.Purpose]; src.Purpose != "" && !ok {
		return r, &Error{path + ".purpose", fmt.Sprintf("purpose %q is not declared", src.Purpose), "declare it under purposes"}
	}
	if r.bulk, err = allowOrDeny(path+".bulk", src.Bulk, false); err != nil {
		return r, err
	}
	if r.masks, err = compileMasks(path+".mask", src.Mask, r.elements); err != nil {
		return r, err
	}
	r.caps = compileCaps(src)
	if !r.allow && (len(r.masks) > 0 || r.caps != NoCaps() || r.bulk) {
		return r, &Error{path, "a rule that denies has no mask, rows, subjects, unattributable_rows or bulk", "remove them, or write action: allow"}
	}
	return r, nil
}

func compileWho(path string, src Who) (who, error) {
	w := who{users: src.Users, databases: src.Databases}
	for i, text := range src.Addresses {
		prefix, err := parsePrefix(text)
		if err != nil {
			return w, &Error{fmt.Sprintf("%s.addresses[%d]", path, i),
				fmt.Sprintf("%q is no IP address and no CIDR prefix", text), "write for example 10.0.0.0/8 or 2001:db8::1"}
		}
		w.prefixes = append(w.prefixes, prefix)
	}
	return w, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), nil
}

func checkTables(path string, tables []string) error {
	for i, t := range tables {
		schema, name, ok := strings.Cut(t, ".")
		if t != "*" && (!ok || schema == "" || name == "" || strings.Contains(schema, "*") || (strings.Contains(name, "*") && name != "*")) {
			return &Error{fmt.Sprintf("%s.tables[%d]", path, i),
				fmt.Sprintf("%q is not schema.table, schema.* or *", t), "write for example public.customers"}
		}
	}
	return nil
}

func compileElements(path string, names []string) (element.Mask, error) {
	if len(names) == 0 {
		return 0, &Error{path, "is missing", `list elements such as name and email, or "*" for all`}
	}
	var mask element.Mask
	for i, name := range names {
		if name == "*" {
			mask |= element.MaskOf(element.Kinds()...)
			continue
		}
		k, ok := element.ParseKind(name)
		if !ok {
			return 0, &Error{fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%q is no element", name),
				"write one of " + element.MaskOf(element.Kinds()...).String()}
		}
		mask |= element.MaskOf(k)
	}
	return mask, nil
}

func compileMasks(path string, src map[string]string, elements element.Mask) (map[element.Kind]Method, error) {
	masks := make(map[element.Kind]Method, len(src))
	for name, method := range src {
		k, ok := element.ParseKind(name)
		if !ok || !elements.Has(k) {
			return nil, &Error{path + "." + name, fmt.Sprintf("%q is not an element of this rule", name), "mask only what the rule allows"}
		}
		m := slices.Index(methodNames, method)
		if m <= 0 {
			return nil, &Error{path + "." + name, fmt.Sprintf("%q is no way to mask", method), "write null, stars or last4"}
		}
		masks[k] = Method(m)
	}
	return masks, nil
}

func compileCaps(src *RuleSource) Caps {
	limit := func(n *uint64) Cap {
		if n == nil {
			return Cap{Max: NoLimit}
		}
		return Cap{Max: *n, Rule: src.Name}
	}
	caps := NoCaps()
	if s := src.Rows; s != nil {
		caps.StatementRows, caps.SessionRows, caps.HourRows = limit(s.Statement), limit(s.Session), limit(s.Hour)
	}
	if s := src.Subjects; s != nil {
		caps.StatementSubjects, caps.SessionSubjects, caps.HourSubjects = limit(s.Statement), limit(s.Session), limit(s.Hour)
	}
	caps.UnattributableRows = limit(src.UnattributableRows)
	return caps
}

func compileChannel(path string, src *ChannelSource, names map[string]bool) (channelRule, error) {
	c := channelRule{name: src.Name}
	if err := checkName(path, src.Name, names); err != nil {
		return c, err
	}
	i := slices.Index(channelNames, src.Channel)
	if i <= 0 {
		return c, &Error{path + ".channel", fmt.Sprintf("%q is no channel", src.Channel),
			"write one of " + strings.Join(channelNames[1:], ", ")}
	}
	c.channel = Channel(i)
	if len(src.Users) == 0 {
		return c, &Error{path + ".users", "is missing", "a channel that cannot be attributed is opened for named users only"}
	}
	var err error
	c.who, err = compileWho(path, src.Who)
	return c, err
}

func compileBreakGlass(src *BreakGlassSource) (*breakGlass, error) {
	if src == nil {
		return nil, nil
	}
	longest, err := parseLongest(src.Longest)
	if err != nil {
		return nil, &Error{"break_glass.longest", fmt.Sprintf("%q is no length of time from 1s to 168h", src.Longest), "write for example 2h"}
	}
	people := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(src.Requesters), src.Approvers...))))
	if len(src.Requesters) == 0 || len(src.Approvers) == 0 || len(people) < 2 {
		return nil, &Error{"break_glass", "needs requesters and approvers who are at least two persons", "name a second person"}
	}
	return &breakGlass{src.Requesters, src.Approvers, longest}, nil
}
