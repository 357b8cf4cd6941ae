package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	b.WriteString("q1,五百旗頭,真琴,1971-03-04,\nq2,五百旗頭,真琴,,09012345678\nq3,五百旗頭,真琴,,08087654321\n") // no rule settles whether they are one
	file := filepath.Join(t.TempDir(), "shop.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := person.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Create(t.Context(), []person.Source{{Name: "shop", File: file}}, person.Options{Keys: true, LinkAt: 0.9999999, ReviewAt: 0.0001})
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

// groupOfRecord finds the group that a record is in.
func groupOfRecord(t *testing.T, groups []consoleoffice.Group, name string) consoleoffice.Group {
	t.Helper()
	for _, g := range groups {
		if slices.Contains(g.Records, name) {
			return g
		}
	}
	t.Fatalf("%s is in none of %d groups", name, len(groups))
	return consoleoffice.Group{}
}

// TestConsolePersons: the room of persons reads a state, explains a pair and a
// group, and keeps an answer about what was shown in the ledger before it is in the
// state.
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
	if err != nil || all.Reading || all.Problems != nil || all.Records != 443 || all.Low > all.Estimate || all.Estimate > all.High || all.High > 443 {
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
	found := map[event.Kind]int{}
	count := func() {
		t.Helper()
		clear(found)
		if _, err := c.backwards(ctx, func(e *event.Event) { found[e.Body.Kind()]++ }, event.KindPersonDecision, event.KindPersonChange); err != nil {
			t.Fatal(err)
		}
	}
	q := groupOfRecord(t, all.Groups, "shop/q1")
	for _, l := range q.Links {
		if l.Bits != 0 || l.Probability != 0 || len(l.Fields) < 2 || l.Fields[0].Bits != 0 {
			t.Errorf("the list holds scores: %+v", l)
		}
	}
	scored, err := c.ExplainGroup(ctx, q.Number, q.Digest)
	if err != nil || len(scored.Links) != len(q.Links) || scored.Links[0].Bits == 0 || scored.Links[0].Probability == 0 {
		t.Fatalf("%+v, %v", scored, err)
	}
	if _, err := c.ExplainGroup(ctx, q.Number, "another"); err == nil {
		t.Error("a group is explained that nobody was shown")
	}
	for _, bad := range []consoleoffice.GroupDecision{
		{Number: q.Number, Digest: "another", Same: true}, {Number: q.Number + 100000, Digest: q.Digest},
		{Number: q.Number, Digest: q.Digest, Records: []string{"shop/q1"}}, {Number: q.Number, Digest: q.Digest, Records: []string{"shop/q1", "shop/1"}},
	} {
		if _, err := c.DecideGroup(ctx, bad); err == nil {
			t.Errorf("%+v is an answer", bad)
		}
	}
	if count(); found[event.KindPersonDecision] != 0 {
		t.Errorf("in the ledger: %v", found)
	}
	// Two of the three are one person; the group that stays is shown again.
	d, err := c.DecideGroup(ctx, consoleoffice.GroupDecision{Number: q.Number, Digest: q.Digest, Records: []string{"shop/q1", "shop/q2"}, Same: true, Reason: "asked them", By: "ren"})
	if err != nil || d.Changes != 1 || d.Group.Links[0].Bits == 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := c.DecideGroup(ctx, consoleoffice.GroupDecision{Number: q.Number, Digest: q.Digest, Same: true}); err == nil {
		t.Error("an answer about what is not so any more is taken")
	}
	after, err := c.ExplainPair(ctx, "shop/q1", "shop/q2")
	if err != nil || !after.One || after.Decided != "same" {
		t.Errorf("%+v, %v", after, err)
	}
	if count(); found[event.KindPersonDecision] != 1 || found[event.KindPersonChange] != 1 {
		t.Errorf("in the ledger: %v", found)
	}
	if _, err := c.Persons(ctx); err != nil { // the state is another one, and is read
		t.Fatal(err)
	}
	c.wait.Wait()
	if all, err = c.Persons(ctx); err != nil {
		t.Fatal(err)
	}
	q = groupOfRecord(t, all.Groups, "shop/q3")
	if len(q.Records) != 3 || q.Persons != 2 {
		t.Fatalf("what is left of the group: %+v", q)
	}
	if d, err = c.DecideGroup(ctx, consoleoffice.GroupDecision{Number: q.Number, Digest: q.Digest, Same: true, Reason: "asked them", By: "ren"}); err != nil || d.Changes != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	if all, err = c.Persons(ctx); err != nil || slices.ContainsFunc(all.Groups, func(g consoleoffice.Group) bool { return g.Number == q.Number }) {
		t.Errorf("the group that was settled is on the list: %v", err)
	}
	c.wait.Wait()
	if !strings.Contains(strings.Join([]string{pair.A, pair.B}, " "), "shop/1001") {
		t.Errorf("names %q %q", pair.A, pair.B)
	}
}

// TestPersonsUnreadable: a state of which nobody can say whether it is there is a
// problem, not a part that is not configured.
func TestPersonsUnreadable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{filepath.Join(file, "state"): true, filepath.Join(t.TempDir(), "none"): false} {
		c := &console{process: &process{cfg: &config.Loaded{Config: &config.Config{Console: &config.Console{Persons: dir}}}}}
		if all, err := c.Persons(t.Context()); err != nil || all.Configured != want || (all.Problems != nil) != want {
			t.Errorf("%s: %+v, %v", dir, all, err)
		}
	}
}
