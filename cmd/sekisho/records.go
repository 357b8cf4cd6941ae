package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sekisho/internal/cardproof"
	"sekisho/internal/config"
	"sekisho/internal/console/httpapi"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/detect/feed"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
)

// mostKept is how much a question over the whole ledger that the console answers keeps
// in memory: findings, accounts that were tried, who met what, changes of a policy. A
// command has a process of its own, and no bound.
const mostKept = 200_000

// kept is an AnswerLarge fault when a question keeps too much; most 0 is no bound.
func kept(call string, n, most int) error {
	if most > 0 && n > most {
		return fault.New(fault.AnswerLarge, "call", call, "most", control.MaxAnswer>>20)
	}
	return nil
}

// eventsOf gives the events of some kinds to take, in order, until it fails.
func eventsOf(ctx context.Context, r *ledger.Reader, kinds func(event.Kind) bool, take func(*event.Event) error) error {
	return r.Scan(ctx, 0, func(index event.Index, line []byte) error {
		head, err := event.ParseHeader(line)
		if err != nil || !kinds(head.Kind) {
			return err
		}
		e, err := event.Parse(line)
		if err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		return take(e)
	})
}

// findingsIn is what is suspicious in what left. Exceptions count for what was found
// before them too.
func findingsIn(ctx context.Context, r *ledger.Reader, all bool, most int) ([]consoleoffice.Found, error) {
	var book feed.Book
	err := eventsOf(ctx, r, func(k event.Kind) bool { return k == event.KindDetection || k == event.KindException }, func(e *event.Event) error {
		if d, ok := e.Body.(*event.Detection); ok && !all && (d.Learning || d.Further) {
			return nil // is not told
		}
		book.Fold(e.Body)
		return kept("egress/findings", len(book.Detections), most)
	})
	out := []consoleoffice.Found{}
	for _, d := range book.Detections {
		x, covered := book.Covered(d)
		if all || !covered {
			out = append(out, consoleoffice.Found{Detection: *d, Exception: x})
		}
	}
	return out, err
}

// loginsIn are the addresses that tried many accounts; zero times do not bound.
func loginsIn(ctx context.Context, r *ledger.Reader, q consoleoffice.LoginsQuery, most int) ([]consoleoffice.LoginTries, error) {
	sources, tried := map[loginKey]*loginSource{}, 0
	err := eventsOf(ctx, r, func(k event.Kind) bool { return k == event.KindSiteLogin }, func(e *event.Event) error {
		l, ok := e.Body.(*event.SiteLogin)
		if !ok || !q.From.IsZero() && e.At.Before(q.From) || !q.To.IsZero() && !e.At.Before(q.To) {
			return nil
		}
		if addLogin(sources, e.At.UTC(), l) {
			tried++
		}
		return kept("web/logins", tried, most)
	})
	out := []consoleoffice.LoginTries{}
	for _, s := range sources {
		if s.Accounts = len(s.failed); s.Accounts >= q.Accounts {
			out = append(out, s.LoginTries)
		}
	}
	slices.SortFunc(out, func(a, b consoleoffice.LoginTries) int {
		return cmp.Or(b.Accounts-a.Accounts, cmp.Compare(a.Address, b.Address), cmp.Compare(a.Place, b.Place))
	})
	return out, err
}

// pagesIn is what the ledger knows of the pages of sites.
func pagesIn(ctx context.Context, r *ledger.Reader, now time.Time) ([]cardproof.Site, error) {
	return cardSites(ctx, r, now.Add(-time.Second), now)
}

// partsOf are the pages of sites as they are told.
func partsOf(sites []cardproof.Site) []consoleoffice.SitePages {
	out := []consoleoffice.SitePages{}
	for _, s := range sites {
		one := consoleoffice.SitePages{Site: s.Host, Items: []consoleoffice.PagePart{}}
		for _, i := range s.Items {
			one.Items = append(one.Items, consoleoffice.PagePart(i))
		}
		out = append(out, one)
	}
	return out
}

// firmOf reads the company's file anew, also while a process has it.
func firmOf(a *app, l *config.Loaded, file string) (*consoleoffice.Firm, error) {
	f, err := loadFirm(l, file)
	if err != nil {
		return nil, err
	}
	c := f.Company
	out := &consoleoffice.Firm{Company: consoleoffice.Company{Name: c.Name, Address: c.Address, Phone: c.Phone, Head: c.Head}, People: []consoleoffice.FirmPerson{}, Problems: append([]string{}, f.Warnings(a.lang)...)}
	for _, p := range f.People {
		out.People = append(out.People, consoleoffice.FirmPerson{ID: p.ID, Name: p.Name, Rank: p.Rank})
	}
	if len(f.People) == 0 {
		out.Problems = append(out.Problems, a.say.Text("case_no_roster"))
	}
	return out, nil
}

// firm is the company's file of this installation, or of the one elsewhere.
func (a *app) firm() (*consoleoffice.Firm, error) {
	if a.hub.address != "" {
		return elsewhere[httpapi.LanguageRequest, *consoleoffice.Firm](a, "case/firm", httpapi.LanguageRequest{Lang: string(a.lang)})
	}
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	return firmOf(a, l, a.config)
}

// recorded asks the ledger of the configuration, or a console elsewhere by a call.
func recorded[A, Q any](a *app, call string, q Q, here func(*ledger.Reader) (A, error)) (out A, err error) {
	if a.hub.address != "" {
		return elsewhere[Q, A](a, call, q)
	}
	r, dir, err := a.reader()
	if err != nil {
		return out, err
	}
	out, err = here(r)
	if err != nil && fault.Faults(err)[0].Code == fault.Internal {
		err = fault.New(fault.LedgerOpen, "dir", dir).Because(err)
	}
	return out, err
}
