package pgproxy

import (
	"cmp"

	"sekisho/internal/wire/pgwire"
)

// Code of somebody's own runs before anything is executed when a type has it:
// the check of a domain in the literal of an array, the input function of a
// type. The server calls it while it parses a statement, and for parameters
// when they are bound. What it says then, and that it says nothing, belongs to
// the Parse or Bind.

// mayInput says that types may have such code: those of the catalogue, or
// those that this session is making.
func (e *engine) mayInput() bool {
	return len(e.g.Protected) > 0 && !e.g.switches.NoInputs && (e.ddl.mark != 0 || e.g.Analyser.Inputs())
}

// inputs says that code may run while the server parses the plan's statement.
func (p *plan) inputs() bool { return p != nil && (p.analysis == nil || p.analysis.Inputs) }

// parsedPlan is a plan of c that is bounded over everything, when code may run
// while the server parses it; else nil. ok is false when the client's message
// must wait.
func (e *engine) parsedPlan(c *command) (p *plan, ok bool) {
	if c.st == nil || c.query == nil || !e.mayInput() {
		return nil, true
	}
	if e.lost != "" {
		return e.g.wideOf(c.shape, "lost"), true
	}
	p, ok = e.plan(c, 0)
	if !ok || !p.inputs() {
		return nil, ok
	}
	return p, true
}

// parses is the execution that stands for what a Parse runs under a parsedPlan;
// nil when there is none.
func (e *engine) parses(s *prepared, p *plan) *execution {
	switch {
	case p != nil:
		x := e.newExecution(s.command.shape)
		x.trace = cmp.Or(s.trace, e.env.trace)
		e.setPlan(x, p)
		e.runs(&s.command, x)
		return x
	case s.command.st == nil && e.env.unsafeEncoding && nonASCII(s.text) && e.mayInput():
		x := e.newExecution(e.g.unknownShape)
		e.setPlan(x, e.g.wideOf(x.shape, "encoding"))
		e.launders(x, launderCode)
		return x
	}
	return nil
}

// parsed counts that a Parse or Bind under which code may have run went well:
// that it said nothing tells too. It returns false when the message must wait.
func (e *engine) parsed(head *expect, t byte) bool {
	switch {
	case t == pgwire.TypeParseComplete && head.kind == expectParse:
	case t == pgwire.TypeBindComplete && head.kind == expectBind:
	default:
		return true
	}
	x := head.exec
	if x == nil || e.discard || x.plan == nil || !x.plan.crosses() || !x.plan.inputs() || !e.mayInput() {
		return true
	}
	if !e.start(x) {
		return e.waitDurably()
	}
	e.errorRow(x)
	return true
}

// spoke says that code raised an error of a message that nothing is executed
// for. Errors of PostgreSQL's own name at most where in a literal they stand.
func spoke(sqlstate string, where []byte) bool {
	if len(sqlstate) < 2 || ofCode(where) || !ofServer(sqlstate) {
		return true
	}
	switch sqlstate[:2] {
	case "P0", "38", "39":
		return true
	case "22":
		return false
	}
	return len(where) > 0
}

// unexecuted says that a message runs nothing that has an execution of its own.
func (k expectKind) unexecuted() bool {
	return k == expectParse || k == expectBind || k == expectDescribeStatement
}
