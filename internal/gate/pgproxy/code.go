package pgproxy

import (
	"bytes"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// code says whether executing a plan may run code nobody declared. Such code
// can change settings, make temporary relations, change the schema, and copy
// protected data anywhere.
type code uint8

const (
	codeNone    code = iota
	codeSuccess      // only if the server accepts what the analysis was refused
	codeMaybe        // the statement was not analysed: as its words tell
	codeRuns
)

func (p *plan) code() code {
	if p == nil || p.opaque == "" || p.opaque == "catalogue" || p.opaque == "statistics" || p.opaque == "foreign key" || p.opaque == "constraint" || p.opaque == "foreign table" {
		return codeNone
	}
	if p.opaque == "function" {
		return codeRuns
	}
	if p.analysis == nil {
		return codeMaybe
	}
	switch p.opaque {
	case "statement", "unknown relation", "unknown function", "privilege", "schema", "role":
		return codeSuccess
	}
	return codeRuns
}

// runs decides about a statement that was not analysed.
func (c *command) runs(k code) bool {
	switch k {
	case codeRuns:
		return true
	case codeMaybe:
		return c == nil || c.st.Kind == sqlscan.Unknown || c.st.Kind == sqlscan.Execute || c.shape.calls || c.writes() ||
			c.st.Kind == sqlscan.Explain && c.st.Flags.Has(sqlscan.Executes)
	}
	return false
}

// writes says that the main verb changes rows.
func (c *command) writes() bool {
	switch c.st.Kind {
	case sqlscan.Insert, sqlscan.Update, sqlscan.Delete, sqlscan.Merge, sqlscan.CreateTableAs, sqlscan.CreateMaterializedView:
		return true
	}
	return !c.st.Into.Empty() || c.st.Flags.Has(sqlscan.ModifyingCTE)
}

// beforeParenthesis are the words that may stand before a parenthesis without
// being a call of code: keywords, types, and functions of PostgreSQL's own that
// touch no table.
var beforeParenthesis = words(`in values and or not on using from select as with any all some exists over filter within
	union intersect except by set rows range groups join inner left right full cross lateral where when then else case
	having returning distinct limit offset row array only partition materialized recursive is like ilike between sets
	grouping rollup cube check
	varchar char character numeric decimal timestamp timestamptz interval time timetz bit float varying
	count sum min max avg coalesce nullif greatest least now lower upper length char_length substring substr trim btrim
	ltrim rtrim concat concat_ws cast extract date_trunc date_part round abs ceil floor row_number rank dense_rank
	generate_series array_agg string_agg json_agg jsonb_agg json_build_object jsonb_build_object to_char to_date
	to_timestamp position replace md5 age unnest array_length cardinality bool_or bool_and every`)

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// callsCode says that a canonical text holds what may be a call of a function
// that is not PostgreSQL's own.
func callsCode(canon []byte) bool {
	for at := 0; ; {
		i := bytes.IndexByte(canon[at:], '(')
		if i < 0 {
			return false
		}
		at += i
		if word, ok := wordBefore(canon[:at]); ok && !beforeParenthesis[word] {
			return true
		}
		at++
	}
}

// wordBefore returns the name that ends canon: a word, or a quoted identifier
// with its quotes.
func wordBefore(canon []byte) (string, bool) {
	n := len(canon)
	for n > 0 && canon[n-1] == ' ' {
		n--
	}
	if n > 0 && canon[n-1] == '"' {
		return `"`, true
	}
	from := n
	for from > 0 && nameByte(canon[from-1]) {
		from--
	}
	return string(canon[from:n]), from < n && canon[from] > '9'
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}

// unknownWrite tells of the rows that a statement changed that was not
// analysed: of the protected tables that have its target's name, or of all.
func (e *engine) unknownWrite(x *execution, affected uint64) {
	var hit []*Protected
	for i := range e.g.Protected {
		if t := &e.g.Protected[i]; x.target != "" && sameTable(e.g.relation(t.Table), x.target) {
			hit = append(hit, t)
		}
	}
	if x.target == "" {
		for i := range e.g.Protected {
			hit = append(hit, &e.g.Protected[i])
		}
	}
	for _, t := range hit {
		e.change(&event.HoldingChange{Session: e.session, Table: t.Table, Source: t.Source, Op: "unknown", Rows: affected, Unknown: affected})
	}
}
