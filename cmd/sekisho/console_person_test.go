package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/person"
)

// pairsIn makes a state of customers of whom some pairs are in doubt.
func pairsIn(t *testing.T, dir string) {
	t.Helper()
	families, givens := []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村"}, []string{"太郎", "花子", "一郎", "美咲", "健", "葵"}
	var b strings.Builder
	b.WriteString("顧客番号,姓,名,生年月日,電話番号\n")
	for i := range 400 {
		fmt.Fprintf(&b, "%d,%s,%s,19%02d-%02d-%02d,090-%04d-%04d\n", i, families[i%8], givens[i%6], 50+i%40, 1+i%12, 1+i%27, i, 7*i)
	}
	for i := range 40 { // the same person with another telephone, or a namesake
		fmt.Fprintf(&b, "%d,%s,%s,19%02d-%02d-%02d,080-%04d-%04d\n", 1000+i, families[i%8], givens[i%6], 50+i%40, 1+i%12, 1+i%27, 9000+i, i)
	}
	file := filepath.Join(t.TempDir(), "shop.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := person.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Create(t.Context(), []person.Source{{Name: "shop", File: file}}, person.Options{Keys: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestConsolePersons: the room of persons reads a state, explains a pair, and
// keeps an answer in the ledger before it is in the state.
func TestConsolePersons(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "persons")
	pairsIn(t, dir)
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	p.cfg.Console = &config.Console{Persons: dir}
	c := &console{process: p}
	ctx := t.Context()
	if all, err := (&console{process: &process{cfg: &config.Loaded{Config: &config.Config{Console: &config.Console{}}}}}).Persons(ctx); err != nil || all.Configured {
		t.Errorf("without a state: %+v, %v", all, err)
	}
	if _, err := c.Persons(ctx); err != nil {
		t.Fatal(err)
	}
	c.wait.Wait()
	all, err := c.Persons(ctx)
	if err != nil || all.Reading || all.Problem != "" || all.Records != 440 || all.Low > all.Estimate || all.Estimate > all.High || all.High > 440 {
		t.Fatalf("%+v, %v", all, err)
	}
	pair, err := c.ExplainPair(ctx, "shop/1", "shop/1001")
	if err != nil || len(pair.Fields) < 3 {
		t.Fatalf("%+v, %v", pair, err)
	}
	for _, names := range [][2]string{{"shop/1", "shop/1"}, {"shop/1", "shop/none"}, {"", "shop/1"}, {"shop", "x"}} {
		if _, err := c.ExplainPair(ctx, names[0], names[1]); err == nil {
			t.Errorf("%q is explained", names)
		}
	}
	d, err := c.DecidePair(ctx, consoleoffice.PairDecision{A: "shop/1", B: "shop/1001", Same: !pair.One, Reason: "asked them", By: "ren"})
	if err != nil || d.Changes == 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	after, err := c.ExplainPair(ctx, "shop/1", "shop/1001")
	if err != nil || after.One == pair.One || after.Decided == "" {
		t.Errorf("%+v, %v", after, err)
	}
	found := map[event.Kind]int{}
	if _, err := c.backwards(ctx, func(e *event.Event) { found[e.Body.Kind()]++ }, event.KindPersonDecision, event.KindPersonChange); err != nil {
		t.Fatal(err)
	}
	if found[event.KindPersonDecision] != 1 || found[event.KindPersonChange] == 0 {
		t.Errorf("in the ledger: %v", found)
	}
	if !strings.Contains(strings.Join([]string{pair.A, pair.B}, " "), "shop/1001") {
		t.Errorf("names %q %q", pair.A, pair.B)
	}
}
