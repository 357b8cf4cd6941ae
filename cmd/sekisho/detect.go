package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/detect"
	"sekisho/internal/detect/feed"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/indicator"
)

// detectPast is how much of the past detection is given when the process
// starts: as long as it remembers.
const detectPast = 48 * time.Hour

// detectPace is how long detection lets events gather.
const detectPace = 500 * time.Millisecond

// readLists reads the lists of the configuration.
func readLists(lists []config.IndicatorList) (*indicator.Set, error) {
	var all []indicator.Indicator
	for i := range lists {
		l := &lists[i]
		end, err := l.End()
		if err != nil {
			return nil, fault.New(fault.IndicatorList, "file", l.File, "cause", err)
		}
		some, err := readList(l.File, l.Name, end)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	set, err := indicator.New(all)
	if err != nil {
		return nil, fault.New(fault.IndicatorList, "file", "detect.lists", "cause", err)
	}
	return set, nil
}

func readList(file, name string, end time.Time) ([]indicator.Indicator, error) {
	if name == "" {
		name = file
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.IndicatorList, "file", file, "cause", err)
	}
	all, problems, err := indicator.Read(text, indicator.Options{List: name, Until: end})
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("line %d: %w", problems[0].Line, problems[0].Err)
	}
	if err != nil {
		return nil, fault.New(fault.IndicatorList, "file", file, "cause", err)
	}
	return all, nil
}

// startDetect follows the ledger and records what is suspicious in what leaves.
func (p *process) startDetect(s *stage) error {
	cfg := feed.Config{Site: p.member}
	if d := p.cfg.Detect; d != nil {
		lists, err := readLists(d.Lists)
		if err != nil {
			return err
		}
		cfg.Servers, cfg.Lists = d.Servers, lists
		refused := slices.DeleteFunc(slices.Clone(d.Lists), func(l config.IndicatorList) bool { return l.OnlyRaise })
		if p.refused, err = readLists(refused); err != nil {
			return err
		}
	}
	s.run("detection", func(ctx context.Context) error { return p.detect(ctx, feed.New(cfg)) })
	return nil
}

// listed tells which list names a destination as bad, for gates of what leaves;
// nil without such lists.
func (p *process) listed() func(name string, address netip.Addr, at time.Time) (string, bool) {
	if p.refused.Len() == 0 {
		return nil
	}
	return func(name string, address netip.Addr, at time.Time) (string, bool) {
		i, is := p.refused.Name(name, at)
		if !is {
			i, is = p.refused.Address(address, at)
		}
		return i.List, is
	}
}

// detects are the kinds that detection looks at.
func detects(k event.Kind) bool {
	switch k {
	case event.KindFlow, event.KindFlowBytes, event.KindFlowEnd, event.KindLookup, event.KindSessionOpen, event.KindSessionClose,
		event.KindCrossing, event.KindDetection, event.KindException:
		return true
	}
	return false
}

// passing are the kinds that matter for a while only.
func passing(k event.Kind) bool {
	switch k {
	case event.KindFlow, event.KindFlowBytes, event.KindFlowEnd, event.KindLookup, event.KindCrossing:
		return true
	}
	return false
}

// errRecent ends the reading of what is older than detection remembers.
var errRecent = errors.New("recent")

// detect gives events to f until ctx ends, from two days before now on. What
// cannot be recorded ends the process: it would be silent otherwise.
func (p *process) detect(ctx context.Context, f *feed.Feed) error {
	var book feed.Book
	oldest := p.now().Add(-detectPast).UnixNano()
	recent, err := p.ledger.Since(oldest)
	if err != nil {
		return err
	}
	next := event.Index(0)
	for {
		var found []*event.Detection
		old := next < recent // only what stays matters of what is older
		err := p.ledger.ScanEventsOf(ctx, next, func(k event.Kind) bool { return detects(k) && !(old && passing(k)) }, func(i event.Index, e *event.Event) error {
			if old && i >= recent {
				return errRecent
			}
			next = i + 1
			if e.Body == nil || e.At.UnixNano() < oldest && passing(e.Body.Kind()) {
				return nil
			}
			if x, ok := e.Body.(*event.DetectionException); ok {
				book.Fold(x)
			}
			found = append(found, f.Event(e)...)
			return nil
		})
		if old && (err == nil || errors.Is(err, errRecent)) {
			next, err = recent, nil
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if err := p.recordFound(ctx, &book, found); err != nil {
			return err
		}
		if _, err := p.ledger.Wait(ctx, next); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		pause := time.NewTimer(detectPace)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// recordFound records every Detection, and a Finding for those that are an
// alarm: not of the time of learning, not one host more of what was raised, and
// covered by no exception.
func (p *process) recordFound(ctx context.Context, book *feed.Book, found []*event.Detection) error {
	for _, d := range found {
		bodies := []event.Body{d}
		if _, covered := book.Covered(d); !covered && !d.Learning && !d.Further {
			bodies = append(bodies, &event.Finding{Code: feed.Code(d.What), Title: d.What, Place: "egress", Detail: d.Host + " to " + d.Dest})
			p.log.Warn("suspicious in what leaves", "what", d.What, "host", d.Host, "dest", d.Dest)
		}
		if _, err := p.self.Record(ctx, event.Written, bodies...); err != nil {
			return err
		}
	}
	return nil
}

// Except implements control.Operator.
func (p *process) Except(ctx context.Context, r control.ExceptRequest) (event.DetectionException, error) {
	b := event.DetectionException{ID: r.ID, Step: "end", By: r.By, Reason: r.Reason}
	if r.ID == "" {
		if r.Host == "" && r.Dest == "" {
			return b, fault.New(fault.ControlRefused, "problem", "an exception for everything would be silence", "hint", "name --host or --dest")
		}
		b = event.DetectionException{ID: fmt.Sprintf("x-%d", p.now().UnixMilli()), Step: "make", What: r.What, Host: r.Host, Dest: r.Dest, By: r.By, Reason: r.Reason}
		if r.For > 0 {
			b.Until = p.now().Add(r.For).UnixNano()
		}
	}
	_, err := p.self.Record(ctx, event.Durable, &b)
	return b, err
}

var detectionKinds = []string{string(detect.FirstContact), string(detect.Beacon), string(detect.Tunnel), string(detect.Long), string(detect.Volume), string(detect.Leak), feed.Listed}
