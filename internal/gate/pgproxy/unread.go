package pgproxy

import (
	"slices"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
)

// unread are the taints of a write that was not analysed: it reads a temporary
// table, calls code, or its meaning is not sure. It may move anything into the
// relations that it names, and from what rests there itself into other columns;
// foreign keys, sequences and views carry that on.
func (e *engine) unread(c *command, p *plan) (out []Taint) {
	st, sql := c.st, c.sql
	switch {
	case c.through != nil && c.through.command.query != nil:
		st, sql = c.through.command.query, c.through.command.querySQL
	case c.query != nil:
		st, sql = c.query, c.querySQL
	}
	moves := hasWord(st.Canon, "select", "using", "table", "with")
	calls := callsCode(st.Canon) || c.through != nil && c.expression()
	named := true
	switch st.Kind {
	case sqlscan.Update:
		moves = moves || hasWord(st.Canon, "from")
	case sqlscan.Insert, sqlscan.Delete, sqlscan.Merge:
	default:
		if !st.Flags.Has(sqlscan.ModifyingCTE) {
			return nil
		}
		named = false
	}
	if e.env.setting { // a default may read it
		moves = true
	}
	if k := e.codeOf(c); !moves && k != nil && !k.code.Reads { // functions that read nothing of anybody's
		calls = false
	}
	anything := moves || calls
	var t Taint
	known := e.spelt(st.Canon, anything, &out)
	t.Elements = e.g.elementsOf()
	for _, q := range p.parts {
		t.From, t.Source = appendPlace(t.From, q.table), q.source
	}
	if !known && e.ddl.made.Carries && (anything || len(e.pending()) > 0) {
		for _, t.Table = range e.ddl.made.Places {
			out = append(out, t)
		}
	}
	if !named || st.Target.Empty() {
		return out
	}
	t.Table = e.g.place(string(sqlscan.AppendName(nil, sql, st.Target)), e.env.now)
	if !anything && (known || !e.ddl.moved && !slices.Contains(e.pending(), t.Table)) {
		return out
	}
	return append(out, t)
}

// made is what the transaction under way made, which the catalogue does not show
// yet.
type made struct {
	Places []event.Place // relations that it made or changed
	// Views are the texts that made views, or gave relations other names.
	Views string
	// Carries says that what is written to one relation may be found in another:
	// there are views, or foreign keys that act.
	Carries bool
}

// maxMade bounds what is known of one transaction's relations, and the bytes of
// the texts of its views.
const (
	maxMade      = 10_000
	maxMadeTexts = 1 << 20
)

// note adds a change of the schema; false: there is no room.
func (m *made) note(places []event.Place, canon []byte) bool {
	if len(m.Places) >= maxMade || len(m.Views)+len(canon) > maxMadeTexts {
		return false
	}
	m.Places = append(m.Places, places...)
	switch {
	case hasWord(canon, "view", "rename"):
		m.Carries = true
		m.Views += string(canon) + "; "
	case hasWord(canon, "references", "foreign"):
		m.Carries = m.Carries || hasWord(canon, "cascade") || hasWord(canon, "set") && hasWord(canon, "null", "default")
	}
	return true
}

// spelt adds what the words of a write tell of what it writes; anything says that
// it may come from anywhere. It returns false when they do not tell all.
func (e *engine) spelt(canon []byte, anything bool, out *[]Taint) (known bool) {
	if !e.readable(canon) {
		return false
	}
	req := lineage.CodeRequest{Text: string(canon), Own: true, Tainted: anything, Pending: e.pending(), Views: e.ddl.made.Views}
	if env := e.env.sure(); env != nil && e.env.opaque == 0 {
		req.Schemas = env.schemas()
	}
	code := e.g.Analyser.Code(req)
	if code == nil {
		return false
	}
	for i := range code.Writes {
		*out = e.appendTaints(*out, &code.Writes[i])
	}
	return code.Unknown == ""
}

// pending are the relations that are about to be protected.
func (e *engine) pending() (list []event.Place) {
	for _, t := range slices.Concat(e.g.unprotected(), e.tainting) {
		list = appendPlace(list, t.Table)
	}
	return list
}
