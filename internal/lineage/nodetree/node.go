// Package nodetree reads the text form of PostgreSQL node trees, as stored in
// pg_proc.prosqlbody, pg_rewrite.ev_action and pg_policy.polqual.
//
// It knows the syntax (src/backend/nodes/outfuncs.c and read.c of PostgreSQL
// 14 to 17), not the meaning of any node: that is for package lineage.
//
//	{QUERY :commandType 1 :rtable ({RANGETBLENTRY …}) :colnames ("id" "x\ y")
//	 :selectedCols (b 8 9) :joinleftcols (i 1 2) :cols (o 23 25) :alias <>
//	 :constvalue 4 [ 1 0 0 0 0 0 0 0 ]}
package nodetree

import "strconv"

// Kind says what a Value is.
type Kind uint8

// The kinds of values.
const (
	Null   Kind = iota // <>
	Atom               // an unquoted token: number, word, boolean
	String             // a quoted string: an element of a list of names
	Struct             // {TYPE :field value …}
	List               // ( … )
	Ints               // (i …), (o …), (x …) or (b …)
	Bytes              // length [ byte … ]
)

// Value is the value of a field or an element of a list.
type Value struct {
	Kind  Kind
	Text  string  // Atom and String, escapes removed
	Node  *Node   // Struct
	Items []Value // List
	Ints  []int64 // Ints, and the bytes of Bytes
}

// Node is one {TYPE …}. Trees are read-only once parsed.
type Node struct {
	Type   string
	Fields []Field
}

// Field is one :name value of a node.
type Field struct {
	Name  string
	Value Value
}

// Get returns the value of the named field and whether the node has it.
func (n *Node) Get(name string) (Value, bool) {
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			return n.Fields[i].Value, true
		}
	}
	return Value{}, false
}

// Int returns the value of an Atom as a decimal integer.
func (v Value) Int() (int64, bool) {
	if v.Kind != Atom {
		return 0, false
	}
	i, err := strconv.ParseInt(v.Text, 10, 64)
	return i, err == nil
}

// Bool returns the value of an Atom that is true or false.
func (v Value) Bool() (value, ok bool) {
	if v.Kind != Atom {
		return false, false
	}
	return v.Text == "true", v.Text == "true" || v.Text == "false"
}
