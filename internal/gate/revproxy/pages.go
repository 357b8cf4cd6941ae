package revproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/policy/checkout"
)

// Pages says how the pages under [Host.Payment] are guarded.
type Pages struct {
	// Mode is what is done about a part that is not allowed.
	Mode Mode
	// Providers are the hosts of the payment providers; every host under one is
	// meant, too.
	Providers []string
}

// pages is what a gate has seen on the pages of one site.
type pages struct {
	*Pages

	mu      sync.Mutex        // guards what follows
	items   map[string]string // the problem that was last recorded, by id
	files   map[string]bool   // scripts of the site itself that the pages use
	reports map[string]bool   // reports of browsers that were recorded
}

const (
	maxKnownItems = 10_000
	maxReports    = 1000

	codePage   = "SK3417"
	codeReport = "SK3418"

	// ReportPath takes the reports of browsers about pages that lead to payment.
	ReportPath = "/.sekisho/csp"
)

func (p *Pages) compile() *pages {
	if p == nil || p.Mode == Off {
		return nil
	}
	return &pages{Pages: p, items: map[string]string{}, files: map[string]bool{}, reports: map[string]bool{}}
}

// pageRules are those in force for the pages of the exchange.
func (x *exchange) pageRules() *checkout.Rules {
	r := &checkout.Rules{Self: x.host.Names, Providers: x.host.pages.Providers}
	if known := x.gate.cfg.Rules().Pages(firstName(x.host)); known != nil {
		r.Authorised = func(i *checkout.Item) bool { return known(i.ID()) }
	}
	return r
}

// guardsPage reports whether a response is a page, or a script of one, that is
// looked at as a whole.
func (x *exchange) guardsPage(a *http.Response) bool {
	p := x.host.pages
	if p == nil || x.unseen || bodiless(a) {
		return false
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if strings.HasSuffix(kind, "javascript") || strings.HasSuffix(kind, "ecmascript") {
		return p.uses(a.Request.URL.Path)
	}
	return x.host.pays(a.Request.URL.Path) && (kind == "text/html" || kind == "application/xhtml+xml" || kind == "")
}

func (p *pages) uses(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.files[path]
}

// judgePage judges a page or a script, and tells the browser what it may run.
func (x *exchange) judgePage(a *http.Response, body []byte, whole bool) error {
	path := a.Request.URL.Path
	at := &url.URL{Scheme: "https", Host: a.Request.Host, Path: path}
	rules := x.pageRules()
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if strings.HasSuffix(kind, "script") {
		return x.items(path, []checkout.Item{checkout.Content(path, body)}, rules)
	}
	items, all := checkout.Read(body, at, Route)
	if !whole || !all {
		f := refusal{status: http.StatusServiceUnavailable, code: codePage, action: "cut", rule: "page/unread", reason: "a page that leads to payment is too long to be read"}
		if err := x.stop(f, x.host.pages.Mode); err != nil {
			return err
		}
	}
	x.host.pages.watch(items)
	name := "Content-Security-Policy-Report-Only"
	if x.host.pages.Mode == Enforce && rules.Authorised != nil {
		name = "Content-Security-Policy"
	}
	a.Header.Add(name, rules.CSP(items, ReportPath))
	return x.items(path, items, rules)
}

// watch remembers the scripts of the site itself that a page uses.
func (p *pages) watch(items []checkout.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range items {
		if i.Kind == checkout.Script && i.Host == "" && len(p.files) < maxKnownItems {
			p.files[i.Name] = true
		}
	}
}

// redirected judges where a page that leads to payment sends the browser.
func (x *exchange) redirected(a *http.Response) error {
	to := a.Header.Get("Location")
	if x.host.pages == nil || to == "" || !x.host.pays(a.Request.URL.Path) {
		return nil
	}
	at := &url.URL{Scheme: "https", Host: a.Request.Host, Path: a.Request.URL.Path}
	return x.items(at.Path, []checkout.Item{checkout.Target(checkout.Redirect, at, at, to, Route)}, x.pageRules())
}

// items records what is new, or newly allowed or not, and returns the error that
// stops a page with a part that is not allowed.
func (x *exchange) items(path string, items []checkout.Item, rules *checkout.Rules) error {
	problems := map[string]string{}
	var first *checkout.Problem
	for _, p := range rules.Judge(items) {
		problems[p.ID()] = p.Why
		if first == nil {
			first = &p
		}
	}
	var bodies []event.Body
	for _, i := range items {
		why := problems[i.ID()]
		if why == "" && rules.Authorised == nil && i.Kind != checkout.Redirect {
			why = "new"
		}
		if !x.host.pages.changed(i.ID(), why) {
			continue
		}
		bodies = append(bodies, &event.PageItem{Place: x.host.Place, Route: Route(path), Item: i.ID(), What: string(i.Kind), Name: i.Name, Hash: i.Hash, Host: i.Host, Problem: why})
		if why != "" && why != "new" {
			bodies = append(bodies, &event.Finding{Code: codePage, Title: "a page that leads to payment has a part that is not allowed", Place: x.host.Place,
				Detail: fmt.Sprintf("%s: %s, item %s", why, i.Kind, i.ID())})
		}
	}
	if len(bodies) > 0 && !x.record(context.Background(), bodies...) {
		return errRefused{refusal{status: http.StatusServiceUnavailable, code: "SK3406", reason: "the decision cannot be recorded"}}
	}
	if first == nil {
		return nil
	}
	f := refusal{status: http.StatusServiceUnavailable, code: codePage, action: "cut", rule: "page/" + first.Why, reason: "a part that is not allowed on a page that leads to payment"}
	return x.stop(f, x.host.pages.Mode)
}

// changed notes a problem of an item, and reports whether it was another.
func (p *pages) changed(id, why string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.items[id]
	if known && old == why || !known && len(p.items) >= maxKnownItems {
		return false
	}
	p.items[id] = why
	return true
}

// heldPage returns what of a body is looked at as a page, and whether that is all.
func heldPage(from io.ReadCloser) (body []byte, whole bool, rest io.ReadCloser, err error) {
	body, err = io.ReadAll(io.LimitReader(from, maxShown+1))
	if err != nil {
		return nil, false, nil, err
	}
	whole = len(body) <= maxShown
	return body, whole, &joined{Reader: io.MultiReader(bytes.NewReader(body), from), Closer: from}, nil
}

var plainHost = regexp.MustCompile(`^[0-9a-z.-]{1,253}$`)

// directives are those whose names may stand in a finding.
var directives = []string{"script-src", "script-src-elem", "script-src-attr", "form-action", "frame-src", "connect-src", "object-src", "base-uri"}

// report takes what a browser says that it did not run or reach (CSP 3, 5.3). Only
// directive and host are kept, each once a run; anybody may send it.
func (x *exchange) report(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusNoContent)
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10))
	if err != nil {
		return
	}
	directive, host, ok := reported(body)
	if !ok {
		return
	}
	p := x.host.pages
	p.mu.Lock()
	fresh := !p.reports[directive+" "+host] && len(p.reports) < maxReports
	if fresh {
		p.reports[directive+" "+host] = true
	}
	p.mu.Unlock()
	if fresh {
		x.record(r.Context(), &event.Finding{Code: codeReport, Title: "a browser refused a part of a page that leads to payment", Place: x.host.Place, Detail: directive + ": " + host})
	}
}

// reported reads what a browser says: which directive stopped it, and the host, or
// "inline", or "unreadable". Nothing else of a report, which anybody can write, is
// ever shown.
func reported(body []byte) (directive, host string, ok bool) {
	var sent struct {
		Report struct {
			Effective string `json:"effective-directive"`
			Violated  string `json:"violated-directive"`
			Blocked   string `json:"blocked-uri"`
		} `json:"csp-report"`
	}
	if json.Unmarshal(body, &sent) != nil {
		return "", "", false
	}
	directive, _, _ = strings.Cut(sent.Report.Effective+sent.Report.Violated, " ")
	if sent.Report.Effective != "" {
		directive = sent.Report.Effective
	}
	if !slices.Contains(directives, directive) {
		return "", "", false
	}
	host = "inline"
	if u, err := url.Parse(sent.Report.Blocked); err == nil && u.Host != "" {
		if host = strings.ToLower(u.Hostname()); !plainHost.MatchString(host) {
			host = "unreadable"
		}
	}
	return directive, host, true
}
