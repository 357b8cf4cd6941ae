package pgproxy

import (
	"bytes"

	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// command is one statement that a client sent, cut and classified.
type command struct {
	sql []byte
	st  *sqlscan.Statement // of sql
	// query is the part whose lineage is asked, of querySQL: the statement
	// itself, or what it wraps. nil when there is none.
	query    *sqlscan.Statement
	querySQL []byte
	shape    *shape
	types    []uint32
	copy     *copyCommand
	// injection are the key columns that the gate adds to its text.
	injection *lineage.Injection
	through   *prepared // of SQL's EXECUTE: the statement it names
}

// copyCommand is a COPY between the client and the server.
type copyCommand struct {
	sqlscan.CopyInfo
	known bool
}

// newCommand classifies st of sql. Both must live as long as the command.
func (e *engine) newCommand(sql []byte, st *sqlscan.Statement, types []uint32) command {
	c := command{sql: sql, st: st, types: types}
	switch {
	case st.Kind.Query() && st.Kind != sqlscan.Copy:
		c.query, c.querySQL = st, sql
	case st.Kind == sqlscan.Copy:
		c.copy = &copyCommand{}
		c.copy.CopyInfo, c.copy.known = sqlscan.ParseCopy(sql, st)
		if st.Query.Empty() {
			c.setQuery(e.copyQuery(&c), e.env.scan())
		} else {
			c.setQuery(st.Query.Of(sql), e.env.scan())
		}
	case !st.Query.Empty():
		c.setQuery(st.Query.Of(sql), e.env.scan())
	case st.Kind == sqlscan.DDL && !st.Target.Empty() && testsRows(st.Canon):
		c.setQuery(append([]byte("SELECT * FROM "), st.Target.Of(sql)...), e.env.scan())
	}
	c.shape = e.shapeOf(&c)
	return c
}

// setQuery scans the text of a wrapped query on its own, so that it has the
// fingerprint that it has when it is sent bare.
func (c *command) setQuery(text []byte, opt sqlscan.Options) {
	if text == nil {
		return
	}
	list, err := sqlscan.Scan(text, opt, nil)
	if err == nil && len(list) == 1 && list[0].Kind.Query() {
		c.query, c.querySQL = &list[0], text
	}
}

// copyQuery is the SELECT that returns the columns that COPY of a table
// carries, in their order.
func (e *engine) copyQuery(c *command) []byte {
	if c.st.Target.Empty() || !c.copy.known {
		return nil
	}
	out := []byte("SELECT ")
	for i, col := range c.copy.Columns {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(out, col.Of(c.sql)...)
	}
	if len(c.copy.Columns) == 0 {
		out = append(out, '*')
	}
	out = append(out, " FROM ONLY "...)
	return append(out, c.st.Target.Of(c.sql)...)
}

func (e *engine) shapeOf(c *command) *shape {
	st, sql := c.st, c.sql
	if c.query != nil {
		st, sql = c.query, c.querySQL
	}
	if s := e.lastShape; s != nil && uint64(s.id) == st.Fingerprint && bytes.Equal(s.canon, st.Canon) {
		return s
	}
	s := e.g.reg.lookup(st.Fingerprint, st.Canon)
	if s == nil {
		s = e.g.reg.shape(st, sql)
	}
	e.lastShape = s
	return s
}

// paramValue returns the value of the ordinal-th parameter, counting the
// query's literals after the client's own parameters. ok is false when it is
// not known.
func (c *command) paramValue(ordinal int, bind *pgwire.Bind, dst []byte) (value []byte, format int16, null, ok bool) {
	if c.query == nil {
		return dst, 0, false, false
	}
	if ordinal <= c.query.MaxParam {
		if bind == nil {
			return dst, 0, false, false
		}
		v, f, ok := bind.Param(ordinal - 1)
		return append(dst, v...), f, v == nil, ok
	}
	k := ordinal - c.query.MaxParam
	for i := range c.query.Literals {
		l := &c.query.Literals[i]
		if !l.Param {
			continue
		}
		if k--; k == 0 {
			v, ok := l.AppendValue(dst, c.querySQL)
			return v, pgwire.FormatText, false, ok
		}
	}
	return dst, 0, false, false
}

// settingMatters says that a setting decides how statements are read.
func settingMatters(name string) bool {
	switch name {
	case "search_path", "schema", "role", "session_authorization", "session authorization",
		"standard_conforming_strings", "client_encoding", "names", "transform_null_equals", "backslash_quote":
		return true
	}
	return false
}

// name returns the decoded name that the statement has.
func (c *command) name() string {
	return string(sqlscan.AppendName(nil, c.sql, c.st.Name))
}

func nonASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
