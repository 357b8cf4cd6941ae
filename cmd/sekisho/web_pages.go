package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sekisho/internal/cardproof"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
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
	if a.hub.address != "" {
		return c.elsewhere(a)
	}
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
	lines, items := map[string][]site.Page{}, map[string][]string{} // by site
	for _, id := range slices.Compact(slices.Sorted(slices.Values(c.Item))) {
		found := false
		for i := range sites {
			pages := pagesNamed(&sites[i], id, site.Page{Reason: c.Reason, By: a.person(c.By)})
			if len(pages) == 0 {
				continue
			}
			host := sites[i].Host
			lines[host], items[host], found = append(lines[host], pages...), append(items[host], id), true
		}
		if !found {
			return a.pageUnknown(id)
		}
	}
	done := &authorised{Pages: []site.Page{}}
	for _, host := range slices.Sorted(maps.Keys(lines)) {
		file, running, err := a.order(l, control.RulesRequest{Site: host, Do: control.RulesAuthorise, Target: host + " " + strings.Join(items[host], " "),
			By: a.person(c.By), Reason: c.Reason, Pages: lines[host]})
		if err != nil {
			return errors.Join(err, done.soFar(a))
		}
		done.add(file, lines[host])
		done.InForce = running
	}
	return done.show(a)
}

func (a *app) pageUnknown(id string) error {
	return fault.New(fault.Usage, "problem", a.say.Text("page_unknown", "id", id), "hint", "sekisho web pages")
}

// pagesNamed are the lines that authorise the parts of an id on the pages of a
// site; like holds why and who says so.
func pagesNamed(s *cardproof.Site, id string, like site.Page) (out []site.Page) {
	for _, i := range s.Items {
		if i.PageItem.Item == id {
			like.Host, like.Item, like.Kind, like.Name = s.Host, id, i.What, cmp.Or(i.Name, i.Host)
			out = append(out, like)
		}
	}
	return out
}

// authorised is what the rules of sites hold since.
type authorised struct {
	Pages   []site.Page `json:"pages"`
	InForce bool        `json:"in_force"`
	files   []string
}

func (d *authorised) add(file string, pages []site.Page) {
	d.Pages = append(d.Pages, pages...)
	if !slices.Contains(d.files, file) {
		d.files = append(d.files, file)
	}
}

func (d *authorised) show(a *app) error {
	return a.out(d, func() {
		for _, p := range d.Pages {
			a.print("page_authorised", "id", p.Item, "kind", p.Kind, "name", orNone(a, p.Name), "host", p.Host)
		}
		for _, file := range d.files {
			a.written(file, d.InForce)
		}
	})
}

// soFar shows what was done of sites before one that failed, if anything was.
func (d *authorised) soFar(a *app) error {
	if len(d.Pages) == 0 {
		return nil
	}
	return d.show(a)
}

// elsewhere has a console write that parts belong on the pages of sites: one call
// a site, which is done wholly or not at all.
func (c webAuthoriseCmd) elsewhere(a *app) error {
	sites, err := elsewhere[struct{}, []consoleoffice.SitePages](a, "web/pages", struct{}{})
	if err != nil {
		return err
	}
	ordered := map[string][]string{} // items by site
	for _, id := range c.Item {
		found := false
		for _, s := range sites {
			if slices.ContainsFunc(s.Items, func(i consoleoffice.PagePart) bool { return i.PageItem.Item == id }) {
				ordered[s.Site], found = append(ordered[s.Site], id), true
			}
		}
		if !found {
			return a.pageUnknown(id)
		}
	}
	done := &authorised{Pages: []site.Page{}, InForce: true}
	for _, host := range slices.Sorted(maps.Keys(ordered)) {
		r, err := elsewhere[consoleoffice.AuthoriseRequest, consoleoffice.PagesReceipt](a, "web/authorise", consoleoffice.AuthoriseRequest{Site: host, Items: ordered[host], Reason: c.Reason, By: a.person(c.By)})
		if err != nil {
			return errors.Join(err, done.soFar(a))
		}
		var pages []site.Page
		for _, p := range r.Pages {
			pages = append(pages, site.Page(p))
		}
		done.add(r.File, pages)
	}
	return done.show(a)
}

// addPages adds lines to a file of rules and leaves the rest as it is.
func addPages(ctx context.Context, file string, pages []site.Page) error {
	return amendRules(ctx, file, func(old string) string { return withPages(old, pages) })
}

func withPages(old string, pages []site.Page) string {
	var b strings.Builder
	for _, p := range pages {
		fmt.Fprintf(&b, "  - item: %q\n", p.Item)
		for _, kv := range [][2]string{{"host", p.Host}, {"kind", p.Kind}, {"name", p.Name}, {"reason", p.Reason}, {"by", p.By}} {
			if kv[1] != "" {
				fmt.Fprintf(&b, "    %s: %q\n", kv[0], kv[1])
			}
		}
	}
	return withLines(old, "pages", b.String())
}
