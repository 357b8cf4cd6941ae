package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/httpapi"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// hubAccess is how a command reaches a console on another machine.
type hubAccess struct {
	address   string // empty: the process of this machine is meant
	token     string
	tokenFile string
	authority string // file of certificates to trust, empty: the system's
}

func hubOf(c *cli, getenv func(string) string) hubAccess {
	return hubAccess{address: cmp.Or(c.Remote, getenv("SEKISHO_HUB")), token: getenv("SEKISHO_TOKEN"),
		tokenFile: cmp.Or(c.Token, getenv("SEKISHO_TOKEN_FILE")), authority: getenv("SEKISHO_HUB_CA")}
}

// client returns a client for the console's API.
func (h hubAccess) client() (*control.Client, error) {
	token := h.token
	if h.tokenFile != "" {
		secret, err := config.ReadSecret(h.tokenFile)
		if err != nil {
			return nil, err
		}
		token = secret.Reveal()
	}
	if token == "" {
		return nil, fault.New(fault.APIToken)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS13}
	if h.authority != "" {
		text, err := os.ReadFile(h.authority)
		if err != nil {
			return nil, fault.New(fault.ConfigUnreadable, "what", h.authority).Because(err)
		}
		if conf.RootCAs = x509.NewCertPool(); !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fault.New(fault.ConfigUnreadable, "what", h.authority).Because(fmt.Errorf("no certificate in it"))
		}
	}
	return control.NewRemote(h.address, token, conf)
}

// account returns whose token it is; empty when the console does not say, which
// the command's own question will find out.
func (h hubAccess) account(ctx context.Context) string {
	client, err := h.client()
	if err != nil {
		return ""
	}
	me, err := control.Ask[struct{}, httpapi.Me](ctx, client, "me", struct{}{})
	if err != nil {
		return ""
	}
	return me.Account
}

// elsewhere makes a call of a console elsewhere.
func elsewhere[Q, A any](a *app, call string, q Q) (none A, err error) {
	client, err := a.hub.client()
	if err != nil {
		return none, err
	}
	return control.Ask[Q, A](a.ctx, client, call, q)
}

// fewEvents is how many events a command shows of a ledger elsewhere when
// nobody says how many: the whole of it is read where it is.
const fewEvents = 1000

// elsewhere shows events of a ledger elsewhere, the oldest first.
func (c eventsCmd) elsewhere(a *app) error {
	client, err := a.hub.client()
	if err != nil {
		return err
	}
	f, err := c.filter()
	if err != nil {
		return err
	}
	q := consoleoffice.EventQuery{Kinds: c.Kind, Source: c.Source, Session: c.Session, From: f.from, To: f.to}
	if f.trace != nil {
		q.Text = f.trace.text
	}
	most := c.Last
	if most < 0 {
		most = fewEvents
	}
	page, err := pageOf(a, client, q, 0, most)
	for {
		for _, e := range slices.Backward(page.Events) {
			if err := a.eventElsewhere(e); err != nil {
				return err
			}
		}
		if err != nil || !c.Follow {
			break
		}
		next := page.end
		var head httpapi.WaitAnswer
		if head, err = control.Ask[httpapi.WaitRequest, httpapi.WaitAnswer](a.ctx, client, "events/wait", httpapi.WaitRequest{Next: next}); err != nil {
			break
		}
		page = eventPage{end: next}
		if head.Next > next {
			page, err = pageOf(a, client, q, next, 1<<30)
			page.end = max(page.end, head.Next)
		}
	}
	if a.ctx.Err() != nil {
		return nil
	}
	return err
}

func (a *app) eventElsewhere(e httpapi.Event) error {
	parsed, err := event.Parse(e.Line)
	if err != nil {
		return fault.New(fault.Internal).Because(fmt.Errorf("event %d: %w", e.Index, err))
	}
	fmt.Fprintln(a.env.stdout, a.eventLine(e.Index, parsed, e.Line))
	return nil
}

// eventPage is a part of a ledger elsewhere, the newest first.
type eventPage struct {
	httpapi.EventsAnswer
	end event.Index // one more than the newest that was looked at
}

// pageOf asks until it has most events, or all from the index first on.
func pageOf(a *app, client *control.Client, q consoleoffice.EventQuery, first event.Index, most int) (out eventPage, err error) {
	head, err := client.Status(a.ctx)
	if err != nil {
		return out, err
	}
	out.end = max(event.Index(head.Head), first)
	q.Before = out.end
	atOnce := 1000
	for len(out.Events) < most && q.Before > first {
		q.Limit = min(most-len(out.Events), atOnce)
		part, err := control.Ask[consoleoffice.EventQuery, httpapi.EventsAnswer](a.ctx, client, "events", q)
		if err != nil && fault.Faults(err)[0].Code == fault.AnswerLarge && q.Limit > 1 { // long events
			atOnce = q.Limit / 2
			continue
		}
		if err != nil {
			return out, err
		}
		for _, e := range part.Events {
			if e.Index >= first {
				out.Events = append(out.Events, e)
			}
		}
		if part.Done || part.Next >= q.Before {
			break
		}
		q.Before = part.Next
	}
	return out, nil
}

// verifyPace is how often a check elsewhere is asked how it goes.
const verifyPace = 500 * time.Millisecond

// elsewhere lets a console check its ledger, and shows how it goes.
func (c verifyCmd) elsewhere(a *app) error {
	client, err := a.hub.client()
	if err != nil {
		return err
	}
	bar := a.progress("progress_verify")
	defer bar.end()
	l, err := control.Ask[struct{}, consoleoffice.Ledger](a.ctx, client, "ledger/verify", struct{}{})
	for ; err == nil && (l.Check == nil || l.Check.Ended.IsZero()); l, err = control.Ask[struct{}, consoleoffice.Ledger](a.ctx, client, "ledger", struct{}{}) {
		if l.Check != nil {
			bar.show(uint64(l.Check.Done), uint64(l.Check.Of))
		}
		select {
		case <-a.ctx.Done():
			return a.ctx.Err()
		case <-time.After(verifyPace):
		}
	}
	if err != nil {
		return err
	}
	bar.end()
	check := l.Check
	if err := a.out(check, func() {
		a.print("verify_elsewhere", "events", countOf(check.Events), "sealed", check.Sealed, "by", check.By)
		for _, text := range slices.Concat(check.Notes, check.Problems) {
			fmt.Fprintln(a.env.stdout, text)
		}
		if check.OK {
			a.print("verify_good")
		}
	}); err != nil {
		return err
	}
	if !check.OK {
		return fault.New(fault.LedgerCorrupt, "problem", cmp.Or(slices.Concat(check.Problems, []string{check.Failed})...))
	}
	return nil
}
