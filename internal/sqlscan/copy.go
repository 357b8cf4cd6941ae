package sqlscan

import "bytes"

// CopyFormat is the row format of COPY.
type CopyFormat uint8

const (
	CopyText CopyFormat = iota
	CopyCSV
	CopyBinary
)

// CopyWhere says where COPY reads from or writes to.
type CopyWhere uint8

const (
	CopyClient  CopyWhere = iota // STDIN, STDOUT: over the wire
	CopyFile                     // a file of the server
	CopyProgram                  // a program on the server
)

// CopyInfo is what a COPY statement says.
type CopyInfo struct {
	To    bool // COPY … TO; false: FROM
	Where CopyWhere
	// Columns are the names in parentheses, in order; empty when all columns
	// are meant or a query is copied.
	Columns []Span
	// Filter says a WHERE clause follows (FROM only).
	Filter bool

	Format     CopyFormat
	Delimiter  byte   // tab for text, comma for CSV, unless given
	Null       []byte // \N for text, empty for CSV, unless given
	Header     bool
	Quote      byte // CSV only
	Escape     byte // CSV only
	ForceQuote bool // FORCE_QUOTE is there, for some or all columns
	ForceNull  bool // FORCE_NULL or FORCE_NOT_NULL is there
	Encoding   []byte
	Freeze     bool
	// OnError: ON_ERROR or REJECT_LIMIT is there (PostgreSQL 17).
	OnError bool
	// Default is the DEFAULT string (PostgreSQL 16), nil when not given.
	Default []byte
}

// ParseCopy reads what a statement of kind Copy says. ok is false when it has
// a form this package does not know; the server will refuse it, or is newer.
func ParseCopy(sql []byte, st *Statement) (info CopyInfo, ok bool) {
	if st.Kind != Copy {
		return CopyInfo{}, false
	}
	p := copyParser{classifier: classifier{sql: sql, toks: st.tokens, st: st}, info: &info}
	if !p.parse() {
		return CopyInfo{}, false
	}
	if info.Delimiter == 0 {
		info.Delimiter = '\t'
		if info.Format == CopyCSV {
			info.Delimiter = ','
		}
	}
	if info.Null == nil && info.Format == CopyText {
		info.Null = []byte(`\N`)
	}
	if info.Format == CopyCSV {
		if info.Quote == 0 {
			info.Quote = '"'
		}
		if info.Escape == 0 {
			info.Escape = info.Quote
		}
	}
	return info, true
}

type copyParser struct {
	classifier
	info *CopyInfo
	i    int
}

func (p *copyParser) parse() bool {
	p.i = 1
	if p.at(1) == kwBinary && p.st.Target.From > p.toks[1].span().From {
		p.info.Format = CopyBinary
		p.i++
	}
	if p.punct(p.i, '(') {
		p.i = p.matching(p.i) + 1
	} else {
		p.i = p.name(p.i)
		if !p.columns() {
			return false
		}
	}
	switch p.at(p.i) {
	case kwTo:
		p.info.To = true
	case kwFrom:
	default:
		return false
	}
	p.i++
	switch {
	case p.at(p.i) == kwProgram:
		p.info.Where = CopyProgram
		p.i += 2
	case p.at(p.i) == kwStdin || p.at(p.i) == kwStdout:
		p.i++
	case p.i < len(p.toks) && p.toks[p.i].stringLike():
		p.info.Where = CopyFile
		p.i++
	default:
		return false
	}
	return p.options()
}

func (p *copyParser) columns() bool {
	if !p.punct(p.i, '(') {
		return true
	}
	for p.i++; p.i < len(p.toks) && p.toks[p.i].name(); {
		p.info.Columns = append(p.info.Columns, p.toks[p.i].span())
		p.i++
		if p.punct(p.i, ')') {
			p.i++
			return true
		}
		if !p.punct(p.i, ',') {
			return false
		}
		p.i++
	}
	return false
}

func (p *copyParser) options() bool {
	if p.at(p.i) == kwWith {
		p.i++
	}
	if p.punct(p.i, '(') {
		if !p.list() {
			return false
		}
	} else {
		for p.i < len(p.toks) && p.at(p.i) != kwWhere {
			if !p.legacy() {
				return false
			}
		}
	}
	if p.at(p.i) == kwWhere {
		p.info.Filter = true
		return true
	}
	return p.i >= len(p.toks)
}

// list reads ( name [value], … ).
func (p *copyParser) list() bool {
	end := p.matching(p.i)
	for p.i++; p.i < end; {
		if !p.toks[p.i].name() {
			return false
		}
		name := string(appendIdentifier(nil, p.sql, &p.toks[p.i]))
		p.i++
		from := p.i
		for p.i < end && !p.punct(p.i, ',') {
			if p.punct(p.i, '(') {
				p.i = p.matching(p.i)
			}
			p.i++
		}
		if !p.set(name, from, p.i) {
			return false
		}
		p.i++
	}
	p.i = end + 1
	return true
}

// set applies one option whose value is toks[from:to].
func (p *copyParser) set(name string, from, to int) bool {
	value := p.value(from, to)
	switch name {
	case "format":
		switch string(value) {
		case "text":
			p.info.Format = CopyText
		case "csv":
			p.info.Format = CopyCSV
		case "binary":
			p.info.Format = CopyBinary
		default:
			return false
		}
	case "freeze":
		p.info.Freeze = !p.off(from)
	case "delimiter":
		return oneByte(&p.info.Delimiter, value)
	case "null":
		p.info.Null = notNil(value)
	case "default":
		p.info.Default = notNil(value)
	case "header":
		p.info.Header = from == to || !p.off(from)
	case "quote":
		return oneByte(&p.info.Quote, value)
	case "escape":
		return oneByte(&p.info.Escape, value)
	case "force_quote":
		p.info.ForceQuote = true
	case "force_not_null", "force_null":
		p.info.ForceNull = true
	case "encoding":
		p.info.Encoding = value
	case "on_error", "reject_limit", "log_verbosity":
		p.info.OnError = true
	default:
		return false
	}
	return true
}

// legacy reads one option of the syntax before PostgreSQL 9.0.
func (p *copyParser) legacy() bool {
	if p.at(p.i) == kwUsing {
		p.i++
	}
	name := ""
	if p.i < len(p.toks) && p.toks[p.i].kind == tokWord {
		name = string(appendIdentifier(nil, p.sql, &p.toks[p.i]))
	}
	p.i++
	switch name {
	case "binary":
		p.info.Format = CopyBinary
		return true
	case "csv":
		p.info.Format = CopyCSV
		return true
	case "freeze":
		p.info.Freeze = true
		return true
	case "header":
		p.info.Header = true
		return true
	case "force":
		return p.force()
	case "with": // between DELIMITERS and the rest
		return true
	case "delimiters":
		name = "delimiter"
	case "delimiter", "null", "quote", "escape", "encoding":
	default:
		return false
	}
	if p.at(p.i) == kwAs {
		p.i++
	}
	from := p.i
	p.i++
	return p.i <= len(p.toks) && p.toks[from].stringLike() && p.set(name, from, p.i)
}

// force reads FORCE QUOTE|NULL|NOT NULL columns.
func (p *copyParser) force() bool {
	switch {
	case p.at(p.i) == kwQuote:
		p.info.ForceQuote = true
	case p.at(p.i) == kwNull:
		p.info.ForceNull = true
	case p.at(p.i) == kwNot && p.at(p.i+1) == kwNull:
		p.info.ForceNull = true
		p.i++
	default:
		return false
	}
	p.i++
	if p.punct(p.i, '*') {
		p.i++
		return true
	}
	for p.i < len(p.toks) && p.toks[p.i].name() {
		p.i++
		if !p.punct(p.i, ',') {
			return true
		}
		p.i++
	}
	return false
}

// value returns the decoded value of an option: a word, a string or a number.
func (p *copyParser) value(from, to int) []byte {
	if to != from+1 {
		return nil
	}
	t := &p.toks[from]
	if t.name() {
		return appendIdentifier(nil, p.sql, t)
	}
	for i := range p.st.Literals {
		if l := &p.st.Literals[i]; l.Span.From == int(t.from) {
			v, _ := l.AppendValue(nil, p.sql)
			return v
		}
	}
	return t.span().Of(p.sql)
}

func oneByte(dst *byte, value []byte) bool {
	if len(value) != 1 {
		return false
	}
	*dst = value[0]
	return true
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return bytes.Clone(b)
}

// Arg is one argument of EXECUTE or CALL.
type Arg struct {
	Span Span
	// Literal is the index in Statement.Literals of the constant that the
	// argument is, or -1 when it is an expression. Null says it is NULL.
	Literal int
	Null    bool
}

// Arguments appends the arguments in the parentheses of EXECUTE name (…),
// CREATE TABLE … AS EXECUTE name (…) and CALL name (…).
func Arguments(st *Statement, dst []Arg) []Arg {
	c := classifier{toks: st.tokens, st: st}
	i := 0
	for i < len(c.toks) && int(c.toks[i].from) < max(st.Name.To, st.Target.To) {
		i++
	}
	if st.Kind == CreateTableAs || st.Inner == Execute {
		for i < len(c.toks) && int(c.toks[i].from) < st.Name.To {
			i++
		}
	}
	if !c.punct(i, '(') {
		return dst
	}
	end := c.matching(i)
	for from := i + 1; from < end; {
		to := from
		for depth := 0; to < end && (depth > 0 || !c.punct(to, ',')); to++ {
			switch {
			case c.punct(to, '('), c.punct(to, '['):
				depth++
			case c.punct(to, ')'), c.punct(to, ']'):
				depth--
			}
		}
		if to > from {
			dst = append(dst, c.argument(from, to))
		}
		from = to + 1
	}
	return dst
}

func (c *classifier) argument(from, to int) Arg {
	a := Arg{Span: spanOf(&c.toks[from], &c.toks[to-1]), Literal: -1, Null: to == from+1 && c.at(from) == kwNull}
	for i := range c.st.Literals {
		if c.st.Literals[i].Span == a.Span {
			a.Literal = i
		}
	}
	return a
}
