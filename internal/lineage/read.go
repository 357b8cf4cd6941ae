package lineage

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"sekisho/internal/lineage/nodetree"
)

// tree is what the server says of one statement.
type tree struct {
	text    string // node tree
	columns int    // of the result
	digest  string // of the catalogue, read after the tree
	nulls   []placed
	literal bool   // the text with literals was used although there was one without
	refused string // why there is no tree
}

// placed is a parameter that became a NULL, and where in the text.
type placed struct {
	at    int64 // byte offset, as CONST's location counts
	param int
}

// functionName is the function that carries a statement. Its schema is the
// control connection's own, and it never outlives the transaction.
const functionName = "sekisho_lineage"

// maxArguments is FUNC_MAX_ARGS of PostgreSQL.
const maxArguments = 100

// read asks for the tree of a statement: first of the text without literals,
// then, when that does not prepare, of the original.
func (c *control) read(ctx context.Context, req *Request) (*tree, error) {
	if req.Text != "" {
		t, err := c.readText(ctx, req, req.Text, req.ParamTypes)
		if err != nil || t.refused == "" || t.refused == "schema" || t.refused == "role" {
			return t, err
		}
	}
	types := req.ParamTypes
	if req.ClientParams < len(types) {
		types = types[:req.ClientParams]
	}
	t, err := c.readText(ctx, req, req.SQL, types)
	if strings.ContainsAny(req.SQL, "'$") && !c.broken() {
		// Code of a literal's type may have run, and such locks outlive a rollback.
		if _, unlock := c.rows(ctx, "SELECT pg_catalog.pg_advisory_unlock_all()"); unlock != nil && err == nil {
			c.close(ctx)
			err = unlock
		}
	}
	if err == nil {
		t.literal = req.Text != ""
	}
	return t, err
}

func (c *control) readText(ctx context.Context, req *Request, text string, types []OID) (*tree, error) {
	t := &tree{}
	err := c.rolledBack(ctx, "READ WRITE", func() error {
		reason, err := c.enterSession(ctx, req)
		if err != nil || reason != "" {
			t.refused = reason
			return err
		}
		oids := make([]uint32, len(types))
		for i, o := range types {
			oids[i] = uint32(o)
		}
		desc, err := c.pg.Prepare(ctx, "", text, oids)
		if err != nil {
			return t.refuse(err)
		}
		t.columns = len(desc.Fields)
		names, err := c.typeNames(ctx, desc.ParamOIDs)
		if err != nil {
			return t.refuse(err)
		}
		body, args, nulls := shrink(text, names)
		head := fmt.Sprintf("CREATE FUNCTION pg_temp.%s(%s) RETURNS void LANGUAGE sql BEGIN ATOMIC\n", functionName, strings.Join(args, ", "))
		for at, n := range nulls {
			t.nulls = append(t.nulls, placed{at: int64(len(head) + at), param: n})
		}
		if _, err := c.rows(ctx, head+body+"\n;\nEND"); err != nil {
			return t.refuse(err)
		}
		rows, err := c.rows(ctx, `SELECT prosqlbody::pg_catalog.text FROM pg_catalog.pg_proc
			WHERE proname OPERATOR(pg_catalog.=) $1 AND pronamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()`, functionName)
		if err != nil {
			return err
		}
		if len(rows) != 1 || rows[0][0] == "" {
			t.refused = "statement"
			return nil
		}
		t.text = rows[0][0]
		if _, err := c.rows(ctx, "SET LOCAL search_path = pg_catalog"); err != nil {
			return err
		}
		t.digest, err = c.digest(ctx)
		return err
	})
	return t, err
}

// refuse keeps an error that the client's text caused as the reason; other
// errors are returned.
func (t *tree) refuse(err error) error {
	if t.refused = refusal(err); t.refused != "" {
		return nil
	}
	return err
}

// enterSession gives the transaction the client's search path as its role sees
// it: schemas that do not exist or that it may not use are skipped. It returns
// a reason when the control role may not use one that the client's may.
func (c *control) enterSession(ctx context.Context, req *Request) (reason string, err error) {
	names, err := splitPath(req.SearchPath)
	if err != nil {
		return "search_path", nil
	}
	role := req.effectiveRole()
	var literals []string
	for _, n := range names {
		if n == "$user" {
			n = role
		}
		literals = append(literals, n)
	}
	rows, err := c.rows(ctx, `SELECT n.nspname, has_schema_privilege($1::pg_catalog.name, n.oid, 'USAGE'), has_schema_privilege(n.oid, 'USAGE')
		FROM unnest($2::pg_catalog.text[]) WITH ORDINALITY u(name, at) JOIN pg_catalog.pg_namespace n ON n.nspname = u.name ORDER BY u.at`,
		role, arrayLiteral(literals))
	if err != nil {
		if refusal(err) != "" {
			return "role", nil
		}
		return "", err
	}
	var path []string
	for _, row := range rows {
		if strings.HasPrefix(row[0], "pg_temp") || !isTrue(row[1]) {
			continue
		}
		if !isTrue(row[2]) {
			return "schema", nil
		}
		path = append(path, quoteIdent(row[0]))
	}
	value := `""`
	if len(path) > 0 {
		value = strings.Join(path, ", ")
	}
	if req.Encoding != "" && !strings.EqualFold(req.Encoding, "UTF8") && !ascii(req.SQL) {
		if _, err := c.rows(ctx, "SELECT set_config('client_encoding', $1, true)", req.Encoding); err != nil {
			if refusal(err) != "" {
				return "encoding", nil
			}
			return "", err
		}
	}
	_, err = c.rows(ctx, "SELECT pg_catalog.set_config('search_path', $1, true)", value)
	return "", err
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

func arrayLiteral(items []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(item))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// typeNames returns the SQL names of types, independent of the search path.
func (c *control) typeNames(ctx context.Context, oids []uint32) ([]string, error) {
	out := make([]string, len(oids))
	for i, o := range oids {
		if name, ok := c.types[OID(o)]; ok {
			out[i] = name
			continue
		}
		rows, err := c.rows(ctx, `SELECT n.nspname, t.typname FROM pg_catalog.pg_type t
			JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace WHERE t.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid`, decimal(int64(o)))
		if err != nil {
			return nil, err
		}
		if len(rows) != 1 {
			return nil, fmt.Errorf("lineage: type %d is unknown", o)
		}
		out[i] = quoteIdent(rows[0][0]) + "." + quoteIdent(rows[0][1])
		if OID(o) < firstUserOID {
			c.types[OID(o)] = out[i]
		}
	}
	return out, nil
}

// mentions says that the statement reads or writes a relation with one of the
// names: a temporary relation of the session may hide it there.
func mentions(cat *Catalog, text string, names []string) bool {
	hidden := make(map[string]bool, len(names))
	for _, n := range names {
		hidden[n] = true
	}
	v, err := nodetree.Parse(text)
	if err != nil {
		return true
	}
	var walk func(v nodetree.Value) bool
	walk = func(v nodetree.Value) bool {
		for _, item := range v.Items {
			if walk(item) {
				return true
			}
		}
		if v.Node == nil {
			return false
		}
		if relid, ok := v.Node.Get("relid"); ok {
			i, _ := relid.Int()
			if rel := cat.Relations[OID(i)]; i != 0 && (rel == nil || hidden[rel.Name]) {
				return true
			}
		}
		for _, f := range v.Node.Fields {
			if walk(f.Value) {
				return true
			}
		}
		return false
	}
	return walk(v)
}
