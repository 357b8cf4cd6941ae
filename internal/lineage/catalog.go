package lineage

import (
	"slices"
	"strings"
	"sync"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// firstUserOID is FirstNormalObjectId of PostgreSQL (access/transam.h): every
// object made after initdb has a number from here on.
const firstUserOID OID = 16384

// Catalog is what the analysis needs to know of one database: its relations,
// which of them are protected, and which functions are safe. It is built by
// Load or, in tests, by hand, and read-only afterwards.
type Catalog struct {
	Relations map[OID]*Relation
	Functions map[OID]*Function
	Operators map[OID]OID // operator → its function
	// LooseCollations are the non-deterministic collations: equality under
	// them does not mean the same bytes.
	LooseCollations map[OID]bool
	// UnsafeTypes are the types whose values run functions nobody declared when
	// they are read: checks of domains, input functions, wherever they stand in it.
	UnsafeTypes map[OID]bool
	Digest      string // of the catalogue rows it was built from
	// System is the identity of the server and its database, "" when the server
	// does not tell: object numbers hold within it.
	System string
	// Missing names protected tables and columns of the configuration that the
	// database does not have: "public.customers", "public.customers.email".
	Missing []string

	named     map[string][]*Relation // by bare name: what code may name
	functions map[string][]*Function // by bare name: those that code may not call freely
	risky     map[string]bool        // names of PostgreSQL's own functions that read or do something
	types     map[OID]*typed
	events    []OID       // functions of event triggers
	letters   []*Relation // sequences that were moved by what is protected
	implicit  []OID       // functions of somebody's own that operators, casts, types and domains call
}

// Relation is a table, view, materialised view, foreign table or sequence.
type Relation struct {
	OID     OID
	Schema  string
	Name    string
	Kind    byte // pg_class.relkind
	File    OID  // changes when the rows are written anew
	Place   event.Place
	Columns []Attribute // live columns in order
	// Protected is nil for relations without personal data.
	Protected *Protection
	// Known says that configuration or derivation has classified the relation;
	// others are reported as unclassified when they are read.
	Known bool
	// ViewText is the node tree of a view's or materialised view's query.
	ViewText string
	viewOnce sync.Once
	viewTree *nodetree.Node
	Rules    bool // rules other than a view's own SELECT
	Triggers bool // undeclared triggers, of it or of relations that a write of it reaches
	// Asks says that a foreign key refers to a protected column: whether a row
	// may be written tells what is there.
	Asks bool
	// Tested says the same of code that its rows are tested by when they are written.
	Tested bool
	// Policies are the expressions of row security policies, when enabled.
	Policies []*nodetree.Node
	RowLevel bool // row security is enabled
	// Code says that a default, check, index or partition key of the relation,
	// or of one that a write of it reaches, calls an undeclared function.
	Code     bool
	past     bool     // as an earlier run knew it
	hooks    []hook   // what runs when it is written
	cascades []OID    // relations that refer to it and change with it
	follows  []follow // the keys of those
	asks     []asked  // what its own keys ask for
	draws    []OID    // sequences that its defaults draw from
	defaults []drawn  // those, by column
	settings bool     // a default reads settings
	indexes  []*index
	Children []OID
	Parents  []OID
	// Sensitive are columns of a system relation that carry values of other
	// relations.
	Sensitive map[int16]bool
	// Figures are columns of a system relation that tell of sizes.
	Figures map[int16]bool
}

// Attribute is one column.
type Attribute struct {
	Num       int16
	Name      string
	Type      OID
	Generated bool
	Version   uint32 // changes whenever the column's definition does
}

// Table returns the protection of a protected relation as a configuration
// would state it.
func (r *Relation) Table() Table {
	p := r.Protected
	t := Table{Schema: r.Schema, Name: r.Name, Source: p.Source, From: p.From, Columns: map[string]element.Mask{}}
	for _, a := range r.Columns {
		if m, ok := p.Elements[a.Num]; ok {
			t.Columns[a.Name] = m
		}
		if p.Key == a.Num {
			t.Key = a.Name
		}
		if p.Identifiers[a.Num] {
			t.Identifiers = append(t.Identifiers, a.Name)
		}
	}
	for num, c := range p.Carried {
		a, ok := r.attribute(num)
		if !ok && num != Presence {
			continue
		}
		if t.Carried == nil {
			t.Carried = map[string]Carried{}
		}
		t.Carried[a.Name] = c
	}
	return t
}

// Protection says what a protected relation holds and whose.
type Protection struct {
	Source event.SubjectSource
	Key    int16 // attribute number of the subject key; 0 when there is none
	// Elements maps attribute numbers to what they hold; a column that is
	// missing is unclassified, one with an empty mask is declared harmless.
	Elements map[int16]element.Mask
	// Identifiers are the columns whose value belongs to one subject each.
	Identifiers map[int16]bool
	// From are the places whose holdings bound the relation's: itself, or for
	// derived relations what they were made from.
	From []event.Place
	// Carried are the columns whose values may be of others than the row's
	// subject, and under Presence whether a row is there at all.
	Carried map[int16]Carried
}

// Carried says what a column holds of others than the row's subject, and whose.
type Carried struct {
	Elements element.Mask
	From     []event.Place
	// Stored says that only the choice of rows is meant, made once from the
	// subjects' own columns: a row that is there is of the subject its key names.
	Stored bool
}

// Presence stands for the presence of a row in Protection.Carried.
const Presence int16 = existence

// Of returns the elements of a column, of whomever. System columns other than tableoid
// count as unclassified: they tell rows apart.
func (p *Protection) Of(att int16) element.Mask {
	return p.own(att) | p.Carried[att].Elements
}

func (p *Protection) own(att int16) element.Mask {
	if m, ok := p.Elements[att]; ok {
		return m
	}
	if att == tableOIDColumn || att == existence || att == p.Key && att != 0 {
		return 0
	}
	return element.MaskOf(element.Unclassified)
}

// tableOIDColumn is TableOidAttributeNumber of access/sysattr.h.
const tableOIDColumn = -6

// Function is one entry of pg_proc.
type Function struct {
	OID   OID
	Name  string // schema.name(argument types)
	Trust Trust
	// Tables are the relations a declared function reads.
	Tables []OID
	// Body is the query of an SQL function with a parsed body.
	Body *nodetree.Node
	// Stored says that the result depends on something that is stored or that
	// other sessions hold.
	Stored bool
	// Private says that what an Effect function keeps is for its own session,
	// or reaches others only as a notification; Sets that it is a setting.
	Private, Sets bool
	// Notifies says that it sends a notification, Locks that it tells of locks.
	Notifies, Locks bool
	// Texts says that it returns texts of prepared statements or cursors, Moves
	// that it moves a sequence or takes a lock.
	Texts, Moves bool
	// Itself says that its result may be the text of the statement that calls it.
	Itself bool
	// Sequence says that it tells how far a sequence went.
	Sequence bool
	// Figures says that its result tells of sizes or of counters that move with
	// what rests in tables.
	Figures bool
	// SensitiveColumn is the 1-based number of a result column that carries
	// other sessions' statements, 0 if none.
	SensitiveColumn int16

	bare string // name
	hook bool   // it returns a trigger
	text *text  // of a body in SQL or PL/pgSQL
}

// Trust says what a function may do with personal data.
type Trust uint8

// The kinds of trust.
const (
	Untrusted Trust = iota // may read or send anything: the statement is opaque
	Pure                   // its result depends on its arguments, and on nothing stored
	Effect                 // like Pure, but keeps its arguments somewhere: settings, channels, sequences
	Settings               // reads settings, which may hold what an Effect function put there
	Reads                  // reads Function.Tables
	Body                   // an SQL function that can be analysed
)

// Classify tells the trust of a built-in function by name and volatility (i, s
// or v as in pg_proc). Immutable built-ins compute from their arguments alone;
// stable and volatile ones are trusted by name, so that a function that a
// later PostgreSQL adds is untrusted until somebody has read it.
func Classify(name string, volatility byte) Trust {
	switch {
	case effectFunctions[name]:
		return Effect
	case settingFunctions[name]:
		return Settings
	case volatility == 'i' || strings.HasPrefix(name, "_pg_") || safeFunctions[name]:
		return Pure
	}
	return Untrusted
}

// view returns the query of a view, nil when it cannot be read. It is safe for
// concurrent use.
func (r *Relation) view() *nodetree.Node {
	r.viewOnce.Do(func() {
		if v, err := nodetree.Parse(r.ViewText); err == nil {
			r.viewTree, _ = single(v)
		}
	})
	return r.viewTree
}

func wordSet(text string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// xmaxColumn is MaxTransactionIdAttributeNumber of access/sysattr.h: who locked or
// deleted a row. No column of somebody's own can have its name.
const (
	xmaxColumn = -4
	Xmax       = "xmax"
)

var xmax = Attribute{Num: xmaxColumn, Name: Xmax}

// All are the columns that protection may name: the relation's own, and xmax.
func (r *Relation) All() []Attribute { return append(slices.Clone(r.Columns), xmax) }

func (r *Relation) attribute(num int16) (Attribute, bool) {
	if num == xmaxColumn {
		return xmax, true
	}
	i := slices.IndexFunc(r.Columns, func(a Attribute) bool { return a.Num == num })
	if i < 0 {
		return Attribute{}, false
	}
	return r.Columns[i], true
}

func (r *Relation) named(name string) (Attribute, bool) {
	if name == Xmax {
		return xmax, true
	}
	i := slices.IndexFunc(r.Columns, func(a Attribute) bool { return a.Name == name })
	if i < 0 {
		return Attribute{}, false
	}
	return r.Columns[i], true
}
