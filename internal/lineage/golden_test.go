package lineage_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/lineage"
	"sekisho/internal/lineage/lineagetest"
)

// tables is the protection of testdata/schema.sql.
func tables() []lineage.Table {
	m := element.MaskOf
	return []lineage.Table{
		{Schema: "public", Name: "customers", Key: "id", Source: "shop.customers", Identifiers: []string{"email"}, Columns: map[string]element.Mask{
			"name": m(element.Name), "email": m(element.Email), "phone": m(element.Phone)}},
		{Schema: "public", Name: "bookings", Key: "customer_id", Source: "shop.customers", Columns: map[string]element.Mask{
			"id": 0, "item": m(element.Booking), "price": m(element.Payment)}},
		{Schema: "public", Name: "members", Key: "code", Source: "shop.members", Columns: map[string]element.Mask{"name": m(element.Name)}},
		{Schema: "public", Name: "cards", Key: "code", Source: "shop.cards", Columns: map[string]element.Mask{"pan": m(element.CardPAN)}},
		{Schema: "public", Name: "people", Key: "id", Source: "shop.people", Columns: map[string]element.Mask{"name": m(element.Name)}},
		{Schema: "public", Name: "guarded", Key: "id", Source: "shop.guarded", Columns: map[string]element.Mask{"secret": m(element.Secret)}},
		{Schema: "public", Name: "traced", Key: "id", Source: "shop.traced", Columns: map[string]element.Mask{"email": m(element.Email)}},
	}
}

func functions() []lineage.FunctionRule {
	return []lineage.FunctionRule{
		{Name: "public.shout(text)"},
		{Name: "public.best_price()", Reads: []string{"public.bookings"}},
	}
}

func config(control string) lineage.Config {
	return lineage.Config{
		ConnString: control, Place: "shop", Tables: tables(), Functions: functions(),
		Public: []string{"public.plain", "public.gate"},
	}
}

// loose is a collation under which equal texts may differ.
const loose = `CREATE COLLATION "und-loose" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`

func schema(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	return loose + string(text)
}

type golden struct{ name, sql, want string }

const casesFile, treesFile = "testdata/cases.txt", "testdata/trees.json.gz"

func cases(t testing.TB) (head string, list []golden) {
	t.Helper()
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "\n-- ")
	for _, block := range strings.Split(rest, "\n-- ") {
		name, body, _ := strings.Cut(strings.TrimSpace(block), "\n")
		sql, want, _ := strings.Cut(body, "\n=> ")
		list = append(list, golden{name, strings.TrimSpace(sql), strings.TrimSpace(want)})
	}
	return head, list
}

// captured is what the server said when the answers were written, so that the
// analysis is tested where there is no PostgreSQL.
type captured struct {
	Server  string
	Catalog *lineage.Catalog
	Trees   map[string]string // by case name; missing when the server refused
}

// TestAnswers analyses captured trees.
func TestAnswers(t *testing.T) {
	c := capturedTrees(t)
	_, list := cases(t)
	seen := 0
	for _, g := range list {
		tree, ok := c.Trees[g.name]
		if !ok {
			continue
		}
		seen++
		an := lineage.AnalyseTree(c.Catalog, tree, lineage.Options{Place: "shop"})
		if diff := cmp.Diff(g.want, lineagetest.Describe(an)); diff != "" {
			t.Errorf("%s\n%s\n(-want +got)\n%s", g.name, g.sql, diff)
		}
	}
	if seen < 150 {
		t.Errorf("only %d trees captured", seen)
	}
}

// TestAnswersOfServer asks a real server. With SEKISHO_LINEAGE_UPDATE=1 it
// writes the answers and the trees instead.
func TestAnswersOfServer(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: needs a PostgreSQL")
	}
	ctx := t.Context()
	_, control := open(t, schema(t))
	r := reader(t, config(control))
	head, list := cases(t)
	update := os.Getenv("SEKISHO_LINEAGE_UPDATE") != ""
	out := captured{Trees: map[string]string{}}
	for i := range list {
		g := &list[i]
		req := request(g.sql)
		an, err := r.Analyse(ctx, req)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		offered := an.Injectable
		plain := *an
		plain.Injectable = nil
		got := lineagetest.Describe(&plain)
		if update {
			g.want = got
			tree, err := r.Tree(ctx, req)
			if err == nil && tree != "" {
				out.Trees[g.name] = tree
			}
			continue
		}
		if diff := cmp.Diff(g.want, got); diff != "" {
			t.Errorf("%s\n%s\n(-want +got)\n%s", g.name, g.sql, diff)
		}
		if offered != nil && plain.Opaque != "" {
			t.Errorf("%s: keys offered for an opaque statement", g.name)
		}
	}
	if !update {
		return
	}
	var b strings.Builder
	b.WriteString(head)
	for _, g := range list {
		fmt.Fprintf(&b, "\n-- %s\n%s\n=> %s\n", g.name, g.sql, g.want)
	}
	if err := os.WriteFile(casesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cat, err := r.Catalog(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out.Server = "PostgreSQL 15"
	out.Catalog = needed(cat, out.Trees)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if err := json.NewEncoder(z).Encode(out); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(treesFile, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func request(sql string) lineage.Request {
	params := 0
	for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(sql, -1) {
		n, _ := strconv.Atoi(m[1])
		params = max(params, n)
	}
	return lineage.Request{SQL: sql, SearchPath: "public", SessionUser: "app", ClientParams: params}
}

var numbers = regexp.MustCompile(`:(?:relid|funcid|opfuncid|aggfnoid|winfnoid|tsmhandler|opno|eqop|sortop) (\d+)|:opnos \(o ([\d ]+)\)`)

// needed is the part of a catalogue that the trees name.
func needed(cat *lineage.Catalog, trees map[string]string) *lineage.Catalog {
	out := &lineage.Catalog{
		Relations: map[lineage.OID]*lineage.Relation{}, Functions: map[lineage.OID]*lineage.Function{},
		Operators: map[lineage.OID]lineage.OID{}, LooseCollations: cat.LooseCollations, UnsafeTypes: cat.UnsafeTypes,
	}
	var texts []string
	for _, tree := range trees {
		texts = append(texts, tree)
	}
	for _, f := range cat.Functions {
		if f.Body != nil {
			out.Functions[f.OID] = f
			body, _ := json.Marshal(f.Body) // read for its numbers only
			for _, m := range regexp.MustCompile(`"Text":"(\d+)"`).FindAllStringSubmatch(string(body), -1) {
				texts = append(texts, ":relid "+m[1])
			}
		}
	}
	for _, rel := range cat.Relations {
		for _, p := range rel.Policies {
			body, _ := json.Marshal(p)
			for _, m := range regexp.MustCompile(`"Text":"(\d+)"`).FindAllStringSubmatch(string(body), -1) {
				texts = append(texts, ":relid "+m[1])
			}
		}
	}
	for len(texts) > 0 {
		text := texts[0]
		texts = texts[1:]
		for _, m := range numbers.FindAllStringSubmatch(text, -1) {
			for _, word := range strings.Fields(m[1] + " " + m[2]) {
				n, _ := strconv.Atoi(word)
				o := lineage.OID(n)
				if rel := cat.Relations[o]; rel != nil && out.Relations[o] == nil {
					out.Relations[o] = rel
					texts = append(texts, rel.ViewText)
				}
				if f := cat.Functions[o]; f != nil {
					out.Functions[o] = f
				}
				if f, ok := cat.Operators[o]; ok {
					out.Operators[o] = f
					out.Functions[f] = cat.Functions[f]
				}
			}
		}
	}
	return out
}

// TestNames holds the case names unique.
func TestNames(t *testing.T) {
	_, list := cases(t)
	var names []string
	for _, g := range list {
		if slices.Contains(names, g.name) {
			t.Errorf("two cases are called %q", g.name)
		}
		names = append(names, g.name)
	}
}
