package propose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
)

// values makes a sample.
func values(n int, one func(i int) string) Column {
	c := Column{Type: "text"}
	for i := range n {
		if v := one(i); v != "" {
			c.Values = append(c.Values, []byte(v))
		}
		c.NotNulls++
	}
	return c
}

func column(name, typ string, c Column) Column {
	c.Name, c.Type = name, typ
	return c
}

func sample() []Relation {
	given := []string{"一郎", "花子", "健太", "美咲", "さくら"}
	family := []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本"}
	id := values(100, func(i int) string { return fmt.Sprint(i) })
	fk := column("customer_id", "int4", id)
	fk.Refers = "public.customers"
	mail := column("login", "text", values(100, func(i int) string { return fmt.Sprintf("user%d@example.jp", i) }))
	mail.Unique = true
	return []Relation{
		{Name: "public.customers", Key: "id", Columns: []Column{
			column("id", "int4", id), mail,
			column("氏名", "text", values(100, func(i int) string { return family[i%7] + given[i%5] })),
			column("tel", "text", values(100, func(i int) string { return fmt.Sprintf("090-1234-%04d", i) })),
			column("born", "date", values(100, func(i int) string { return fmt.Sprintf("19%02d-01-02", 50+i%50) })),
			column("status", "text", values(100, func(i int) string { return []string{"active", "left"}[i%2] })),
			column("x", "text", values(100, func(i int) string { return fmt.Sprintf("x%dy", i*i) })),
			column("created_at", "timestamptz", values(100, func(i int) string { return "2020-01-02 03:04:05+09" })),
		}},
		{Name: "public.bookings", Key: "id", Columns: []Column{column("id", "int4", id), fk,
			column("remark", "text", values(100, func(i int) string {
				if i%10 == 0 {
					return "カード番号 4111 1111 1111 1111"
				}
				return "窓側の席を希望する方"
			}))}},
		{Name: "public.logins", Key: "", Columns: []Column{column("customer_id", "int8", id), column("ip", "inet", values(100, func(i int) string { return "192.0.2.7" }))}},
		{Name: "public.tours", Key: "id", Columns: []Column{column("id", "int4", id), column("price", "numeric", values(100, func(i int) string { return "29800" }))}},
	}
}

func english() Words {
	return Words{
		Key:    func(why, of string) string { return why + " " + of },
		Column: func(p Proposed) string { return fmt.Sprintf("%d %%, %s, %d of %d", p.Confidence, p.Why, p.Hits, p.Of) },
		Open:   "open", NoKey: "no key",
	}
}

func TestPropose(t *testing.T) {
	p := Propose(sample())
	got := p.YAML(english())
	const want = `    protect:
      - table: public.bookings
        # foreign key public.customers
        key: customer_id
        of: public.customers
        columns:
          remark: note # 70 %, found in text, 10 of 100
        plain: [id]
      - table: public.customers
        # its rows are persons 
        key: id
        columns:
          login: email # 95 %, values, 100 of 100
          "氏名": name # 99 %, header and values, 100 of 100
          tel: phone # 99 %, header and values, 100 of 100
        plain: [born, status, created_at]
        # open: x
        identifiers: [login]
      - table: public.logins
        # named after it public.customers
        key: customer_id
        of: public.customers
        columns:
          ip: ip_address # 99 %, header and values, 100 of 100
    plain: [public.tours]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var read struct {
		Protect []struct {
			Table, Key string
			Columns    map[string]string
		}
		Plain []string
	}
	if err := yaml.Unmarshal([]byte(got), &read); err != nil || len(read.Protect) != 3 || read.Protect[1].Columns["氏名"] != "name" {
		t.Errorf("read back: %+v %v", read, err)
	}
	if strings.Contains(got, "example.jp") || strings.Contains(got, "4111") {
		t.Error("a value is in the proposal")
	}
}

func TestCompare(t *testing.T) {
	all := sample()
	got := Compare([]Configured{
		{Name: "public.customers", Key: "id", Columns: map[string]element.Kind{"login": element.Email, "氏名": element.Name, "old": element.Phone}, Plain: []string{"tel", "born", "status", "created_at"}},
		{Name: "public.gone", Key: "id"},
	}, []string{"public.logins", "public.tours"}, all, Propose(all))
	want := []Drift{
		{Table: "public.bookings", Column: "remark", What: "new table", Found: "note"},
		{Table: "public.customers", Column: "old", What: "gone"},
		{Table: "public.customers", Column: "tel", What: "not plain", Found: "phone"},
		{Table: "public.customers", Column: "x", What: "new column"},
		{Table: "public.gone", What: "gone"},
		{Table: "public.logins", Column: "ip", What: "not plain", Found: "ip_address"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestCitiesOfNobody: a city is proposed beside what names a person, and not alone.
func TestCitiesOfNobody(t *testing.T) {
	values := func(all ...string) (out [][]byte) {
		for range 20 {
			for _, v := range all {
				out = append(out, []byte(v))
			}
		}
		return out
	}
	column := func(name string, all ...string) Column {
		v := values(all...)
		return Column{Name: name, Type: "text", Values: v, NotNulls: len(v)}
	}
	city := column("city", "横浜市", "川崎市", "Naha")
	p := Propose([]Relation{
		{Name: "public.weather", Key: "id", Columns: []Column{{Name: "id", Type: "int8"}, city}},
		{Name: "public.members", Key: "id", Columns: []Column{{Name: "id", Type: "int8"}, city, column("email", "a@mail.example", "b@mail.example")}},
	})
	if len(p.Tables) != 1 || p.Tables[0].Name != "public.members" || len(p.Tables[0].Columns) != 2 || p.Tables[0].Columns[0].Kind != element.Address {
		t.Errorf("%+v", p)
	}
}
