package lineage_test

import (
	"slices"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/lineage/lineagetest"
)

func (s *shop) refresh(t *testing.T, ddl string) {
	t.Helper()
	s.exec(t, ddl)
	if changed, err := s.r.Refresh(t.Context()); err != nil || !changed {
		t.Fatalf("%s: Refresh: %v, %v", ddl, changed, err)
	}
}

// names checks that protection follows objects, not names.
func (s *shop) names(t *testing.T) {
	s.refresh(t, "ALTER TABLE bookings RENAME TO journeys")
	an := s.ask(t, request("SELECT customer_id, item FROM journeys"))
	if got := lineagetest.Describe(an); got != `cols[{} {booking}[0]] #0 journeys{booking} column 0` {
		t.Errorf("renamed: %s", got)
	}
	if len(an.Entries) == 1 && !slices.Contains(an.Entries[0].Bound, event.Place("shop/public.bookings")) {
		t.Errorf("renamed: bounded by %v", an.Entries[0].Bound)
	}
	s.refresh(t, "ALTER TABLE journeys RENAME TO bookings")
	s.want(t, request("SELECT id FROM bookings WHERE id > 3"), `bare cols[{}]`)
	s.refresh(t, "ALTER TABLE bookings RENAME id TO number; ALTER TABLE bookings RENAME price TO id")
	s.want(t, request("SELECT customer_id, id FROM bookings"), `cols[{} {payment}[0]] #0 bookings{payment} column 0`)
	s.refresh(t, "ALTER TABLE bookings RENAME id TO price; ALTER TABLE bookings RENAME number TO id")
	s.refresh(t, "ALTER TABLE bookings ALTER id TYPE bigint USING price")
	s.want(t, request("SELECT customer_id, id FROM bookings"), `cols[{} {unclassified}[0]] #0 bookings{unclassified} column 0`)
	s.refresh(t, "ALTER TABLE people DETACH PARTITION people_1")
	s.want(t, request("SELECT id, name FROM people_1"), `cols[{} {name}[0]] #0 people_1{name} column 0`)

	// What became protected because of what was written to it holds anybody's
	// data, and its partitioned table shows it.
	s.refresh(t, "CREATE TABLE people_2 (id int, name text)")
	if err := s.r.Protect(t.Context(), lineage.Table{Schema: "public", Name: "people_2", Source: "shop.people",
		Columns: map[string]element.Mask{"id": 0, "name": element.MaskOf(element.Name)}}); err != nil {
		t.Fatal(err)
	}
	s.want(t, request("SELECT id, name FROM people"), `cols[{} {name}[0]] #0 people{name} column 0`)
	s.refresh(t, "ALTER TABLE people ATTACH PARTITION people_2 FOR VALUES FROM (200) TO (300)")
	s.want(t, request("SELECT id, name FROM people"), `cols[{} {name}[0]] #0 people{name} - "others' values"`)
	s.refresh(t, "DROP TABLE people_2")
}

// carried checks that a column with values of others names nobody, and that
// the other columns of its table still do.
func (s *shop) carried(t *testing.T) {
	err := s.r.Protect(t.Context(), lineage.Table{
		Schema: "public", Name: "members", Key: "code", Source: "shop.members", Columns: map[string]element.Mask{"name": element.MaskOf(element.Name)},
		Carried: map[string]lineage.Carried{"name": {Elements: element.MaskOf(element.Email), From: []event.Place{"shop/public.customers"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.want(t, request("SELECT code, name FROM members"), `cols[{} {name,email}[0]] #0 members{name,email} - "others' values"`)
	s.want(t, request("SELECT code FROM members"), `bare cols[{}]`)
	s.want(t, request("SELECT code FROM members WHERE name = $1"), `predicate{name,email} cols[{}] #0 members{name,email} - "others' values"`)
	an := s.ask(t, request("SELECT name FROM members WHERE code = $1"))
	if got, want := an.Entries[0].Bound, []event.Place{"shop/public.members", "shop/public.customers"}; !slices.Equal(got, want) {
		t.Errorf("bounded by %v, want %v", got, want)
	}
	err = s.r.Protect(t.Context(), lineage.Table{Schema: "public", Name: "gate",
		Carried: map[string]lineage.Carried{"": {Elements: element.MaskOf(element.Email), From: []event.Place{"shop/public.customers"}}},
		Columns: map[string]element.Mask{"id": 0, "label": 0}})
	if err != nil {
		t.Fatal(err)
	}
	if an := s.ask(t, request("SELECT count(*) FROM gate")); an.Bare || an.Predicate == 0 {
		t.Errorf("the presence of rows: %s", lineagetest.Describe(an))
	}
}

// hooks checks that a write runs the code of whatever it reaches.
func (s *shop) hooks(t *testing.T) {
	for _, c := range []struct{ ddl, sql, undo string }{
		{"CREATE TRIGGER p BEFORE INSERT ON people_1 FOR EACH ROW EXECUTE FUNCTION note_change()", "INSERT INTO people VALUES (1, 'x')", "DROP TRIGGER p ON people_1"},
		{"CREATE TABLE child (c int REFERENCES plain ON DELETE CASCADE); CREATE TRIGGER p AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION note_change()", "DELETE FROM plain WHERE id = 1", "DROP TABLE child"},
		{"ALTER TABLE plain ADD CONSTRAINT odd CHECK (same(label, 'x'))", "INSERT INTO plain VALUES (1, 'x')", "ALTER TABLE plain DROP CONSTRAINT odd"},
		{"ALTER TABLE plain ADD CONSTRAINT odd CHECK (label === 'x')", "UPDATE plain SET label = 'x'", "ALTER TABLE plain DROP CONSTRAINT odd"},
		{"ALTER TABLE plain ALTER label SET DEFAULT secret_mail(1)", "INSERT INTO plain VALUES (1)", "ALTER TABLE plain ALTER label DROP DEFAULT"},
	} {
		s.refresh(t, c.ddl)
		an := s.ask(t, request(c.sql))
		if len(an.Writes) == 0 || !an.Writes[0].Triggers {
			t.Errorf("%s; %s runs no code: %s", c.ddl, c.sql, lineagetest.Describe(an))
		}
		s.refresh(t, c.undo)
		if an := s.ask(t, request(c.sql)); len(an.Writes) == 0 || an.Writes[0].Triggers {
			t.Errorf("%s; %s runs code: %s", c.undo, c.sql, lineagetest.Describe(an))
		}
	}
	s.refresh(t, "CREATE UNIQUE INDEX mails_once ON customers (email); CREATE TABLE asks (m text REFERENCES customers (email))")
	if an := s.ask(t, request("INSERT INTO asks VALUES ('x')")); an.Opaque != "foreign key" {
		t.Errorf("a foreign key to a protected column: %s", lineagetest.Describe(an))
	}
}
