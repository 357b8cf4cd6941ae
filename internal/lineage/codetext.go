package lineage

import (
	"slices"
	"strings"
)

// text is what the source of a routine or DO block, in SQL or PL/pgSQL, names.
// It is read word by word, not parsed: every relation and function that the
// code can touch must stand in it by name, unless it runs text that it makes.
type text struct {
	unknown string // why the words do not tell what the code does; "" when they do
	// defines is the first word that changes definitions, whose texts and names
	// may carry what was read.
	defines string
	words   map[string]int // how often each name stands in it
	targets []target
	// assigned are the columns of NEW that may get more than a constant; "" is
	// all of them.
	assigned map[string]bool
	sets     bool // it changes settings
	plain    bool // it reads no relation, and tells nothing but by its result
}

// target is a relation that a statement of the code writes, by its bare name.
type target struct {
	verb, schema, name string   // schema is "" when the name stands alone
	columns            []string // that UPDATE sets; nil: all, and which rows are there
}

// token is a word as the server folds it, a quoted name, a mark, or a constant.
type token struct {
	text string
	kind tokenKind
}

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenQuoted
	tokenMark
	tokenConstant
)

// Words that stand for more than the text says: text made at run time, files,
// other procedures' transactions, whole databases; and definitions.
var (
	runsText   = wordSet(`execute call copy import load reindex cluster vacuum analyze reassign`)
	definition = wordSet(`create alter drop truncate refresh grant revoke prepare rename`)
)

// readText reads a body, as it is where standard_conforming_strings is on. sql
// says that its language is SQL, where INTO makes a table.
func readText(body string, sql bool) *text {
	x := &text{words: map[string]int{}, assigned: map[string]bool{}}
	list, ok := tokens(body)
	if !ok {
		x.unknown = "constant"
		return x
	}
	at := func(i int) token {
		if i < 0 || i >= len(list) {
			return token{}
		}
		return list[i]
	}
	x.plain = true
	for i, t := range list {
		switch t.kind {
		case tokenQuoted:
			x.words[t.text]++
			continue
		case tokenWord:
			x.words[t.text]++
		default:
			continue
		}
		before, next := at(i-1), at(i+1)
		switch {
		case runsText[t.text] && before.text != ".", t.text == "do" && next.text != "update" && next.text != "nothing":
			x.unknown = t.text
		case definition[t.text] && before.text != ".", t.text == "comment" && next.text == "on", t.text == "security" && next.text == "label",
			t.text == "into" && sql && before.text != "insert" && before.text != "merge":
			x.defines = t.text
		case t.text == "insert" && next.text == "into", t.text == "merge" && next.text == "into", t.text == "delete" && next.text == "from":
			x.writes(list, i+2, t.text)
		case t.text == "update" && before.text != "for" && before.text != "key":
			if next.text != "set" || at(i+2).text == "set" {
				x.writes(list, i+1, t.text)
			}
		case t.text == "set" && statementStart(before), t.text == "reset", t.text == "discard", t.text == "set_config":
			x.sets = true
		}
		switch t.text {
		case "from":
			x.plain = x.plain && (before.text == "distinct" || insideCall(list, i))
		case "table", "join", "raise", "open", "fetch", "move", "cursor", "refcursor", "perform", "notify", "listen", "unlisten", "lock":
			x.plain = false
		}
	}
	if x.words["standard_conforming_strings"] > 0 {
		x.unknown = "standard_conforming_strings"
	}
	x.assigns(list)
	x.plain = x.plain && x.unknown+x.defines == "" && len(x.targets) == 0 && !x.sets
	return x
}

// insideCall says that the FROM at i belongs to extract, substring, trim,
// overlay or position.
func insideCall(list []token, i int) bool {
	depth := 0
	for i--; i > 0; i-- {
		switch list[i].text {
		case ")":
			depth++
		case "(":
			if depth--; depth < 0 {
				switch list[i-1].text {
				case "extract", "substring", "trim", "overlay", "position":
					return list[i-1].kind == tokenWord
				}
				return false
			}
		case "select", ";":
			if depth == 0 {
				return false
			}
		}
	}
	return false
}

// statementStart says that a statement of PL/pgSQL begins after t.
func statementStart(t token) bool {
	switch t.text {
	case "", ";", "begin", "then", "else", "loop", ">>":
		return true
	}
	return false
}

// writes notes the relation that is named at i as written.
func (x *text) writes(list []token, i int, verb string) {
	for i < len(list) && list[i].kind == tokenWord && list[i].text == "only" {
		i++
	}
	name, i := nameAt(list, i)
	if name == "" {
		x.unknown = "target"
		return
	}
	t := target{verb: verb, name: name}
	if i >= 3 && list[i-2].text == "." && list[i-2].kind == tokenMark {
		t.schema = list[i-3].text
	}
	if verb == "update" {
		t.columns = setColumns(list, i)
	}
	x.targets = append(x.targets, t)
}

// nameAt returns the last part of the name at i, and what follows it.
func nameAt(list []token, i int) (string, int) {
	name := ""
	for i < len(list) && (list[i].kind == tokenWord || list[i].kind == tokenQuoted) {
		name = list[i].text
		i++
		if i >= len(list) || list[i].text != "." || list[i].kind != tokenMark {
			return name, i
		}
		i++
	}
	return "", i
}

// setColumns returns the columns that UPDATE sets, whose target ended before i;
// nil when they cannot be told.
func setColumns(list []token, i int) (columns []string) {
	for n := 0; i < len(list) && list[i].text != "set"; i++ { // *, AS, the alias
		if n++; n > 3 {
			return nil
		}
	}
	for i++; i < len(list); i++ {
		if list[i].text == "(" && list[i].kind == tokenMark {
			for i++; i < len(list) && list[i].text != ")"; i++ {
				if list[i].kind == tokenWord || list[i].kind == tokenQuoted {
					columns = append(columns, list[i].text)
				}
			}
		} else if list[i].kind == tokenWord || list[i].kind == tokenQuoted {
			columns = append(columns, list[i].text)
		} else {
			return nil
		}
		depth := 0
	value:
		for i++; i < len(list); i++ {
			switch t := list[i]; {
			case t.kind == tokenMark && (t.text == "(" || t.text == "["):
				depth++
			case t.kind == tokenMark && (t.text == ")" || t.text == "]"):
				if depth--; depth < 0 {
					return columns
				}
			case depth > 0:
			case t.kind == tokenMark && t.text == ",":
				break value
			case t.kind == tokenMark && t.text == ";", t.kind == tokenWord && (t.text == "where" || t.text == "returning"),
				t.kind == tokenWord && t.text == "from" && list[i-1].text != "distinct":
				return columns
			}
		}
	}
	return columns
}

// constantWords are words of a value that comes from no row.
var constantWords = wordSet(`now current_timestamp clock_timestamp statement_timestamp transaction_timestamp current_date
	current_time localtimestamp localtime gen_random_uuid uuid_generate_v4 current_user session_user true false null
	default interval timestamp timestamptz date time zone at timezone utc text int integer bigint`)

// assigns notes which columns of NEW a trigger function changes.
func (x *text) assigns(list []token) {
	loose := false // which value goes where depends on more than the assignment
	intos := false
	for i, t := range list {
		switch {
		case t.kind != tokenWord:
		case t.text == "if", t.text == "case", t.text == "loop", t.text == "exception", t.text == "when":
			loose = true
		case t.text == "into" && (i == 0 || list[i-1].text != "insert" && list[i-1].text != "merge"):
			intos = true
		case t.text == "alias":
			x.assigned[""] = true
		case t.text == "return" && i+1 < len(list):
			switch list[i+1].text {
			case "new", "old", "null", ";":
			default:
				x.assigned[""] = true
			}
		}
	}
	for i, t := range list {
		if t.kind != tokenWord || t.text != "new" {
			continue
		}
		before, next := token{}, token{}
		if i > 0 {
			before = list[i-1]
		}
		if i+1 < len(list) {
			next = list[i+1]
		}
		if next.text != "." {
			reads := (before.text == "(" || before.text == ",") && (next.text == ")" || next.text == ",") && !intos
			if !reads && !(before.text == "return" && next.text == ";") {
				x.assigned[""] = true
			}
			continue
		}
		column, end := nameAt(list, i+2)
		switch {
		case intos:
			x.assigned[column] = true
		case end < len(list) && (list[end].text == ":=" || list[end].text == "=" || list[end].text == "[") && statementStart(before):
			if loose || list[end].text == "[" || !constant(list[end+1:]) {
				x.assigned[column] = true
			}
		}
	}
}

// constant says that the value up to the semicolon comes from no row.
func constant(list []token) bool {
	for _, t := range list {
		switch {
		case t.text == ";":
			return true
		case t.kind == tokenQuoted, t.kind == tokenWord && !constantWords[t.text]:
			return false
		}
	}
	return true
}

// tokens cuts a body as the server's lexer does (scan.l of PostgreSQL 14 to
// 17). ok is false for what may be read in two ways.
func tokens(body string) (list []token, ok bool) {
	word := func(c byte) bool {
		return c == '_' || c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	for i := 0; i < len(body); {
		c := body[i]
		switch {
		case strings.HasPrefix(body[i:], "--"):
			n := strings.IndexAny(body[i:], "\n\r")
			if n < 0 {
				return list, true
			}
			i += n
		case strings.HasPrefix(body[i:], "/*"):
			if i = commentEnd(body, i); i < 0 {
				return nil, false
			}
		case c == '\'':
			escapes := len(list) > 0 && i > 0 && list[len(list)-1].text == "e" && (body[i-1] == 'e' || body[i-1] == 'E')
			end := stringEnd(body, i, escapes)
			if end < 0 || i > 0 && body[i-1] == '&' {
				return nil, false
			}
			list = append(list, token{"'", tokenConstant})
			i = end
		case c == '"':
			end := i + 1
			for ; end < len(body); end++ {
				if body[end] == '"' {
					if end+1 >= len(body) || body[end+1] != '"' {
						break
					}
					end++
				}
			}
			if end >= len(body) || i > 0 && body[i-1] == '&' {
				return nil, false
			}
			list = append(list, token{truncated(strings.ReplaceAll(body[i+1:end], `""`, `"`)), tokenQuoted})
			i = end + 1
		case c == '$':
			if end := dollarEnd(body, i); end > 0 {
				list = append(list, token{"'", tokenConstant})
				i = end
				continue
			}
			i++
		case word(c):
			end := i + 1
			for end < len(body) && (word(body[end]) || body[end] == '$' || body[end] >= '0' && body[end] <= '9') {
				end++
			}
			list = append(list, token{truncated(lowerASCII(body[i:end])), tokenWord})
			i = end
		case c >= '0' && c <= '9':
			for i < len(body) && (body[i] >= '0' && body[i] <= '9' || body[i] == '.' && !strings.HasPrefix(body[i:], "..")) {
				i++
			}
			list = append(list, token{"0", tokenConstant})
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
		default:
			n := 1
			if strings.HasPrefix(body[i:], ":=") || strings.HasPrefix(body[i:], ">>") || strings.HasPrefix(body[i:], "<<") {
				n = 2
			}
			list = append(list, token{body[i : i+n], tokenMark})
			i += n
		}
	}
	return list, true
}

func lowerASCII(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// commentEnd returns the end of the comment at i, which may hold others, or -1.
func commentEnd(body string, i int) int {
	depth := 0
	for i+1 < len(body) {
		switch body[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return -1
}

// stringEnd returns what follows the string at i, or -1.
func stringEnd(body string, i int, escapes bool) int {
	for i++; i < len(body); i++ {
		switch {
		case body[i] == '\\' && escapes:
			i++
		case body[i] == '\'':
			if i+1 >= len(body) || body[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	}
	return -1
}

// dollarEnd returns what follows the dollar-quoted string at i, or 0 when there
// is none.
func dollarEnd(body string, i int) int {
	n := strings.IndexByte(body[i+1:], '$')
	if n < 0 {
		return 0
	}
	tag := body[i : i+n+2]
	for k, c := range []byte(tag[1 : len(tag)-1]) {
		if !(c == '_' || c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || k > 0 && c >= '0' && c <= '9') {
			return 0
		}
	}
	end := strings.Index(body[i+len(tag):], tag)
	if end < 0 {
		return 0
	}
	return i + 2*len(tag) + end
}

// names are the columns that x assigns, sorted; all says that it may be any.
func (x *text) names() (list []string, all bool) {
	for name := range x.assigned {
		if name == "" {
			return nil, true
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list, false
}
