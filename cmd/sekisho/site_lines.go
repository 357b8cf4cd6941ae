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
// go of what it believes to be here. None when the disk does not answer: then it
// sends again what is known.
func (i intake) Heads(site string) []frame.Head {
	heads := []frame.Head{}
	chains := i.ledger.Chains(func(s event.Source) bool { return hub.Ships(string(s), site) })
	if taken := i.ledger.Taken(); taken > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), headsWait)
		defer cancel()
		if _, err := i.ledger.Wait(ctx, taken-1); err != nil {
			return heads
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
	return heads
}

// Take implements hub.Intake.
func (i intake) Take(ctx context.Context, lines [][]byte) error {
	err := i.ledger.Import(ctx, lines)
	if wrong := (*segment.Fault)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", hub.ErrBroken, wrong)
	}
	return err
}

// memberName is the name under which a process joined a hub, or empty.
func memberName(c *config.Config) (string, error) {
	m, err := site.Read(hubDir(c))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return m.Site, nil
}

// gateSource names a gate for what leaves in events. That of a remote gate has
// its site's name: its events are in the hub's ledger too.
func (p *process) gateSource(name string) event.Source {
	return event.Source("gate/" + frame.Of(name, p.member))
}

// recordLoss writes down for the gates of what leaves that a power cut may have
// taken flows: it is part of what is shipped.
func (p *process) recordLoss(ctx context.Context, lost *event.Gap) error {
	if p.cfg.Egress == nil {
		return nil
	}
	gap := event.Gap{From: lost.From, To: lost.To, Reason: lost.Reason}
	for _, g := range p.cfg.Egress.Gates {
		gap.Places = append(gap.Places, event.Place("egress/"+frame.Of(g.Name, p.member)))
	}
	for _, r := range p.cfg.Egress.Resolvers {
		gap.Places = append(gap.Places, event.Place("resolver/"+frame.Of(r.Name, p.member)))
	}
	if _, err := p.outer.Record(ctx, event.Durable, &gap); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}
