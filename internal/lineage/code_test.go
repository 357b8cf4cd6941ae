package lineage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// code checks what code may write, as the catalogue tells.
func (s *shop) code(t *testing.T) {
	s.refresh(t, `CREATE TABLE audit (n serial, a text, b text); CREATE TABLE made_of (a text, b text GENERATED ALWAYS AS (a || a) STORED);
CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN INSERT INTO audit (a) SELECT to_jsonb(NEW)::text; RETURN NULL; END$f$;
CREATE FUNCTION anything() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END$f$;
CREATE FUNCTION counts(n int) RETURNS int LANGUAGE plpgsql AS $f$BEGIN RETURN n + 1; END$f$;
CREATE TRIGGER kept AFTER INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION kept();
CREATE TRIGGER anything AFTER UPDATE ON members FOR EACH ROW EXECUTE FUNCTION anything()`)
	defer s.refresh(t, "DROP FUNCTION kept(), anything(), counts(int) CASCADE; DROP TABLE audit, made_of")
	for text, want := range map[string]string{
		"UPDATE plain SET label = 'x';":                                 "",
		"UPDATE plain SET label = (SELECT max(email) FROM customers);":  "plain(label)",
		"UPDATE made_of SET a = (SELECT max(email) FROM customers);":    "made_of(a,b)",
		"PERFORM 1 FROM customers; INSERT INTO audit (a) VALUES ('x');": "audit(n,a,b)+rows audit_n_seq()+rows",
		"EXECUTE 'x';":                                                             "unknown execute",
		"PERFORM lo_import('x');":                                                  "unknown pg_catalog.lo_import(text)",
		"CREATE TABLE x (a int);":                                                  "",
		"PERFORM 1 FROM customers; CREATE TABLE x (a int);":                        "unknown create",
		"INSERT INTO bookings SELECT;":                                             "audit(n,a,b)+rows audit_n_seq()+rows bookings*",
		"PERFORM counts(1) FROM customers;":                                        "",
		"UPDATE members SET code = code;":                                          "unknown execute",
		"PERFORM 1 FROM customers; UPDATE nowhere SET a = 1;":                      "unknown target",
		"PERFORM secret_mail(1); DELETE FROM plain;":                               "plain*",
		"UPDATE plain SET label = (SELECT max(email) FROM " + `"customers"` + ");": "plain(label)",
	} {
		if got := brief(s.r.Code(lineage.CodeRequest{Text: "BEGIN " + text + " END"})); !matches(want, got) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"insert into bookings values (1)":  "audit(n,a,b)+rows audit_n_seq()+rows",
		"update members set code = 1":      "unknown execute",
		"select counts(id) from customers": "",
	} {
		if got := brief(s.r.Code(lineage.CodeRequest{Text: text, Statement: true})); !matches(want, got) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	s.itself(t)
	cat, err := s.r.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if list := cat.Undeclared(); !strings.Contains(fmt.Sprint(list), "public.anything()") || strings.Contains(fmt.Sprint(list), "kept") {
		t.Errorf("to be declared: %v", list)
	}
}

func brief(c *lineage.Code) string {
	if c.Unknown != "" {
		return "unknown " + c.Unknown
	}
	var out []string
	for _, w := range c.Writes {
		_, name, _ := strings.Cut(string(w.Table), ".")
		var columns []string
		for _, col := range w.Columns {
			columns = append(columns, col.Name)
		}
		text := name + "(" + strings.Join(columns, ",") + ")"
		if w.Rows != 0 {
			text += "+rows"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// matches compares words; name* stands for all columns and rows of a relation.
func matches(want, got string) bool {
	w, g := strings.Fields(want), strings.Fields(got)
	if len(w) != len(g) {
		return false
	}
	found := 0
	for _, a := range w {
		for _, b := range g {
			name, all := strings.CutSuffix(a, "*")
			if a == b || all && strings.HasPrefix(b, name+"(") && strings.HasSuffix(b, "+rows") {
				found++
			}
		}
	}
	return found == len(w)
}

// known checks that a later run knows renamed relations and columns by number.
func (s *shop) known(t *testing.T) {
	cat, err := s.r.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	system, list := cat.System, cat.Known()
	s.exec(t, "ALTER TABLE bookings RENAME TO journeys; ALTER TABLE customers RENAME email TO age2")
	defer s.refresh(t, "ALTER TABLE journeys RENAME TO bookings; ALTER TABLE customers RENAME age2 TO email")
	conf := config(s.control)
	conf.Known = func(of string) []lineage.Known {
		if of != system || system == "" {
			t.Errorf("asked for what is known of system %q, was in %q", of, system)
		}
		return list
	}
	later := &shop{pg: s.pg, r: reader(t, conf), control: s.control}
	if an := later.ask(t, request("SELECT item FROM journeys")); an.Bare || len(an.Entries) != 1 {
		t.Errorf("a renamed table: %v", an)
	}
	forgetful := &shop{pg: s.pg, r: reader(t, config(s.control)), control: s.control}
	if an := forgetful.ask(t, request("SELECT item FROM journeys")); !an.Bare {
		t.Errorf("the test proves nothing: %v", an)
	}
}

func (s *shop) derived(t *testing.T) {
	if _, err := s.r.Catalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.refresh(t, "CREATE MATERIALIZED VIEW mails AS SELECT email FROM customers; CREATE MATERIALIZED VIEW mails_by_id AS SELECT id, email FROM customers; CREATE MATERIALIZED VIEW ones AS SELECT 1 AS one")
	defer s.refresh(t, "DROP MATERIALIZED VIEW mails, mails_by_id, ones")
	cat, err := s.r.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[event.Place]string{}
	for _, d := range cat.Derived() {
		got[d.Place] = fmt.Sprint(d.Table.Key, d.From)
	}
	want := map[event.Place]string{"shop/public.bests": "[shop/public.bookings]", "shop/public.emails": "who[shop/public.customers]",
		"shop/public.mails": "[shop/public.customers]", "shop/public.mails_by_id": "id[shop/public.customers]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("materialised views by their key and origins (-want +got)\n%s", diff)
	}
	an := s.ask(t, lineage.Request{SQL: "SELECT lower(email) FROM public.mails"})
	if len(an.Entries) != 1 || !slices.Contains(an.Entries[0].Bound, "shop/public.mails") {
		t.Errorf("what rests in a materialised view does not bound it: %v", an)
	}
}
