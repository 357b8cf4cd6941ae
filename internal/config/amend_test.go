package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// amendHead is a configuration whose protect section follows.
const amendHead = `data: ./data # 台帳
keys: ./keys
databases:
  - name: shop
    upstream: 127.0.0.1:5432
    control: {user: sekisho}
`

const amendTail = `gates:
  - {name: shop-db, listen: '127.0.0.1:6432', database: shop}
`

// newTables is what is proposed, as package propose writes it.
const newTables = `- table: public.letters
  # 外部キーの先: public.customers
  key: customer_id
  of: public.customers
  columns:
    body: note # 90 %
`

const again = "- {table: public.customers, key: id}\n"

// said is what a list of tables says.
func said(text string) (all []Table) {
	if err := yaml.Unmarshal([]byte(text), &all); err != nil {
		panic(err)
	}
	return all
}

func addition() *Addition {
	return &Addition{Database: "shop", Text: newTables, Tables: said(newTables), Plain: []string{"public.colours"},
		Columns: []AddedColumn{{"public.customers", "fax: phone", "80 %"}, {"public.customers", "kana: kana", ""}}}
}

func TestAmend(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"blocks": {
			"    protect:\n      # 顧客\n      - table: public.customers # お客様\n        key: id\n        columns:\n          name: name # 氏名\n          email: email\n        plain: [id]\n    plain: # 見た\n      - public.tours\n    # 終わり\n",
			"    protect:\n      # 顧客\n      - table: public.customers # お客様\n        key: id\n        columns:\n          name: name # 氏名\n          email: email\n          fax: phone # 80 %\n          kana: kana\n        plain: [id]\n      - table: public.letters\n        # 外部キーの先: public.customers\n        key: customer_id\n        of: public.customers\n        columns:\n          body: note # 90 %\n    plain: # 見た\n      - public.tours\n      - public.colours\n    # 終わり\n"},
		"brackets": {
			"    plain: [public.tours]\n    protect:\n      - table: public.customers\n        key: id\n        columns: {名前: name,\n          email: email}\n",
			"    plain: [public.tours, public.colours]\n    protect:\n      - table: public.customers\n        key: id\n        columns: {名前: name,\n          email: email, fax: phone, kana: kana}\n      - table: public.letters\n        # 外部キーの先: public.customers\n        key: customer_id\n        of: public.customers\n        columns:\n          body: note # 90 %\n"},
		"nothing there": {
			"    protect:\n    - {table: public.customers, key: id}\n",
			"    protect:\n    - {table: public.customers, key: id, columns: {fax: phone, kana: kana}}\n    - table: public.letters\n      # 外部キーの先: public.customers\n      key: customer_id\n      of: public.customers\n      columns:\n        body: note # 90 %\n    plain: [public.colours]\n"},
		"empty brackets": {
			"    protect:\n      - table: public.customers\n        key: id\n        columns: {}\n    plain: []\n",
			"    protect:\n      - table: public.customers\n        key: id\n        columns: {fax: phone, kana: kana}\n      - table: public.letters\n        # 外部キーの先: public.customers\n        key: customer_id\n        of: public.customers\n        columns:\n          body: note # 90 %\n    plain: [public.colours]\n"},
	} {
		got, err := Amend("sekisho.yaml", []byte(amendHead+test.in+amendTail), addition())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(amendHead+test.want+amendTail, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestAmendRefuses: what cannot be added to, or would not be taken, is not
// written.
func TestAmendRefuses(t *testing.T) {
	text := []byte(amendHead + "    protect: [{table: public.customers, key: id}]\n" + amendTail)
	for name, add := range map[string]*Addition{
		"another database": {Database: "other", Plain: []string{"public.x"}},
		"a bracketed list": {Database: "shop", Text: newTables, Tables: said(newTables)},
		"an unknown table": {Database: "shop", Columns: []AddedColumn{{"public.gone", "a: name", ""}}},
		"a broken column":  {Database: "shop", Columns: []AddedColumn{{"public.customers", "a: {", ""}}},
	} {
		if got, err := Amend("sekisho.yaml", text, add); !errors.Is(err, ErrAmend) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	block := []byte(amendHead + "    protect:\n      - {table: public.customers, key: id}\n" + amendTail)
	for name, add := range map[string]*Addition{
		"of nobody":     {Database: "shop", Text: strings.ReplaceAll(newTables, "public.customers", "public.nobody"), Tables: said(strings.ReplaceAll(newTables, "public.customers", "public.nobody"))},
		"a wrong kind":  {Database: "shop", Columns: []AddedColumn{{"public.customers", "a: nonsense", ""}}},
		"a table twice": {Database: "shop", Text: again, Tables: said(again)},
		// A name in a comment that begins a line of its own.
		"a line more": {Database: "shop", Text: strings.ReplaceAll(newTables, "# 90 %", "# 90 %\n  plain: [everything]"), Tables: said(newTables)},
	} {
		if got, err := Amend("sekisho.yaml", block, add); err == nil {
			t.Errorf("%s was taken:\n%s", name, got)
		}
	}
}

// TestAmendExample: the commented example keeps all of its lines.
func TestAmendExample(t *testing.T) {
	before, err := os.ReadFile("sekisho.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := new(Config)
	if _, err := decode("x", before, c); err != nil {
		t.Fatal(err)
	}
	d := &c.Databases[0]
	after, err := Amend(filepath.Join(t.TempDir(), "sekisho.yaml"), before, &Addition{Database: d.Name, Plain: []string{"public.colours"},
		Columns: []AddedColumn{{d.Protect[0].Table, "fax: phone", ""}}})
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.NewReplacer(", fax: phone", "", ", public.colours", "", "          fax: phone\n", "", "      - public.colours\n", "").Replace(string(after))
	if diff := cmp.Diff(string(before), kept); diff != "" || string(before) == string(after) {
		t.Error(diff)
	}
}

// TestAmendAnyNames: whatever names a database has, the result says them.
func TestAmendAnyNames(t *testing.T) {
	text := []byte(amendHead + "    protect:\n      - table: public.customers\n        key: id\n        columns: {email: email}\n" + amendTail)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Zあ-ん _:#'"{}\[\],&*!|>%@-]{1,12}`).Draw(t, "column")
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		out, err := Amend("sekisho.yaml", text, &Addition{Database: "shop", Columns: []AddedColumn{{"public.customers", quoted + ": phone", ""}}})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		c := new(Config)
		if _, err := decode("x", out, c); err != nil || c.Databases[0].Protect[0].Columns[name] == "" {
			t.Fatalf("%q: %v\n%s", name, err, out)
		}
	})
}
