// Package waf decides whether a request or a response is an attack. A first
// look over its values (package sieve) finds the few rules of the OWASP Core
// Rule Set that could match at all; only these are then put before the judge,
// Coraza, one by one, and their anomaly scores are added up. Package
// shape does the same for rules about the whole of a request. Without a candidate no rule
// is run over any value, which is what makes it fast: the cost of a rule set
// is the number of its rules times the number of values.
//
// It opens no connection, writes no log and keeps nothing between requests
// but rules that were compiled.
package waf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"sekisho/internal/waf/crs"
	"sekisho/internal/waf/shape"
)

// Config says how strict an engine is.
type Config struct {
	// Paranoia is the level of the rule set, 1 (default) to 4. Higher levels
	// find more and are wrong more often.
	Paranoia int
	// Threshold is the anomaly score from which a request is an attack,
	// default 5: one critical rule.
	Threshold int
	// ResponseThreshold is that of responses, default 4: one error rule.
	ResponseThreshold int
	// Except are the numbers of rules that do not count.
	Except []int
	// Methods are those that rule 911100 expects of requests, default GET, HEAD,
	// POST and OPTIONS.
	Methods []string
	// Settings are variables of the rule set, for limits that are off unless
	// set: "max_num_args", "arg_name_length", "arg_length", "total_arg_length",
	// "max_file_size", "combined_file_sizes", "crs_validate_utf8_encoding". Bytes
	// and numbers, as the rule set's crs-setup.conf explains.
	Settings map[string]string
}

func (c *Config) defaults() error {
	if c.Paranoia == 0 {
		c.Paranoia = 1
	}
	if c.Threshold == 0 {
		c.Threshold = 5
	}
	if c.ResponseThreshold == 0 {
		c.ResponseThreshold = 4
	}
	if c.Paranoia < 1 || c.Paranoia > 4 {
		return fmt.Errorf("waf: paranoia %d: the rule set has levels 1 to 4", c.Paranoia)
	}
	if c.Methods == nil {
		c.Methods = UsualMethods()
	}
	for _, m := range c.Methods {
		if !methodName.MatchString(m) {
			return fmt.Errorf("waf: %q is no method: it is written like GET", m)
		}
	}
	if c.Threshold < 1 || c.ResponseThreshold < 1 {
		return fmt.Errorf("waf: a threshold of less than 1 would refuse everything")
	}
	return nil
}

// RuleMethods is the rule about methods that are not expected.
const RuleMethods = 911100

// UsualMethods are those that are expected unless others are named.
func UsualMethods() []string { return []string{"GET", "HEAD", "POST", "OPTIONS"} }

// Header is one header field as received.
type Header struct{ Name, Value string }

// Request is a request as the rules see it. It is not changed.
type Request struct {
	// Method, URI (the request target as sent) and Protocol ("HTTP/1.1").
	Method, URI, Protocol string
	// Headers in their order, Host among them.
	Headers []Header
	// Body is as sent, with content encodings taken off.
	Body []byte
	// Client is the address of the client, for rules that name it.
	Client string
}

// Response is the answer to a request.
type Response struct {
	Status  int
	Headers []Header
	// Body is as sent, with content encodings taken off.
	Body []byte
}

// Finding is one rule that matched.
type Finding struct {
	// Rule is its number in the rule set, Message its text; Own says that it is
	// not of the rule set but ours.
	Rule    int
	Message string
	Own     bool
	// Score is what it adds.
	Score int
	// Targets are where it matched: "ARGS:comment". Values are not kept.
	Targets []string
	// Masked is the shape of what matched: "9' xxxxx xxxxxx"; "" if the rule
	// does not say what it was.
	Masked string
}

// Verdict is what an engine thinks of a request or response.
type Verdict struct {
	// Attack says that Score has reached the threshold.
	Attack bool
	Score  int
	// Findings by rule number.
	Findings []Finding
	// Candidates are the rules that the first look put before the judge.
	Candidates []int
}

// Engine is a rule set ready for use by many goroutines.
type Engine struct {
	config Config
	reader *judge // reads requests, runs no rule
	shape  *shape.Rules
	rest   *judge        // the rules that only shape can answer for
	steers map[int][]int // of these, which rules may keep them from being run
	judges map[int]*judge
	first  *looks
}

// New compiles the rule set. It takes some hundred milliseconds and some ten
// megabytes.
func New(config Config) (*Engine, error) {
	if err := config.defaults(); err != nil {
		return nil, err
	}
	table, err := crs.Embedded()
	if err != nil {
		return nil, err
	}
	rules, err := parsedRules()
	if err != nil {
		return nil, err
	}
	set, err := cut(config, rules)
	if err != nil {
		return nil, err
	}
	if set.version != table.Version {
		return nil, fmt.Errorf("waf: the table is of %s, the rule set is %s: run go generate ./internal/waf/crs", table.Version, set.version)
	}
	var searches []crs.Search
	e := &Engine{config: config, reader: newJudge(set.reading), judges: map[int]*judge{}}
	for _, s := range table.Searches {
		if s.Paranoia > config.Paranoia || slices.Contains(config.Except, s.ID) {
			continue
		}
		searches = append(searches, s)
		e.judges[s.ID] = newJudge(set.only(s.ID))
	}
	e.first = newLooks(searches)
	return e, errors.Join(e.reader.compile(), e.about(set, table))
}

// about prepares the rules about a request as a whole.
func (e *Engine) about(set *set, table *crs.Table) (err error) {
	rest := table.Rest
	for _, r := range set.rules {
		if prepares(r) {
			rest = append(slices.Clip(rest), r.ID)
		}
	}
	if e.shape, err = set.outline(rest); err != nil {
		return err
	}
	e.steers = set.steering(rest)
	e.rest = newJudge(set.only(rest...))
	return e.rest.compile()
}

// Allowing returns an engine like e that expects other methods. Both share the
// rules about values, to which the method is nothing.
func (e *Engine) Allowing(methods []string) (*Engine, error) {
	made := *e
	made.config.Methods = methods
	if err := made.config.defaults(); err != nil {
		return nil, err
	}
	table, err := crs.Embedded()
	if err != nil {
		return nil, err
	}
	rules, err := parsedRules()
	if err != nil {
		return nil, err
	}
	set, err := cut(made.config, rules)
	if err != nil {
		return nil, err
	}
	return &made, made.about(set, table)
}

// Request looks at a request.
func (e *Engine) Request(r *Request) (Verdict, error) {
	tx, err := e.reader.begin(r)
	if err != nil {
		return Verdict{}, err
	}
	defer tx.Close()
	v := Verdict{}
	v.add(tx, nil) // who reads counts nothing
	vars := tx.(plugintypes.TransactionState).Variables()
	if open := e.shape.Open(&outlined{of: vars}); len(open) > 0 {
		if err := e.askRest(&v, r, open); err != nil {
			return v, err
		}
	}
	v.Candidates = e.first.request(vars)
	if err := e.ask(&v, r, nil, requestScore); err != nil {
		return v, err
	}
	v.Attack = v.Score >= e.config.Threshold
	if h := hidden(vars); h != nil && !v.Attack {
		return v, e.unhide(&v, h)
	}
	return v, nil
}

// askRest puts a request before the judge for which rules about the whole of
// it are open.
func (e *Engine) askRest(v *Verdict, r *Request, open []shape.Open) error {
	tx, err := e.rest.begin(r)
	if err != nil {
		return err
	}
	defer tx.Close()
	v.add(tx, requestScore)
	e.learn(open, tx)
	return nil
}

// unhide judges what the values of a request may become. Alone it has to
// reach the threshold.
func (e *Engine) unhide(v *Verdict, h *Request) error {
	tx, err := e.reader.begin(h)
	if err != nil {
		return err
	}
	defer tx.Close()
	u := Verdict{Candidates: e.first.request(tx.(plugintypes.TransactionState).Variables())}
	if err := e.ask(&u, h, nil, requestScore); err != nil {
		return err
	}
	if u.Score < e.config.Threshold {
		return nil
	}
	v.Attack, v.Score = true, v.Score+u.Score
	for _, f := range u.Findings {
		f.Targets = []string{"DECODED"}
		v.Findings = append(v.Findings, f)
	}
	return nil
}

// Response looks at the answer to a request.
func (e *Engine) Response(r *Request, a *Response) (Verdict, error) {
	v := Verdict{Candidates: e.first.response(a.Body)}
	if err := e.ask(&v, r, a, responseScore); err != nil {
		return v, err
	}
	v.Attack = v.Score >= e.config.ResponseThreshold
	return v, nil
}

// ask puts the candidates before the judge.
func (e *Engine) ask(v *Verdict, r *Request, a *Response, names scores) error {
	for _, id := range v.Candidates {
		if err := e.askOne(v, id, r, a, names); err != nil {
			return err
		}
	}
	slices.SortFunc(v.Findings, func(a, b Finding) int { return a.Rule - b.Rule })
	return nil
}

func (e *Engine) askOne(v *Verdict, id int, r *Request, a *Response, names scores) error {
	tx, err := e.judges[id].begin(r)
	if err != nil {
		return err
	}
	defer tx.Close()
	if a != nil {
		if err := answer(tx, a); err != nil {
			return err
		}
	}
	v.add(tx, names)
	return nil
}

// add takes over the score and the findings of a judge.
func (v *Verdict) add(tx types.Transaction, names scores) {
	added, known := scoreOf(tx, names), len(v.Findings)
	v.Score += added
	for _, m := range tx.MatchedRules() {
		same := func(f Finding) bool { return f.Rule == m.Rule().ID() }
		if m.Rule().Severity() < 0 || m.Message() == "" || slices.ContainsFunc(v.Findings, same) {
			continue
		}
		f := Finding{Rule: m.Rule().ID(), Message: m.Message(), Own: m.Rule().ID() >= crs.Own, Score: severityScore(m.Rule().Severity()), Masked: masked(m.Data())}
		for _, d := range m.MatchedDatas() {
			target := d.Variable().Name()
			if d.Key() != "" {
				target += ":" + d.Key()
			}
			if !slices.Contains(f.Targets, target) {
				f.Targets = append(f.Targets, target)
			}
		}
		slices.Sort(f.Targets) // the judge takes them from a map
		v.Findings = append(v.Findings, f)
	}
	if len(v.Findings) == known+1 {
		v.Findings[known].Score = added // a rule counts each time it matches
	}
}

// Without returns a verdict without the targets of findings that are excepted.
func (e *Engine) Without(v Verdict, excepted func(rule int, target string) bool) Verdict {
	left := Verdict{Score: v.Score, Candidates: v.Candidates}
	for _, f := range v.Findings {
		kept := f
		kept.Targets = slices.DeleteFunc(slices.Clone(f.Targets), func(t string) bool { return excepted(f.Rule, t) })
		kept.Score = f.Score * len(kept.Targets) / max(1, len(f.Targets))
		if left.Score -= f.Score - kept.Score; len(kept.Targets) > 0 {
			left.Findings = append(left.Findings, kept)
		}
	}
	left.Score = max(0, left.Score)
	left.Attack = v.Attack && left.Score >= e.config.Threshold
	return left
}
