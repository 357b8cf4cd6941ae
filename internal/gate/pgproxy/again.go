package pgproxy

import "sekisho/internal/policy"

// A statement that turns out to mean something else when its answers come (see
// ahead.go, and describe) has a plan that the policy was not asked about. It is
// asked before anything of the result is released: the wide plan reads
// everything that is protected, and whose rows they are cannot be told. What it
// refuses is cut as in the middle of a result.

// meantFor asks the policy again about a result that is announced, if it turned
// out to be another one. A portal that was not executed yet is not asked about
// twice.
func (e *engine) meantFor(x *execution) {
	if x.again && x.asked {
		e.decideAgain(x)
	}
}

// decideAgain asks the policy about the plan that x turned out to have. It
// returns false when nothing of the result may pass: it was cut. What returns
// no rows has been carried out by the time that it is known, and is reported.
func (e *engine) decideAgain(x *execution) bool {
	x.again = false
	if e.discard || !x.plan.crosses() || e.g.switches.NoAgain {
		return true
	}
	d := e.decide(x, x.bulk())
	if len(d.Masks) > 0 {
		out := d.Unmasked(e.rules().Mode)
		d = &out
	}
	if !x.returns {
		out := d.Done()
		d = &out
	}
	x.verdict = d
	if r := e.act(d, x.shape); r != nil {
		r.what = "the gate's policy ends this statement: it reads something else than when it was sent"
		e.cut(x, r)
		return false
	}
	x.limits.set(d)
	return e.fatal == nil
}

// bulk says which bulk export x would be if it read something protected.
func (x *execution) bulk() policy.Bulk {
	switch {
	case x.kind == policy.Copy:
		return policy.BulkCopy
	case x.kind == policy.Select && x.shape.whole:
		return policy.BulkTable
	}
	return policy.NotBulk
}
