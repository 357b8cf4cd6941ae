package main

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"sekisho/demo/story"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/site"
)

// shelf is what the shop behind the office's web gate serves.
type shelf struct {
	mu    sync.Mutex // guards what follows
	pages map[string]story.Page
}

// put has the shop serve a page from now on.
func (s *shelf) put(p story.Page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages == nil {
		s.pages = map[string]story.Page{}
	}
	s.pages[p.Path] = p
}

// ServeHTTP implements http.Handler.
func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p, ok := s.pages[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		_, _ = io.WriteString(w, "<h1>shop</h1>")
		return
	}
	w.Header().Set("Content-Type", p.Type)
	_, _ = io.WriteString(w, p.Body)
}

// checkoutRules are the rules of a shop whose pages lead to payment.
const checkoutRules = "rules.yaml"

// checkoutSection is the part of a site's configuration for such pages.
func checkoutSection(parts story.Parts) (site, gate string) {
	if !parts.Checkout {
		return "", ""
	}
	return ", payment: [/checkout/], pages: enforce, providers: [{host: pay.example.com}]", "    rules: ./" + checkoutRules + "\n"
}

// Serve implements story.Office.
func (o *office) Serve(ctx context.Context, p story.Page) (out story.Served, err error) {
	o.goods.put(p)
	if err := o.Kept(ctx); err != nil {
		return out, err
	}
	var from event.Index
	if err := o.events(ctx, 0, func(i event.Index, _ event.Body) { from = i + 1 }); err != nil {
		return out, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.web.addr()+p.Path, nil)
	if err != nil {
		return out, err
	}
	r.Host, r.Close = "shop.example.jp", true // on a connection of its own: what is cut is not asked for again
	out.Cut = true
	if a, err := http.DefaultClient.Do(r); err == nil {
		body, readErr := io.ReadAll(io.LimitReader(a.Body, 1<<20))
		out.Cut = readErr != nil || a.Body.Close() != nil
		out.Status, out.Body = a.StatusCode, string(body)
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	if out.Status != http.StatusOK {
		out.Code = refusalCode.FindString(out.Body)
	}
	if err := o.Kept(ctx); err != nil {
		return out, err
	}
	return out, o.events(ctx, from, func(_ event.Index, b event.Body) {
		switch b := b.(type) {
		case *event.Decision:
			out.Decided = append(out.Decided, b.Action+" "+b.Rule)
		case *event.Finding:
			what, _, _ := strings.Cut(b.Detail, ", item ")
			out.Raised = append(out.Raised, b.Code+" "+what)
		}
	})
}

// events reads the office's ledger from a number on.
func (o *office) events(ctx context.Context, from event.Index, fn func(event.Index, event.Body)) error {
	r, err := ledger.OpenReader(ledgerDir(o.p.cfg.Config))
	if err != nil {
		return err
	}
	return r.ScanEvents(ctx, from, func(i event.Index, e *event.Event) error {
		fn(i, e.Body)
		return nil
	})
}

// Authorise implements story.Office: the lines that `sekisho web authorise` writes,
// put in force as a reload does.
func (o *office) Authorise(ctx context.Context) (parts int, err error) {
	if err := o.Kept(ctx); err != nil {
		return 0, err
	}
	var pages []site.Page
	known := map[string]bool{}
	err = o.events(ctx, 0, func(_ event.Index, b event.Body) {
		if i, ok := b.(*event.PageItem); ok && !known[i.Item] {
			known[i.Item] = true
			pages = append(pages, site.Page{Host: "shop.example.jp", Item: i.Item, Kind: i.What, Name: cmp.Or(i.Name, i.Host), Reason: "リンク型の決済", By: "aoi"})
		}
	})
	if err != nil {
		return 0, err
	}
	file := filepath.Join(o.dir, checkoutRules)
	if err := addPages(ctx, file, pages); err != nil {
		return 0, err
	}
	if err := o.p.readSiteRules(ctx, o.web, file); err != nil {
		return 0, err
	}
	return len(pages), nil
}
