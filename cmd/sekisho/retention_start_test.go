package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/detect/feed"
	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/answer"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
	"sekisho/internal/policy/cut"
	"sekisho/internal/subject"
	"sekisho/internal/view"
	"sekisho/internal/view/casefile"
)

// aging is a ledger of which everything can be made old and dropped.
type aging struct {
	t     *testing.T
	dir   string
	clock atomic.Int64
	l     *ledger.Ledger
}

const agingTenant = event.Tenant("default") // as in the golden lines

func newAging(t *testing.T) *aging {
	a := &aging{t: t, dir: t.TempDir()}
	a.clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	if err := ledger.Init(t.Context(), a.config()); err != nil {
		t.Fatal(err)
	}
	a.open()
	t.Cleanup(func() {
		if err := a.l.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func (a *aging) config() ledger.Config {
	return ledger.Config{Dir: filepath.Join(a.dir, "ledger"), Tenant: agingTenant, Now: a.now}
}

func (a *aging) now() time.Time { return event.Time(a.clock.Load()) }

func (a *aging) open() {
	a.t.Helper()
	var err error
	if a.l, err = ledger.Open(a.t.Context(), a.config()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *aging) record(source event.Source, bodies ...event.Body) {
	a.t.Helper()
	a.clock.Add(int64(time.Second))
	if _, err := a.l.Recorder(source, 0).Record(a.t.Context(), event.Durable, bodies...); err != nil {
		a.t.Fatal(err)
	}
}

// age drops all that there is and begins another run.
func (a *aging) age() {
	a.t.Helper()
	if err := a.l.Seal(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	head := a.l.Head()
	a.clock.Add(int64(1000 * 24 * time.Hour))
	record, err := a.l.Retain(a.t.Context(), ledger.RetentionPolicy{Name: "test", MaxAge: 24 * time.Hour})
	if err != nil || record == nil || record.Last != head-1 {
		a.t.Fatalf("%+v, %v; want all %d events dropped", record, err, head)
	}
	if err := a.l.Close(); err != nil {
		a.t.Fatal(err)
	}
	a.open()
}

// startState is what a start reads from the ledger.
type startState struct {
	History history
	Files   map[event.Place]string // what rests there, as far as it is known; "gone"
	Cases   []string
	Book    feed.Book
	Persons []string // what is one person, and what came of it
}

// state reads it as a start with an empty directory of views does.
func (a *aging) state() (s startState) {
	a.t.Helper()
	fresh := a.t.TempDir()
	if err := keyring.Init(filepath.Join(fresh, "keys")); err != nil {
		a.t.Fatal(err)
	}
	ring, err := keyring.Open(filepath.Join(fresh, "keys"))
	if err != nil {
		a.t.Fatal(err)
	}
	past, err := replay(a.t.Context(), a.l.Reader, subject.New(subject.Config{Tenant: agingTenant, Keys: ring}), ring, "", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	s.Files = map[event.Place]string{}
	for _, o := range past.objects {
		if o.Content != "" {
			s.Files[o.Place] = o.Content
		}
		if o.Gone {
			s.Files[o.Place] = "gone"
		}
	}
	s.History = *past
	s.History.objects, s.History.last = nil, 0 // folded above; the retention is newer
	cases, err := casefile.Open(a.t.Context(), casefile.Config{Path: filepath.Join(fresh, "cases.db")})
	if err != nil {
		a.t.Fatal(err)
	}
	f, err := view.Follow(a.t.Context(), "cases", a.l.Reader, cases)
	if err == nil {
		err = f.CatchUp(a.t.Context())
	}
	var dump bytes.Buffer
	if err == nil {
		err = cases.Dump(a.t.Context(), &dump)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cases.Close(); err != nil {
		a.t.Fatal(err)
	}
	for _, line := range strings.Split(dump.String(), "\n") {
		if !strings.HasPrefix(line, "attack ") { // how many there were beyond a wave
			s.Cases = append(s.Cases, line)
		}
	}
	if err := a.l.Scan(a.t.Context(), 0, func(_ event.Index, line []byte) error {
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		s.Book.Fold(e.Body)
		switch e.Body.(type) {
		case *event.PersonDecision, *event.PersonRun, *event.PersonChange, *event.PersonNotices:
			s.Persons = append(s.Persons, string(line))
		}
		return nil
	}); err != nil {
		a.t.Fatal(err)
	}
	return s
}

var allOf = cmp.Exporter(func(reflect.Type) bool { return true })

// goldenBodies are full bodies of all kinds: the golden lines of the format.
func goldenBodies(t *testing.T) (all []event.Body) {
	t.Helper()
	text, err := os.ReadFile("../../internal/event/testdata/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		e, err := event.Parse(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Body)
	}
	return all
}

// TestStartAfterAllHasAged: whatever event a start builds on, it comes back as
// it was when everything that was recorded has been dropped.
func TestStartAfterAllHasAged(t *testing.T) {
	a := newAging(t)
	a.record("gate/web", &event.CaseSign{Case: "c1", Class: "outbound", Channel: "monitor", Title: "t", Hosts: []string{"web-1"}, KnownBy: "ayame", By: "ayame"})
	for _, b := range goldenBodies(t) {
		switch b.(type) {
		case *event.Subjects, *event.KeyDestroyed: // TestNumbersAfterAllHasAged
		default:
			a.record("gate/web", b)
		}
	}
	move := func(index event.Index) *event.CaseMove {
		return &event.CaseMove{Case: fmt.Sprintf("f%d", index), To: "confirmed", By: "ayame", Reason: "r"}
	}
	beacon := a.l.Head() // a finding becomes a case, of which somebody decides
	a.record("process", &event.Finding{Code: "SK3902", Title: "beacon", Place: "egress", Detail: "10.0.0.5 to c2.example"}, move(beacon))
	wave := a.l.Head() + 49 // so do many attacks
	for range 70 {
		a.record("gate/shop", &event.Decision{Action: "refuse", Rule: "crs/942100", Reason: "score", ID: "E1"})
	}
	a.record("process", move(wave))
	a.record("scan/www", &event.Object{Place: "www/a.csv", Content: "01"}, &event.Object{Place: "www/a.csv", Gone: true},
		&event.Object{Place: "www/b.csv", Content: "01"}, &event.Object{Place: "www/b.csv", Content: "02"})
	a.record("gate/shop", &event.SiteStop{Host: "a.example", What: "site", Stopped: true}, &event.SiteStop{Host: "b.example", What: "site", Stopped: true},
		&event.SiteStop{Host: "b.example", What: "site"})
	a.record("gate/shop-db", &event.Taint{Table: "shop", From: []event.Place{"shop"}, Reason: "code"}, &event.Taint{Table: "shop/public.m", Reason: filledBefore},
		&event.Taint{Table: "web/shop", From: []event.Place{"shop"}, Shown: true})

	before := a.state()
	for h, i := reflect.ValueOf(before.History), 0; i < h.NumField(); i++ {
		// A test call is finished or told as interrupted by the start that finds it, before anything is dropped.
		if name := h.Type().Field(i).Name; h.Field(i).IsZero() && name != "objects" && name != "last" && name != "testCall" {
			t.Errorf("nothing of the past is in %s: record something that is, here", name)
		}
	}
	for _, id := range []string{"c1", fmt.Sprintf("f%d", beacon), fmt.Sprintf("f%d", wave)} {
		if !strings.Contains(strings.Join(before.Cases, "\n"), `"id":"`+id+`"`) {
			t.Errorf("there is no case %s", id)
		}
	}
	for range 2 { // what stays of a dropped segment is not dropped with the next
		a.age()
		if diff := cmp.Diff(before, a.state(), allOf); diff != "" {
			t.Fatalf("after retention (-before +after)\n%s", diff)
		}
	}
}

// TestNumbersAfterAllHasAged: subjects keep their numbers, and a destroyed key
// stays destroyed.
func TestNumbersAfterAllHasAged(t *testing.T) {
	a := newAging(t)
	if err := keyring.Init(filepath.Join(a.dir, "keys")); err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(filepath.Join(a.dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Create(agingTenant, keyring.Dictionary); err != nil {
		t.Fatal(err)
	}
	dict := subject.New(subject.Config{Tenant: agingTenant, Keys: ring, Recorder: a.l.Recorder("dictionary", 0)})
	want := make([]uint32, 3)
	if err := dict.Source("shop.customers").AssignInts(t.Context(), []int64{7, 1000, 12}, want); err != nil {
		t.Fatal(err)
	}
	read := func() *subject.Dictionary {
		t.Helper()
		d := subject.New(subject.Config{Tenant: agingTenant, Keys: ring, Recorder: a.l.Recorder("dictionary", 0)})
		if _, err := replay(t.Context(), a.l.Reader, d, ring, "", nil); err != nil {
			t.Fatal(err)
		}
		return d
	}
	a.age()
	d := read()
	for i, key := range []int64{7, 1000, 12} {
		if n, known := d.Source("shop.customers").NumberInt(key); !known || n != want[i] {
			t.Errorf("%d has number %d, %v; want %d", key, n, known, want[i])
		}
	}
	for _, id := range ring.IDs() {
		if err := ring.Destroy(t.Context(), a.l.Recorder("process", 0), id, "ayame", "r"); err != nil {
			t.Fatal(err)
		}
	}
	a.age()
	d = read()
	if _, known := d.Source("shop.customers").NumberInt(7); known {
		t.Error("a number is known whose key was destroyed")
	}
}

// TestCutsAfterAllHasAged: what is cut stays cut, and nothing else is, however
// old the orders are, and though an earlier program let them go.
func TestCutsAfterAllHasAged(t *testing.T) {
	a := newAging(t)
	dir := t.TempDir()
	skey, vkey, err := hub.OrdersKey(dir, string(agingTenant))
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := signer(hub.ReceiptsKey(dir, "hub"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := hub.Config{Tenant: string(agingTenant), Dir: dir, Now: a.now, Record: func(ctx context.Context, bodies ...event.Body) error {
		_, err := a.l.Recorder("process", 0).Record(ctx, event.Durable, bodies...)
		return err
	}}
	if cfg.Signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	if cfg.Verifier, err = note.NewVerifier(vkey); err != nil {
		t.Fatal(err)
	}
	open := func(past hub.Past) *hub.Cuts {
		t.Helper()
		cfg.Gates = answer.New("hub", receipts, a.now)
		c, err := hub.Open(t.Context(), cfg, past)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	past := func() hub.Past { return a.state().History.cuts }
	order := func(c *hub.Cuts, ch hub.Change) {
		t.Helper()
		ch.By, ch.Reason = "ayame", "r"
		if _, err := c.Order(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
	}
	c := open(past())
	for _, e := range []cut.Entry{{Kind: cut.Name, Target: "evil.example", Case: "c1"}, {Kind: cut.User, Target: "ren", Case: "c1"}} {
		e.Until = a.now().Add(time.Hour).UnixNano()
		order(c, hub.Change{Add: []cut.Entry{e}})
	}
	order(c, hub.Change{Remove: []string{"cut-1-1"}})
	want := c.Show().Entries
	if len(want) != 1 || want[0].Target != "ren" {
		t.Fatalf("in force: %+v", want)
	}
	same := func(c *hub.Cuts, when string, generation uint64) {
		t.Helper()
		if got := c.Show(); got.Generation != generation || !cmp.Equal(got.Entries, want) {
			t.Errorf("%s: generation %d, %+v; want %d, %+v", when, got.Generation, got.Entries, generation, want)
		}
	}
	a.age()
	same(open(past()), "all orders are old", 3)
	if err := os.Remove(filepath.Join(dir, "order.note")); err != nil {
		t.Fatal(err)
	}
	same(open(past()), "all orders are old and the file is lost", 3)

	// A program before let orders go with their segments: the ledger names the last
	// one only.
	var holes hub.Past
	holes.Generation, holes.Digest, holes.At = 3, past().Digest, past().At
	same(open(holes), "the ledger has lost an order", 4)
	same(open(past()), "and it is written down again", 4)
}
