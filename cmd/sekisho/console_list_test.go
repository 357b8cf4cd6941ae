package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/proof/scope"
)

// The pair of keys that the tests of package agefile use; nothing else does.
const (
	listSecret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	listPublic = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
)

// TestList: all of them are looked at in the ledger before the file is there, in
// parts that an event can hold; the recipient can open it; what was refused left
// nothing.
func TestList(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	if err := os.MkdirAll(viewDir(p.cfg.Config), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	views := newStage(context.WithoutCancel(ctx))
	if err := p.startView(ctx, views); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := views.stop(); err != nil {
			t.Error(err)
		}
	})
	c := &console{process: p, rec: p.ledger.Recorder(consoleSource, 0)}
	const people = lookChunk + 200
	keys, numbers := make([]int64, people), make([]uint32, people)
	for i := range keys {
		keys[i] = int64(5000 + i)
	}
	if err := p.dict.Source("shop.customers").AssignInts(ctx, keys, numbers); err != nil {
		t.Fatal(err)
	}
	at := p.now().Add(-time.Minute).UnixNano()
	scan := &event.HoldingScan{Scan: 1, Parts: 1, Table: "shop/customers", Source: "shop.customers", Elements: element.MaskOf(element.Email), From: at, To: at, Rows: people, Subjects: event.SetOf(numbers)}
	if _, err := p.ledger.Recorder("scan/shop", 0).Record(ctx, event.Durable, scan); err != nil {
		t.Fatal(err)
	}
	r := consoleoffice.ListRequest{Query: scope.Query{From: event.Time(at).Add(-time.Hour)}, Class: "ever_held", To: []string{listPublic}, Purpose: "notice", By: "ren", Address: "127.0.0.1"}
	looksAndActs := func() (looks int, subjects uint64, acts []string) {
		t.Helper()
		err := p.ledger.Scan(ctx, 0, func(_ event.Index, line []byte) error {
			e, err := event.Parse(line)
			if err != nil {
				return err
			}
			switch b := e.Body.(type) {
			case *event.Look:
				looks++
				subjects += b.Subjects.Len()
			case *event.Act:
				acts = append(acts, b.Do+" "+b.Result)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return looks, subjects, acts
	}
	for name, change := range map[string]func(*consoleoffice.ListRequest){
		"nobody":      func(r *consoleoffice.ListRequest) { r.To = nil },
		"no key":      func(r *consoleoffice.ListRequest) { r.To = []string{"age1nothing"} },
		"no class":    func(r *consoleoffice.ListRequest) { r.Class = "all" },
		"for nothing": func(r *consoleoffice.ListRequest) { r.Purpose = "" },
		"hardly any":  func(r *consoleoffice.ListRequest) { r.Purpose = "  x  " },
		"no answer":   func(r *consoleoffice.ListRequest) { r.Class = "confirmed" },
	} {
		bad, out := r, &bytes.Buffer{}
		change(&bad)
		if err := c.List(ctx, bad, out); err == nil || fault.Faults(err)[0].Code != fault.ConsoleLook || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
		if name != "for nothing" && name != "hardly any" {
			continue
		}
		if a, err := c.Look(ctx, consoleoffice.LookRequest{Query: bad.Query, Purpose: bad.Purpose, By: "ren"}); err == nil || fault.Faults(err)[0].Code != fault.ConsoleLook || a != nil {
			t.Errorf("a look, %s: %v, %v", name, a, err)
		}
	}
	if n, _, acts := looksAndActs(); n != 0 || len(acts) != 0 {
		t.Errorf("what was refused is recorded: %d looks, %v", n, acts)
	}
	out := &bytes.Buffer{}
	if err := c.List(ctx, r, out); err != nil {
		t.Fatal(err)
	}
	if n, subjects, acts := looksAndActs(); n != 2 || subjects != people || fmt.Sprint(acts) != "[list done]" {
		t.Errorf("%d looks at %d, %v", n, subjects, acts)
	}
	if bytes.Contains(out.Bytes(), []byte("5000")) || bytes.Contains(out.Bytes(), []byte("shop.customers")) {
		t.Error("the list is not encrypted")
	}
	age, err := exec.LookPath("age")
	if err != nil {
		t.Skip("SKIPPED: no age is installed to open the list (apt install age)")
	}
	identity := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(identity, []byte(listSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, age, "-d", "-i", identity)
	cmd.Stdin = out
	text, err := cmd.Output()
	if lines := strings.Count(string(text), "\n"); err != nil || lines != people || !strings.HasPrefix(string(text), "reachable\tshop.customers\t5000\n") {
		t.Errorf("%v: %d lines, %.80q", err, lines, text)
	}
}
