package pgproxy

import (
	"bytes"

	"sekisho/internal/sqlscan"
)

// Commands evaluate expressions that no query tree shows: arguments of EXECUTE,
// the condition of COPY FROM, defaults of columns that are added, bounds of
// partitions. They hold no subquery, but they call functions, and what those
// return is shown, stored or decides.

// evaluates says that a change of definitions may evaluate expressions.
func evaluates(canon []byte) bool {
	words := bytes.Fields(canon[:min(len(canon), 200)])
	if len(words) == 0 {
		return false
	}
	switch string(words[0]) {
	case "drop", "grant", "revoke", "comment", "security", "reassign":
		return false
	}
	for _, w := range words[1:] {
		switch string(w) {
		case "or", "replace", "constraint", "event":
			continue
		case "trigger", "rule", "function", "procedure", "routine", "aggregate", "operator", "policy":
			return false
		}
		break
	}
	return true
}

// keepsValues says that a change of definitions may store what an expression
// of its own returns: in rows, or in the catalogue.
func (c *command) keepsValues() bool {
	canon := c.st.Canon
	switch c.st.Kind {
	case sqlscan.CreateTable:
		return hasWord(canon, "values") // a partition's bound
	case sqlscan.DDL:
		if !evaluates(canon) || bytes.HasPrefix(canon, []byte("create domain ")) {
			return false
		}
		later := hasWord(canon, "set") && hasWord(canon, "default")
		return !later || hasWord(canon, "add", "type", "using", "check", "values", "attach", "index")
	}
	return false
}

// copyCondition is the condition of COPY FROM … WHERE, from the word on.
func (c *command) copyCondition() []byte {
	if c.copy == nil || c.copy.To {
		return nil
	}
	if i := bytes.Index(c.st.Canon, []byte(" where ")); i >= 0 {
		return c.st.Canon[i:]
	}
	return nil
}

// expression says that a command evaluates an expression that may call code.
func (c *command) expression() bool {
	switch {
	case c.st.Kind == sqlscan.Execute:
		for _, a := range sqlscan.Arguments(c.st, nil) {
			if a.Literal < 0 && !a.Null {
				return true
			}
		}
	case c.copy != nil:
		return len(c.copyCondition()) > 0
	}
	return c.keepsValues()
}

// evaluated says that an expression of c may return something protected. ok is
// false when the client's message must wait.
func (e *engine) evaluated(c *command) (reads, ok bool) {
	if !c.expression() || e.g.switches.NoCode {
		return false, true
	}
	if !definesRows(c.st.Kind) && !e.catalogueRead() {
		return false, false
	}
	k := e.codeOf(c)
	return k == nil || k.code.Unknown != "" || k.code.Reads || !definesRows(c.st.Kind) && len(k.code.Writes) > 0, true
}
