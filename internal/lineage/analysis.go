// Package lineage tells, for one PostgreSQL statement, which protected columns
// reach the client, through which range-table entries, and by which column or
// parameter the rows' subjects can be named.
//
// It reads the server's own analysed query tree (never a parse of ours) and
// knows nothing of sockets, sessions or events.
package lineage

import (
	"sekisho/internal/element"
	"sekisho/internal/event"
)

// OID is a PostgreSQL object identifier.
type OID uint32

// Analysis is what a gate needs to attribute the rows of one statement. It is
// immutable and shared between sessions.
type Analysis struct {
	// Columns describes the result columns in order; empty when the statement
	// returns no rows.
	Columns []Column
	// Entries are the range-table entries of protected relations that take
	// part in a crossing, at any depth of the statement.
	Entries []Entry
	// Predicate holds the elements of protected columns that decide which
	// rows (or how many) appear: WHERE, JOIN, HAVING, ORDER BY, GROUP BY,
	// DISTINCT, LIMIT, set operations. They make their entry Bounded.
	Predicate element.Mask
	// Aggregate says that every protected column reaches the result only
	// through aggregate functions.
	Aggregate bool
	// Opaque, when not empty, is the stable word for why the statement cannot
	// be attributed at all ("function", "catalogue", "temporary", …): it is
	// bounded over every protected table of the database.
	Opaque string
	// Writes are the relations the statement changes.
	Writes []Write
	// Unclassified names relations nobody classified that the statement reads.
	Unclassified []event.Place
	// Injectable, when not nil, says how the missing keys can be added to a
	// plain SELECT.
	Injectable *Injection
	// Bare says that no protected column is in the result or a predicate:
	// the statement is no crossing.
	Bare bool
}

// Column is one column of the result.
type Column struct {
	Elements element.Mask // protected elements that flow into it; 0 = none
	Rel      OID          // base table and attribute as RowDescription must report them;
	Att      int16        // 0 for expressions, -1 in Att: do not check
	Entries  []int        // indexes into Analysis.Entries of the entries it draws from
}

// KeyBy says how the subject of an entry's rows is known.
type KeyBy uint8

const (
	KeyNone   KeyBy = iota // bounded
	KeyColumn              // result column Ordinal holds the key
	KeyParam               // parameter Ordinal (1-based, after literals became parameters) equals it
)

// Entry is one range-table entry over a protected relation.
type Entry struct {
	Rel      OID
	Table    event.Place         // "shop/public.customers"
	Source   event.SubjectSource // whose numbers its key has
	Elements element.Mask        // protected elements of it in result or predicate
	KeyBy    KeyBy
	Ordinal  int    // result column (0-based) or parameter (1-based)
	KeyType  OID    // type of the key column or parameter
	Reason   string // stable word for why KeyNone: "key not in result", "predicate", "self-join", "outer join", "offset", "set operation", "row security", …
	// Identifier, when set, is a result column (0-based) that holds an
	// identifier belonging to one subject (e-mail, phone …): rung 3.
	Identifier        int // -1 when there is none
	IdentifierElement element.Kind
}

// Write is a relation that the statement changes.
type Write struct {
	Rel   OID
	Table event.Place
	Op    string // insert, update, delete, merge
	// Taints holds the protected elements that flow from other relations into
	// the written columns; not 0 makes the target a holding.
	Taints element.Mask
	From   []event.Place
	// Key of the changed rows for protected targets, as for Entry.
	Source   event.SubjectSource
	KeyBy    KeyBy
	Ordinal  int
	KeyType  OID
	Triggers bool // the target has user triggers or rules: what they write is not known
}

// Injection says where to put the key columns: Columns are SQL texts such as
// `c."id"`, appended to the select list; the k-th becomes result column
// len(Analysis.Columns)+k, and With is the analysis of the rewritten statement.
type Injection struct {
	Columns []string
	With    *Analysis
}
