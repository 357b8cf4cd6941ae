package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy/site"
)

// TestRulesOfManyWriters: of many who change a file of rules at the same time, by
// orders and beside the process, nobody's lines are lost, and each order is an act.
func TestRulesOfManyWriters(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	file := filepath.Join(t.TempDir(), "new", "rules.yaml")
	const each = 12
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for i := range each {
		host := fmt.Sprintf("shop%d.example.jp", i)
		order := func(r control.RulesRequest) func() error {
			r.Site, r.By, r.Reason = host, "ren", "r"
			return func() error { return p.orderLines(t.Context(), file, &r) }
		}
		for _, change := range []func() error{
			order(control.RulesRequest{Do: control.RulesExcept, Exceptions: []site.Exception{{Rule: 942100, Where: site.Where{Path: fmt.Sprintf("/except%d", i)}, Why: site.Why{Until: "2999-12-31", Reason: "r"}}}}),
			order(control.RulesRequest{Do: control.RulesAuthorise, Pages: []site.Page{{Host: "shop.example.jp", Item: fmt.Sprintf("%016x", i), Kind: "form", Reason: "r", By: "ren"}}}),
			order(control.RulesRequest{Do: control.RulesImport, Parameters: []site.Parameter{{Where: site.Where{Host: host, Path: "/"}, Name: "no", Type: "integer", Max: 8}}}),
			func() error {
				return addPages(t.Context(), file, []site.Page{{Host: "club.example.jp", Item: fmt.Sprintf("%016x", i), Kind: "form", Reason: "r", By: "ren"}})
			},
		} {
			wait.Go(func() {
				<-begin
				if err := change(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	close(begin)
	wait.Wait()
	src, err := rulesText(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(src.Exceptions) != each || len(src.Pages) != 2*each || len(src.Parameters) != each {
		t.Errorf("%d exceptions, %d pages and %d fields are there, of %d", len(src.Exceptions), len(src.Pages), len(src.Parameters), each)
	}
	if acts := actsIn(t, p); len(acts) != 3*each {
		t.Errorf("%d acts of %d: %q", len(acts), 3*each, acts)
	}
}

// TestRulesOrderSettled: of an order whose process ended, the next says that it was
// not carried out unless the file is as it was ordered, whoever changed the rest of
// it meanwhile.
func TestRulesOrderSettled(t *testing.T) {
	const before = "refused:\n  - {host: a.example, path: /x, name: n, reason: r, by: ren}\n"
	const added = "refused:\n  - {host: a.example, path: /y, name: n, reason: r, by: ren}\n  - {host: a.example, path: /x, name: n, reason: r, by: ren}\n"
	for _, c := range []struct {
		what, next, now string
		acts            int
	}{
		{"it was written", added, added, 1},
		{"it was not written", added, before, 2},
		{"not written, and others changed it", added, strings.ReplaceAll(before, "/x", "/z"), 2},
		{"it was written, and others changed it", added, strings.ReplaceAll(added, "/x", "/z"), 1},
		{"it was taken out", "refused: []\n", "refused: []\n", 1},
		{"it was not taken out", "refused: []\n", before, 2},
		{"a file that nobody can read", added, "refused: {", 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
			p.log = slog.New(slog.DiscardHandler)
			con := &console{process: p}
			file := filepath.Join(t.TempDir(), "rules.yaml")
			put := func(text string) {
				t.Helper()
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put(before)
			act := event.Act{By: "ren", Do: "refuse-field", Target: "a.example/y n", Result: "ordered"}
			if err := con.changeRules(t.Context(), file, act, func() (string, error) { return c.next, nil }); err != nil {
				t.Fatal(err)
			}
			// As the process left it between recording and writing, or after.
			o := rulesOrder{Act: act, File: file}
			src, err := siteSource([]byte(before))
			if err == nil {
				o.Lines, err = changedLines(src, c.next)
			}
			if err != nil || len(o.Lines) == 0 {
				t.Fatalf("%v, %v", o.Lines, err)
			}
			keepOrder(t, con, &o)
			put(c.now)
			for range 2 { // the second time there is nothing to say
				if err := con.settleRules(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			if acts := actsIn(t, p); len(acts) != c.acts {
				t.Errorf("the ledger says %q", acts)
			}
		})
	}
}

// TestRulesLocked: who cannot have the file to themselves is told, and nothing is
// written or recorded.
func TestRulesLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	unlock, err := lockRules(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	over, cancel := context.WithDeadline(t.Context(), event.Time(0))
	defer cancel()
	err = addPages(over, file, []site.Page{{Host: "shop.example.jp", Item: "0123456789abcdef", Kind: "form", Reason: "r", By: "ren"}})
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.ConfigConflict {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was written: %v", err)
	}
}

func keepOrder(t *testing.T, c *console, o *rulesOrder) {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.cfg.Data, rulesOrderFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
