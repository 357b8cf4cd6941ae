package lineage

import (
	"slices"

	"sekisho/internal/lineage/nodetree"
)

// Values of a type are read from texts and bytes by its input functions, and
// those of a domain are tested by its checks, wherever the type stands: in an
// array, a field of a row, a range. Of literals the server does so while it
// parses a statement, of parameters when they are bound, before anything is
// executed. What such code of somebody's own reads can be told by a notice, an
// error, and by there being none.

// typed is what one type is made of.
type typed struct {
	holds     []OID // types that its values are made of
	functions []OID // that read a value, or test it; 0: one that cannot be known
}

// types reads what the types of users are made of, and the checks of domains.
func (l *loader) types() error {
	c := l.cat
	c.types = map[OID]*typed{}
	of := func(text string) *typed {
		t := c.types[oid(text)]
		if t == nil {
			t = &typed{}
			c.types[oid(text)] = t
		}
		return t
	}
	err := l.each(typeSQL, func(row []string) {
		switch t := of(row[0]); {
		case row[1] != "":
			t.holds = append(t.holds, oid(row[1]))
		case !quietExtensions[row[3]] && !pureExtensions[row[3]]:
			t.functions = append(t.functions, oid(row[2]))
		}
	})
	if err != nil {
		return err
	}
	return l.each(checkSQL, func(row []string) {
		t := of(row[0])
		v, err := nodetree.Parse(row[1])
		if err != nil {
			t.functions = append(t.functions, 0)
			return
		}
		eachNode(v, func(n *nodetree.Node) {
			for _, name := range []string{"funcid", "opfuncid"} {
				if f, ok := n.Get(name); ok {
					if i, ok := f.Int(); ok && (i != 0 || name == "funcid") {
						t.functions = append(t.functions, OID(i))
					}
				}
			}
			for _, op := range operatorsOf(n) {
				t.functions = append(t.functions, c.Operators[op])
			}
			t.holds = append(t.holds, typesOf(n)...)
		})
	})
}

// unsafeTypes finds the types whose values run code that nobody declared.
func (c *Catalog) unsafeTypes() {
	for o, t := range c.types {
		for _, f := range t.functions {
			if fn := c.Functions[f]; fn == nil || fn.Trust != Pure || fn.Texts || fn.Figures || fn.Moves || fn.Sequence {
				c.UnsafeTypes[o] = true
				if f != 0 && !slices.Contains(c.implicit, f) {
					c.implicit = append(c.implicit, f)
				}
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for o, t := range c.types {
			if !c.UnsafeTypes[o] && slices.ContainsFunc(t.holds, func(h OID) bool { return c.UnsafeTypes[h] }) {
				c.UnsafeTypes[o], changed = true, true
			}
		}
	}
}

// readsTypes says that a tree makes a value of a type whose values run code
// that nobody declared.
func (c *Catalog) readsTypes(v nodetree.Value) (found bool) {
	if len(c.UnsafeTypes) == 0 {
		return false
	}
	eachNode(v, func(n *nodetree.Node) {
		found = found || slices.ContainsFunc(typesOf(n), func(o OID) bool { return c.UnsafeTypes[o] })
	})
	return found
}

// madeTypes are the fields that name the type of a value that a node makes. A
// variable only passes on what was made before.
var madeTypes = []string{"consttype", "paramtype", "resulttype", "funcresulttype", "aggtype", "wintype", "typid", "coltypes", "funccoltypes"}

func typesOf(n *nodetree.Node) (list []OID) {
	for _, name := range madeTypes {
		v, ok := n.Get(name)
		if !ok {
			continue
		}
		if i, ok := v.Int(); ok {
			list = append(list, OID(i))
		}
		for _, i := range v.Ints {
			list = append(list, OID(i))
		}
	}
	return list
}

func operatorsOf(n *nodetree.Node) (list []OID) {
	if v, ok := n.Get("opno"); ok {
		i, _ := v.Int()
		list = append(list, OID(i))
	}
	if v, ok := n.Get("opnos"); ok {
		for _, i := range v.Ints {
			list = append(list, OID(i))
		}
	}
	return list
}

// typed notes that a tree the analysis goes into makes values of such types.
func (a *analyser) typed(n *nodetree.Node) {
	a.reading = a.reading || a.cat.readsTypes(nodetree.Value{Kind: nodetree.Struct, Node: n})
}

// Inputs says that there are types whose values run code that nobody declared
// when they are read, as far as the catalogue that was read last tells. It asks
// nobody.
func (r *Reader) Inputs() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last == nil || len(r.last.UnsafeTypes) > 0
}
