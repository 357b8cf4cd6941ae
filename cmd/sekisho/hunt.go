package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/console/httpapi"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/indicator"
	"sekisho/internal/ledger"
)

type findingsCmd struct {
	All bool `help:"help_findings_all"`
}

// Run lists what was found. Exceptions count for what was found before them
// too.
func (c findingsCmd) Run(a *app) error {
	lines, err := recorded(a, "egress/findings", httpapi.FoundRequest{All: c.All}, func(r *ledger.Reader) ([]consoleoffice.Found, error) {
		return findingsIn(a.ctx, r, c.All, 0)
	})
	if err != nil {
		return err
	}
	return a.out(lines, func() {
		if len(lines) == 0 {
			a.print("findings_none")
			return
		}
		a.table([]string{"col_at", "col_what", "col_inside", "col_dest", "col_features"}, func(line func(...any)) {
			for _, l := range lines {
				line(at(event.Time(l.At)), l.What, l.Host, l.Dest, features(&l.Detection))
			}
		})
	})
}

func features(d *event.Detection) string {
	var all []string
	for _, f := range d.Features {
		all = append(all, fmt.Sprintf("%s=%q", f.Name, f.Value))
	}
	return strings.Join(all, " ")
}

// fold gives the events of some kinds to take, in order.
func (a *app) fold(kinds func(event.Kind) bool, take func(*event.Event)) error {
	r, dir, err := a.reader()
	if err != nil {
		return err
	}
	err = eventsOf(a.ctx, r, kinds, func(e *event.Event) error { take(e); return nil })
	if err != nil {
		return fault.New(fault.LedgerOpen, "dir", dir).Because(err)
	}
	return nil
}

type exceptCmd struct {
	What   string        `placeholder:"KIND" help:"help_except_what"`
	Host   string        `help:"help_except_host"`
	Dest   string        `help:"help_except_dest"`
	For    time.Duration `help:"help_except_for"`
	End    string        `placeholder:"ID" help:"help_except_end"`
	By     string        `help:"help_by"`
	Reason string        `required:"" help:"help_reason"`
}

// Run makes or ends an exception.
func (c exceptCmd) Run(a *app) error {
	if c.What != "" && !slices.Contains(detectionKinds, c.What) {
		return fault.New(fault.Usage, "problem", fmt.Sprintf("--what %q", c.What), "hint", strings.Join(detectionKinds, ", "))
	}
	op, err := a.operator()
	if err != nil {
		return err
	}
	x, err := op.Except(a.ctx, control.ExceptRequest{ID: c.End, What: c.What, Host: c.Host, Dest: c.Dest, For: c.For, By: a.person(c.By), Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.out(x, func() { a.print("except_"+x.Step, "id", x.ID) })
}

type huntCmd struct {
	Lists     []string `arg:"" optional:"" name:"list" help:"help_hunt_list"`
	Indicator []string `short:"i" help:"help_hunt_indicator"`
	From      string   `help:"help_from"`
}

// Run looks for indicators in what is recorded, also for those whose end has
// come: who met them is a question about then. Exit code 1 when somebody did.
func (c huntCmd) Run(a *app) error {
	all, err := c.indicators(a)
	if err != nil {
		return err
	}
	var from time.Time
	if c.From != "" {
		if from, err = parseTime(c.From, time.Now()); err != nil {
			return fault.New(fault.Usage, "problem", err, "hint", a.say.Text("try_help"))
		}
	}
	var found *consoleoffice.Hunt
	if a.hub.address != "" {
		found, err = c.elsewhere(a, all, from)
	} else {
		found, err = c.here(a, all, from)
	}
	if err != nil {
		return err
	}
	out := found.Met
	err = a.out(out, func() {
		if len(out) == 0 {
			a.print("hunt_none", "indicators", found.Indicators, "flows", found.Looked)
			return
		}
		a.table([]string{"col_inside", "col_dest", "col_indicator", "col_first", "col_last_seen", "col_flows", "col_questions", "col_refused", "col_sent"}, func(line func(...any)) {
			for _, l := range out {
				sent := fmt.Sprint(l.Sent)
				if l.Open > 0 {
					sent += "+"
				}
				line(l.Host, l.Dest, l.Indicator, at(l.First), at(l.Last), l.Flows, l.Questions, l.Refused, sent)
			}
		})
	})
	if err == nil && len(out) > 0 {
		return errNo
	}
	return err
}

func (c huntCmd) here(a *app, all []indicator.Indicator, from time.Time) (*consoleoffice.Hunt, error) {
	set, err := a.wanted(all)
	if err != nil {
		return nil, err
	}
	member, err := a.memberHere()
	if err != nil {
		return nil, err
	}
	r, dir, err := a.reader()
	if err != nil {
		return nil, err
	}
	found, err := huntIn(a.ctx, r, set, member, from, 0)
	if err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", dir).Because(err)
	}
	return found, nil
}

// elsewhere asks a console about the indicators, in parts: a list may be long.
// Without any, the lists of the process there are meant.
func (c huntCmd) elsewhere(a *app, all []indicator.Indicator, from time.Time) (*consoleoffice.Hunt, error) {
	sum := &consoleoffice.Hunt{Met: []consoleoffice.Met{}}
	for first := true; first || len(all) > 0; first = false {
		part := all[:min(len(all), consoleoffice.MaxHunt)]
		all = all[len(part):]
		q := consoleoffice.HuntQuery{From: from}
		for _, i := range part {
			one := consoleoffice.HuntFor{Value: i.Value, List: i.List, Note: i.Note}
			if i.Kind == indicator.URL {
				one.Value = "http://" + i.Value
			}
			q.Indicators = append(q.Indicators, one)
		}
		found, err := elsewhere[consoleoffice.HuntQuery, *consoleoffice.Hunt](a, "egress/hunt", q)
		if err != nil {
			return nil, err
		}
		sum.Indicators += found.Indicators
		sum.Looked = max(sum.Looked, found.Looked)
		sum.Met = append(sum.Met, found.Met...)
	}
	slices.SortStableFunc(sum.Met, func(x, y consoleoffice.Met) int { return x.First.Compare(y.First) })
	return sum, nil
}

// huntIn looks for indicators in a ledger.
func huntIn(ctx context.Context, r *ledger.Reader, set *indicator.Set, member string, from time.Time, most int) (*consoleoffice.Hunt, error) {
	h := &hunt{set: set, member: member, lines: map[string]*consoleoffice.Met{}, flows: map[string]*consoleoffice.Met{}, sent: map[string]uint64{}, asked: map[string]*event.Flow{}}
	err := eventsOf(ctx, r, func(k event.Kind) bool {
		return k == event.KindFlow || k == event.KindFlowBytes || k == event.KindFlowEnd || k == event.KindLookup
	}, func(e *event.Event) error {
		if !e.At.Before(from) {
			h.take(e)
		}
		return kept("egress/hunt", len(h.lines)+len(h.flows)+len(h.asked), most)
	})
	out := &consoleoffice.Hunt{Indicators: set.Len(), Looked: h.seen, Met: []consoleoffice.Met{}}
	for _, l := range h.lines {
		out.Met = append(out.Met, *l)
	}
	slices.SortFunc(out.Met, func(x, y consoleoffice.Met) int { return x.First.Compare(y.First) })
	return out, err
}

// indicators are those of the files, of the command line, or of the
// configuration; a console elsewhere knows its own.
func (c huntCmd) indicators(a *app) ([]indicator.Indicator, error) {
	files := c.Lists
	if len(files) == 0 && len(c.Indicator) == 0 && a.hub.address == "" {
		l, err := a.load()
		if err != nil {
			return nil, err
		}
		if l.Detect != nil {
			files = lists(l.Detect)
		}
	}
	all, err := readFiles(files)
	if err != nil {
		return nil, err
	}
	var typed []consoleoffice.HuntFor
	for _, text := range c.Indicator {
		typed = append(typed, consoleoffice.HuntFor{Value: text})
	}
	more, err := hunted(typed)
	return append(all, more...), err
}

// forever is the end of indicators that are hunted: who met them is a question
// about the time when they were in force, too.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func readFiles(files []string) (all []indicator.Indicator, err error) {
	for _, file := range files {
		some, err := readList(file, "", forever)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// hunted are the indicators that somebody named.
func hunted(named []consoleoffice.HuntFor) (all []indicator.Indicator, err error) {
	for _, n := range named {
		kind, value, err := indicator.Parse(n.Value)
		if err != nil {
			return nil, fault.New(fault.Usage, "problem", err, "hint", "sekisho egress hunt --help")
		}
		all = append(all, indicator.Indicator{Kind: kind, Value: value, List: n.List, Note: n.Note})
	}
	return all, nil
}

// wanted is what is looked for.
func (a *app) wanted(all []indicator.Indicator) (*indicator.Set, error) {
	if len(all) == 0 {
		return nil, fault.New(fault.Usage, "problem", a.say.Text("hunt_nothing"), "hint", a.say.Text("hunt_hint"))
	}
	for i := range all {
		all[i].Until = forever
		if all[i].Kind == indicator.URL { // paths are not recorded: who met the host
			host, _, _ := strings.Cut(all[i].Value, "/")
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
			if kind, value, err := indicator.Parse(host); err == nil {
				all = append(all, indicator.Indicator{Kind: kind, Value: value, Until: forever, List: all[i].List, Note: "host of " + all[i].Value})
			}
		}
	}
	return indicator.New(all)
}

func lists(d *config.Detect) (files []string) {
	for _, l := range d.Lists {
		files = append(files, l.File)
	}
	return files
}

// hunt collects who met an indicator.
type hunt struct {
	set    *indicator.Set
	member string // the name under which this process joined a hub, or empty
	lines  map[string]*consoleoffice.Met
	flows  map[string]*consoleoffice.Met // by id of a flow that is under way
	sent   map[string]uint64
	asked  map[string]*event.Flow
	seen   int
}

func (h *hunt) take(e *event.Event) {
	switch b := e.Body.(type) {
	case *event.Flow:
		h.seen++
		l := h.meet(e, h.host(e, b.Client), b.Host, b.Host, b.Address)
		switch {
		case b.Action == "refuse":
			if l != nil {
				l.Refused++
			}
		case l != nil:
			l.Flows++
			l.Open++
			h.flows[b.ID] = l
		default:
			h.asked[b.ID] = b // its tunnel may name an indicator
		}
	case *event.FlowBytes:
		h.count(b.ID, b.Sent)
	case *event.FlowEnd:
		if f := h.asked[b.ID]; f != nil && b.Name != "" {
			if l := h.meet(e, h.host(e, f.Client), f.Host, b.Name, ""); l != nil {
				l.Flows++
				l.Open++
				h.flows[b.ID] = l
			}
		}
		h.count(b.ID, b.Sent)
		if l := h.flows[b.ID]; l != nil {
			l.Open--
		}
		delete(h.flows, b.ID)
		delete(h.sent, b.ID)
		delete(h.asked, b.ID)
	case *event.Lookup:
		h.seen++
		if l := h.meet(e, h.host(e, b.Client), b.Base, b.Name, ""); l != nil {
			l.Questions++
			if b.Action == "refuse" {
				l.Refused++
			}
		}
	}
}

// host names a host by the address that a gate saw, and by whose gate it was.
func (h *hunt) host(e *event.Event, address string) string {
	if site := frame.SiteOf(string(e.Source)); site != h.member {
		return frame.Of(address, site)
	}
	return address
}

// count adds what a flow has sent since it was last told.
func (h *hunt) count(id string, sent uint64) {
	if l := h.flows[id]; l != nil {
		l.Sent += sent - min(sent, h.sent[id])
		h.sent[id] = sent
	}
}

func (h *hunt) meet(e *event.Event, host, dest, name, address string) *consoleoffice.Met {
	i, ok := h.set.Name(name, e.At)
	if a, err := netip.ParseAddr(address); !ok && err == nil {
		i, ok = h.set.Address(a, e.At)
	}
	if !ok {
		return nil
	}
	k := host + "\x00" + dest + "\x00" + i.Value
	l := h.lines[k]
	if l == nil {
		l = &consoleoffice.Met{Host: host, Dest: dest, Indicator: i.Value, List: i.List, Note: i.Note, First: e.At}
		h.lines[k] = l
	}
	l.Last = e.At
	return l
}
