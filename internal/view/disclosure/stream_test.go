package disclosure

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sekisho/internal/element"
	"sekisho/internal/event"
	_ "sekisho/internal/seed"
	"sekisho/internal/view"
	"sekisho/internal/view/viewtest"
	"sekisho/proof/scope"
)

// memory is a ledger in memory.
type memory struct {
	lines [][]byte
	seqs  map[event.Source]event.Seq
}

func (m *memory) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	for i := from; int(i) < len(m.lines); i++ {
		if err := fn(i, m.lines[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	if int(next) < len(m.lines) {
		return event.Index(len(m.lines)), nil
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

func (m *memory) add(src event.Source, at int64, ce time.Duration, b event.Body) event.Seq {
	if m.seqs == nil {
		m.seqs = map[event.Source]event.Seq{}
	}
	m.seqs[src]++
	e := &event.Event{Tenant: "test", Source: src, Seq: m.seqs[src], At: event.Time(at), ClockErr: ce, Body: b}
	line := event.Append(nil, e)
	m.lines = append(m.lines, line[:len(line)-1])
	return m.seqs[src]
}

const base = int64(490_000) * hourNS // some time in 2025

var (
	gates     = []event.Source{"gate/a", "gate/b", "gate/a@osaka"}
	allTables = []event.Place{"shop/public.c", "shop/public.b", "shop/public.copy", "hr/public.staff", "www@osaka/list.csv"}
	masks     = []element.Mask{element.MaskOf(element.Name), element.MaskOf(element.Name, element.Email), element.MaskOf(element.Passport), 0}
)

func sourceOf(t event.Place) event.SubjectSource {
	switch t {
	case "hr/public.staff":
		return "hr.staff"
	case "www@osaka/list.csv":
		return "files@osaka.unknown"
	}
	return "shop.c"
}

func drawSet(t *rapid.T) event.Set {
	numbers := rapid.SliceOfN(rapid.OneOf(rapid.Uint32Range(0, 40), rapid.Uint32Range(65_530, 65_545)), 0, 6).Draw(t, "subjects")
	return event.SetOf(numbers)
}

func drawParts(t *rapid.T, subjects bool) (parts []event.Part) {
	for range rapid.IntRange(1, 2).Draw(t, "parts") {
		table := rapid.SampledFrom(append(allTables, "shop")).Draw(t, "table")
		p := event.Part{Table: table, Source: sourceOf(table), Elements: rapid.SampledFrom(masks[:3]).Draw(t, "mask"),
			Class: rapid.SampledFrom([]event.Class{event.Exact, event.Exact, event.Bounded, event.Aggregate}).Draw(t, "class")}
		if p.Class != event.Exact {
			p.Reason = rapid.SampledFrom([]string{"predicate", "self-join"}).Draw(t, "reason")
		}
		if subjects {
			p.Rows = uint64(rapid.IntRange(0, 9).Draw(t, "rows"))
			if p.Class == event.Exact {
				p.Subjects = drawSet(t)
				if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
					p.Unknown = 1
				}
			}
		}
		parts = append(parts, p)
	}
	return parts
}

// drawPlaces returns none to two places, of which one may lie in the other.
func drawPlaces(t *rapid.T, name string) []event.Place {
	return rapid.SliceOfNDistinct(rapid.SampledFrom([]event.Place{"shop", "hr", "shop/public.c"}), 0, 2, rapid.ID).Draw(t, name)
}

// drawStream makes a ledger with everything that can happen, also in an order
// that no good program writes.
func drawStream(t *rapid.T) *memory {
	m := new(memory)
	at := base
	type open struct {
		src event.Source
		seq event.Seq
		s   event.Session
	}
	var intents []open
	starts := map[event.Source]uint32{}
	step := rapid.SampledFrom([]int64{0, 1e8, 3e9, 9e9, 30e9, 1800e9, 5 * hourNS, 30 * hourNS, 300 * hourNS, 9000 * hourNS})
	if rapid.Bool().Draw(t, "calm") {
		step = rapid.SampledFrom([]int64{0, 1e8, 3e9, 9e9, 30e9})
	}
	for range rapid.IntRange(1, 40).Draw(t, "events") {
		at += step.Draw(t, "step")
		when := at
		if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
			when -= rapid.SampledFrom([]int64{1e9, hourNS, 700 * hourNS}).Draw(t, "how late")
		}
		ce := time.Duration(rapid.SampledFrom([]int64{0, 1e6, 2e9}).Draw(t, "clock"))
		src := rapid.SampledFrom(gates).Draw(t, "gate")
		session := event.Session(rapid.IntRange(1, 3).Draw(t, "session"))
		places := rapid.SampledFrom([][]event.Place{{"shop"}, {"shop", "hr"}, {"shop/public.c"}}).Draw(t, "places")
		table := rapid.SampledFrom(allTables).Draw(t, "table")
		switch rapid.IntRange(0, 22).Draw(t, "kind") {
		case 22:
			m.add("process", when, ce, &event.RecordDue{Sites: rapid.SampledFrom([][]string{{"osaka"}, {"nagoya"}, {"osaka", "nagoya"}}).Draw(t, "sites")})
		case 0:
			starts[src] += uint32(rapid.IntRange(0, 1).Draw(t, "again"))
			m.add(src, when, ce, &event.SourceStart{Start: starts[src], Places: places})
		case 1:
			m.add(src, when, ce, &event.SourceStop{})
		case 2, 3, 4:
			m.add(src, when, ce, &event.Heartbeat{Places: places})
		case 5:
			m.add(src, when, ce, &event.Gap{From: when - 5e9, To: when, Places: places[:rapid.IntRange(0, 1).Draw(t, "gap places")], Reason: "disk"})
		case 6:
			m.add("scan/shop", when, ce, &event.Coverage{From: when - rapid.SampledFrom([]int64{60e9, 3 * hourNS, 900 * hourNS}).Draw(t, "uncovered"), To: when, Places: places,
				Reason: rapid.SampledFrom([]string{"sessions", scope.ReasonCatalogue}).Draw(t, "why")})
		case 7:
			m.add("person/ayame", when, ce, &event.Bypass{Places: places, Open: rapid.Bool().Draw(t, "open")})
		case 8, 9:
			m.add(src, when, ce, &event.SessionOpen{Session: session, Place: "shop", User: rapid.SampledFrom([]string{"app", "root"}).Draw(t, "user"),
				Address: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "2001:db8::1"}).Draw(t, "address"), Label: rapid.SampledFrom([]string{"", "psql"}).Draw(t, "label")})
		case 10:
			m.add(src, when, ce, &event.SessionClose{Session: session})
		case 11:
			seq := m.add(src, when, ce, &event.Intent{Session: session, Statement: 7, From: when, Parts: drawParts(t, false)})
			intents = append(intents, open{src, seq, session})
		case 12, 13, 14:
			b := &event.Crossing{Session: session, Statement: 7, Outcome: event.OutcomeBucket, From: when - rapid.SampledFrom([]int64{0, 1e8, 2 * hourNS}).Draw(t, "took"), To: when, Count: 1, Parts: drawParts(t, true)}
			if len(intents) > 0 && rapid.Bool().Draw(t, "closes") {
				i := rapid.IntRange(0, len(intents)-1).Draw(t, "intent")
				src, b.Session, b.Intent, b.More = intents[i].src, intents[i].s, intents[i].seq, rapid.IntRange(0, 3).Draw(t, "more") == 0
			}
			m.add(src, when, ce, b)
		case 15, 16:
			parts := uint32(rapid.IntRange(1, 2).Draw(t, "scan parts"))
			id := uint64(rapid.IntRange(1, 1<<20).Draw(t, "scan"))
			for p := range uint32(rapid.IntRange(1, int(parts)).Draw(t, "parts that came")) {
				m.add("scan/shop", when, ce, &event.HoldingScan{Scan: id, Part: p + 1, Parts: parts, Table: table, Source: sourceOf(table),
					Elements: rapid.SampledFrom(masks).Draw(t, "mask"), From: when - 2e9, To: when, Rows: 10, Subjects: drawSet(t)})
			}
		case 17:
			m.add(src, when, ce, &event.HoldingChange{Session: session, Table: table, Source: sourceOf(table), Op: "insert", Rows: 2,
				Unknown: uint64(rapid.IntRange(0, 1).Draw(t, "unknown change")), Subjects: drawSet(t)})
		case 18:
			if rapid.IntRange(0, 3).Draw(t, "clears") == 0 {
				m.add(src, when, ce, &event.Cleared{Places: []event.Place{rapid.SampledFrom([]event.Place{"shop", "hr", "shop/public.copy"}).Draw(t, "cleared")}, By: rapid.SampledFrom([]string{"", "ayame"}).Draw(t, "by")})
				break
			}
			place := rapid.SampledFrom([]event.Place{"shop/public.copy", "shop/public.c", "shop", "hr/public.staff"})
			x := &event.Taint{Table: rapid.SampledFrom([]event.Place{"shop/public.copy", "shop/public.copy", "shop/public.c", "shop", "hr"}).Draw(t, "tainted"), From: rapid.SliceOfNDistinct(place, 0, 2, rapid.ID).Draw(t, "from"),
				Source: "shop.c", Elements: element.MaskOf(rapid.SampledFrom([]element.Kind{element.Email, element.Name}).Draw(t, "of")), Reason: "insert select"}
			x.Shown = rapid.IntRange(0, 3).Draw(t, "shown") == 0
			if rapid.Bool().Draw(t, "of an older snapshot") {
				x.Since = when - int64(rapid.IntRange(-2, 100).Draw(t, "older by"))*secondNS
			}
			x.Own, x.Standing = rapid.Bool().Draw(t, "own"), rapid.IntRange(0, 3).Draw(t, "standing") == 0
			m.add(src, when, ce, x)
		case 20, 21:
			m.add(src, when, ce, &event.PlacesChanged{Begun: drawPlaces(t, "begun"), Ended: drawPlaces(t, "ended")})
		case 19:
			if rapid.Bool().Draw(t, "statement") {
				m.add(src, when, ce, &event.Statement{Statement: 7, Text: "SELECT $1"})
			} else {
				m.add(src, when, ce, &event.Unknown{Of: 999, Raw: json.RawMessage(`{"x":1}`)})
			}
		}
	}
	return m
}

func drawQuery(t *rapid.T, m *memory) scope.Query {
	var q scope.Query
	last, err := event.Parse(m.lines[len(m.lines)-1])
	if err != nil {
		t.Fatal(err)
	}
	span := last.At.UnixNano() - base
	edge := func(name string) time.Time {
		switch rapid.IntRange(0, 3).Draw(t, name) {
		case 0:
			return time.Time{}
		case 1: // on an hour
			return event.Time((base + rapid.Int64Range(-hourNS, max(span, 0)+hourNS).Draw(t, name+" hour")) / hourNS * hourNS)
		}
		e, err := event.Parse(rapid.SampledFrom(m.lines).Draw(t, name+" event"))
		if err != nil {
			t.Fatal(err)
		}
		return e.At.Add(time.Duration(rapid.SampledFrom([]int64{0, 1, -1, 3e9, -3e9, 2e6}).Draw(t, name+" off")))
	}
	q.From, q.To = edge("from"), edge("to")
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		q.From, q.To = q.To, q.From
	}
	pick := func(name string, list ...string) []string {
		if rapid.IntRange(0, 2).Draw(t, name+" asked") > 0 {
			return nil
		}
		return []string{rapid.SampledFrom(list).Draw(t, name)}
	}
	q.Places = pick("place", "shop", "hr", "shop/public.c", "shop/public.copy", "nowhere", "www@osaka", "www@osaka/list.csv", "www@nagoya")
	q.Users = pick("user", "app", "root", "nobody")
	q.Addresses = pick("address", "10.0.0.1", "10.0.0.0/30", "2001:db8::/32")
	q.Elements = pick("element", "email", "passport")
	q.Labels = pick("label", "psql")
	if rapid.IntRange(0, 4).Draw(t, "session asked") == 0 {
		q.Sessions = []scope.Session{{Source: rapid.SampledFrom([]string{"", "gate/a"}).Draw(t, "session source"), ID: uint64(rapid.IntRange(1, 3).Draw(t, "session id"))}}
	}
	return q
}

func open(t *rapid.T, path string) *View {
	v, err := Open(context.Background(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestScopeEqualsEvaluator folds random ledgers in random batches, closing and
// opening the view between, and compares its answers with those of package
// scope over the same lines.
func TestScopeEqualsEvaluator(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := fmt.Sprintf("%s/%d.db", dir, n)
		m := drawStream(rt)
		if len(m.lines) == 0 {
			return
		}
		v := open(rt, path)
		for end := 0; end < len(m.lines); {
			end = rapid.IntRange(end+1, len(m.lines)).Draw(rt, "batch")
			f, err := view.Follow(context.Background(), "disclosure", &memory{lines: m.lines[:end]}, v)
			if err != nil {
				rt.Fatal(err)
			}
			if err := f.CatchUp(context.Background()); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "reopen") {
				if err := v.Close(); err != nil {
					rt.Fatal(err)
				}
				v = open(rt, path)
			}
		}
		defer v.Close()
		for range 4 {
			compare(rt, v, m, drawQuery(rt, m))
		}
	})
}

func compare(t *rapid.T, v *View, m *memory, q scope.Query) {
	want, sets, werr := scope.Evaluate(m.lines, q)
	got, err := v.Scope(context.Background(), q)
	if (err != nil) != (werr != nil) {
		t.Fatalf("view: %v, evaluator: %v", err, werr)
	}
	if err != nil {
		return
	}
	a, b := asJSON(t, got.Result), asJSON(t, *want)
	if diff := cmp.Diff(b, a); diff != "" {
		t.Fatalf("query %s\n(-evaluator +view)\n%s", asJSON(t, q), diff)
	}
	for c := scope.Confirmed; c <= scope.EverHeld; c++ {
		x, y := map[string]string{}, map[string]string{}
		for src, set := range got.Subjects(c) {
			x[string(src)] = string(set.Append(nil))
		}
		for src, set := range sets[c] {
			if set.Len() > 0 {
				y[src] = set.String()
			}
		}
		if diff := cmp.Diff(y, x); diff != "" {
			t.Fatalf("%s, query %s\n(-evaluator +view)\n%s", c, asJSON(t, q), diff)
		}
	}
	compareEvidence(t, v, m, q, a)
}

// compareEvidence has the evaluator answer from the evidence alone.
func compareEvidence(t *rapid.T, v *View, m *memory, q scope.Query, want string) {
	_, indexes, err := v.Evidence(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	for _, i := range indexes {
		lines = append(lines, m.lines[i])
	}
	got, _, err := scope.Evaluate(lines, q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, asJSON(t, *got)); diff != "" {
		for i, l := range m.lines {
			t.Logf("evidence %t: %s", slices.Contains(indexes, event.Index(i)), l)
		}
		t.Fatalf("query %s: %d of %d events say something else\n(-all +evidence)\n%s", asJSON(t, q), len(lines), len(m.lines), diff)
	}
}

func asJSON(t *rapid.T, x any) string {
	text, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestResume stops views over random ledgers at random places.
func TestResume(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		m := drawStream(rt)
		var stops []int
		for at := 0; at < len(m.lines)-1; {
			at = rapid.IntRange(at+1, len(m.lines)-1).Draw(rt, "stop")
			stops = append(stops, at)
		}
		n++
		var dirs [2]string
		for i := range dirs {
			dirs[i] = filepath.Join(dir, fmt.Sprint(n, "-", i))
			if err := os.Mkdir(dirs[i], 0o700); err != nil {
				rt.Fatal(err)
			}
		}
		viewtest.Resume(rt, context.Background(), func(ctx context.Context, dir string) (view.Fold, error) {
			return Open(ctx, Config{Path: filepath.Join(dir, "v.db")})
		}, m.lines, dirs, stops...)
		for _, d := range dirs {
			if err := os.RemoveAll(d); err != nil {
				rt.Fatal(err)
			}
		}
	})
}
