package lineage_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/lineage/lineagetest"
)

// TestReader shares one server between the tests of the Reader; those that
// change the database come last.
func TestReader(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: needs a PostgreSQL")
	}
	pg, control := open(t, schema(t))
	r := reader(t, config(control))
	s := &shop{pg: pg, r: r, control: control}
	for _, test := range []struct {
		name string
		run  func(*shop, *testing.T)
	}{
		{"text without literals", (*shop).text},
		{"literal fallback", (*shop).literal},
		{"search path", (*shop).searchPath},
		{"temporary relations", (*shop).temporary},
		{"session that cannot be followed", (*shop).session},
		{"encoding", (*shop).encoding},
		{"many parameters", (*shop).many},
		{"injection", (*shop).injection},
		{"copy", (*shop).copy},
		{"explain and partial", (*shop).flags},
		{"hostile texts write nothing", (*shop).hostile},
		{"warnings", (*shop).warnings},
		{"cache and flights", (*shop).hammer},
		{"ddl around the gate", (*shop).ddl},
		{"taint", (*shop).taint},
		{"lock", (*shop).lock},
		{"writes that run code", (*shop).hooks},
		{"names that change", (*shop).names},
		{"values of others", (*shop).carried},
		{"what code writes", (*shop).code},
		{"types that run code", (*shop).types},
		{"names that changed meanwhile", (*shop).known},
		{"materialised views", (*shop).derived},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(s, t) })
	}
}

type shop struct {
	pg      *pgconn.PgConn
	r       *lineage.Reader
	control string
}

func (s *shop) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.pg.Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *shop) ask(t *testing.T, req lineage.Request) *lineage.Analysis {
	t.Helper()
	an, err := s.r.Analyse(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", req.SQL, err)
	}
	return an
}

func (s *shop) want(t *testing.T, req lineage.Request, want string) {
	t.Helper()
	an := *s.ask(t, req)
	an.Injectable = nil
	if diff := cmp.Diff(want, lineagetest.Describe(&an)); diff != "" {
		t.Errorf("%s (-want +got)\n%s", req.SQL, diff)
	}
}

const exact = `cols[{} {email}[0]] #0 customers{email} column 0`

func (s *shop) text(t *testing.T) {
	req := request("SELECT email FROM customers WHERE id = 5")
	req.Text, req.ParamTypes = "SELECT email FROM customers WHERE id = $1", []lineage.OID{23}
	s.want(t, req, `cols[{email}[0]] #0 customers{email} $1`)
	req.Fingerprint = 7
	an := s.ask(t, req)
	req.SQL = "SELECT email FROM customers WHERE id = 6"
	if s.ask(t, req) != an {
		t.Error("two statements of one fingerprint were analysed apart")
	}
	if an.Entries[0].KeyType != 23 {
		t.Errorf("key type %d, want int4", an.Entries[0].KeyType)
	}
	for sql, want := range map[string]lineage.OID{
		"SELECT email FROM customers WHERE $1::bigint = id":                                        20,
		"SELECT email FROM customers WHERE id = $1":                                                23,
		"SELECT name FROM members WHERE code = $1":                                                 25,
		"SELECT id, email FROM customers":                                                          23,
		"SELECT b.k, c.email FROM customers c JOIN (SELECT id AS k FROM bookings) b ON b.k = c.id": 20,
	} {
		if an := s.ask(t, request(sql)); len(an.Entries) == 0 || an.Entries[0].KeyType != want {
			t.Errorf("%s: %s, key type not %d", sql, lineagetest.Describe(an), want)
		}
	}
	// A literal after the client's own parameter; a string's type is inferred.
	req = request("SELECT email FROM customers WHERE name = $1 AND id = '5'")
	req.Text, req.ParamTypes, req.ClientParams = "SELECT email FROM customers WHERE name = $1 AND id = $2", []lineage.OID{25, 0}, 1
	s.want(t, req, `predicate{name} cols[{email}[0]] #0 customers{name,email} - "predicate" confirm $2 pinned`)
	// A number with a fraction compares as numeric: no key.
	req = request("SELECT email FROM customers WHERE id = 5.0")
	req.Text, req.ParamTypes = "SELECT email FROM customers WHERE id = $1", []lineage.OID{1700}
	s.want(t, req, `cols[{email}[0]] #0 customers{email} - "key not in result" identifier=0:email`)
}

func (s *shop) literal(t *testing.T) {
	req := request("SELECT id, email FROM customers ORDER BY 1")
	req.Text, req.ParamTypes, req.Fingerprint = "SELECT id, email FROM customers ORDER BY 1 NULLS $1", []lineage.OID{0}, 99
	s.want(t, req, exact)
	if an := s.ask(t, req); !an.Literal {
		t.Error("an analysis of the text with literals does not say so")
	}
	req.SQL = "SELECT name FROM customers"
	s.want(t, req, `cols[{name}[0]] #0 customers{name} - "key not in result"`)
}

func (s *shop) searchPath(t *testing.T) {
	sql := "SELECT email FROM customers"
	for path, want := range map[string]string{
		`"$user", public`: "customers", `other, public`: "", `public, other`: "customers", `OTHER`: "",
		`missing, public`:             "customers",
		`hidden, public`:              "customers", // the client's role may not use hidden: the server skips it
		`pg_catalog, pg_temp, public`: "customers",
	} {
		req := request(sql)
		req.SearchPath = path
		an := s.ask(t, req)
		got := ""
		if len(an.Entries) == 1 {
			got = strings.TrimPrefix(string(an.Entries[0].Table), "shop/public.")
		}
		if got != want || an.Opaque != "" {
			t.Errorf("search_path %s: entry %q, want %q; %s", path, got, want, lineagetest.Describe(an))
		}
	}
	for path, want := range map[string]string{``: "unknown relation", `""`: "unknown relation", `public,`: "search_path", `"public`: "search_path"} {
		req := request(sql)
		req.SearchPath = path
		if an := s.ask(t, req); an.Opaque != want {
			t.Errorf("search_path %q: opaque %q, want %q", path, an.Opaque, want)
		}
	}
	s.exec(t, "CREATE ROLE boss LOGIN; CREATE SCHEMA boss; CREATE TABLE boss.customers (id int, email text); GRANT USAGE ON SCHEMA boss TO boss")
	req := request(sql)
	req.SearchPath, req.SessionUser = `"$user", public`, "boss"
	if an := s.ask(t, req); an.Opaque != "schema" {
		t.Errorf("a schema that the client sees and the control role does not: %s, want opaque", lineagetest.Describe(an))
	}
	s.exec(t, "GRANT USAGE ON SCHEMA boss TO control")
	if changed, err := s.r.Refresh(t.Context()); err != nil || !changed {
		t.Fatalf("a grant on a schema: changed %v, %v", changed, err)
	}
	if an := s.ask(t, req); !an.Bare || len(an.Unclassified) != 1 || an.Unclassified[0] != "shop/boss.customers" {
		t.Errorf("$user: %s, unclassified %v", lineagetest.Describe(an), an.Unclassified)
	}
	req.Role, req.SessionUser = "boss", "app"
	if an := s.ask(t, req); !an.Bare {
		t.Errorf("$user after SET ROLE: %s", lineagetest.Describe(an))
	}
}

func (s *shop) temporary(t *testing.T) {
	req := request("SELECT id, email FROM customers")
	req.TempRelations = []string{"plain"}
	s.want(t, req, exact)
	req.TempRelations = []string{"plain", "customers"}
	s.want(t, req, `opaque "temporary" cols[]`)
	req.TempRelations, req.TempUnknown = nil, true
	s.want(t, req, `opaque "temporary" cols[]`)
}

func (s *shop) session(t *testing.T) {
	req := request("SELECT id, email FROM customers")
	req.NonStandardStrings = true
	s.want(t, req, `opaque "standard_conforming_strings" cols[]`)
	req = request("SELECT id, email FROM customers")
	req.SessionUser = "nobody here"
	s.want(t, req, `opaque "role" cols[]`)
	req = request("SELECT current_setting('app.x')")
	req.TaintedSettings = true
	s.want(t, req, `opaque "settings" cols[]`)
}

func (s *shop) encoding(t *testing.T) {
	req := request("SELECT id, email AS \"\x83\x81\x81\x5b\x83\x8b\" FROM customers") // メール in Shift_JIS
	req.Encoding = "SJIS"
	s.want(t, req, exact)
	req.Encoding = ""
	if an := s.ask(t, req); an.Opaque == "" {
		t.Errorf("invalid UTF-8: %s, want opaque", lineagetest.Describe(an))
	}
	req.Encoding = "nonsense"
	s.want(t, req, `opaque "encoding" cols[]`)
}

func (s *shop) many(t *testing.T) {
	var rows []string
	want := make([]int, 0, 400)
	for i := range 400 {
		rows = append(rows, fmt.Sprintf("($%d, $%d)", 2*i+1, 2*i+2))
		want = append(want, 2*i+1)
	}
	an := s.ask(t, request("INSERT INTO customers (id, email) VALUES "+strings.Join(rows, ", ")))
	if len(an.Writes) != 1 || an.Writes[0].KeyBy != lineage.KeyParams {
		t.Fatalf("800 parameters: %s", lineagetest.Describe(an))
	}
	if diff := cmp.Diff(want, an.Writes[0].KeyParams); diff != "" {
		t.Errorf("keys (-want +got)\n%s", diff)
	}
	var list []string
	for i := range 150 {
		list = append(list, fmt.Sprintf("$%d", i+1))
	}
	s.want(t, request("SELECT id, email FROM customers WHERE id IN ("+strings.Join(list, ", ")+") -- $200 'x"), exact)
}

func (s *shop) injection(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT email FROM customers": `SELECT email , "customers"."id" FROM customers`,
		"SELECT c.note, b.item FROM customers c JOIN bookings b ON b.customer_id = c.id": `SELECT c.note, b.item , "c"."id", "b"."customer_id" FROM customers c JOIN bookings b ON b.customer_id = c.id`,
		"SELECT name IS DISTINCT FROM 'x', email /* FROM */ -- FROM\n FROM customers":    "SELECT name IS DISTINCT FROM 'x', email /* FROM */ -- FROM\n , \"customers\".\"id\" FROM customers",
		"SELECT extract(year FROM now()), note FROM contacts JOIN customers USING (id)":  "",
		"SELECT email FROM contacts": "", // the role may not read the view
		"SELECT e FROM (SELECT id AS \"K\", email AS e FROM customers) AS \"S\"": `SELECT e , "S"."K" FROM (SELECT id AS "K", email AS e FROM customers) AS "S"`,
		"SELECT DISTINCT email FROM customers":                                   "",
		"SELECT max(email) FROM customers":                                       "",
		"SELECT email FROM customers GROUP BY 1":                                 "",
		"SELECT email FROM customers UNION SELECT 'x'":                           "",
		"SELECT email, rank() OVER () FROM customers":                            "",
		"SELECT name FROM members":                                               "", // no privilege on the key column
		"SELECT email FROM customers WHERE vip":                                  "", // a predicate: the key would not make it exact
		"SELECT unnest(ARRAY[email]) FROM customers":                             "",
		"SELECT id, email FROM customers":                                        "", // exact already
		"SELECT j.email FROM (customers c JOIN plain p USING (id)) j":            "", // c is hidden behind j
	} {
		an := s.ask(t, request(sql))
		if an.Injectable == nil {
			if want != "" {
				t.Errorf("%s: no keys offered; %s", sql, lineagetest.Describe(an))
			}
			continue
		}
		got, ok := an.Injectable.Insert(sql)
		if !ok || got != want {
			t.Errorf("%s:\n got %s\nwant %s", sql, got, want)
		}
		if at := an.Injectable.At; sql[at:at+4] != "FROM" {
			t.Errorf("%s: At %d is before %q", sql, at, sql[at:])
		}
		for _, e := range an.Injectable.With.Entries {
			if e.KeyBy != lineage.KeyColumn || e.Ordinal < len(an.Columns) {
				t.Errorf("%s: entry %+v", sql, e)
			}
		}
	}
}

func (s *shop) copy(t *testing.T) {
	s.exec(t, "CREATE TABLE made (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, name text)")
	copied := func(relation string, columns ...string) *lineage.Analysis {
		an, err := s.r.AnalyseTable(t.Context(), request(""), relation, columns)
		if err != nil {
			t.Fatal(err)
		}
		return an
	}
	if an := copied("customers"); len(an.Columns) != 6 || an.Entries[0].KeyBy != lineage.KeyColumn {
		t.Errorf("COPY customers: %s", lineagetest.Describe(an))
	}
	if an := copied("public.customers", "email", "id"); an.Entries[0].KeyBy != lineage.KeyColumn || an.Entries[0].Ordinal != 1 {
		t.Errorf("COPY customers (email, id): %s", lineagetest.Describe(an))
	}
	if an := copied("made"); len(an.Columns) != 2 {
		t.Errorf("COPY leaves generated columns out: %s", lineagetest.Describe(an))
	}
	if an := copied("nothing"); an.Opaque != "unknown relation" {
		t.Errorf("COPY nothing: %s", lineagetest.Describe(an))
	}
}

func (s *shop) flags(t *testing.T) {
	req := request("SELECT id, email FROM customers ORDER BY name")
	req.Partial = true
	s.want(t, req, `predicate{name} cols[{} {email}[0]] #0 customers{name,email} - "order" confirm column 0`)
	req = request("SELECT id, email FROM customers")
	req.Partial = true
	s.want(t, req, exact)
	req.Partial, req.Explain = false, true
	s.want(t, req, `predicate{email} cols[] #0 customers{email} - "explain"`)
}

func (s *shop) count(t *testing.T, sql string) string {
	t.Helper()
	res := s.pg.ExecParams(t.Context(), sql, nil, nil, nil, nil).Read()
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	return string(res.Rows[0][0])
}

// hostile checks that whatever the text, the database does not change.
func (s *shop) hostile(t *testing.T) {
	before := s.count(t, "SELECT count(*) FROM pg_class") + s.count(t, "SELECT count(*) FROM pg_proc") + s.count(t, "SELECT last_value FROM q")
	for _, sql := range []string{
		"SELECT 1; END; DROP TABLE customers", "SELECT 1; END", "SELECT 1;\nEND; COMMIT; SELECT 1", "DROP TABLE plain", "COMMIT", "SELECT nextval('q')",
		"SELECT 1 $$; DROP TABLE plain; $$", "SELECT 1 /* ", "SELECT 'x", "", ";", "SELECT 1; SELECT 2", "VACUUM", "SET search_path = other",
		"CREATE TABLE x AS SELECT 1", "DELETE FROM plain", "TRUNCATE plain", "SELECT 1 INTO newtable", "LOCK TABLE customers", "CALL x()",
		"DO $$ BEGIN END $$", "SELECT pg_terminate_backend(pg_backend_pid())", "PREPARE a AS SELECT 1", "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
		"SELECT $1 $2", "SELECT $99999", "RETURN 1", "BEGIN ATOMIC SELECT 1; END",
	} {
		an := s.ask(t, request(sql))
		checkShape(t, an)
	}
	after := s.count(t, "SELECT count(*) FROM pg_class") + s.count(t, "SELECT count(*) FROM pg_proc") + s.count(t, "SELECT last_value FROM q")
	if before != after {
		t.Errorf("the database changed: %s, then %s", before, after)
	}
	s.want(t, request("SELECT id, email FROM customers"), exact)
}

func (s *shop) warnings(t *testing.T) {
	list, err := s.r.Warnings(t.Context())
	if err != nil || len(list) > 0 {
		t.Errorf("a role without privileges: %v, %v", list, err)
	}
	s.exec(t, "GRANT UPDATE ON customers TO control")
	list, err = s.r.Warnings(t.Context())
	if err != nil || len(list) != 1 || !strings.Contains(list[0], "public.customers") {
		t.Errorf("a role that may write: %v, %v", list, err)
	}
	s.exec(t, "REVOKE UPDATE ON customers FROM control")
}

func (s *shop) hammer(t *testing.T) {
	misses := s.r.Stats().Misses.Load()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 20 {
				req := request(fmt.Sprintf("SELECT id, email FROM customers WHERE id <> %d", j%4))
				an, err := s.r.Analyse(t.Context(), req)
				if err != nil || an.Entries[0].KeyBy != lineage.KeyColumn {
					t.Errorf("%d/%d: %v", i, j, err)
				}
			}
		})
	}
	wg.Wait()
	if n := s.r.Stats().Misses.Load() - misses; n != 4 {
		t.Errorf("four statements were analysed %d times", n)
	}
	small := reader(t, lineage.Config{ConnString: s.control, Place: "shop", Tables: tables(), CacheSize: 2, Connections: 1})
	for i := range 5 {
		if _, err := small.Analyse(t.Context(), request(fmt.Sprintf("SELECT id FROM customers LIMIT %d", i))); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if an, err := small.Analyse(ctx, request("SELECT 77")); err == nil || an.Opaque != "unavailable" {
		t.Errorf("cancelled: %s, %v", lineagetest.Describe(an), err)
	}
	if an, err := small.Analyse(t.Context(), request("SELECT 77")); err != nil || !an.Bare {
		t.Errorf("after a cancelled one: %s, %v", lineagetest.Describe(an), err)
	}
}

// ddl checks that a change nobody told the reader of is noticed, at the latest
// by the next statement that is not cached, and by Refresh.
func (s *shop) ddl(t *testing.T) {
	ctx := t.Context()
	req := request("SELECT id, email FROM contacts")
	s.want(t, req, exact)
	s.exec(t, "CREATE OR REPLACE VIEW contacts AS SELECT id, name AS email FROM customers")
	s.want(t, request("SELECT email, id FROM contacts"), `cols[{name}[0] {}] #0 customers{name} column 1`)
	s.want(t, req, `cols[{} {name}[0]] #0 customers{name} column 0`)
	s.exec(t, "ALTER TABLE plain ADD COLUMN more text; CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'")
	if changed, err := s.r.Refresh(ctx); err != nil || !changed {
		t.Errorf("Refresh after DDL: %v, %v", changed, err)
	}
	if changed, err := s.r.Refresh(ctx); err != nil || changed {
		t.Errorf("Refresh without DDL: %v, %v", changed, err)
	}
	s.exec(t, "CREATE TEMP TABLE passing (x int); DROP TABLE passing; ANALYZE customers; TRUNCATE shadow")
	s.exec(t, "VACUUM customers")
	if changed, err := s.r.Refresh(ctx); err != nil || changed {
		t.Errorf("temporary tables, ANALYZE, TRUNCATE and VACUUM are no DDL: %v, %v", changed, err)
	}
	req.Epoch = 1
	if an := s.ask(t, req); an.Opaque != "" {
		t.Error(an.Opaque)
	}
}

func (s *shop) taint(t *testing.T) {
	req := request("SELECT what FROM shadow WHERE who = $1")
	if an := s.ask(t, req); !an.Bare || len(an.Unclassified) != 1 {
		t.Fatalf("before: %s", lineagetest.Describe(an))
	}
	err := s.r.Protect(t.Context(), lineage.Table{
		Schema: "public", Name: "shadow", Key: "who", Source: "shop.customers", From: []event.Place{"shop/public.customers"},
		Columns: map[string]element.Mask{"what": element.MaskOf(element.Email)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.want(t, req, `cols[{email}[0]] #0 shadow{email} $1`)
	an := s.ask(t, request("SELECT what FROM shadow"))
	if diff := cmp.Diff([]event.Place{"shop/public.customers"}, an.Entries[0].Bound); diff != "" {
		t.Error(diff)
	}
}

// lock checks that a table somebody locks does not hold the reader.
func (s *shop) lock(t *testing.T) {
	s.exec(t, "BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
	defer s.exec(t, "ROLLBACK")
	an, err := s.r.Analyse(t.Context(), request("SELECT id, email, 'locked' FROM customers"))
	if err == nil || an.Opaque != "unavailable" {
		t.Errorf("locked: %s, %v; want unavailable", lineagetest.Describe(an), err)
	}
}
