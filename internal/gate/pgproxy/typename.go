package pgproxy

import (
	"bytes"
	"strings"
)

// typeOIDs are the built-in types that PREPARE may name in its list of
// parameter types and whose OIDs are fixed (PostgreSQL, pg_type.dat). grammar
// says that the name is a keyword of the grammar, which no search_path hides.
var typeOIDs = map[string]struct {
	oid     uint32
	grammar bool
}{
	"smallint": {21, true}, "int2": {21, false},
	"int": {23, true}, "integer": {23, true}, "int4": {23, false},
	"bigint": {20, true}, "int8": {20, false},
	"numeric": {1700, true}, "decimal": {1700, true},
	"boolean": {16, true}, "bool": {16, false},
	"real": {700, true}, "float4": {700, false}, "float8": {701, false},
	"varchar": {1043, true}, "text": {25, false}, "uuid": {2950, false},
	"date": {1082, false}, "timestamp": {1114, true}, "timestamptz": {1184, false},
	"json": {114, false}, "jsonb": {3802, false}, "bytea": {17, false},
}

// prepareTypes returns the OIDs of the types that PREPARE lists; ok is false
// when one is not a plain built-in name: then the statement stays unknown.
func (e *engine) prepareTypes(c *command) (types []uint32, ok bool) {
	text := c.sql[c.st.Name.To:c.st.Query.From]
	from, to := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if from < 0 {
		return nil, true
	}
	if to < from {
		return nil, false
	}
	hidden := e.env.now == nil || strings.Contains(e.env.now.searchPath, "pg_catalog")
	for name := range strings.SplitSeq(string(text[from+1:to]), ",") {
		t, known := typeOIDs[strings.ToLower(strings.TrimSpace(name))]
		if !known || !t.grammar && hidden {
			return nil, false
		}
		types = append(types, t.oid)
	}
	return types, true
}
