package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/datamap"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/keyring"
	"sekisho/internal/lineage"
	"sekisho/internal/roll"
	"sekisho/internal/subject"
)

// base is a guarded database with what knows about it: the scans, the watch,
// the reader of lineage.
type base struct {
	cfg         *config.Database
	dsn         string // secret
	control     *datamap.Control
	rec         event.Recorder
	identifiers *subject.Identifiers
	holdings    *datamap.Map
	lineage     *lineage.Reader
	fresh       bool // a protected table was never scanned
	common      pgproxy.Common
	leftover    *leftover

	remembering sync.Mutex
	remembered  *lineage.Catalog // of which the ledger has all
	relations   relations

	deriving sync.Mutex // one at a time adds materialised views

	scanResults
}

// scanResults are what the last scan of each table found.
type scanResults struct {
	mu  sync.Mutex
	all map[event.Place]control.ScanResult
}

// startBases opens the databases and reads the holdings. Gates may open only
// when the holdings of every protected table were read once, in this run or
// before: until then nothing bounds what crosses.
func (p *process) startBases(ctx context.Context, s *stage) error {
	for i := range p.cfg.Databases {
		b, err := p.newBase(&p.cfg.Databases[i])
		if err != nil {
			return err
		}
		p.bases = append(p.bases, b)
		if b.leftover, err = p.leftovers(ctx, b); err != nil {
			return err
		}
		if b.fresh {
			p.log.Info("reading holdings", "database", b.cfg.Name)
			if err := b.holdings.ScanAll(ctx); err != nil {
				return fault.New(fault.ScanFailed, "database", b.cfg.Name).Because(err)
			}
			// The scan must be over before the first crossing, clock errors included.
			if err := pause(ctx, 2*time.Duration(p.cfg.Ledger.ClockErr)); err != nil {
				return err
			}
		}
		if err := p.retaint(ctx, b); err != nil {
			return err
		}
		if err := p.scanDerived(ctx, b); err != nil {
			return err
		}
		if err := b.remember(ctx); err != nil && ctx.Err() == nil { // followCatalogue tries again
			p.log.Warn("catalogue not read", "database", b.cfg.Name, "err", err)
		}
		b.warn(ctx, p.log)
		read := func() {}
		if !b.fresh {
			read = p.readOnce()
		}
		s.run("scans of "+b.cfg.Name, func(ctx context.Context) error {
			defer b.lineage.Close(context.WithoutCancel(ctx))
			if b.fresh {
				return b.holdings.RunScanned(ctx)
			}
			return b.holdings.RunFirst(ctx, read)
		})
	}
	return nil
}

// warn names the functions that have to be declared: the first write that runs
// one bounds the whole database.
func (b *base) warn(ctx context.Context, log *slog.Logger) {
	cat, err := b.lineage.Catalog(ctx)
	if err != nil {
		return // said before
	}
	if list := cat.Undeclared(); len(list) > 0 {
		log.Warn("what these functions write cannot be read; declare them under functions (SK3110)", "database", b.cfg.Name, "functions", list)
	}
}

// filledBefore is the reason of the event.Taint of a materialised view that
// nobody saw being filled.
const filledBefore = "filled unseen"

// holdDerived makes the materialised views over protected tables part of the
// map, unless a taint did: who is gone from where they were made may still be
// in them. It returns those that were never scanned. A view that an earlier
// look did not show may be one that a gate is about to protect.
func (p *process) holdDerived(ctx context.Context, b *base, seen map[event.Place]bool) (unknown []event.Place, err error) {
	b.deriving.Lock()
	defer b.deriving.Unlock()
	cat, err := b.lineage.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	mapped := b.holdings.Tables()
	for _, d := range cat.Derived() {
		known := slices.ContainsFunc(mapped, func(t datamap.Table) bool { return t.Place == d.Place })
		if known || seen != nil && !seen[d.Place] {
			continue
		}
		if !p.past.filled[d.Place] {
			if err := b.recordFilled(ctx, &d); err != nil {
				return unknown, err
			}
		}
		b.holdings.Add(scanOf(d.Place, &d.Table))
		if !p.past.scanned[d.Place] {
			unknown = append(unknown, d.Place)
		}
	}
	return unknown, nil
}

// scanDerived is holdDerived of a start: what was never scanned is scanned
// before anybody may read it through a gate.
func (p *process) scanDerived(ctx context.Context, b *base) error {
	unknown, err := p.holdDerived(ctx, b, nil)
	if err != nil {
		return fault.New(fault.ScanFailed, "database", b.cfg.Name).Because(err)
	}
	for _, place := range unknown {
		if err := b.holdings.Scan(ctx, place); err != nil && ctx.Err() == nil { // a finding; scopes say that nobody knows
			p.log.Warn("a materialised view cannot be read: nobody knows whom it holds (SK7205)", "view", place, "err", err)
		}
	}
	return nil
}

// recordFilled says that a materialised view holds what it was made from. A scan
// shows whose rows those are that name their subject; the others are counted
// only, and a finding says so.
func (b *base) recordFilled(ctx context.Context, d *lineage.Derived) error {
	elements := element.Mask(0)
	for _, m := range d.Table.Columns {
		elements |= m
	}
	keyed := d.Table.Key != ""
	bodies := []event.Body{&event.Taint{Table: d.Place, From: d.From, Source: d.Table.Source, Elements: elements, Reason: filledBefore, Own: keyed}}
	if !keyed {
		bodies = append(bodies, &event.Finding{Code: "SK3111", Title: "a materialised view without the key of its subjects was filled unseen", Place: d.Place})
	}
	_, err := b.rec.Record(ctx, event.Durable, bodies...)
	return err
}

// pause waits, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func (p *process) newBase(d *config.Database) (*base, error) {
	password, err := config.ReadSecret(d.Control.PasswordFile)
	if err != nil {
		return nil, err
	}
	b := &base{cfg: d, dsn: controlDSN(d, password), control: &datamap.Control{ServerName: d.TLS.ServerName}, rec: p.scanRecorder(d),
		relations: p.past.relationsOf(place(d))}
	if b.identifiers, err = p.newIdentifiers(); err != nil {
		return nil, err
	}
	b.holdings, err = datamap.New(datamap.Config{
		Database: place(d), DSN: b.dsn, Control: b.control, Tables: scanTables(d), Recorder: b.rec,
		Numbers:     func(src event.SubjectSource) datamap.Numbers { return p.dict.Source(src) },
		Identifiers: b.identifiers, Every: time.Duration(d.Scan.Every), RowsPerSecond: d.Scan.RowsPerSecond, Now: p.now, Progress: b.scanProgress,
	})
	if err != nil {
		return nil, fault.New(fault.DatabaseConnect, "database", d.Name).Because(err)
	}
	cfg := lineageConfig(d, b.dsn)
	cfg.Attach, cfg.Known = b.control.Attach, b.relations.known
	if b.lineage, err = lineage.New(cfg); err != nil {
		return nil, fault.New(fault.DatabaseConnect, "database", d.Name).Because(err)
	}
	for _, t := range b.holdings.Tables() {
		b.fresh = b.fresh || !p.past.scanned[t.Place]
	}
	return b, nil
}

func (p *process) newIdentifiers() (*subject.Identifiers, error) {
	key, err := p.ring.Current(event.Tenant(p.cfg.Tenant), keyring.Identifier)
	if err == nil {
		var ix *subject.Identifiers
		if ix, err = subject.NewIdentifiers(key, 0); err == nil {
			return ix, nil
		}
	}
	return nil, keysFault(p.cfg.Keys, p.file, err)
}

// identify is the gate's third rung: an identifier that belongs to one subject
// of the table it was read from. While the direct way is open anybody may be
// changing identifiers unseen, so none is sure.
func (g *gate) identify(table event.Place, kind element.Kind, value []byte) (uint32, bool) {
	n, owner := g.base.identifiers.Lookup(subject.Space{Table: table, Element: kind}, value)
	return n, owner == subject.One && !g.bypass.open.Load()
}

// working lists the server's processes that serve clients of the database.
func (b *base) working(ctx context.Context) ([]roll.Process, error) {
	return datamap.Processes(ctx, b.dsn, b.control)
}

// tainted protects a relation that protected data was written to, and has it
// scanned. What bounds it is the relation itself: scopes follow its taint to
// everybody whom the tables it was made from have held since, also those who
// were deleted there and live on here.
func (b *base) tainted(ctx context.Context, t pgproxy.Taint) error { return b.protect(ctx, t) }

// protect is tainted for several relations, of each of which there is one
// taint: the catalogue is read once for all.
func (b *base) protect(ctx context.Context, taints ...pgproxy.Taint) error {
	if _, err := b.lineage.Refresh(ctx); err != nil { // it may be newer than the catalogue
		return err
	}
	cat, err := b.lineage.Catalog(ctx)
	if err != nil {
		return err
	}
	own := scanTables(b.cfg)
	var tables []lineage.Table
	var derived []datamap.Table
	for _, t := range taints {
		table, ok := t.Protection(cat)
		if !ok {
			continue // temporary, or gone
		}
		if !slices.ContainsFunc(own, func(o datamap.Table) bool { return o.Place == t.Table }) { // else it is scanned for its own subjects
			table.From = nil
			derived = append(derived, scanOf(t.Table, &table))
		}
		tables = append(tables, table)
	}
	if len(tables) == 0 {
		return nil
	}
	if err := b.lineage.Protect(ctx, tables...); err != nil {
		return err
	}
	for _, t := range derived {
		b.holdings.Add(t)
	}
	return nil
}

// scanOf is how a derived relation is scanned.
func scanOf(place event.Place, t *lineage.Table) datamap.Table {
	return datamap.Table{Place: place, Schema: t.Schema, Name: t.Name, Source: t.Source, Key: t.Key}.Holding(t.Columns)
}

// retaint protects what was tainted in earlier runs. Which element is in which
// column is not in the ledger, so each has all.
func (p *process) retaint(ctx context.Context, b *base) error {
	for _, round := range rounds(p.past.taints, string(place(b.cfg))+"/") {
		if err := b.protect(ctx, round...); err != nil {
			return fault.New(fault.DatabaseConnect, "database", b.cfg.Name).Because(err)
		}
	}
	return nil
}

// rounds sorts the taints of the relations under prefix into rounds with one of
// each relation, in their order. A relation's first taint says what it is, and
// those after it add to that, for which once is enough.
func rounds(taints []*event.Taint, prefix string) (out [][]pgproxy.Taint) {
	next := map[event.Place]int{}
	seen := map[string]bool{}
	for _, t := range taints {
		if t.Temporary || !strings.HasPrefix(string(t.Table), prefix) {
			continue
		}
		if t.Own && len(t.Columns) == 0 && len(t.From) > 0 || t.Reason == filledBefore {
			continue // of subjects, not of columns: those its query tells
		}
		n := next[t.Table]
		if n > 0 {
			key := fmt.Sprintf("%q %q %q %d %t %t %q", t.Table, t.From, t.Source, t.Elements, t.Own, t.Rows, t.Columns)
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		next[t.Table] = n + 1
		if n == len(out) {
			out = append(out, nil)
		}
		out[n] = append(out[n], asTaint(t))
	}
	return out
}

func asTaint(t *event.Taint) pgproxy.Taint {
	again := pgproxy.Taint{Table: t.Table, From: t.From, Source: t.Source, Elements: t.Elements, Own: t.Own}
	if t.Rows {
		again.Rows = t.Elements
	}
	for _, name := range t.Columns {
		again.Columns = append(again.Columns, pgproxy.TaintColumn{Name: name, Elements: t.Elements})
	}
	return again
}

// scanned lists them in order of tables.
func (r *scanResults) scanned() []control.ScanResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []control.ScanResult{}
	for _, table := range slices.Sorted(maps.Keys(r.all)) {
		out = append(out, r.all[table])
	}
	return out
}

// scanProgress takes what a scan reports.
func (r *scanResults) scanProgress(p datamap.Progress) {
	if !p.Done {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[event.Place]control.ScanResult{}
	}
	r.all[p.Table] = control.ScanResult{Table: p.Table, Rows: p.Rows, Subjects: p.Subjects, Unknown: p.Unknown}
}
