package lineage_test

import (
	"fmt"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// itself checks what the words of a statement tell that was not analysed.
func (s *shop) itself(t *testing.T) {
	s.refresh(t, `CREATE TABLE refers (x text REFERENCES customers (email) ON UPDATE CASCADE ON DELETE SET NULL, n int DEFAULT 1);
CREATE TABLE top (n serial, x text UNIQUE, y text GENERATED ALWAYS AS (x || 'y') STORED); CREATE TABLE below (x text REFERENCES top (x) ON UPDATE CASCADE ON DELETE CASCADE);
CREATE VIEW over AS SELECT n, x FROM top WHERE n IN (SELECT n FROM refers)`)
	defer s.refresh(t, "DROP VIEW over; DROP TABLE below, top, refers")
	for _, c := range []struct {
		req  lineage.CodeRequest
		want string
	}{
		{lineage.CodeRequest{Text: "update customers set vip = $1 where email = $2"}, ""},
		{lineage.CodeRequest{Text: "update customers set added = $1, email = $2"}, "refers.x"},
		{lineage.CodeRequest{Text: "update customers set id = $1"}, "customers.id.name.email.phone.note.vip"},
		{lineage.CodeRequest{Text: "update public.customers as c set email = $1", Tainted: true, Schemas: []string{"other"}}, "customers.email+rows refers.x"},
		{lineage.CodeRequest{Text: "delete from customers where phone like $1"}, "refers.x"},
		{lineage.CodeRequest{Text: "update top set x = $1 where n = $2"}, ""},
		{lineage.CodeRequest{Text: "insert into top (x) values ($1)"}, ""},
		{lineage.CodeRequest{Text: "update nowhere set x = $1"}, "unknown target"},
		{lineage.CodeRequest{Text: "update top set x = $1", Tainted: true}, "top.x.y+rows below.x"},
		{lineage.CodeRequest{Text: "update top set n = $1", Tainted: true}, "top.n.y+rows"},
		{lineage.CodeRequest{Text: "delete from top", Tainted: true}, "top+rows below+rows"},
		{lineage.CodeRequest{Text: "insert into over (x) select email from customers", Tainted: true}, "over.n.x+rows top_n_seq+rows top.n.x.y+rows refers.x.n+rows"},
		{lineage.CodeRequest{Text: "insert into top select email from customers", Tainted: true, Schemas: []string{"elsewhere"}}, "unknown target"},
		{lineage.CodeRequest{Text: "update top set x = y", Pending: []event.Place{"shop/public.top"}}, "top.x.y+rows below.x"},
		{lineage.CodeRequest{Text: "insert into later select email from customers", Tainted: true, Views: "create view later as select x from top"}, "unknown target top_n_seq+rows top.n.x.y+rows"},
	} {
		c.req.Own = true
		got := s.r.Code(c.req)
		var list []string
		for _, w := range got.Writes {
			text := strings.TrimPrefix(string(w.Table), "shop/public.")
			for _, col := range w.Columns {
				text += "." + col.Name
			}
			for _, col := range w.Own {
				text += ".own " + col.Name
			}
			if w.Rows != 0 {
				text += "+rows"
			}
			list = append(list, text)
		}
		text := strings.Join(list, " ")
		if got.Unknown != "" {
			text = strings.TrimSpace(fmt.Sprint("unknown ", got.Unknown, " ", text))
		}
		if text != c.want {
			t.Errorf("%s: %q, want %q", c.req.Text, text, c.want)
		}
	}
}
