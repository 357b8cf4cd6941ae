package exit

import (
	"fmt"
	"net/netip"
	"time"
)

// testTime is a Monday, noon in Japan.
var testTime = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

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

// expected are the words for actions in tests.
var expected = map[Action]string{Allow: "accept", Flag: "report", Refuse: "deny"}

func (p *Policy) runTest(path string, t *TestSource) *Error {
	r, err := t.Request()
	if err != nil {
		err.Path = path + "." + err.Path
		return err
	}
	if t.Expect != "accept" && t.Expect != "report" && t.Expect != "deny" {
		return &Error{path + ".expect", fmt.Sprintf("%q is not accept, report or deny", t.Expect), "write accept, report or deny"}
	}
	d := p.Decide(r, nil)
	switch got := expected[d.Action]; {
	case got != t.Expect:
		return &Error{path, fmt.Sprintf("test %q expects %s, the rules say %s (rule %q: %s)", t.Name, t.Expect, got, d.Rule, d.Reason),
			"correct the rules, or the test"}
	case t.Rule != "" && t.Rule != d.Rule:
		return &Error{path + ".rule", fmt.Sprintf("test %q expects rule %q, rule %q decided", t.Name, t.Rule, d.Rule), "correct the rules, or the test"}
	}
	return nil
}

// Request is the request that a case describes. The path of the error is
// relative to the case.
func (t *TestSource) Request() (*Request, *Error) {
	r := &Request{Certificate: t.Certificate, User: t.User, Method: t.Method, Now: testTime}
	var err error
	if r.Client, err = netip.ParseAddr(t.Client); err != nil {
		return nil, &Error{"client", fmt.Sprintf("%q is no IP address", t.Client), "write for example 10.0.0.5"}
	}
	if r.Target, err = ParseTarget(t.To, 443); err != nil {
		return nil, &Error{"to", err.Error(), "write for example www.example.jp:443"}
	}
	if t.Address != "" {
		if r.Address, err = netip.ParseAddr(t.Address); err != nil {
			return nil, &Error{"address", fmt.Sprintf("%q is no IP address", t.Address), "write for example 198.51.100.7"}
		}
	}
	if t.At != "" {
		if r.Now, err = time.Parse(time.RFC3339, t.At); err != nil {
			return nil, &Error{"at", fmt.Sprintf("%q is no time", t.At), "write for example 2026-11-22T09:00:00+09:00"}
		}
	}
	return r, nil
}
