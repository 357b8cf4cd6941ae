package policy

import (
	"errors"
	"fmt"
	"maps"
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

// Compile checks a policy, compiles it and runs its tests. The error joins an *Error
// for each place that is wrong, or for each test that does not hold.
func Compile(src *Source) (*Policy, error) {
	p := &Policy{generation: src.Generation, digest: src.digest(), purposes: src.Purposes}
	var wrong []error
	if src.Generation == 0 {
		wrong = append(wrong, &Error{"generation", "is missing or 0", "write generation: 1, and raise it with every change"})
	}
	var err error
	p.allow, err = allowOrDeny("default", src.Default, false)
	wrong = append(wrong, err)
	names := map[string]bool{}
	for i := range src.Rules {
		r, err := compileRule(fmt.Sprintf("rules[%d]", i), &src.Rules[i], src.Purposes, names)
		p.rules, wrong = append(p.rules, r), append(wrong, err)
	}
	for i := range src.Channels {
		c, err := compileChannel(fmt.Sprintf("channels[%d]", i), &src.Channels[i], names)
		p.channels, wrong = append(p.channels, c), append(wrong, err)
	}
	p.breakGlass, err = compileBreakGlass(src.BreakGlass)
	if err := errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	for _, failed := range p.RunTests(src.Tests) {
		wrong = append(wrong, failed)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
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
	r := rule{name: src.Name, tables: src.Tables, purpose: src.Purpose, caps: compileCaps(src)}
	wrong := []error{checkName(path, src.Name, names), checkTables(path, src.Tables)}
	see := func(err error) { wrong = append(wrong, err) }
	var noElements, noAction, err error
	r.who, err = compileWho(path, src.Who)
	see(err)
	r.elements, noElements = compileElements(path+".elements", src.Elements)
	see(noElements)
	if r.allow, noAction = allowOrDeny(path+".action", src.Action, false); src.Action == "" {
		noAction = &Error{path + ".action", "is missing", "write allow or deny"}
	}
	see(noAction)
	if _, ok := purposes[src.Purpose]; src.Purpose != "" && !ok {
		see(&Error{path + ".purpose", fmt.Sprintf("purpose %q is not declared", src.Purpose), "declare it under purposes"})
	}
	r.bulk, err = allowOrDeny(path+".bulk", src.Bulk, false)
	see(err)
	if noElements == nil { // what a mask is of is known
		r.masks, err = compileMasks(path+".mask", src.Mask, r.elements)
		see(err)
	}
	if noAction == nil && !r.allow && (len(src.Mask) > 0 || r.caps != NoCaps() || r.bulk) {
		see(&Error{path, "a rule that denies has no mask, rows, subjects, unattributable_rows or bulk", "remove them, or write action: allow"})
	}
	return r, errors.Join(wrong...)
}

func compileWho(path string, src Who) (who, error) {
	w := who{users: src.Users, databases: src.Databases}
	var wrong []error
	for i, text := range src.Addresses {
		prefix, err := parsePrefix(text)
		if err != nil {
			wrong = append(wrong, &Error{fmt.Sprintf("%s.addresses[%d]", path, i),
				fmt.Sprintf("%q is no IP address and no CIDR prefix", text), "write for example 10.0.0.0/8 or 2001:db8::1"})
		}
		w.prefixes = append(w.prefixes, prefix)
	}
	return w, errors.Join(wrong...)
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
	var wrong []error
	for i, t := range tables {
		schema, name, ok := strings.Cut(t, ".")
		if t != "*" && (!ok || schema == "" || name == "" || strings.Contains(schema, "*") || (strings.Contains(name, "*") && name != "*")) {
			wrong = append(wrong, &Error{fmt.Sprintf("%s.tables[%d]", path, i),
				fmt.Sprintf("%q is not schema.table, schema.* or *", t), "write for example public.customers"})
		}
	}
	return errors.Join(wrong...)
}

func compileElements(path string, names []string) (element.Mask, error) {
	if len(names) == 0 {
		return 0, &Error{path, "is missing", `list elements such as name and email, or "*" for all`}
	}
	var mask element.Mask
	var wrong []error
	for i, name := range names {
		k, ok := element.ParseKind(name)
		switch {
		case name == "*":
			mask |= element.MaskOf(element.Kinds()...)
		case ok:
			mask |= element.MaskOf(k)
		default:
			wrong = append(wrong, &Error{fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%q is no element", name),
				"write one of " + element.MaskOf(element.Kinds()...).String()})
		}
	}
	return mask, errors.Join(wrong...)
}

func compileMasks(path string, src map[string]string, elements element.Mask) (map[element.Kind]Method, error) {
	masks := make(map[element.Kind]Method, len(src))
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(src)) {
		k, ok := element.ParseKind(name)
		m := slices.Index(methodNames, src[name])
		switch {
		case !ok || !elements.Has(k):
			wrong = append(wrong, &Error{path + "." + name, fmt.Sprintf("%q is not an element of this rule", name), "mask only what the rule allows"})
		case m <= 0:
			wrong = append(wrong, &Error{path + "." + name, fmt.Sprintf("%q is no way to mask", src[name]), "write null, stars or last4"})
		}
		masks[k] = Method(m)
	}
	return masks, errors.Join(wrong...)
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
	i := slices.Index(channelNames, src.Channel)
	c := channelRule{name: src.Name, channel: Channel(i)}
	wrong := []error{checkName(path, src.Name, names)}
	if i <= 0 {
		wrong = append(wrong, &Error{path + ".channel", fmt.Sprintf("%q is no channel", src.Channel),
			"write one of " + strings.Join(channelNames[1:], ", ")})
	}
	if len(src.Users) == 0 {
		wrong = append(wrong, &Error{path + ".users", "is missing", "a channel that cannot be attributed is opened for named users only"})
	}
	var err error
	c.who, err = compileWho(path, src.Who)
	return c, errors.Join(append(wrong, err)...)
}

func compileBreakGlass(src *BreakGlassSource) (*breakGlass, error) {
	if src == nil {
		return nil, nil
	}
	var wrong []error
	longest, err := parseLongest(src.Longest)
	if err != nil {
		wrong = append(wrong, &Error{"break_glass.longest", fmt.Sprintf("%q is no length of time from 1s to 168h", src.Longest), "write for example 2h"})
	}
	people := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(src.Requesters), src.Approvers...))))
	if len(src.Requesters) == 0 || len(src.Approvers) == 0 || len(people) < 2 {
		wrong = append(wrong, &Error{"break_glass", "needs requesters and approvers who are at least two persons", "name a second person"})
	}
	return &breakGlass{src.Requesters, src.Approvers, longest}, errors.Join(wrong...)
}
