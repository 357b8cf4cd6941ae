package prove

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sekisho/internal/datamap"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
	"sekisho/internal/lineage"
	"sekisho/internal/policy"
	"sekisho/internal/roll"
	"sekisho/internal/subject"
	"sekisho/internal/view"
	"sekisho/internal/view/disclosure"
	"sekisho/proof/scope"
)

const tenant event.Tenant = "prove"

// insideHouse is a whole Sekisho inside the test: real ledger, dictionary,
// lineage, scans, gate and view, wired as cmd/sekisho wires them, so that single
// rules can be switched off.
type insideHouse struct {
	addr     string
	ledger   *ledger.Ledger
	dict     *subject.Dictionary
	holdings *datamap.Map
	gate     *pgproxy.Gate
	lineage  *lineage.Reader
	digest   string // of the catalogue when it was compared last
	follower *view.Follower
	view     *disclosure.View
	stop     func()
	close    func() // stop, and let go of everything

	rec  event.Recorder       // of the holdings
	own  []datamap.Table      // that the configuration names
	seen map[event.Place]bool // materialised views that the last look showed
}

// switches are the rules that a proof turns off.
type switches struct {
	pgproxy.Switches
	Lineage lineage.Switches
}

// startHouse starts everything in front of one database, in observe mode.
func startHouse(t testing.TB, dsn, upstream, database string, off switches) *insideHouse {
	t.Helper()
	return startHouseUnder(t, dsn, upstream, database, off, &pgproxy.Rules{Policy: policy.Open(), Mode: policy.Observe})
}

// startHouseUnder starts everything under a policy.
func startHouseUnder(t testing.TB, dsn, upstream, database string, off switches, rules *pgproxy.Rules) *insideHouse {
	t.Helper()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	must(t, keyring.Init(keys))
	ring, err := keyring.Open(keys)
	must(t, err)
	for _, purpose := range []keyring.Purpose{keyring.Dictionary, keyring.Identifier} {
		_, err := ring.Create(tenant, purpose)
		must(t, err)
	}
	cfg := ledger.Config{Dir: filepath.Join(dir, "ledger"), Tenant: tenant, Origin: "prove"}
	must(t, ledger.Init(t.Context(), cfg))
	h := &insideHouse{}
	h.ledger, err = ledger.Open(t.Context(), cfg)
	must(t, err)
	h.dict = subject.New(subject.Config{Tenant: tenant, Keys: ring, Recorder: h.ledger.Recorder("dictionary", 0)})
	identifierKey, err := ring.Current(tenant, keyring.Identifier)
	must(t, err)
	identifiers, err := subject.NewIdentifiers(identifierKey, 0)
	must(t, err)

	tables, lineageTables, protected := protectedTables()
	control := &datamap.Control{}
	h.own, h.rec, h.seen = tables, h.ledger.Recorder("scan/shop", 0), map[event.Place]bool{}
	h.holdings, err = datamap.New(datamap.Config{
		Database: "shop", DSN: dsn, Control: control, Tables: tables, Recorder: h.rec,
		Numbers: func(src event.SubjectSource) datamap.Numbers { return h.dict.Source(src) }, Identifiers: identifiers, Every: time.Hour,
	})
	must(t, err)
	lines := lineage.Config{ConnString: dsn, Place: "shop", Tables: lineageTables, Attach: control.Attach,
		Public: []string{"public.tours", "other.customers"}}
	lines.SwitchOff(off.Lineage)
	reader, err := lineage.New(lines)
	must(t, err)
	must(t, h.holdings.ScanAll(t.Context()))
	_, err = reader.Refresh(t.Context())
	must(t, err)
	h.lineage = reader
	must(t, h.scanDerived(t.Context()))

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.addr = ln.Addr().String()
	settings := pgproxy.Settings{
		Place: "shop", Database: "shop", Protected: protected, Injection: true, Analyser: reader, Classifier: element.Classify,
		Numbers: func(src event.SubjectSource) pgproxy.Numbers { return h.dict.Source(src) },
		Identifier: func(table event.Place, kind element.Kind, value []byte) (uint32, bool) {
			n, owner := identifiers.Lookup(subject.Space{Table: table, Element: kind}, value)
			return n, owner == subject.One
		},
		Tainted: h.tainted, Writing: h.holdings.Writing, Turns: identifiers.Turns,
		Working: func(ctx context.Context) ([]roll.Process, error) { return datamap.Processes(ctx, dsn, control) },
	}
	settings.SwitchOff(off.Switches)
	h.gate, err = pgproxy.New(pgproxy.Config{
		Listener: ln, Login: pglogin.Config{Network: "tcp", Address: upstream, Timeout: 10 * time.Second}, Loop: netloop.Config{Workers: 1},
		Databases: map[string]pgproxy.Settings{database: settings}, Recorders: []event.Recorder{h.ledger.Recorder("gate/shop", 0)},
		Start: 1, Rules: rules,
	})
	must(t, err)
	rec := h.ledger.Recorder("gate/shop", 1)
	_, err = rec.Record(t.Context(), event.Durable, &event.SourceStart{Start: 1, Version: "prove", Places: []event.Place{"shop"}})
	must(t, err)

	h.view, err = disclosure.Open(t.Context(), disclosure.Config{Path: filepath.Join(dir, "disclosure.sqlite"), Silence: time.Hour})
	must(t, err)
	h.follower, err = view.Follow(t.Context(), "disclosure", h.ledger.Reader, h.view)
	must(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{h.gate.Run, h.holdings.RunScanned} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	h.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if _, err := rec.Record(context.Background(), event.Durable, &event.SourceStop{}); err != nil {
			t.Error(err)
		}
	})
	h.close = sync.OnceFunc(func() {
		h.stop()
		for _, err := range []error{reader.Close(context.Background()), h.view.Close(), h.ledger.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(h.close)
	return h
}

// protectedTables is protect() for the scans, the lineage and the gate.
func protectedTables() (scans []datamap.Table, reads []lineage.Table, gates []pgproxy.Protected) {
	for name, p := range protect() {
		place := event.Place("shop/public." + name)
		scan := datamap.Table{Place: place, Schema: "public", Name: name, Source: "shop.customers", Key: p.Key, Columns: map[string]element.Kind{}}
		read := lineage.Table{Schema: "public", Name: name, Source: "shop.customers", Key: p.Key, Columns: map[string]element.Mask{}}
		mask := element.MaskOf(element.Unclassified)
		for column, kindName := range p.Columns {
			kind, ok := element.ParseKind(kindName)
			if !ok {
				scan.Plain = append(scan.Plain, column)
				read.Columns[column] = 0
				continue
			}
			scan.Columns[column] = kind
			read.Columns[column] = element.MaskOf(kind)
			mask |= element.MaskOf(kind)
		}
		if name == "customers" {
			scan.Identifiers, read.Identifiers = []string{"email"}, []string{"email"}
		}
		scans, reads = append(scans, scan), append(reads, read)
		gates = append(gates, pgproxy.Protected{Table: place, Source: "shop.customers", Elements: mask})
	}
	return scans, reads, gates
}

// settle compares the catalogue, as cmd/sekisho does once a second.
func (h *insideHouse) settle(ctx context.Context, database string) error {
	changed, err := h.lineage.Refresh(ctx)
	if err != nil {
		return err
	}
	cat, err := h.lineage.Catalog(ctx)
	if err != nil {
		return err
	}
	if changed || cat.Digest != h.digest {
		h.digest = cat.Digest
		h.gate.SchemaChanged(database)
	}
	if err := h.followDerived(ctx); err != nil {
		return err
	}
	return h.protected(ctx, database)
}

// protected waits until what was tainted is protected. A transaction that is
// still open keeps the schema changing: then there is nothing to wait for.
func (h *insideHouse) protected(ctx context.Context, database string) error {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for range 500 {
		if !h.gate.Changing(database) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll.C:
		}
	}
	return nil
}

// finish reads the holdings again, ends the gate and folds everything.
func (h *insideHouse) finish(ctx context.Context) error {
	h.stop()
	if err := h.scan(ctx); err != nil {
		return err
	}
	return h.follower.CatchUp(ctx)
}

// answer is a scope as subjects of the shop.
type answer struct{ confirmed, reachable, everHeld map[int]bool }

// scope asks whose data the client at an address received.
func (h *insideHouse) scope(ctx context.Context, s *shop, address string) (answer, *disclosure.Answer, error) {
	return h.scopeSince(ctx, s, address, time.Time{})
}

// scopeSince asks about what the client received from a time on.
func (h *insideHouse) scopeSince(ctx context.Context, s *shop, address string, from time.Time) (answer, *disclosure.Answer, error) {
	a, err := h.view.Scope(ctx, scope.Query{Places: []string{"shop"}, Addresses: []string{address}, From: from})
	if err != nil {
		return answer{}, nil, err
	}
	lines, err := a.List(func(src event.SubjectSource, n uint32) (string, error) {
		k, err := h.dict.Key(src, n)
		return k.String(), err
	})
	if err != nil {
		return answer{}, nil, err
	}
	got := answer{map[int]bool{}, map[int]bool{}, map[int]bool{}}
	for _, l := range lines {
		i := s.subjectOf(l.Key)
		if i < 0 {
			return got, a, fmt.Errorf("scope lists %q, which is nobody's key", l.Key)
		}
		switch l.Class {
		case scope.Confirmed:
			got.confirmed[i] = true
			fallthrough
		case scope.Reachable:
			got.reachable[i] = true
			fallthrough
		default:
			got.everHeld[i] = true
		}
	}
	return got, a, nil
}

// subjectOf returns the subject with the given key, or -1.
func (s *shop) subjectOf(key string) int {
	for i, k := range s.keys {
		if strings.EqualFold(k, key) {
			return i
		}
	}
	return -1
}
