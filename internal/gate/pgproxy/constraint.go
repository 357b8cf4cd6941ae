package pgproxy

import (
	"bytes"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// testsRows says that a schema change succeeds only if every row of its table
// meets a condition: that it does tells of all of them.
func testsRows(canon []byte) bool {
	switch {
	case hasWord(canon, "trigger", "rule", "policy"):
		return false
	case hasWord(canon, "validate", "attach", "unique", "primary", "foreign", "exclude", "check", "references"):
		return true
	}
	return hasWord(canon, "set") && hasWord(canon, "not") && hasWord(canon, "null") || hasWord(canon, "using") && hasWord(canon, "type")
}

// tested is the plan of a schema change that tests rows: bounded over whom its
// table holds, nil when there is nobody. ok is false when the client's message
// must wait.
func (e *engine) tested(c *command) (p *plan, ok bool) {
	if bytes.HasPrefix(c.st.Canon, []byte("alter domain ")) && testsRows(c.st.Canon) { // of every table that has it
		return e.g.wideOf(c.shape, "constraint"), true
	}
	if c.query == nil {
		return nil, true
	}
	if e.ddl.mark != 0 { // what the table is by now is not known: its name must do
		if e.ddl.moved {
			return e.g.wideOf(c.shape, "constraint"), true
		}
		name := string(sqlscan.AppendName(nil, c.sql, c.st.Target))
		for i := range e.g.Protected {
			if sameTable(e.g.relation(e.g.Protected[i].Table), name) {
				return e.g.wideOf(c.shape, "constraint"), true
			}
		}
		return nil, true
	}
	p, ok = e.plan(c, variantExplain)
	if !ok || p.opaque != "" || !p.crosses() {
		return p, ok
	}
	q := &plan{shape: p.shape, always: true}
	for _, t := range p.parts {
		t.class, t.reason, t.numbers, t.entry = event.Bounded, "constraint", nil, -1
		q.bounded = append(q.bounded, len(q.parts))
		q.parts = append(q.parts, t)
	}
	return q, true
}
