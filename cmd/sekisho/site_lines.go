package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub"
	"sekisho/internal/hub/frame"
	"sekisho/internal/hub/site"
	"sekisho/internal/ledger"
	"sekisho/internal/ledger/segment"
)

// intake keeps in the hub's ledger what remote gates recorded.
type intake struct{ ledger *ledger.Ledger }

// headsWait bounds how long heads may be on their way to the disk.
const headsWait = 10 * time.Second

// Heads implements hub.Intake: what the site hears of is on disk, since it lets
// go of what it believes to be here.
func (i intake) Heads(site string) ([]frame.Head, error) {
	heads := []frame.Head{}
	chains := i.ledger.Chains(func(s event.Source) bool { return hub.Ships(string(s), site) })
	if taken := i.ledger.Taken(); taken > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), headsWait)
		defer cancel()
		if _, err := i.ledger.Wait(ctx, taken-1); err != nil {
			return nil, err
		}
	}
	for key, h := range chains {
		heads = append(heads, frame.Head{Source: string(key.Source), Worker: key.Worker, Seq: uint64(h.Seq)})
	}
	slices.SortFunc(heads, func(a, b frame.Head) int {
		if c := strings.Compare(a.Source, b.Source); c != 0 {
			return c
		}
		return int(a.Worker) - int(b.Worker)
	})
	return heads, nil
}

// Take implements hub.Intake.
func (i intake) Take(ctx context.Context, lines [][]byte) error {
	err := i.ledger.Import(ctx, lines)
	if wrong := (*segment.Fault)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", hub.ErrBroken, wrong)
	}
	return err
}

// membership is the hub that a process joined, or nil.
func membership(c *config.Config) (*site.Membership, error) {
	m, err := site.Read(hubDir(c))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return m, err
}

// memberHere is the name under which the process of this machine joined a hub;
// empty for none, and where another machine is asked.
func (a *app) memberHere() (string, error) {
	if a.hub.address != "" {
		return "", nil
	}
	l, err := a.load()
	if err != nil {
		return "", err
	}
	m, err := membership(l.Config)
	if m == nil || err != nil {
		return "", err
	}
	return m.Site, nil
}

// nameSite gives what is guarded the name of the site under which its events are
// shipped, so that two sites may both have a database "shop".
func nameSite(c *config.Config) error {
	m, err := membership(c)
	if m == nil || !m.Whole {
		return err
	}
	for i := range c.Databases {
		c.Databases[i].Site = m.Site
	}
	if !m.Stored {
		return nil
	}
	for i := range c.Files {
		c.Files[i].Site = m.Site
	}
	for i := range c.Stores {
		c.Stores[i].Site = m.Site
	}
	return nil
}

// joined finds out whether the process belongs to a hub, and what it ships.
func (p *process) joined() error {
	m, err := membership(p.cfg.Config)
	if m != nil {
		p.member, p.whole = m.Site, m.Whole
	}
	return errors.Join(err, nameSite(p.cfg.Config))
}

// site is the site's name where everything that is guarded is shipped, else empty.
func (p *process) site() string {
	if p.whole {
		return p.member
	}
	return ""
}

// elsewhere is the place of a database that nobody configured. A client chose its
// name: where the hub hears of it, it must not look like the name of another.
func (p *process) elsewhere(database string) event.Place {
	if p.site() == "" {
		return event.Place(database)
	}
	return event.Place(frame.Of(strings.Map(func(r rune) rune {
		if strings.ContainsRune("@/.", r) {
			return '_'
		}
		return r
	}, database), p.site()))
}

// numbersRecorder takes new subject numbers. What a hub has no events of it gets no
// numbers of.
func (p *process) numbersRecorder() event.Recorder {
	here := p.ledger.Recorder("dictionary", 0)
	if p.site() == "" {
		return here
	}
	return siteNumbers{here, p.ledger.Recorder(event.Source(frame.Of("dictionary", p.site())), 0)}
}

// siteNumbers sends numbers to one of two chains; those of one call are of one
// source of subjects.
type siteNumbers struct{ here, shipped event.Recorder }

func (n siteNumbers) of(bodies []event.Body) event.Recorder {
	if b, ok := bodies[0].(*event.Subjects); ok && frame.SiteOfSubjects(string(b.Source)) != "" {
		return n.shipped
	}
	return n.here
}

// Record implements event.Recorder.
func (n siteNumbers) Record(ctx context.Context, level event.Level, bodies ...event.Body) (event.Seq, error) {
	return n.of(bodies).Record(ctx, level, bodies...)
}

// Submit implements event.Recorder.
func (n siteNumbers) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	return n.of(bodies).Submit(level, done, bodies...)
}

// hasGuarded reports whether a ledger holds events of databases or sites, under
// names without that of a site.
func hasGuarded(ctx context.Context, dir string) (has bool, err error) {
	r, err := ledger.OpenReader(dir)
	if err != nil {
		return false, err
	}
	enough := errors.New("enough")
	err = r.Scan(ctx, 0, func(_ event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err != nil {
			return err
		}
		switch h.Kind {
		case event.KindSessionOpen, event.KindHoldingScan, event.KindTaint, event.KindRelation, event.KindSubjects, event.KindExchange:
			has = true
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return has, err
}

// gateSource names a gate for what leaves in events. That of a remote gate has
// its site's name: its events are in the hub's ledger too.
func (p *process) gateSource(name string) event.Source {
	return event.Source("gate/" + frame.Of(name, p.member))
}

// recordLoss writes down that a power cut may have taken flows, and at a process
// that ships all of it rows and requests: it is part of what is shipped.
func (p *process) recordLoss(ctx context.Context, lost *event.Gap) error {
	gap := event.Gap{From: lost.From, To: lost.To, Reason: lost.Reason}
	if e := p.cfg.Egress; e != nil {
		for _, g := range e.Gates {
			gap.Places = append(gap.Places, event.Place("egress/"+frame.Of(g.Name, p.member)))
		}
		for _, r := range e.Resolvers {
			gap.Places = append(gap.Places, event.Place("resolver/"+frame.Of(r.Name, p.member)))
		}
	}
	if p.site() != "" {
		for i := range p.cfg.Databases {
			gap.Places = append(gap.Places, place(&p.cfg.Databases[i]))
		}
	}
	if len(gap.Places) == 0 {
		return nil
	}
	if _, err := p.outer.Record(ctx, event.Durable, &gap); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}
