package sqlscan

import "github.com/cespare/xxhash/v2"

// Options are the settings of the session that change how a text is read.
type Options struct {
	// StandardConformingStrings is the setting of that name. When off, a
	// backslash escapes in '…' as in E'…'. PostgreSQL's default is on.
	StandardConformingStrings bool
}

// Span is a range of bytes of the scanned text, half open.
type Span struct{ From, To int }

// Empty says that the span holds nothing.
func (s Span) Empty() bool { return s.To <= s.From }

// Of returns the bytes of the span.
func (s Span) Of(sql []byte) []byte { return sql[s.From:s.To] }

// Statement is one statement of a text. Its slices alias the Scanner and are
// valid until the next Scan.
type Statement struct {
	Kind Kind
	// Inner is the kind of the statement inside EXPLAIN, PREPARE, DECLARE,
	// COPY (query), CREATE TABLE AS and views; Unknown when there is none.
	Inner Kind
	// Span is the statement from its first to its last token, without the
	// semicolon.
	Span Span
	// Query is the part that PREPARE takes: the statement itself when
	// Kind.Query, else the inner one; empty when there is none.
	Query Span
	// Fingerprint is the xxHash64 of Canon. It is stable between versions of
	// this package only as far as the golden file says.
	Fingerprint uint64
	// Canon is the statement with comments removed, white space brought to
	// one form, unquoted words in lower case and literals replaced by their
	// class: ?s string, ?i integer, ?l bigint, ?n numeric, ?b bit string, ?c
	// national string. Two statements with the same Canon differ only in the
	// values of literals that Literals marks as Param, or, outside Query, in
	// literals of any kind. Look-ups by Fingerprint must compare Canon: who writes statements
	// can also write two with one 64-bit hash.
	Canon []byte
	// Literals are in the order of the text.
	Literals []Literal
	// MaxParam is the highest $n.
	MaxParam int
	// Name is the cursor, prepared statement, savepoint, setting, channel,
	// role or portal that the statement names; see AppendName. Empty for ALL.
	Name Span
	// All says ALL stands in the place of Name.
	All bool
	// Target is the relation that the statement creates, fills, empties,
	// copies or refreshes; see AppendName. For INSERT, UPDATE, DELETE and
	// MERGE it is the relation changed by the main verb.
	Target Span
	// Into is the INTO clause of SELECT … INTO.
	Into Span
	// Flags are further facts that the words tell.
	Flags Flags

	tokens []token
}

// Flags are facts about a statement.
type Flags uint16

const (
	// Temporary: what is created is temporary, or lies in pg_temp.
	Temporary Flags = 1 << iota
	// Hold: DECLARE … WITH HOLD.
	Hold
	// Scroll: DECLARE … SCROLL.
	Scroll
	// Executes: EXPLAIN with ANALYZE, which runs the statement.
	Executes
	// Local: SET LOCAL.
	Local
	// SessionWide: SET SESSION, or SESSION CHARACTERISTICS.
	SessionWide
	// ModifyingCTE: WITH holds INSERT, UPDATE, DELETE or MERGE.
	ModifyingCTE
	// HasWith: the query begins with WITH.
	HasWith
	// LockingClause: FOR UPDATE, NO KEY UPDATE, SHARE or KEY SHARE is there.
	LockingClause
	// Returning: RETURNING is there.
	Returning
)

// Has says that all of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Class is what a literal is, apart from its value.
type Class uint8

const (
	String  Class = iota + 1
	Int           // fits int4
	BigInt        // fits int8
	Numeric       // any other number
	Bits          // B'…', X'…'
	National
)

// Literal is a constant in a statement.
type Literal struct {
	Span  Span // of the constant alone
	Class Class
	// Param says that Parameterised replaces it.
	Param bool
	// Type is the type name before a typed literal such as date '…'; empty
	// for others.
	Type Span

	kind    tokenKind
	shown   bool // a position or a type modifier, which is no value
	escape  byte // UESCAPE character, 0: backslash
	endBody int  // end of the string token, before UESCAPE
}

// Scanner splits texts into statements. The zero value is ready. It keeps its
// memory between calls and is not safe for concurrent use.
type Scanner struct {
	lex        lexer
	statements []Statement
	literals   []Literal
	canon      []byte
	ranges     []arenas
}

// arenas are the parts of a statement as indexes, while slices still grow.
type arenas struct{ lit, litEnd, canon, canonEnd int }

// Scan splits sql, which ends at its end or at the first NUL byte. A text
// without statements (white space, comments, semicolons) yields none. A
// *SyntaxError means that the server refuses the text as a whole. The result is
// valid until the next call.
func (s *Scanner) Scan(sql []byte, opt Options) ([]Statement, error) {
	s.lex.sql, s.lex.standard = sql, opt.StandardConformingStrings
	s.lex.toks = s.lex.toks[:0]
	s.statements, s.literals, s.canon, s.ranges = s.statements[:0], s.literals[:0], s.canon[:0], s.ranges[:0]
	if err := s.lex.run(); err != nil {
		return nil, err
	}
	toks := s.lex.toks
	for from := 0; from < len(toks); {
		to := statementEnd(toks, from)
		if to > from {
			s.statement(sql, toks[from:to])
		}
		from = to + 1
	}
	for i := range s.statements {
		st, r := &s.statements[i], s.ranges[i]
		st.Literals = s.literals[r.lit:r.litEnd:r.litEnd]
		st.Canon = s.canon[r.canon:r.canonEnd:r.canonEnd]
		st.Fingerprint = xxhash.Sum64(st.Canon)
	}
	return s.statements, nil
}

// Scan is Scanner.Scan for callers that keep the result: it appends to dst
// statements that stay valid as long as sql does.
func Scan(sql []byte, opt Options, dst []Statement) ([]Statement, error) {
	var s Scanner
	statements, err := s.Scan(sql, opt)
	return append(dst, statements...), err
}

func (s *Scanner) statement(sql []byte, toks []token) {
	s.statements = append(s.statements, Statement{Span: spanOf(&toks[0], &toks[len(toks)-1]), tokens: toks})
	st := &s.statements[len(s.statements)-1]
	c := classifier{sql: sql, toks: toks, st: st}
	c.classify()
	r := arenas{lit: len(s.literals), canon: len(s.canon)}
	w := canonWriter{sql: sql, st: st, literals: s.literals, canon: s.canon}
	w.write()
	s.literals, s.canon = w.literals, w.canon
	r.litEnd, r.canonEnd = len(s.literals), len(s.canon)
	s.ranges = append(s.ranges, r)
}

// statementEnd returns the index of the semicolon that ends the statement at
// from, or len(toks). Semicolons do not end it inside parentheses (CREATE RULE)
// nor inside BEGIN ATOMIC … END of CREATE FUNCTION and PROCEDURE.
func statementEnd(toks []token, from int) int {
	depth := 0
	for i := from; i < len(toks); i++ {
		t := &toks[i]
		switch {
		case t.kind == tokPunct:
			switch t.char {
			case '(':
				depth++
			case ')':
				depth = max(depth-1, 0)
			case ';':
				if depth == 0 {
					return i
				}
			}
		case t.kw == kwAtomic && depth == 0 && toks[from].kw == kwCreate && i > from && toks[i-1].kw == kwBegin:
			i = atomicEnd(toks, i)
		}
	}
	return len(toks)
}

// atomicEnd returns the index of the END of the body that begins after
// toks[i], or the last index. CASE … END nests; so does a whole CREATE
// FUNCTION in the body. END and CASE are reserved, so they are names only
// after AS and a point.
func atomicEnd(toks []token, i int) int {
	nested, first := 1, i+1
	for i++; i < len(toks); i++ {
		t, prev := &toks[i], &toks[i-1]
		switch {
		case t.is(';'):
			first = i + 1
		case t.kw == kwNone || prev.kw == kwAs || prev.is('.'):
		case t.kw == kwCase:
			nested++
		case t.kw == kwAtomic && prev.kw == kwBegin && toks[first].kw == kwCreate:
			nested++
			first = i + 1
		case t.kw == kwEnd:
			if nested--; nested == 0 {
				return i
			}
		}
	}
	return len(toks) - 1
}
