package lineage

import (
	"slices"

	"sekisho/internal/lineage/nodetree"
)

// sequenceOf returns the sequence of a call of nextval that names it by a
// constant, 0 for other calls.
func (a *analyser) sequenceOf(n *nodetree.Node) OID {
	fn := a.cat.Functions[OID(a.int(n, "funcid"))]
	if fn == nil || !fn.Moves || fn.bare != "nextval" || fn.OID >= firstUserOID {
		return 0
	}
	args := a.list(n, "args")
	if len(args) != 1 || args[0].Kind != nodetree.Struct || args[0].Node.Type != "CONST" || a.bool(args[0].Node, "constisnull") {
		return 0
	}
	bytes := a.get(args[0].Node, "constvalue").Ints // a Datum of 8 bytes, as the server's machine writes it
	if len(bytes) < 4 {
		return 0
	}
	seq := OID(0)
	for i := range 4 {
		seq |= OID(byte(bytes[i])) << (8 * i)
	}
	if r := a.cat.Relations[seq]; r == nil || r.Kind != 'S' {
		return 0
	}
	return seq
}

// draw notes that a sequence is moved, and returns what its number tells.
func (a *analyser) draw(lv *level, seq OID) flow {
	a.stored = true
	a.effected++
	r := a.cat.Relations[seq]
	if r == nil {
		a.moves = true
		return flow{}
	}
	a.drawn = append(a.drawn, seq)
	if r.Protected == nil {
		return flow{}
	}
	return a.readSequences(lv, []*Relation{r})
}

// readSequences makes entries for sequences whose numbers tell of somebody.
func (a *analyser) readSequences(lv *level, list []*Relation) (f flow) {
	if lv == nil {
		a.fail("function")
	}
	for _, r := range list {
		e := a.newEntry(r, nil, nil)
		a.entries[e].widen("sequence")
		lv.knows = append(lv.knows, &know{entry: e, optional: true, terms: map[term]bool{}})
		f.refs = append(f.refs, ref{entry: e, att: 1})
	}
	return f
}

// sequences are those whose numbers tell how many rows a condition over
// protected columns chose. Of a statement that was not read to its end all
// that it has seen counts.
func (a *analyser) sequences(opaque bool) (out []Write) {
	for _, e := range a.entries {
		m := e.prot.Carried[Presence].Elements
		for att := range e.pred {
			m |= e.prot.Of(att)
		}
		if opaque {
			for _, c := range e.rel.Columns {
				m |= e.prot.Of(c.Num)
			}
		}
		if m == 0 {
			continue
		}
		for _, seq := range a.drawn {
			r := a.cat.Relations[seq]
			i := slices.IndexFunc(out, func(w Write) bool { return w.Rel == seq })
			if i < 0 {
				out = append(out, Write{Rel: seq, Table: a.place(r), Op: "sequence"})
				i = len(out) - 1
			}
			out[i].Rows |= m
			out[i].RowsFrom = appendPlaces(out[i].RowsFrom, a.bounds(e))
		}
	}
	return out
}
