package lineage

import (
	"context"
	"strings"
)

// AnalyseTable is the analysis of COPY relation [(columns)] TO: a read of the
// relation's own rows (not its children's), columns in the order of COPY. req
// needs SearchPath, the roles and the flags only. relation and columns are
// SQL as the client wrote them.
func (r *Reader) AnalyseTable(ctx context.Context, req Request, relation string, columns []string) (*Analysis, error) {
	list := "*"
	if len(columns) > 0 {
		list = strings.Join(columns, ", ")
	}
	req.SQL, req.Text, req.ParamTypes, req.ClientParams, req.Fingerprint = copyQuery(list, relation), "", nil, 0, 0
	an, err := r.Analyse(ctx, req)
	if err != nil || an.Opaque != "" || len(columns) > 0 {
		return an, err
	}
	cat, err := r.Catalog(ctx)
	if err != nil {
		return Opaque("unavailable"), err
	}
	var plain []string // COPY leaves generated columns out
	generated := false
	for _, c := range an.Columns {
		rel := cat.Relations[c.Rel]
		if rel == nil {
			return Opaque("unknown relation"), nil
		}
		att, _ := rel.attribute(c.Att)
		if generated = generated || att.Generated; !att.Generated {
			plain = append(plain, quoteIdent(c.Name))
		}
	}
	if !generated {
		return an, nil
	}
	req.SQL = copyQuery(strings.Join(plain, ", "), relation)
	return r.Analyse(ctx, req)
}

func copyQuery(list, relation string) string { return "SELECT " + list + " FROM ONLY " + relation }

// Warnings says what the control role may do that it does not need: a
// superuser, or a role that may write a protected table. Each is a sentence
// for an operator.
func (r *Reader) Warnings(ctx context.Context) ([]string, error) {
	cat, err := r.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	err = r.with(ctx, func(c *control) error {
		return c.rolledBack(ctx, "READ ONLY", func() error {
			rows, err := c.rows(ctx, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
			if err != nil {
				return err
			}
			if len(rows) == 1 && isTrue(rows[0][0]) {
				out = append(out, "the control role is a superuser: it needs LOGIN, TEMP on the database and USAGE on schemas only")
				return nil
			}
			for _, rel := range cat.Relations {
				if rel.Protected == nil {
					continue
				}
				rows, err := c.rows(ctx, "SELECT has_table_privilege($1::pg_catalog.oid, 'INSERT,UPDATE,DELETE,TRUNCATE')", decimal(int64(rel.OID)))
				if err != nil {
					return err
				}
				if len(rows) == 1 && isTrue(rows[0][0]) {
					out = append(out, "the control role may write "+rel.Schema+"."+rel.Name+": it needs no privilege on any table")
				}
			}
			return nil
		})
	})
	return out, err
}

// Tree returns the node tree the server has for a statement, "" when it refuses
// it. It is for tests and for reports of a statement that is opaque.
func (r *Reader) Tree(ctx context.Context, req Request) (string, error) {
	var t *tree
	err := r.with(ctx, func(c *control) (err error) {
		t, err = c.read(ctx, &req)
		return err
	})
	if err != nil {
		return "", err
	}
	return t.text, nil
}
