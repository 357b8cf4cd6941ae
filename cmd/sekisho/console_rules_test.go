package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

const checkoutPage = `<html><body><script src="/pay.js"></script><form action="https://pay.example.com/link"></form></body></html>`

// TestAuthorisePages: the console authorises parts of pages of one site, in the file
// of its gate and leaving the rest of it as it is, by one act; what is authorised
// already is no new act.
func TestAuthorisePages(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, checkoutPage)
	}))
	t.Cleanup(shop.Close)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	const mine = "# what we know of the shop\nparameters:\n  - {path: /plans, name: page, type: integer, max: 8} # pages\n"
	if err := os.WriteFile(rules, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	var ports [2]string
	for i := range ports {
		ports[i] = port(t)
	}
	site := fmt.Sprintf("upstream: '%s', firewall: off, cards: enforce, payment: [/checkout/], pages: report, providers: [{host: pay.example.com}]}]", shop.URL)
	p := bareProcess(t, fmt.Sprintf(`web:
  - name: shop-web
    listen: 127.0.0.1:%s
    rules: %s
    sites: [{hosts: [shop.example.jp], %s
  - name: bare-web
    listen: 127.0.0.1:%s
    sites: [{hosts: [bare.example.jp], %[3]s
`, ports[0], rules, site, ports[1]))
	c := &console{process: p}
	ctx, parts := t.Context(), newStage(context.WithoutCancel(t.Context()))
	parts.failed = make(chan error, 1)
	t.Cleanup(func() {
		if err := parts.stop(); err != nil {
			t.Error(err)
		}
	})
	for _, start := range []func(context.Context, *stage) error{p.startCuts, p.startWeb} {
		if err := start(ctx, parts); err != nil {
			t.Fatal(err)
		}
	}
	items := map[string][]string{}
	for i, host := range []string{"shop.example.jp", "bare.example.jp"} {
		r, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:"+ports[i]+"/checkout/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		c.until(t, "the parts of the page are known", func() bool {
			sites, err := c.Pages(ctx)
			if err != nil {
				t.Fatal(err)
			}
			items[host] = nil
			for _, s := range sites {
				for _, x := range s.Items {
					if s.Site == host {
						items[host] = append(items[host], x.PageItem.Item)
					}
				}
			}
			return len(items[host]) == 2
		})
	}
	ask := func(host string, ids ...string) (*consoleoffice.PagesReceipt, error) {
		return c.AuthorisePages(ctx, consoleoffice.AuthoriseRequest{Site: host, Items: ids, Reason: "the checkout", By: "kaede"})
	}
	ids := items["shop.example.jp"]
	for what, err := range map[string]error{
		"none":                     second(ask("shop.example.jp")),
		"one that is not there":    second(ask("shop.example.jp", ids[0], "0123456789abcdef")),
		"a site that is not there": second(ask("other.example.jp", ids[0])),
		"a gate without a file":    second(ask("bare.example.jp", items["bare.example.jp"]...)),
		"too many":                 second(ask("shop.example.jp", slices.Repeat(ids[:1], consoleoffice.MostParts+1)...)),
	} {
		if err == nil || fault.Faults(err)[0].Code != fault.ConsoleForm {
			t.Errorf("%s: %v", what, err)
		}
	}
	if text, err := os.ReadFile(rules); err != nil || string(text) != mine || len(actsIn(t, p)) != 0 {
		t.Errorf("something was done: %q, %q, %v", text, actsIn(t, p), err)
	}
	for range 2 {
		done, err := ask("shop.example.jp", ids[0], ids[1], ids[0])
		if err != nil || done.File != rules || len(done.Pages) != 2 || done.Pages[0].By != "kaede" || done.Pages[0].Host != "shop.example.jp" {
			t.Fatalf("%+v, %v", done, err)
		}
		text, err := os.ReadFile(rules)
		if err != nil || !strings.HasPrefix(string(text), mine) || strings.Count(string(text), "item: ") != 2 {
			t.Errorf("the file is\n%s\n%v", text, err)
		}
		if acts := actsIn(t, p); len(acts) != 1 || acts[0] != "authorise-pages kaede" {
			t.Errorf("%q", acts)
		}
	}
	if known := p.webs[0].rules.Load().Pages("shop.example.jp"); known == nil || !known(ids[0]) {
		t.Error("it is answered and not in force")
	}
	paid, err := c.Payment(ctx)
	if err != nil || len(paid.Sites) != 2 {
		t.Fatalf("%+v, %v", paid, err)
	}
	for _, s := range paid.Sites {
		if (s.File == rules) != (s.Host == "shop.example.jp") {
			t.Errorf("%s: %q", s.Host, s.File)
		}
	}
	if err := p.ledger.ScanEvents(ctx, 0, func(_ event.Index, e *event.Event) error {
		if a, ok := e.Body.(*event.Act); ok && (a.Result != "ordered" || !strings.Contains(a.Target, ids[1]) || e.Source != "person/kaede") {
			t.Errorf("%+v of %s", a, e.Source)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestExceptDetail: what is excepted otherwise than the smallest is in the record,
// what somebody typed is not.
func TestExceptDetail(t *testing.T) {
	b := &blocked{ID: "AAAAAAAAAAAAAAAA", Host: "shop.example.jp", Route: "/find/:n/x", Targets: []string{"ARGS:q", "ARGS:x"}, Rules: []blockedRule{{Number: 942100}, {Number: 942190}}}
	b.Exception = b.smallest()
	for _, c := range []struct {
		r     consoleoffice.ExceptRequest
		lines int
		want  string
	}{
		{consoleoffice.ExceptRequest{}, 4, "r"},
		{consoleoffice.ExceptRequest{Rules: []int{942190}}, 2, "rules [942190]: r"},
		{consoleoffice.ExceptRequest{Rules: []int{942190, 7}, Path: "/hanako"}, 2, "rules [942190], another path: r"},
		{consoleoffice.ExceptRequest{Target: "ARGS:hanako"}, 2, "another target: r"},
	} {
		c.r.Reason, c.r.By, c.r.Until = "r", "ren", time.Now()
		lines := b.excepting(c.r.Rules, c.r.Path, c.r.Target, whyOf(&c.r))
		if got := actDetail(exceptSaid(c.r.Rules, c.r.Path, c.r.Target, lines), c.r.Reason); got != c.want || len(lines) != c.lines {
			t.Errorf("%+v: %q, %d lines, want %q, %d", c.r, got, len(lines), c.want, c.lines)
		}
	}
}
