package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// clubFile is a database in which more is personal than clubStore says.
func clubFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "club.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	do := func(format string, args ...any) {
		t.Helper()
		if _, err := db.Exec(fmt.Sprintf(format, args...)); err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE TABLE members (id INTEGER PRIMARY KEY, mail TEXT NOT NULL UNIQUE, 氏名 TEXT, tel TEXT)")
	do("CREATE TABLE letters (no INTEGER PRIMARY KEY, member_id INTEGER REFERENCES members (id), phone TEXT)")
	do("CREATE TABLE goods (id INTEGER PRIMARY KEY, price INTEGER)")
	for i := range 60 {
		do("INSERT INTO members VALUES (%d, 'm%d@example.jp', '佐藤花子', '090-1234-%04d')", i+1, i, i)
		do("INSERT INTO letters VALUES (%d, %d, '03-1234-%04d')", i+1, i+1, i)
		do("INSERT INTO goods VALUES (%d, %d)", i+1, i*100)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

const clubStore = `hub: {listen: '127.0.0.1:0'}
stores:
  - name: club
    address: sqlite:FILE
    protect:
      - table: members # 会員
        key: id
        columns: {mail: email}
`

// TestProposal: what a database holds beyond its configuration is proposed, handed
// on by one and written by another, who read exactly that; a process that ended
// in the middle is left with one configuration and nothing that waits.
func TestProposal(t *testing.T) {
	p := bareProcess(t, strings.Replace(clubStore, "FILE", clubFile(t), 1))
	if err := p.newKeyed(); err != nil {
		t.Fatal(err)
	}
	c := &console{process: p}
	ctx := t.Context()
	before, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	x, err := c.Proposal(ctx, "club", "ja")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range x.Tables {
		for _, col := range table.Columns {
			got = append(got, fmt.Sprintf("%s.%s %s of %s new %v", table.Table, col.Column, col.Element, table.Of, table.New))
		}
	}
	if diff := cmp.Diff([]string{"letters.phone phone of members new true", "members.氏名 name of members new false", "members.tel phone of members new false"}, got); diff != "" {
		t.Errorf("tables (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"goods"}, x.Plain); diff != "" || x.Problems != nil || x.Digest == "" || len(x.Drift) == 0 {
		t.Errorf("%s%+v", diff, x)
	}
	for i := 1; i < len(x.Diff); i++ {
		if x.Diff[i].Mark == '-' && !strings.Contains(x.Diff[i].Text, "mail: email") {
			t.Errorf("%q is taken away", x.Diff[i].Text)
		}
	}

	refused := func(what string, err error) {
		t.Helper()
		if err == nil || fault.Faults(err)[0].Code != fault.ProtectDraft {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = c.AcceptProposal(ctx, "ren", x.Digest)
	refused("accepted before anybody handed it on", err)
	refused("another digest is handed on", c.HandProposal(ctx, "kaede", "sha256:other"))
	refused("no digest is handed on", c.HandProposal(ctx, "kaede", ""))
	if err := c.HandProposal(ctx, "kaede", x.Digest); err != nil {
		t.Fatal(err)
	}
	_, err = c.AcceptProposal(ctx, "kaede", x.Digest)
	refused("accepted by whoever handed it on", err)
	_, err = c.AcceptProposal(ctx, "ren", "sha256:other")
	refused("accepted what was not read", err)
	if now, err := os.ReadFile(p.file); err != nil || string(now) != string(before) {
		t.Fatalf("written before it was accepted: %s, %v", now, err)
	}

	// Somebody edits the file meanwhile.
	if err := os.WriteFile(p.file, append(before, "# mine\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = c.AcceptProposal(ctx, "ren", x.Digest)
	refused("accepted over another's words", err)
	if d, err := c.ProposalDraft(ctx); err != nil || d == nil || d.Proposal.Problems == nil {
		t.Errorf("the draft does not say so: %+v, %v", d, err)
	}
	if err := os.WriteFile(p.file, before, 0o600); err != nil {
		t.Fatal(err)
	}

	draft, err := os.ReadFile(filepath.Join(p.cfg.Data, protectDraftFile))
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := c.AcceptProposal(ctx, "ren", x.Digest)
	want := &consoleoffice.ProposalReceipt{Database: "club", File: p.file, Digest: x.Digest, Tables: 1, Columns: 2, Plain: 1, HandedBy: "kaede", By: "ren"}
	if diff := cmp.Diff(want, receipt); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	after, err := os.ReadFile(p.file)
	if err != nil || fileDigest(after) != x.Digest || !strings.Contains(string(after), "# 会員") || !strings.Contains(string(after), "外部キーの先") {
		t.Errorf("%v\n%s", err, after)
	}
	if names, err := c.Unread(ctx); err != nil || len(names) != 1 || names[0] != "club" {
		t.Errorf("unread: %v, %v", names, err)
	}
	// The process ended before the draft was dropped.
	if err := os.WriteFile(filepath.Join(p.cfg.Data, protectDraftFile), draft, 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := c.ProposalDraft(ctx); d != nil || err != nil {
		t.Errorf("the draft waits though it is written: %+v, %v", d, err)
	}
	if again, err := c.Proposal(ctx, "club", "en"); err != nil || len(again.Tables)+len(again.Plain) != 0 || again.Digest != "" {
		t.Errorf("proposed again: %+v, %v", again, err)
	}
	if diff := cmp.Diff([]string{"map-propose kaede", "map-accept ren"}, actsIn(t, p)); diff != "" {
		t.Errorf("acts (-want +got)\n%s", diff)
	}
	if _, err := c.Proposal(ctx, "other", "en"); err == nil {
		t.Error("a database that nobody reads was looked at")
	}
}

// TestProposalDropped: what waits can be dropped, which is recorded.
func TestProposalDropped(t *testing.T) {
	p := bareProcess(t, strings.Replace(clubStore, "FILE", clubFile(t), 1))
	if err := p.newKeyed(); err != nil {
		t.Fatal(err)
	}
	c := &console{process: p}
	x, err := c.Proposal(t.Context(), "club", "en")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.HandProposal(t.Context(), "kaede", x.Digest), c.DropProposal(t.Context(), "ren")); err != nil {
		t.Fatal(err)
	}
	if d, err := c.ProposalDraft(t.Context()); d != nil || err != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if diff := cmp.Diff([]string{"map-propose kaede", "map-withdraw ren"}, actsIn(t, p)); diff != "" {
		t.Errorf("acts (-want +got)\n%s", diff)
	}
}

// actsIn are what people did, by the ledger.
func actsIn(t *testing.T, p *process) (out []string) {
	t.Helper()
	err := p.ledger.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		if a, ok := e.Body.(*event.Act); ok {
			out = append(out, a.Do+" "+a.By)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHistory: what happened to a place, the newest first; what did not change is
// not told twice.
func TestHistory(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	c := &console{process: p}
	ctx := t.Context()
	rec := p.ledger.Recorder("scan/shop", 0)
	at := p.now().UnixNano()
	scan := func(id uint64, last uint32) event.Body {
		at += 1e9
		b := &event.HoldingScan{Scan: id, Parts: 1, Table: "www/list.csv", Source: "shop.customers", Elements: element.MaskOf(element.Email), From: at, To: at, Rows: uint64(last)}
		if last > 0 {
			b.Subjects = event.Set{{First: 1, Last: last}}
		}
		return b
	}
	for _, b := range []event.Body{
		&event.Object{Place: "www/list.csv", From: at, To: at, Created: true, Size: 90, Like: "www/other.csv"},
		scan(1, 5), scan(2, 5), scan(3, 7),
		&event.Copied{Place: "www/list.csv", At: at, Of: []event.Place{"shop/a", "shop/b"}, How: "subjects", Subjects: 7},
		scan(4, 0),
		&event.Object{Place: "www/list.csv", From: at, To: at, Gone: true, Size: 90},
	} {
		if _, err := rec.Record(ctx, event.Durable, b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Chart(ctx); err != nil {
		t.Fatal(err)
	}
	c.wait.Wait()
	h, err := c.History(ctx, "www/list.csv")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range h.Moments {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d %s", m.What, m.Subjects, m.Of)))
	}
	if diff := cmp.Diff([]string{"removed 0", "gone 0", "copied 7 shop/a, shop/b", "counted 7", "came 5", "like 0 www/other.csv", "made 0"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i := range uint64(storyKept + 5) {
		if _, err := rec.Record(ctx, event.Durable, scan(10+i, uint32(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Chart(ctx); err != nil {
		t.Fatal(err)
	}
	c.wait.Wait()
	if h, err = c.History(ctx, "www/list.csv"); err != nil || len(h.Moments) != storyKept || h.More != 12 {
		t.Errorf("%d moments, %d more, %v", len(h.Moments), h.More, err)
	}
	c.wait.Wait()
	if h, err := c.History(ctx, "elsewhere"); err != nil || len(h.Moments) != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	c.wait.Wait()
}
