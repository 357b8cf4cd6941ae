package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/demo/columns"
	"sekisho/demo/shop"
	"sekisho/demo/wiretap"
	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/lang"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// The test binary is the intruder's process, too.
func TestMain(m *testing.M) {
	if os.Getenv("SEKISHO_TEST_INTRUDER") != "" {
		if err := Intrude(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Without a gate in between, the intruder gets what he asks for, and his bytes
// tell exactly whom he read.
func TestTruthFromBytes(t *testing.T) {
	server := pgservertest.Start(t, pgserver.Config{
		HBA: []string{"host all " + shop.AppRole + " 127.0.0.0/8 scram-sha-256"},
	})
	data := shop.Generate(3, 5000)
	if err := shop.Load(t.Context(), server, data); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SEKISHO_TEST_INTRUDER", "1")
	p := &play{
		o: Options{Check: true, Intruder: []string{os.Args[0]}}, dir: t.TempDir(), data: data, guard: &guard{gate: server.Addr()},
		visitors: &visitors{}, stage: stage{out: io.Discard, say: texts.In(lang.English)},
	}
	p.ways = ways(3, data)
	if err := p.intrude(t.Context()); err != nil {
		t.Fatal(err)
	}
	tap, err := os.ReadFile(p.capture())
	if err != nil {
		t.Fatal(err)
	}
	answers, err := wiretap.Parse(bytes.NewReader(tap))
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(calls(p.ways))+1 || p.facts.idle != 0 {
		t.Fatalf("%d answers to %d questions and a login, %d ways brought nothing", len(answers), len(calls(p.ways)), p.facts.idle)
	}
	who, at := indexPeople(data), 1
	for _, w := range p.ways {
		got, err := truth(who, w.calls, answers[at:at+len(w.calls)])
		if err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
		at += len(w.calls)
		if want := expected(data, w); want != nil && !cmp.Equal(want, got.all()) {
			t.Errorf("%s: %d persons, want %d", w.name, len(got), len(want))
		}
		if (len(got) > 0) != w.exact {
			t.Errorf("%s: %d persons; named are only those of exact ways", w.name, len(got))
		}
	}
}

// expected derives from the data alone who must be in the truth of a way; nil
// when that takes a join.
func expected(d *shop.Data, w way) []int64 {
	var from, to, gap int64
	var ids []int64
	between := func(lo, hi int64) {
		for i := range d.Customers {
			if id := d.Customers[i].ID; id >= lo && id <= hi {
				ids = append(ids, id)
			}
		}
	}
	sql := w.calls[0].SQL
	switch w.name {
	case "view", "email_only", "copy":
		if _, err := fmt.Sscanf(sql[strings.Index(sql, "BETWEEN"):], "BETWEEN %d AND %d", &from, &to); err != nil {
			panic(err)
		}
		between(from, to)
	case "self_join":
		if _, err := fmt.Sscanf(sql[strings.Index(sql, "b.id = a.id"):], "b.id = a.id + %d WHERE a.id BETWEEN %d AND %d", &gap, &from, &to); err != nil {
			panic(err)
		}
		known := indexPeople(d).ids
		for id := from; id <= to; id++ {
			if known[id] && known[id+gap] {
				ids = append(ids, id, id+gap)
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
	case "export":
		between(0, 1<<62)
	}
	return ids
}

func TestWaysVaryWithTheSeed(t *testing.T) {
	d := shop.Generate(1, 3000)
	orders := map[string]bool{}
	for seed := range uint64(20) {
		var names []string
		for _, w := range ways(seed, d) {
			names = append(names, w.name)
			if !texts.Has("way_" + w.name) {
				t.Errorf("way %q has no text", w.name)
			}
		}
		if names[len(names)-1] != "export" || len(names) != 12 {
			t.Fatalf("seed %d: ways %q, want 12 with the export last", seed, names)
		}
		orders[strings.Join(names, " ")] = true
		if !cmp.Equal(sqlOf(ways(seed, d)), sqlOf(ways(seed, d))) {
			t.Errorf("seed %d: not the same twice", seed)
		}
	}
	if len(orders) < 15 {
		t.Errorf("%d orders of ways in 20 seeds", len(orders))
	}
}

func sqlOf(list []way) (all []string) {
	for _, c := range calls(list) {
		all = append(all, c.SQL)
	}
	return all
}

func TestConfigurationIsGood(t *testing.T) {
	dir := t.TempDir()
	var text bytes.Buffer
	err := configTemplate.Execute(&text, map[string]any{
		"Upstream": "127.0.0.1:5432", "ScanRole": shop.ScanRole, "AppRole": shop.AppRole, "Rows": rowsAllowed,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "sekisho.yaml")
	for name, content := range map[string]string{file: text.String(), filepath.Join(dir, "control.password"): "x\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := config.Load(file); err != nil {
		t.Fatal(err)
	}
}

// Every difference between scope and truth must show.
func TestCompareSeesDifferences(t *testing.T) {
	people := read{1: element.MaskOf(element.Name), 2: element.MaskOf(element.Name, element.Email)}
	good := func() (*facts, *answer, map[element.Kind][]int64) {
		f := &facts{truth: people, ordinary: []int64{3}, everyone: []int64{1, 2, 3, 4}, export: step{Code: "42501", Rows: 5}, noticed: true, unseen: 3, ledger: true, bundle: true}
		a := &answer{lists: map[string][]int64{"confirmed": {1, 2}, "reachable": {1, 2, 3}, "ever_held": {1, 2, 3, 4}}}
		a.Coverage.Reporting, a.Coverage.Known = 1, 1
		a.Reachable.Subjects = 2
		return f, a, map[element.Kind][]int64{element.Name: {1, 2}, element.Email: {2}}
	}
	if n := compare(good()).differences(); n != 0 {
		t.Fatalf("%d differences where there are none", n)
	}
	for name, spoil := range map[string]func(*facts, *answer, map[element.Kind][]int64){
		"a person too few":      func(f *facts, a *answer, e map[element.Kind][]int64) { a.lists["confirmed"] = []int64{1} },
		"a person too many":     func(f *facts, a *answer, e map[element.Kind][]int64) { a.lists["confirmed"] = []int64{1, 2, 4} },
		"an ordinary customer":  func(f *facts, a *answer, e map[element.Kind][]int64) { a.lists["confirmed"] = []int64{1, 2, 3} },
		"an element too few":    func(f *facts, a *answer, e map[element.Kind][]int64) { e[element.Email] = nil },
		"an element too many":   func(f *facts, a *answer, e map[element.Kind][]int64) { e[element.Email] = []int64{1, 2} },
		"reachable misses one":  func(f *facts, a *answer, e map[element.Kind][]int64) { a.lists["reachable"] = []int64{1, 3} },
		"reachable not sharp":   func(f *facts, a *answer, e map[element.Kind][]int64) { a.Reachable.Subjects = 3 },
		"ever held misses one":  func(f *facts, a *answer, e map[element.Kind][]int64) { a.lists["ever_held"] = []int64{1, 2, 3} },
		"a silent gate":         func(f *facts, a *answer, e map[element.Kind][]int64) { a.Coverage.Reporting = 0 },
		"export not stopped":    func(f *facts, a *answer, e map[element.Kind][]int64) { f.export.Code = "" },
		"export over the limit": func(f *facts, a *answer, e map[element.Kind][]int64) { f.export.Rows = rowsAllowed + 1 },
		"a way without rows":    func(f *facts, a *answer, e map[element.Kind][]int64) { f.idle = 1 },
		"a disturbed session":   func(f *facts, a *answer, e map[element.Kind][]int64) { f.trouble = 1 },
		"the way around unseen": func(f *facts, a *answer, e map[element.Kind][]int64) { f.noticed = false },
		"few while unseen":      func(f *facts, a *answer, e map[element.Kind][]int64) { f.unseen = 0 },
		"ledger not verified":   func(f *facts, a *answer, e map[element.Kind][]int64) { f.ledger = false },
		"bundle not verified":   func(f *facts, a *answer, e map[element.Kind][]int64) { f.bundle = false },
	} {
		f, a, e := good()
		spoil(f, a, e)
		if compare(f, a, e).differences() == 0 {
			t.Errorf("%s: nothing shows", name)
		}
	}
}

func TestParseList(t *testing.T) {
	got, err := parseList(strings.NewReader("confirmed\tshop.customers\t12\nreachable\tshop.customers\t3\never_held\tshop.customers\t100\n"))
	want := map[string][]int64{"confirmed": {12}, "reachable": {3, 12}, "ever_held": {3, 12, 100}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("lists (-want +got):\n%s\n%v", diff, err)
	}
	for _, bad := range []string{"confirmed 12\n", "seen\tshop.customers\t1\n", "confirmed\tshop.customers\tx\n"} {
		if _, err := parseList(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestWrapAndCut(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"関所は残す。すべて。", 8, []string{"関所は残", "す。すべ", "て。"}},
		{"", 5, []string{""}},
	} {
		got := columns.Wrap(tt.text, tt.n)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("columns.Wrap(%q, %d) (-want +got):\n%s", tt.text, tt.n, diff)
		}
		for _, line := range got {
			if columns.Width(line) > tt.n {
				t.Errorf("columns.Wrap(%q, %d): line %q is %d wide", tt.text, tt.n, line, columns.Width(line))
			}
		}
	}
	if got := columns.Cut("札幌通運の旅", 7); got != "札幌通…" {
		t.Errorf("cut = %q, want 札幌通…", got)
	}
}

// The link of the console's first account is found in what up says.
func TestConsoleLink(t *testing.T) {
	g := &guard{dir: t.TempDir()}
	if got := g.console(); got != "" {
		t.Errorf("a link without a log: %q", got)
	}
	log := "  The console has no account yet.\n\n    http://localhost:44001/join?invite=aB-c_9\n\ntime=2026-11-22T14:48:09.922Z level=INFO msg=ready\n"
	if err := os.WriteFile(filepath.Join(g.dir, "up.log"), []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := g.console(); got != "http://localhost:44001/join?invite=aB-c_9" {
		t.Errorf("link %q", got)
	}
}
