package lineage

import (
	"fmt"
	"slices"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/lineage/nodetree"
)

// finish turns a top query's result into its Analysis.
func (a *analyser) finish(res result) *Analysis {
	for _, c := range res.cols {
		a.blur(c.flow)
	}
	switch {
	case a.figures && len(a.entries)+len(a.writes) > 0:
		a.fail("catalogue")
	case a.figures:
		a.fail(ofFigures)
	}
	if len(res.control.refs) > 0 {
		a.fail("tree: control") // a predicate nobody judged
	}
	out := &Analysis{Writes: a.writes, Unclassified: a.places()}
	aggregate, direct := false, false
	for _, c := range res.cols {
		col := Column{Rel: c.rel, Att: c.att, Name: c.name}
		for _, r := range c.flow.refs {
			m := a.elements(r)
			if m == 0 {
				continue
			}
			col.Elements |= m
			if !slices.Contains(col.Entries, r.entry) {
				col.Entries = append(col.Entries, r.entry)
			}
			a.entries[r.entry].out[r.att] = true
			aggregate, direct = aggregate || r.agg, direct || !r.agg
		}
		if len(c.own) > 0 {
			col.Key = a.entries[c.own[0]].prot.Source
		}
		out.Columns = append(out.Columns, col)
	}
	if a.opt.Explain {
		a.explain(out)
	}
	crossing := false
	for _, e := range a.entries {
		crossing = crossing || len(e.out) > 0 || len(e.pred) > 0
	}
	if !crossing {
		out.Bare = true
		return out
	}
	out.Aggregate = aggregate && !direct
	ks := map[int]*know{}
	for _, k := range res.knows {
		ks[k.entry] = k
	}
	for i := range a.entries {
		out.Entries = append(out.Entries, a.entry(i, ks, res))
	}
	a.unions(out)
	a.identifiers(out, res)
	out.Predicate = a.predicate
	for i, e := range out.Entries {
		if e.KeyBy == KeyNone {
			for att := range a.entries[i].pred {
				out.Predicate |= a.entries[i].prot.Of(att)
			}
		}
	}
	a.dropAside(out)
	return out
}

// dropAside leaves out the entries whose rows go nowhere and decide nothing.
func (a *analyser) dropAside(out *Analysis) {
	to := make([]int, len(a.entries))
	var kept []Entry
	for i, e := range a.entries {
		to[i] = len(kept)
		if !e.aside || len(e.out) > 0 || len(e.pred) > 0 {
			kept = append(kept, out.Entries[i])
		}
	}
	out.Entries = kept
	if len(kept) < len(a.entries) {
		a.inject = nil // only plain SELECTs have candidates
	}
	for _, c := range out.Columns {
		for i := range c.Entries {
			c.Entries[i] = to[c.Entries[i]]
		}
	}
}

// explain makes every flow a condition: a plan shows counts and constants, no
// column.
func (a *analyser) explain(out *Analysis) {
	for _, e := range a.entries {
		e.widen("explain")
		for att := range e.out {
			e.pred[att] = true
		}
		e.out = map[int16]bool{}
	}
	out.Columns = nil
}

// entry resolves how the subjects of an entry's rows are known.
func (a *analyser) entry(i int, ks map[int]*know, res result) Entry {
	e := a.entries[i]
	out := Entry{
		Rel: e.rel.OID, Table: a.place(e.rel), Source: e.prot.Source, Identifier: -1,
		Whole: e.whole, Bound: a.bounds(e),
	}
	for att := range e.out {
		out.Elements |= e.prot.Of(att)
	}
	for att := range e.pred {
		out.Elements |= e.prot.Of(att)
	}
	if a.carried(e, &out) {
		return out
	}
	k := ks[i]
	e.sided = k == nil || k.sided
	by, ordinal, keyType, reason := a.key(i, k, ks, res)
	switch {
	case e.prot.Source == "" && by != KeyNone:
		out.Reason = "no source"
	case e.wide == "" && by != KeyNone && (k == nil || !k.contained):
		out.KeyBy, out.Ordinal, out.KeyType = by, ordinal, keyType
	case e.wide != "":
		out.Reason = e.wide
		if e.wide == "on conflict" || a.opt.Explain {
			break // the row may be new, or is not shown: nobody's was read
		}
		out.ConfirmBy, out.ConfirmOrdinal, out.ConfirmType = by, ordinal, keyType
	case k != nil && k.contained:
		out.Reason = "predicate"
		out.ConfirmBy, out.ConfirmOrdinal, out.ConfirmType = by, ordinal, keyType
		if p := k.param(); p > 0 && !k.optional && !k.branch && !k.sided {
			out.ConfirmBy, out.ConfirmOrdinal, out.ConfirmType = KeyParam, p, a.paramTypes[p]
			out.Pinned = true
		}
	default:
		out.Reason = reason
	}
	return out
}

// carried says that what reaches the result of e may be of others than its
// rows' subjects: no key names them.
func (a *analyser) carried(e *entry, out *Entry) bool {
	found := false
	for att, c := range e.prot.Carried {
		if !e.out[att] && !e.pred[att] {
			continue
		}
		for _, place := range c.From {
			if !slices.Contains(out.Bound, place) {
				out.Bound = append(slices.Clone(out.Bound), place)
			}
		}
		if c.Stored {
			e.widen("predicate")
			continue
		}
		found = true
	}
	if found {
		e.wide, e.whole, out.Whole, out.Reason = "others' values", false, false, "others' values"
	}
	return found
}

// key finds the key of an entry's row in a delivered row:
//
//	a column that is the key straight (NULL when the row is absent);
//	for a row that is always there, any column or parameter that equals it;
//	for one that may be absent, only what is also the key of another entry of
//	the same source, so that the subject named is in the row in any case.
func (a *analyser) key(i int, k *know, ks map[int]*know, res result) (by KeyBy, ordinal int, keyType OID, reason string) {
	e := a.entries[i]
	switch {
	case e.prot.Key == 0:
		return KeyNone, 0, 0, "no key"
	case k == nil:
		return KeyNone, 0, 0, "key not in result"
	}
	away := k.optional || k.branch || k.sided
	for c, col := range res.cols {
		if !k.sided && slices.Contains(col.own, i) {
			return KeyColumn, c, col.typ, ""
		}
	}
	for c, col := range res.cols {
		if !k.terms[term{att: c + 1}] {
			continue
		}
		if !away {
			return KeyColumn, c, col.typ, ""
		}
		for _, o := range col.own {
			if o != i && a.entries[o].prot.Source == e.prot.Source {
				return KeyColumn, c, col.typ, ""
			}
		}
	}
	for t := range k.terms {
		if t.param == 0 {
			continue
		}
		if !away {
			return KeyParam, k.param(), a.paramTypes[k.param()], ""
		}
		for j, other := range ks {
			if j != i && !other.optional && !other.branch && !other.sided && other.terms[t] && a.entries[j].prot.Source == e.prot.Source {
				return KeyParam, t.param, a.paramTypes[t.param], ""
			}
		}
	}
	if away && k.why != "" {
		return KeyNone, 0, 0, k.why
	}
	return KeyNone, 0, 0, "key not in result"
}

// unions keeps the keys of a UNION's entries only if all branches show the
// same elements of the same relations: a row does not tell its branch.
func (a *analyser) unions(out *Analysis) {
	shapes := map[leaf][]string{}
	for i, e := range a.entries {
		for _, l := range e.unions {
			shape := fmt.Sprintf("%d/%d", e.rel.OID, out.Entries[i].Elements)
			shapes[l] = append(shapes[l], shape)
		}
	}
	bad := map[*nodetree.Node]bool{}
	seen := map[*nodetree.Node]string{}
	for l, s := range shapes {
		slices.Sort(s)
		text := strings.Join(s, " ")
		if old, ok := seen[l.union]; ok && old != text {
			bad[l.union] = true
		}
		seen[l.union] = text
	}
	for i, e := range a.entries {
		o := &out.Entries[i]
		for _, l := range e.unions {
			if !bad[l.union] {
				continue
			}
			if o.KeyBy != KeyNone {
				o.KeyBy, o.Ordinal, o.KeyType, o.Reason, o.Whole = KeyNone, 0, 0, "set operation", false
			}
			o.ConfirmBy, o.ConfirmOrdinal, o.ConfirmType, o.Pinned = KeyNone, 0, 0, false
		}
	}
}

// identifierKinds are the elements that may belong to one person alone.
var identifierKinds = []element.Kind{
	element.Email, element.Phone, element.Passport, element.MyNumber, element.DriversLicence,
	element.CustomerNumber, element.BankAccount, element.CardPAN,
}

// onlyKeyMissing says that an entry would be exact if its key were known.
func (a *analyser) onlyKeyMissing(i int, e *Entry) bool {
	return e.KeyBy == KeyNone && a.entries[i].wide == "" && e.Source != "" && e.Reason != "predicate" && !a.entries[i].sided
}

// identifiers finds, for entries without a key, a column that holds an
// identifier of the entry's row as it is stored.
func (a *analyser) identifiers(out *Analysis, res result) {
	for c, col := range res.cols {
		if col.plain.entry < 0 || a.opt.Explain {
			continue
		}
		i := col.plain.entry
		m := a.entries[i].prot.Of(col.plain.att)
		if e := &out.Entries[i]; e.Identifier >= 0 || !a.entries[i].prot.Identifiers[col.plain.att] || !a.onlyKeyMissing(i, e) {
			continue
		}
		for _, kind := range identifierKinds {
			if m.Has(kind) {
				out.Entries[i].Identifier, out.Entries[i].IdentifierElement = c, kind
				break
			}
		}
	}
}
