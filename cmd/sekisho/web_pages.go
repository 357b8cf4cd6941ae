package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/site"
)

type webPagesCmd struct {
	Host string `help:"help_web_host"`
}

// Run shows the parts of the pages that lead to payment.
func (c webPagesCmd) Run(a *app) error {
	sites, err := recorded(a, "web/pages", struct{}{}, func(r *ledger.Reader) ([]consoleoffice.SitePages, error) {
		all, err := pagesIn(a.ctx, r, time.Now())
		return partsOf(all), err
	})
	if err != nil {
		return err
	}
	sites = slices.DeleteFunc(sites, func(s consoleoffice.SitePages) bool { return c.Host != "" && s.Site != c.Host })
	items := []consoleoffice.PagePart{}
	for _, s := range sites {
		items = append(items, s.Items...)
	}
	return a.out(items, func() {
		a.table([]string{"col_item", "col_host", "col_what", "col_name", "col_hash", "col_page", "col_state"}, func(line func(...any)) {
			for _, s := range sites {
				for _, i := range s.Items {
					line(i.PageItem.Item, s.Site, i.What, orNone(a, cmp.Or(i.Name, i.Host)), orNone(a, i.Hash), i.Route, a.say.Text("page_problem_"+orAuthorised(i.Problem)))
				}
			}
		})
	})
}

type webAuthoriseCmd struct {
	Item   []string `arg:"" help:"help_page_item"`
	Reason string   `required:"" help:"help_reason"`
	By     string   `help:"help_by"`
}

// Run writes into the rules of a site that parts belong on its pages.
func (c webAuthoriseCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	r, _, err := a.reader()
	if err != nil {
		return err
	}
	sites, err := pagesIn(a.ctx, r, time.Now())
	if err != nil {
		return err
	}
	lines := map[string][]site.Page{} // by file
	for _, id := range c.Item {
		found := false
		for _, s := range sites {
			for _, i := range s.Items {
				if i.PageItem.Item != id {
					continue
				}
				file := rulesOf(l, s.Host)
				if file == "" {
					return fault.New(fault.ConfigConflict, "problem", a.say.Text("except_no_file", "host", s.Host), "hint", a.say.Text("except_no_file_hint"))
				}
				lines[file] = append(lines[file], site.Page{Host: s.Host, Item: id, Kind: i.What, Name: cmp.Or(i.Name, i.Host), Reason: c.Reason, By: a.person(c.By)})
				found = true
			}
		}
		if !found {
			return fault.New(fault.Usage, "problem", a.say.Text("page_unknown", "id", id), "hint", "sekisho web pages")
		}
	}
	done := []site.Page{}
	for file, pages := range lines {
		if err := addPages(a.ctx, file, pages); err != nil {
			return err
		}
		done = append(done, pages...)
	}
	running, err := a.reloaded()
	if err != nil {
		return err
	}
	return a.out(map[string]any{"pages": done, "in_force": running}, func() {
		for _, p := range done {
			a.print("page_authorised", "id", p.Item, "kind", p.Kind, "name", orNone(a, p.Name), "host", p.Host)
		}
	})
}

// addPages adds lines to a file of rules and leaves the rest as it is.
func addPages(ctx context.Context, file string, pages []site.Page) error {
	var b strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&b, "  - item: %q\n", p.Item)
		for _, kv := range [][2]string{{"host", p.Host}, {"kind", p.Kind}, {"name", p.Name}, {"reason", p.Reason}, {"by", p.By}} {
			if kv[1] != "" {
				fmt.Fprintf(&b, "    %s: %q\n", kv[0], kv[1])
			}
		}
	}
	return amendRules(ctx, file, func(old string) string { return withLines(old, "pages", b.String()) })
}
