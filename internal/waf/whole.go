package waf

import (
	"fmt"
	"slices"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/seclang"
)

// Oracle is the whole rule set run by the judge over everything, without a
// first look: what an [Engine] has to agree with. It serves tests and the
// evaluation.
type Oracle struct {
	config Config
	judge  *judge
}

// Whole compiles the oracle of a configuration.
func Whole(config Config) (*Oracle, error) {
	rules, err := parsedRules()
	if err != nil {
		return nil, err
	}
	return oracle(config, rules)
}

// Published compiles the rule set as its authors publish it, without our
// corrections: what the field runs.
func Published(config Config) (*Oracle, error) {
	rules, err := crs.Published(coreruleset.FS)
	if err != nil {
		return nil, err
	}
	return oracle(config, rules)
}

func oracle(config Config, rules []*seclang.Rule) (*Oracle, error) {
	if err := config.defaults(); err != nil {
		return nil, err
	}
	set, err := cut(config, rules)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(strings.Replace(set.prelude, "LISTS", set.lists(), 1))
	for _, r := range set.rules {
		if serves(r) {
			continue
		}
		switch {
		case r.Marker != "":
			fmt.Fprintf(&b, "SecMarker %q\n", r.Marker)
		default:
			b.WriteString(files.ReplaceAllString(r.Text, "@pmFromFile @owasp_crs/$1") + "\n")
		}
	}
	o := &Oracle{config: config, judge: newJudge(b.String())}
	return o, o.judge.compile()
}

// Request judges a request.
func (o *Oracle) Request(r *Request) (Verdict, error) {
	tx, err := o.judge.begin(r)
	if err != nil {
		return Verdict{}, err
	}
	defer tx.Close()
	v := Verdict{}
	v.add(tx, requestScore)
	slices.SortFunc(v.Findings, func(a, b Finding) int { return a.Rule - b.Rule })
	v.Attack = v.Score >= o.config.Threshold
	return v, nil
}

// Response judges the answer to a request; findings of the request are left
// out.
func (o *Oracle) Response(r *Request, a *Response) (Verdict, error) {
	tx, err := o.judge.begin(r)
	if err != nil {
		return Verdict{}, err
	}
	defer tx.Close()
	if err := answer(tx, a); err != nil {
		return Verdict{}, err
	}
	v := Verdict{}
	v.add(tx, responseScore)
	v.Findings = slices.DeleteFunc(v.Findings, func(f Finding) bool { return f.Rule < 950000 })
	slices.SortFunc(v.Findings, func(a, b Finding) int { return a.Rule - b.Rule })
	v.Attack = v.Score >= o.config.ResponseThreshold
	return v, nil
}
