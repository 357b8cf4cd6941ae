package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
)

// bareProcess is a process with an empty ledger and keys, whose parts do not run
// yet.
func bareProcess(t *testing.T, sections string) *process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sekisho.yaml")
	if err := os.WriteFile(file, []byte("data: ./data\nkeys: ./keys\nledger: {sync: 10ms}\n"+sections), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := initKeys(l.Config); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Init(t.Context(), ledgerConfig(l.Config)); err != nil {
		t.Fatal(err)
	}
	p := &process{file: file, cfg: l, log: slog.New(slog.DiscardHandler), now: time.Now}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	if err := p.open(t.Context(), func(uint64, uint64) {}); err != nil {
		t.Fatal(err)
	}
	return p
}

const roomsPolicy = `generation: 1
roles:
  - name: desk
    addresses: [127.0.0.0/8]
    mode: enforce
    allow:
      - {name: business, names: [www.example.jp]}
`

// until waits for a condition, looking again at every event.
func (c *console) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !holds() {
		next := c.ledger.Head()
		short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		_, err := c.ledger.Wait(short, next)
		stop()
		if err != nil && ctx.Err() != nil {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestConsoleGateRooms: what passes real gates is in their rooms: an attack that
// was refused, with its exception; a flow that was refused, explained and judged
// by the next policy; a cut with its receipt.
func TestConsoleGateRooms(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "shop") }))
	t.Cleanup(shop.Close)
	dir := t.TempDir()
	policy, rules := filepath.Join(dir, "egress.yaml"), filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(policy, []byte(roomsPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	var ports [2]string
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
	}
	p := bareProcess(t, fmt.Sprintf(`egress:
  policy_file: %s
  gates: [{name: out, listen: '127.0.0.1:%s'}]
exits: [{name: line, interface: eth9, owner: ayame}]
web:
  - name: shop-web
    listen: 127.0.0.1:%s
    rules: %s
    sites: [{hosts: [shop.example.jp], upstream: '%s', firewall: enforce, cards: enforce}]
`, policy, ports[0], ports[1], rules, shop.URL))
	c := &console{process: p}
	ctx, parts := t.Context(), newStage(context.WithoutCancel(t.Context()))
	parts.failed = make(chan error, 1)
	t.Cleanup(func() {
		if err := parts.stop(); err != nil {
			t.Error(err)
		}
	})
	for _, start := range []func(context.Context, *stage) error{p.startCuts, p.startWeb, p.startEgress} {
		if err := start(ctx, parts); err != nil {
			t.Fatal(err)
		}
	}
	parts.run("recent events", c.follow)

	get, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:"+ports[1]+"/search?q="+url.QueryEscape("' UNION SELECT password FROM users--"), nil)
	if err != nil {
		t.Fatal(err)
	}
	get.Host = "shop.example.jp"
	answer, err := http.DefaultClient.Do(get)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Fatalf("the attack got %s", answer.Status)
	}
	var web *consoleoffice.WebRoom
	c.until(t, "the refusal is in the room", func() bool {
		if web, err = c.WebRoom(ctx); err != nil {
			t.Fatal(err)
		}
		return len(web.Blocks) > 0
	})
	b := web.Blocks[0]
	if b.Host != "shop.example.jp" || b.Route != "/search" || b.Address != "127.0.0.1" || b.Action != "refuse" || len(b.Rules) == 0 {
		t.Errorf("block %+v", b)
	}
	why, err := c.ExplainBlock(ctx, b.ID)
	if err != nil || len(why.Exception) == 0 || why.File != rules {
		t.Fatalf("%+v, %v", why, err)
	}
	for _, bad := range []consoleoffice.ExceptRequest{
		{ID: b.ID, Reason: "a search box", By: "kaede"},
		{ID: b.ID, Reason: "a search box", By: "kaede", Until: time.Now(), Rules: []int{1}},
		{ID: b.ID, Reason: "a search box", By: "kaede", Until: time.Now(), Path: "search"},
		{ID: b.ID, Reason: " ", By: "kaede", Until: time.Now()},
		{ID: "AAAAAAAAAAAAAAAA", Reason: "a search box", By: "kaede", Until: time.Now()},
	} {
		if _, err := c.ExceptBlock(ctx, bad); err == nil || fault.Faults(err)[0].Code == fault.Internal || len(actsIn(t, p)) > 0 {
			t.Errorf("%+v: %v, %q", bad, err, actsIn(t, p))
		}
	}
	order := consoleoffice.ExceptRequest{ID: b.ID, Reason: "a search box", By: "kaede", Until: time.Now().AddDate(0, 1, 0)}
	for range 2 { // the second time because the first answer was lost
		done, err := c.ExceptBlock(ctx, order)
		if err != nil || done.File != rules || len(done.Exceptions) != len(why.Exception) || done.Exceptions[0].By != "kaede" {
			t.Fatalf("%+v, %v", done, err)
		}
		if acts := actsIn(t, p); len(acts) != 1 {
			t.Errorf("%q", acts)
		}
	}
	if web, err = c.WebRoom(ctx); err != nil || len(web.Rules) != len(why.Exception) || web.Rules[0].By != "kaede" || web.Rules[0].Event != b.ID {
		t.Errorf("rules %+v, %v", web.Rules, err)
	}
	if answer, err = http.DefaultClient.Do(get); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("after the exception: %v, %v", answer, err)
	} else {
		answer.Body.Close()
	}

	proxy := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + ports[0]}), DisableKeepAlives: true}}
	if answer, err := proxy.Get("http://files.example/upload"); err != nil || answer.StatusCode != http.StatusForbidden {
		t.Fatalf("a destination that is not allowed: %v, %v", answer, err)
	} else {
		answer.Body.Close()
	}
	var out *consoleoffice.Egress
	c.until(t, "the flow and its end are in the room", func() bool {
		if out, err = c.Egress(ctx); err != nil {
			t.Fatal(err)
		}
		return len(out.Flows) > 0 && out.Flows[0].Outcome != ""
	})
	if f := out.Flows[0]; f.Host != "files.example" || f.Action != "refuse" || f.Role != "desk" || len(out.Goals) != 1 || out.Goals[0].Flows != 1 || out.Generation != 1 || len(out.Exits) != 1 {
		t.Errorf("%+v", out)
	}
	if a, err := c.ExplainExit(ctx, consoleoffice.ExitQuestion{Client: "127.0.0.1", To: "files.example:443"}); err != nil || a.Action != "refuse" || len(a.Passed) != 1 || a.Passed[0].Because != "name" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.ExplainExit(ctx, consoleoffice.ExitQuestion{Client: "nonsense", To: "x"}); fault.Faults(err)[0].Code != fault.Usage {
		t.Errorf("nonsense: %v", err)
	}
	if err := os.WriteFile(policy, []byte(strings.NewReplacer("generation: 1", "generation: 2", "[www", "[files.example, www").Replace(roomsPolicy)), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := c.PreviewExit(ctx); err != nil || v.Judged != 1 || len(v.Changes) != 1 || v.Changes[0].Now != "allow" || v.Generation != 2 {
		t.Errorf("%+v, %v", v, err)
	}
	cuts, err := c.OrderCut(ctx, control.CutOrder{Target: "www.example.jp", For: time.Hour, By: "ren", Reason: "data leaves there"})
	if err != nil || cuts.Red() != 0 || len(cuts.Gates) != 2 {
		t.Fatalf("%+v, %v", cuts, err)
	}
	if out, err = c.Egress(ctx); err != nil || len(out.Cuts.Entries) != 1 || out.Cuts.Entries[0].Target != "www.example.jp" {
		t.Errorf("%+v, %v", out.Cuts, err)
	}
	if _, err := c.LiftCut(ctx, control.CutLift{IDs: cuts.Added, By: "ren", Reason: "all clear"}); err != nil {
		t.Error(err)
	}
	receipts := 0
	if _, err := c.backwards(ctx, func(*event.Event) { receipts++ }, event.KindCutReceipt); err != nil || receipts < 2 {
		t.Errorf("%d receipts, %v", receipts, err)
	}
	if paid, err := c.Payment(ctx); err != nil || len(paid.Sites) != 1 || paid.Sites[0].Exchanges < 2 {
		t.Errorf("%+v, %v", paid, err)
	}
}
