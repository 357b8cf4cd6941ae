package datamap

import (
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/subject"
)

// TestNameBirth: a table with names and birth dates gives an identifier of both; two
// people of one name and birth date are nobody for certain.
func TestNameBirth(t *testing.T) {
	const sql = `
CREATE TABLE guests (id bigint PRIMARY KEY, first_name text, last_name text, born date);
INSERT INTO guests VALUES (1, '一郎', '髙橋', '1980-02-03'), (2, '花子', '鈴木', '1991-12-24'), (3, '花子', '鈴木', '1991-12-24'), (4, '無名', NULL, '2000-01-01');`
	const place = "shop/public.guests"
	r := newRig(t, sql, Table{Place: place, Schema: "public", Name: "guests", Source: "shop.guests", Key: "id",
		Columns: map[string]element.Kind{"first_name": element.Name, "last_name": element.Name, "born": element.BirthDate}})
	m := r.newMap(t)
	if err := m.ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	space := subject.Space{Table: place, Element: subject.NameBirth}
	look := func(name, birth string) (uint32, subject.Owner) {
		return r.ids.Lookup(space, subject.AppendNameBirth(nil, []byte(name), []byte(birth)))
	}
	want, _ := r.dict.Source("shop.guests").NumberInt(1)
	if n, owner := look("高橋　一郎", "昭和55年2月3日"); owner != subject.One || n != want {
		t.Errorf("guest 1 = %d, %v; want %d, One", n, owner, want)
	}
	if _, owner := look("鈴木 花子", "1991/12/24"); owner != subject.Several {
		t.Errorf("two of one name and date: %v, want Several", owner)
	}
	if _, owner := look("高橋 一郎", "1980-02-04"); owner == subject.One {
		t.Error("another date is another person")
	}
	m.Doubt()
	if _, owner := look("高橋 一郎", "1980-02-03"); owner != subject.NotKnown {
		t.Errorf("after a write around the gate: %v, want NotKnown", owner)
	}
}
