package lineage

import (
	"context"
	"slices"
	"strings"
)

// candidate is a column of the top query that holds an entry's key although
// the select list does not.
type candidate struct {
	text string // alias."column"
	rel  OID    // whose column privilege is needed; 0 for subqueries
	att  int16
}

// injectable says that a column may be added to the select list without
// changing which rows there are.
func (a *analyser) injectable(lv *level) bool {
	q := lv.q
	if !lv.top || a.opt.Explain {
		return false
	}
	for _, flag := range []string{"hasAggs", "hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn"} {
		if a.bool(q, flag) {
			return false
		}
	}
	for _, list := range []string{"groupClause", "groupingSets", "distinctClause", "targetList"} {
		if n := len(a.list(q, list)); (n == 0) == (list == "targetList") {
			return false
		}
	}
	return true
}

// candidates finds, for the entries of a plain SELECT, columns that could be
// added to name their subjects.
func (a *analyser) candidates(lv *level) {
	if !a.injectable(lv) {
		return
	}
	a.inject = map[int]candidate{}
	a.offering = true
	defer func() { a.offering = false }()
	for _, k := range lv.knows {
		for t := range k.terms {
			if t.level != 0 || t.param != 0 || t.rt < 1 || t.att < 1 {
				continue
			}
			c := a.columnOf(lv, t.rt, int16(t.att))
			if !slices.Contains(c.own, k.entry) {
				continue
			}
			r := a.rte(lv, t.rt)
			eref := a.node(a.get(r.node, "eref"))
			names := a.list(eref, "colnames")
			if t.att > len(names) || names[t.att-1].Text == "" {
				continue
			}
			one := candidate{text: quoteIdent(a.get(eref, "aliasname").Text) + "." + quoteIdent(names[t.att-1].Text)}
			if r.kind == rteRelation {
				one.rel, one.att = r.rel.OID, int16(t.att)
			}
			if old, ok := a.inject[k.entry]; !ok || one.text < old.text {
				a.inject[k.entry] = one
			}
		}
	}
}

// proposal is what the analysis of a tree alone says of an injection.
func (a *analyser) proposal(out *Analysis) []candidate {
	if a.itself {
		return nil
	}
	var list []candidate
	for i := range out.Entries {
		e := &out.Entries[i]
		if e.KeyBy != KeyNone {
			continue
		}
		c, ok := a.inject[i]
		if !ok || !a.onlyKeyMissing(i, e) || a.covered(a.entries[i]) {
			return nil
		}
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// InsertAt returns the byte offset in a plain SELECT where more columns can be
// put (as ", " and their texts and a space): the first FROM outside
// parentheses that is not part of IS DISTINCT FROM. ok is false when there is
// none. All texts of one fingerprint have it at the same token.
func InsertAt(sql string) (at int, ok bool) {
	depth, last := 0, ""
	for i := 0; i < len(sql); {
		end := skip(sql, i)
		switch word := sql[i:end]; {
		case word == "(" || word == "[":
			depth++
		case word == ")" || word == "]":
			depth--
		case depth == 0 && strings.EqualFold(word, "from") && last != "distinct":
			return i, true
		case depth == 0 && (strings.EqualFold(word, "into") || word == ";"):
			return 0, false
		}
		if c := sql[i]; word8(c) || c > ' ' && !strings.HasPrefix(sql[i:], "--") && !strings.HasPrefix(sql[i:], "/*") {
			last = strings.ToLower(sql[i:end])
		}
		i = end
	}
	return 0, false
}

// Insert returns sql with the columns added to its select list.
func (in *Injection) Insert(sql string) (text string, ok bool) {
	at, ok := InsertAt(sql)
	if !ok {
		return "", false
	}
	return sql[:at] + ", " + strings.Join(in.Columns, ", ") + " " + sql[at:], true
}

// offer completes an injection: the role must be allowed to read the columns,
// and the rewritten statement's analysis must be exact and otherwise the same.
func (r *Reader) offer(ctx context.Context, cat *Catalog, req *Request, an *Analysis, list []candidate) (*Injection, error) {
	in := &Injection{}
	for _, c := range list {
		in.Columns = append(in.Columns, c.text)
	}
	at, ok := InsertAt(req.SQL)
	if !ok {
		return nil, nil
	}
	in.At = at
	again := *req
	if again.SQL, ok = in.Insert(req.SQL); !ok {
		return nil, nil
	}
	if req.Text != "" {
		if again.Text, ok = in.Insert(req.Text); !ok {
			return nil, nil
		}
	}
	var t *tree
	allowed := true
	err := r.with(ctx, func(c *control) (err error) {
		if allowed, err = c.mayRead(ctx, req.effectiveRole(), list); err != nil || !allowed {
			return err
		}
		t, err = c.read(ctx, &again)
		return err
	})
	if err != nil || !allowed || t.refused != "" || t.digest != cat.Digest {
		return nil, err
	}
	in.With, _ = analyseText(cat, t.text, r.options(req))
	if !in.With.extends(an, len(list)) {
		return nil, nil
	}
	return in, nil
}

// extends says that w is the analysis of an's statement with n more columns,
// and exact.
func (w *Analysis) extends(an *Analysis, n int) bool {
	if w.Opaque != "" || w.Bare || len(w.Columns) != len(an.Columns)+n || len(w.Entries) != len(an.Entries) {
		return false
	}
	for i, c := range an.Columns {
		if o := w.Columns[i]; o.Rel != c.Rel || o.Att != c.Att || o.Elements != c.Elements || o.Name != c.Name {
			return false
		}
	}
	for _, e := range w.Entries {
		if e.KeyBy == KeyNone {
			return false
		}
	}
	return true
}

// mayRead says whether a role may read columns.
func (c *control) mayRead(ctx context.Context, role string, list []candidate) (bool, error) {
	ok := true
	err := c.rolledBack(ctx, "READ ONLY", func() error {
		for _, one := range list {
			if one.rel == 0 {
				continue
			}
			rows, err := c.rows(ctx, "SELECT has_column_privilege($1::pg_catalog.name, $2::pg_catalog.oid, $3::pg_catalog.int2, 'SELECT')",
				role, decimal(int64(one.rel)), decimal(int64(one.att)))
			if err != nil {
				if refusal(err) != "" {
					ok = false
					return nil
				}
				return err
			}
			ok = ok && isTrue(rows[0][0])
		}
		return nil
	})
	return ok, err
}
