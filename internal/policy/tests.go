package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// RunTests runs the cases of a policy against it and returns one Error for
// each that does not hold, with its path "tests[i]".
func (p *Policy) RunTests(tests []TestSource) []*Error {
	var failed []*Error
	for i := range tests {
		if err := p.runTest(fmt.Sprintf("tests[%d]", i), &tests[i]); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

func (p *Policy) runTest(path string, t *TestSource) *Error {
	r, err := t.Request()
	if err != nil {
		err.Path = path + "." + err.Path
		return err
	}
	if t.Expect != "accept" && t.Expect != "deny" {
		return &Error{path + ".expect", fmt.Sprintf("%q is neither accept nor deny", t.Expect), "write accept or deny"}
	}
	d := p.Decide(r)
	got := "accept"
	if d.Refused() {
		got = "deny"
	}
	switch {
	case got != t.Expect:
		return &Error{path, fmt.Sprintf("test %q expects %s, the rules say %s (rule %q: %s)", t.Name, t.Expect, got, d.Rule, d.Reason),
			"correct the rules, or the test"}
	case t.Rule != "" && t.Rule != d.Rule:
		return &Error{path + ".rule", fmt.Sprintf("test %q expects rule %q, rule %q decided", t.Name, t.Rule, d.Rule), "correct the rules, or the test"}
	}
	return checkTestMasks(path, t, &d, r)
}

func checkTestMasks(path string, t *TestSource, d *Decision, r Request) *Error {
	for name, want := range t.Mask {
		mask, err := compileElements("mask", []string{name})
		if err != nil {
			return &Error{path + ".mask", fmt.Sprintf("%q is no element", name), "name an element"}
		}
		if got := d.Mask(t.Table, mask); got.String() != want {
			return &Error{path + ".mask." + name, fmt.Sprintf("test %q expects %s to be %s, it is %s", t.Name, name, want, got),
				"correct the rules, or the test"}
		}
	}
	return nil
}

// Request returns the request that a case describes, in enforce mode, at the
// zero time and without grants. The path of the error is relative to the case.
func (t *TestSource) Request() (Request, *Error) {
	r := Request{User: t.User, Database: t.Database, Mode: Enforce, Attributable: !t.Unattributable, Now: time.Time{}}
	var err error
	if r.Address, err = netip.ParseAddr(t.Address); err != nil {
		return r, &Error{"address", fmt.Sprintf("%q is no IP address", t.Address), "write for example 10.0.0.5"}
	}
	words := []struct {
		path, text string
		names      []string
		set        func(int)
	}{
		{"statement", t.Statement, statementNames, func(i int) { r.Statement = max(Statement(i), Select) }},
		{"bulk", t.Bulk, bulkNames, func(i int) { r.Bulk = Bulk(i) }},
		{"channel", t.Channel, append([]string{""}, channelNames[1:]...), func(i int) { r.Channel = Channel(i) }},
	}
	for _, w := range words {
		i := slices.Index(w.names, w.text)
		if i < 0 {
			return r, &Error{w.path, fmt.Sprintf("%q is not known", w.text), fmt.Sprintf("write one of %q", w.names[1:])}
		}
		w.set(i)
	}
	if t.Table == "" && len(t.Elements) == 0 {
		return r, nil
	}
	mask, err := compileElements("elements", t.Elements)
	if err != nil {
		var first *Error
		errors.As(err, &first)
		return r, first
	}
	r.Reads = []Read{{t.Table, mask}}
	return r, nil
}
