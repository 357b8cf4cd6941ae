package pgproxy

import (
	"hash/maphash"
	"strings"

	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

var textSeed = maphash.MakeSeed()

// textSum is a keyed hash of the query's text, never 0.
func (c *command) textSum() uint64 {
	return maphash.Bytes(textSeed, c.query.Span.Of(c.querySQL)) | 1
}

// request is what the Analyser is asked about the command's query.
func (c *command) request(env *environment, v variant, encoding string) lineage.Request {
	st := c.query
	req := lineage.Request{
		SQL: string(withoutInto(c.querySQL, st)), ClientParams: st.MaxParam, Fingerprint: st.Fingerprint,
		SearchPath: env.searchPath, Role: env.role, SessionUser: env.user, Encoding: encoding,
		Partial: v&variantPartial != 0, Explain: v&variantExplain != 0, TaintedSettings: v&variantTainted != 0,
	}
	if env.temps != "" {
		req.TempRelations = strings.Split(env.temps, "\x00")
	}
	for i := range st.MaxParam {
		t := uint32(0)
		if i < len(c.types) {
			t = c.types[i]
		}
		req.ParamTypes = append(req.ParamTypes, lineage.OID(t))
	}
	var params sqlscan.Params
	text, err := sqlscan.Parameterised(c.querySQL, st, nil, &params)
	if err != nil {
		req.Fingerprint = 0
		return req
	}
	req.Text = string(text)
	for i := range st.Literals {
		if params.Ordinal[i] > 0 {
			req.ParamTypes = append(req.ParamTypes, literalType(st.Literals[i].Class))
		}
	}
	return req
}

// literalType is the type that the server gives a constant; 0: it infers one.
func literalType(c sqlscan.Class) lineage.OID {
	switch c {
	case sqlscan.Int:
		return lineage.OID(pgwire.OIDInt4)
	case sqlscan.BigInt:
		return lineage.OID(pgwire.OIDInt8)
	case sqlscan.Numeric:
		return lineage.OID(pgwire.OIDNumeric)
	}
	return 0
}

// withoutInto is the query without the INTO clause of SELECT … INTO.
func withoutInto(sql []byte, st *sqlscan.Statement) []byte {
	q, into := st.Query, st.Into
	if into.Empty() || into.From < q.From || into.To > q.To {
		return q.Of(sql)
	}
	return append(append([]byte(nil), sql[q.From:into.From]...), sql[into.To:q.To]...)
}
