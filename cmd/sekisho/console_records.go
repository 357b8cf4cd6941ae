package main

import (
	"context"
	"errors"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
)

// whole reads the ledger from its first event. One does at a time, and for so long:
// whoever asks again and again slows down no gate by more than that, and keeps nobody
// else waiting for any time.
func whole[A any](ctx context.Context, c *console, read func(context.Context, *ledger.Reader) (A, error)) (none A, err error) {
	done, err := c.whole.take(ctx, control.PeerOf(ctx).Console)
	if err != nil {
		return none, err
	}
	defer done()
	bounded, cancel := context.WithTimeout(ctx, turnTakes)
	defer cancel()
	out, err := read(bounded, c.ledger.Reader)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() == nil && bounded.Err() != nil:
		return none, fault.New(fault.ReadingLong, "most", turnTakes)
	case ctx.Err() == nil && fault.Faults(err)[0].Code == fault.Internal:
		err = ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
	}
	return none, err
}

// Found implements office.Records.
func (c *console) Found(ctx context.Context, all bool) ([]consoleoffice.Found, error) {
	return whole(ctx, c, func(ctx context.Context, r *ledger.Reader) ([]consoleoffice.Found, error) {
		return findingsIn(ctx, r, all, mostKept)
	})
}

// Hunt implements office.Records.
func (c *console) Hunt(ctx context.Context, q consoleoffice.HuntQuery) (*consoleoffice.Hunt, error) {
	a := &app{say: texts.In(lang.English), lang: lang.English}
	all, err := hunted(q.Indicators)
	if err == nil && len(all) == 0 && c.cfg.Detect != nil {
		all, err = readFiles(lists(c.cfg.Detect))
	}
	if err != nil {
		return nil, err
	}
	set, err := a.wanted(all)
	if err != nil {
		return nil, err
	}
	return whole(ctx, c, func(ctx context.Context, r *ledger.Reader) (*consoleoffice.Hunt, error) {
		return huntIn(ctx, r, set, c.member, q.From, mostKept)
	})
}

// Logins implements office.Records.
func (c *console) Logins(ctx context.Context, q consoleoffice.LoginsQuery) ([]consoleoffice.LoginTries, error) {
	return whole(ctx, c, func(ctx context.Context, r *ledger.Reader) ([]consoleoffice.LoginTries, error) {
		return loginsIn(ctx, r, q, mostKept)
	})
}

// Pages implements office.Records.
func (c *console) Pages(ctx context.Context) ([]consoleoffice.SitePages, error) {
	return whole(ctx, c, func(ctx context.Context, r *ledger.Reader) ([]consoleoffice.SitePages, error) {
		sites, err := pagesIn(ctx, r, c.now())
		return partsOf(sites), err
	})
}

// Firm implements office.Records.
func (c *console) Firm(_ context.Context, in string) (*consoleoffice.Firm, error) {
	l, ok := lang.Parse(in)
	if !ok {
		l = lang.Japanese
	}
	return firmOf(&app{say: texts.In(l), lang: l}, c.cfg, c.file)
}

// OldBlock implements office.Records.
func (c *console) OldBlock(ctx context.Context, id string) (*consoleoffice.BlockAnswer, error) {
	b, err := whole(ctx, c, func(ctx context.Context, r *ledger.Reader) (*blocked, error) { return findBlocked(ctx, r, 0, id) })
	if err != nil {
		return nil, err
	}
	return c.blockAnswer(b), nil
}

// Judge implements office.Records.
func (c *console) Judge(ctx context.Context, q consoleoffice.JudgeQuery) (*consoleoffice.Judged, error) {
	p, err := config.ExitPolicyText("policy", []byte(q.Text))
	if err != nil {
		return nil, err
	}
	from := q.From
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	return whole(ctx, c, func(ctx context.Context, r *ledger.Reader) (*consoleoffice.Judged, error) {
		seen := &preview{changes: map[change]*change{}}
		judge := seen.line(p, from.UnixNano())
		err := r.Scan(ctx, 0, func(index event.Index, line []byte) error {
			return errors.Join(judge(index, line), kept("egress/judge", len(seen.changes), mostKept))
		})
		out := &consoleoffice.Judged{Judged: seen.Judged, Unknown: seen.Unknown, Changes: []consoleoffice.ExitChange{}}
		for _, x := range seen.sorted() {
			out.Changes = append(out.Changes, consoleoffice.ExitChange{Role: x.Role, Host: x.Host, Was: x.Was, Now: x.Now, Rule: x.Rule, Reason: x.Reason, Port: x.Port, Flows: x.Flows, Last: x.Last})
		}
		return out, err
	})
}
