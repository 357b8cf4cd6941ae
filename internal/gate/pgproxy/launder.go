package pgproxy

import (
	"bytes"
	"sync/atomic"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// Laundering says where code that nobody declared may have copied protected
// data.
type Laundering uint8

// Kinds of laundering.
const (
	NotLaundered Laundering = iota
	// LaunderedUnclassified: a trigger or function that is part of the schema
	// ran. It is taken to write to relations that nobody classified only.
	LaunderedUnclassified
	// LaunderedAnywhere: code of a client's own ran, or a sequence or lock was
	// fed from protected columns. It may have written to relations that are
	// declared free of personal data, to any column of protected ones, to
	// another person's row, to the catalogue.
	LaunderedAnywhere
)

// Reasons of an event.Taint of a whole database.
const (
	launderTrigger  = "trigger"
	launderFunction = "function"
	launderOwn      = "client's own code"
	launderLetter   = "sequence or lock"
)

// LaunderingOf reads the Reason of an event.Taint whose Table is the place of a
// database.
func LaunderingOf(reason string) Laundering {
	switch reason {
	case launderOwn, launderLetter:
		return LaunderedAnywhere
	}
	return LaunderedUnclassified
}

// laundering is what a gate knows of it. Code counts from before it is sent,
// because what it wrote may be read before its answer is.
type laundering struct {
	done     [LaunderedAnywhere + 1]atomic.Bool
	running  [LaunderedAnywhere + 1]atomic.Int32
	routines atomic.Bool // clients made routines, triggers or rules
}

func (l *laundering) level() Laundering {
	for level := LaunderedAnywhere; level > NotLaundered; level-- {
		if l.done[level].Load() || l.running[level].Load() > 0 {
			return level
		}
	}
	return NotLaundered
}

// launders says that x, which is about to be sent, runs code for a reason.
func (e *engine) launders(x *execution, reason string) {
	if x.launders != "" && LaunderingOf(x.launders) >= LaunderingOf(reason) {
		return
	}
	e.unlaunders(x)
	x.launders = reason
	e.laundering[LaunderingOf(reason)]++
	e.g.laundering.running[LaunderingOf(reason)].Add(1)
}

// unlaunders takes that back: x failed, or the server never ran it.
func (e *engine) unlaunders(x *execution) {
	if x.launders == "" {
		return
	}
	level := LaunderingOf(x.launders)
	x.launders = ""
	e.laundering[level]--
	e.g.laundering.running[level].Add(-1)
}

// laundered notes that the code of x ran to its end.
func (e *engine) laundered(x *execution) {
	if x.launders != "" {
		e.launder(x.launders)
		e.unlaunders(x)
	}
}

// launder notes that code may have copied protected data.
func (e *engine) launder(why string) {
	if e.g.laundering.done[LaunderingOf(why)].Swap(true) || e.g.switches.NoTaint {
		return
	}
	e.submit(&event.Taint{Table: e.g.Place, From: []event.Place{e.g.Place}, Elements: e.g.elementsOf(), Reason: why})
}

// leavesCode is called when the session ends: the server may still finish what
// it was sent.
func (e *engine) leavesCode() {
	for level, n := range e.laundering {
		if n == 0 {
			continue
		}
		if Laundering(level) == LaunderedAnywhere {
			e.launder(launderOwn)
		} else {
			e.launder(launderFunction)
		}
		e.g.laundering.running[level].Add(-int32(n))
	}
	clear(e.laundering[:])
}

// makesCode says that a command makes or changes code that runs later.
func (c *command) makesCode() bool {
	switch c.st.Kind {
	case sqlscan.CreateRoutine, sqlscan.Load, sqlscan.ImportForeignSchema:
		return true
	case sqlscan.DDL, sqlscan.Unknown, sqlscan.CreateView:
		return hasWord(c.st.Canon, "trigger", "rule", "function", "procedure", "routine", "aggregate", "operator", "extension", "language", "cast")
	}
	return false
}

// codeReason is why the code of a statement counts.
func (e *engine) codeReason(k sqlscan.Kind) string {
	if k == sqlscan.Do || k == sqlscan.Unknown || e.g.laundering.routines.Load() {
		return launderOwn
	}
	return launderFunction
}

// failedCode takes back that x runs code, unless what it did outlives a
// failure: a procedure or DO may have committed, and sequences and locks know
// no rollback.
func (e *engine) failedCode(x *execution) {
	if k := x.shape.kind; k == sqlscan.Do || k == sqlscan.Call || k == sqlscan.Unknown || x.launders == launderLetter {
		e.laundered(x)
		return
	}
	e.unlaunders(x)
}

// ownSetting says that the only set_config of a command names, by a literal, a
// setting with a point in its name: those are seen by their own session only.
func (c *command) ownSetting() bool {
	text := bytes.ToLower(c.sql[c.st.Span.From:c.st.Span.To])
	const name = "set_config"
	at := bytes.Index(text, []byte(name))
	if at < 0 || bytes.Contains(text[at+1:], []byte(name)) {
		return false
	}
	rest := bytes.TrimLeft(text[at+len(name):], " \t\r\n")
	if len(rest) == 0 || rest[0] != '(' {
		return false
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	from := c.st.Span.To - len(rest)
	for i := range c.st.Literals {
		l := &c.st.Literals[i]
		if l.Span.From != from || l.Class != sqlscan.String {
			continue
		}
		after := bytes.TrimLeft(c.sql[l.Span.To:], " \t\r\n")
		value, ok := l.AppendValue(nil, c.sql)
		return ok && bytes.IndexByte(value, '.') > 0 && len(after) > 0 && after[0] == ','
	}
	return false
}

// harmlessCode says that a DO block cannot reach protected data: it reads
// nothing but the catalogue, calls nobody's functions and runs no text. Such
// blocks are what migrations are made of.
func harmlessCode(c *command, opt sqlscan.Options) bool {
	if c.st.Kind != sqlscan.Do || len(c.st.Literals) != 1 || hasWord(c.st.Canon, "language") && !hasWord(c.st.Canon, "plpgsql") {
		return false
	}
	body, ok := c.st.Literals[0].AppendValue(nil, c.sql)
	if !ok || nonASCII(body) {
		return false
	}
	list, err := sqlscan.Scan(body, opt, nil)
	if err != nil {
		return false
	}
	for i := range list {
		if !harmlessText(list[i].Canon) {
			return false
		}
	}
	return true
}

// callsInBody is callsCode for the statements of a DO block, where a name before
// a parenthesis is also that of a table, a type or a list.
func callsInBody(canon []byte) bool {
	for at := bytes.IndexByte(canon, '('); at >= 0 && at < len(canon); {
		word, ok := wordBefore(canon[:at])
		if ok && !beforeParenthesis[word] && word != "enum" && word != "key" && word != "unique" {
			before, _ := wordBefore(bytes.TrimSuffix(bytes.TrimRight(canon[:at], " "), []byte(word)))
			if before != "references" && before != "table" && before != "exists" {
				return true
			}
		}
		next := bytes.IndexByte(canon[at+1:], '(')
		if next < 0 {
			return false
		}
		at += 1 + next
	}
	return false
}

func harmlessText(canon []byte) bool {
	if callsInBody(canon) || hasWord(canon, "execute", "perform", "call", "copy", "insert", "update", "delete", "merge", "refresh",
		"truncate", "function", "procedure", "routine", "trigger", "rule", "view", "language", "using", "import", "do") || bytes.IndexByte(canon, '"') >= 0 {
		return false
	}
	words := bytes.Fields(bytes.ReplaceAll(canon, []byte(","), []byte(" , ")))
	for i, w := range words {
		switch string(bytes.Trim(w, "()")) {
		case "from", "join":
			if i+1 == len(words) || !bytes.HasPrefix(words[i+1], []byte("pg_")) && !bytes.HasPrefix(words[i+1], []byte("information_schema")) {
				return false
			}
			for _, after := range words[i+2 : min(i+5, len(words))] { // FROM pg_class c, customers
				if string(after) == "," {
					return false
				}
			}
		case "table": // TABLE customers, as a query
			if i > 0 && !bytes.Equal(words[i-1], []byte("alter")) && !bytes.Equal(words[i-1], []byte("create")) && !bytes.Equal(words[i-1], []byte("drop")) {
				return false
			}
			if bytes.HasPrefix(w, []byte("(")) {
				return false
			}
		}
	}
	return true
}
