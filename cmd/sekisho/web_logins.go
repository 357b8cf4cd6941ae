package main

import (
	"fmt"
	"strings"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/leaked"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/visit"
)

// loginsOf is how attempts to log in to a site are counted, nil for not at all.
// Accounts are told by the identifiers that tell persons, of all databases where
// the site names none.
func (p *process) loginsOf(c *config.Logins, persons *revproxy.Persons) (*revproxy.Logins, error) {
	if c == nil {
		return nil, nil
	}
	if persons == nil {
		var err error
		if persons, err = p.personsOf(&config.Persons{}); err != nil {
			return nil, err
		}
	}
	out := &revproxy.Logins{Accounts: c.Accounts, Delay: time.Duration(c.Delay), Mode: webModes[c.Action], Hash: persons.Hash, Owners: persons.Owners,
		Limits: visit.Limits{Session: c.Session, Account: c.Account, Address: c.Address, Window: time.Duration(c.Window)}}
	for _, path := range c.Paths {
		out.Paths = append(out.Paths, revproxy.LoginPath(path))
	}
	if c.Leaked != "" {
		f, err := leaked.Open(c.Leaked) // open as long as the process
		if err != nil {
			return nil, err
		}
		out.Leaked = f.Has
	}
	return out, nil
}

type webLoginsCmd struct {
	From     string `help:"help_from"`
	To       string `help:"help_to"`
	Accounts int    `default:"5" help:"help_logins_accounts"`
}

// loginSource is an address that tried accounts.
type loginSource struct {
	consoleoffice.LoginTries
	failed  map[string]bool
	entered map[string]int // where in Entered an account is
}

type loginKey struct {
	place   event.Place
	address string
}

// Run shows which addresses tried many accounts, and which they entered.
func (c webLoginsCmd) Run(a *app) error {
	now := time.Now()
	from, err := parseTime(c.From, now)
	if err != nil {
		return err
	}
	to, err := parseTime(c.To, now)
	if err != nil {
		return err
	}
	q := consoleoffice.LoginsQuery{From: from, To: to, Accounts: c.Accounts}
	list, err := recorded(a, "web/logins", q, func(r *ledger.Reader) ([]consoleoffice.LoginTries, error) { return loginsIn(a.ctx, r, q, 0) })
	if err != nil {
		return err
	}
	return a.out(list, func() { a.sayLogins(list) })
}

// addLogin counts an attempt, and reports whether its address had not tried or entered
// the account before. Attempts may come in any order: events of a remote gate are
// shipped later than others that happened after them.
func addLogin(sources map[loginKey]*loginSource, at time.Time, l *event.SiteLogin) (first bool) {
	key := loginKey{l.Place, l.Address}
	s := sources[key]
	if s == nil {
		s = &loginSource{consoleoffice.LoginTries{Place: l.Place, Address: l.Address, First: at, Last: at, Entered: []consoleoffice.LoginEntered{}}, map[string]bool{}, map[string]int{}}
		sources[key] = s
	}
	if at.Before(s.First) {
		s.First = at
	}
	if at.After(s.Last) {
		s.Last = at
	}
	if !l.OK {
		s.Failed++
		first = !s.failed[l.Account]
		s.failed[l.Account] = true
		return first
	}
	i, known := s.entered[l.Account]
	if !known {
		s.entered[l.Account] = len(s.Entered)
		s.Entered = append(s.Entered, consoleoffice.LoginEntered{At: at, Account: l.Account, Source: l.Source, Subject: l.Subject, Leaked: l.Leaked})
		return true
	}
	e := &s.Entered[i]
	if at.Before(e.At) {
		e.At = at
	}
	if e.Subject == nil {
		e.Source, e.Subject = l.Source, l.Subject
	}
	e.Leaked = e.Leaked || l.Leaked
	return false
}

func (a *app) sayLogins(list []consoleoffice.LoginTries) {
	entered := map[string]bool{}
	var ask strings.Builder
	for _, s := range list {
		a.print("logins_source", "address", s.Address, "place", s.Place, "accounts", s.Accounts, "failed", s.Failed, "from", at(s.First), "to", at(s.Last), "entered", len(s.Entered))
		for _, e := range s.Entered {
			entered[e.Account] = true
			who := e.Account
			if e.Subject != nil {
				who = fmt.Sprintf("%s\t%d", e.Source, *e.Subject)
			}
			fmt.Fprintf(a.env.stdout, "  entered\t%s\t%s\n", who, at(e.At))
		}
		if len(s.Entered) > 0 {
			fmt.Fprintf(&ask, " --place %s --address %s", s.Place, s.Address)
		}
	}
	a.print("logins_all", "sources", len(list), "entered", len(entered))
	if len(entered) > 0 {
		a.print("logins_scope", "asked", ask.String())
	}
}
