package lineage

import "slices"

// index is an index of a relation that can give rows in its own order, by names
// of columns.
type index struct {
	columns []string // that it holds, in order; "" is an expression
	reads   []string // those, and what its expressions and its condition read
}

// indexSQL lists the columns of indexes, and then what else they depend on. GIN,
// BRIN and hash indexes give no order.
const indexSQL = `SELECT i.indrelid, i.indexrelid, coalesce(a.attname, ''), 't'
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname NOT IN ('gin', 'brin', 'hash')
		CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(att, n)
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att AND k.att > 0
		WHERE i.indrelid >= 16384 AND c.relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')
		ORDER BY i.indexrelid, k.n`

const indexReadsSQL = `SELECT i.indrelid, i.indexrelid, a.attname
		FROM pg_catalog.pg_index i
		JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
			AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0
		JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE i.indrelid >= 16384`

func (l *loader) indexes() error {
	if l.conf.switches.NoIndexOrder {
		return nil
	}
	all := map[OID]*index{}
	err := l.each(indexSQL, func(row []string) {
		r := l.cat.Relations[oid(row[0])]
		if r == nil {
			return
		}
		x := all[oid(row[1])]
		if x == nil {
			x = &index{}
			all[oid(row[1])], r.indexes = x, append(r.indexes, x)
		}
		x.columns = append(x.columns, row[2])
		x.reads = append(x.reads, row[2])
	})
	if err != nil {
		return err
	}
	return l.each(indexReadsSQL, func(row []string) {
		if x := all[oid(row[1])]; x != nil && !slices.Contains(x.reads, row[2]) {
			x.reads = append(x.reads, row[2])
		}
	})
}

// indexesOf are the indexes of a relation and of its partitions and children.
func (c *Catalog) indexesOf(r *Relation) (list []*index) {
	list = slices.Clone(r.indexes)
	for _, o := range r.Children {
		if child := c.Relations[o]; child != nil && child != r {
			list = append(list, c.indexesOf(child)...)
		}
	}
	return list
}

// holds says that an index holds all the columns, so that it may be read in the
// place of its table, in its own order.
func (x *index) holds(r *Relation, columns map[int16]bool) bool {
	for num := range columns {
		if num == existence {
			continue
		}
		a, ok := r.attribute(num)
		if !ok || !slices.Contains(x.columns, a.Name) {
			return false
		}
	}
	return true
}

// indexed says that the rows of an entry may come in the order of an index, and
// so of protected columns: which rows are cut off then tells of others. When a
// condition on what is harmless may choose the index, and nothing else fixes the
// order, the order itself tells of them.
func (a *analyser) indexed(e *entry, fixed bool) (moved bool) {
	key, _ := e.rel.attribute(e.prot.Key)
	for _, x := range a.cat.indexesOf(e.rel) {
		if e.prot.Key != 0 && x.columns[0] == key.Name {
			continue // subject by subject
		}
		var protected []int16
		asked, expression := false, false
		for _, name := range x.reads {
			c, ok := e.rel.named(name)
			switch {
			case !ok:
				expression = true
			case e.prot.Of(c.Num) != 0:
				protected = append(protected, c.Num)
			case e.used[c.Num]:
				asked = true
			}
		}
		if len(protected) == 0 && !expression {
			continue
		}
		moved = moved || asked || !e.top || x.holds(e.rel, e.used)
		if asked && !fixed {
			for _, num := range protected {
				e.pred[num] = true
			}
		}
	}
	return moved
}

// covered says that an index may be read in the place of the table of an entry,
// but not when its key is asked for as well: the rows would come in another
// order than the client's statement gives them.
func (a *analyser) covered(e *entry) bool {
	used := e.used
	if !e.top { // columns of a view that nobody asks for are not read
		used = map[int16]bool{}
		for _, m := range []map[int16]bool{e.out, e.pred} {
			for num := range m {
				used[num] = true
			}
		}
	}
	key, _ := e.rel.attribute(e.prot.Key)
	return slices.ContainsFunc(a.cat.indexesOf(e.rel), func(x *index) bool {
		return !slices.Contains(x.columns, key.Name) && x.holds(e.rel, used)
	})
}
