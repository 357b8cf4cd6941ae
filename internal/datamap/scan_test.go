package datamap

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	gocmp "github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/keyring"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/internal/subject"
)

// scanRole may read and nothing else.
const scanRole = "scanner"

const tenant = "test"

// rig is a server with a database shop, a map over it and what it wrote.
type rig struct {
	server *pgserver.Server
	rec    *eventtest.Recorder
	dict   *subject.Dictionary
	ids    *subject.Identifiers
	cfg    Config
}

func newRig(t testing.TB, sql string, tables ...Table) *rig {
	t.Helper()
	r := &rig{server: pgservertest.Start(t, pgserver.Config{})}
	ctx := t.Context()
	if err := r.server.Exec(ctx, "postgres", "CREATE ROLE "+scanRole+" LOGIN; CREATE ROLE app LOGIN"); err != nil {
		t.Fatal(err)
	}
	if err := r.server.CreateDatabase(ctx, "shop"); err != nil {
		t.Fatal(err)
	}
	if err := r.server.Exec(ctx, "shop", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;"+sql); err != nil {
		t.Fatal(err)
	}
	r.books(t)
	r.cfg.DSN, r.cfg.Tables = r.server.DSN(scanRole, "shop"), tables
	return r
}

// books gives the rig what a map writes to.
func (r *rig) books(t testing.TB) {
	t.Helper()
	r.rec = &eventtest.Recorder{}
	dir := filepath.Join(t.TempDir(), "keys")
	if err := keyring.Init(dir); err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Create(tenant, keyring.Dictionary); err != nil {
		t.Fatal(err)
	}
	key, err := ring.Create(tenant, keyring.Identifier)
	if err != nil {
		t.Fatal(err)
	}
	if r.ids, err = subject.NewIdentifiers(key, 0); err != nil {
		t.Fatal(err)
	}
	r.dict = subject.New(subject.Config{Tenant: tenant, Keys: ring, Recorder: r.rec})
	r.cfg = Config{
		Database: "shop", Recorder: r.rec,
		Numbers:     func(s event.SubjectSource) Numbers { return r.dict.Source(s) },
		Identifiers: r.ids,
	}
}

func (r *rig) newMap(t testing.TB) *Map {
	t.Helper()
	m, err := New(r.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// holding is what the events of one scan say, by key instead of number.
type holding struct {
	Rows, Unknown uint64
	Keys          map[string][]string // elements → keys
}

// held gathers the last scan of a table.
func (r *rig) held(t *testing.T, table event.Place) holding {
	t.Helper()
	h := holding{Keys: map[string][]string{}}
	var last *event.HoldingScan
	for _, b := range eventtest.Of[*event.HoldingScan](r.rec) {
		if b.Table != table {
			continue
		}
		if last == nil || b.Scan != last.Scan {
			h = holding{Keys: map[string][]string{}}
		}
		last = b
		h.Rows, h.Unknown = b.Rows, b.Unknown
		group := append(h.Keys[b.Elements.String()], r.keys(t, b.Source, b.Subjects)...)
		slices.SortFunc(group, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		h.Keys[b.Elements.String()] = group
	}
	return h
}

func (r *rig) keys(t *testing.T, source event.SubjectSource, set event.Set) (keys []string) {
	t.Helper()
	for _, rng := range set {
		for n := rng.First; n <= rng.Last; n++ {
			k, err := r.dict.Key(source, n)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, k.String())
		}
	}
	return keys
}

const shopSQL = `
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, email text, shoe_size int, seen_at date);
INSERT INTO customers VALUES (1,'a','A@example.com',40,NULL), (2,'b',NULL,NULL,'2026-01-01'), (300,'c','c@example.com',NULL,NULL);
CREATE TABLE notes (id int PRIMARY KEY, customer_id int, body text);
INSERT INTO notes VALUES (1,1,'x'), (2,1,NULL), (3,NULL,'who?'), (4,300,'y');
CREATE TABLE devices (token uuid PRIMARY KEY, cookie text NOT NULL);
INSERT INTO devices VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'c1');
CREATE DOMAIN member AS text;
CREATE TABLE members ("No." member PRIMARY KEY, "Full ""Name""" text);
INSERT INTO members VALUES ('会員7', 'n'), ('x' || chr(9) || '8', 'm');
CREATE MATERIALIZED VIEW lists AS SELECT id, email FROM customers WHERE email IS NOT NULL;
CREATE TABLE empty (id bigint PRIMARY KEY, name text);`

func customers() Table {
	return Table{
		Place: "shop/public.customers", Schema: "public", Name: "customers", Source: "shop.customers", Key: "id",
		Columns: map[string]element.Kind{"name": element.Name, "email": element.Email},
		Plain:   []string{"seen_at"}, Identifiers: []string{"email"},
	}
}

func TestScan(t *testing.T) {
	tables := []Table{
		customers(),
		{Place: "shop/public.notes", Schema: "public", Name: "notes", Source: "shop.customers", Key: "customer_id",
			Columns: map[string]element.Kind{"body": element.Note}, Plain: []string{"id"}},
		{Place: "shop/public.devices", Schema: "public", Name: "devices", Source: "shop.devices", Key: "token",
			Columns: map[string]element.Kind{"cookie": element.Cookie}},
		{Place: "shop/public.members", Schema: "public", Name: "members", Source: "shop.members", Key: "No.",
			Columns: map[string]element.Kind{`Full "Name"`: element.Name}},
		{Place: "shop/public.lists", Schema: "public", Name: "lists", Source: "shop.customers", Key: "id",
			Columns: map[string]element.Kind{"email": element.Email}},
		{Place: "shop/public.copy", Schema: "public", Name: "lists", Source: "shop.customers"},
		{Place: "shop/public.empty", Schema: "public", Name: "empty", Source: "shop.customers", Key: "id",
			Columns: map[string]element.Kind{"name": element.Name}},
	}
	r := newRig(t, shopSQL, tables...)
	before := time.Now()
	if err := r.newMap(t).ScanAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[event.Place]holding{
		"shop/public.customers": {Rows: 3, Keys: map[string][]string{
			"unclassified,name,email": {"1"}, "name": {"2"}, "name,email": {"300"}}},
		"shop/public.notes":   {Rows: 4, Unknown: 1, Keys: map[string][]string{"note": {"1", "300"}, "": {"1"}}},
		"shop/public.devices": {Rows: 1, Keys: map[string][]string{"cookie": {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}}},
		"shop/public.members": {Rows: 2, Keys: map[string][]string{"name": {"x\t8", "会員7"}}},
		"shop/public.lists":   {Rows: 2, Keys: map[string][]string{"email": {"1", "300"}}},
		"shop/public.copy":    {Rows: 2, Unknown: 2, Keys: map[string][]string{"unclassified": nil}},
		"shop/public.empty":   {Rows: 0, Keys: map[string][]string{"name": nil}},
	}
	for place, w := range want {
		if diff := gocmp.Diff(w, r.held(t, place)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", place, diff)
		}
	}
	for _, b := range eventtest.Of[*event.HoldingScan](r.rec) {
		if b.From < before.UnixNano() || b.To < b.From || b.To > time.Now().UnixNano() {
			t.Errorf("%s: scan from %d to %d, outside the test", b.Table, b.From, b.To)
		}
	}
	n, owner := r.ids.Lookup(subject.Space{Table: "shop/public.customers", Element: element.Email}, []byte("a@EXAMPLE.com"))
	if want, _ := r.dict.Source("shop.customers").NumberInt(1); owner != subject.One || n != want {
		t.Errorf("identifier of customer 1 = %d, %v; want %d, One", n, owner, want)
	}
}

// Row security must not make people invisible to the scan: reachable would
// miss them.
func TestScanRefusesRowSecurity(t *testing.T) {
	r := newRig(t, shopSQL+`ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
		CREATE POLICY few ON customers USING (id < 2);`, customers())
	m := r.newMap(t)
	for range 2 {
		if err := m.ScanAll(t.Context()); err == nil {
			t.Fatal("the scan took what row security left over")
		}
	}
	if got := eventtest.Of[*event.HoldingScan](r.rec); len(got) != 0 {
		t.Errorf("recorded %+v after a failed scan", got[0])
	}
	want := []*event.Finding{{Code: "SK7205", Title: "holdings cannot be read", Place: "shop/public.customers", Detail: "SQLSTATE 42501"}}
	if diff := gocmp.Diff(want, eventtest.Of[*event.Finding](r.rec)); diff != "" {
		t.Errorf("findings, one for the whole time it fails (-want +got):\n%s", diff)
	}
}

func TestScanRefusesTables(t *testing.T) {
	r := newRig(t, shopSQL+"CREATE TABLE prices (amount numeric PRIMARY KEY); CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false); CREATE TABLE words (w text COLLATE loose);")
	for _, tt := range []struct {
		name, want string
		change     func(*Table)
	}{
		{"unknown column", "SK7201", func(t *Table) { t.Columns = map[string]element.Kind{"mail": element.Email} }},
		{"unknown plain column", "SK7201", func(t *Table) { t.Plain = []string{"created"} }},
		{"unknown key", "SK7202", func(t *Table) { t.Key = "no" }},
		{"key of type numeric", "SK7203", func(t *Table) { *t = Table{Place: "p", Schema: "public", Name: "prices", Key: "amount"} }},
		{"key that two spellings share", "SK7203", func(t *Table) { *t = Table{Place: "p", Schema: "public", Name: "words", Key: "w"} }},
		{"no such table", "42P01", func(t *Table) { t.Name = "clients" }},
	} {
		table := customers()
		tt.change(&table)
		r.cfg.Tables = []Table{table}
		if err := r.newMap(t).ScanAll(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s in it", tt.name, err, tt.want)
		}
	}
}

// Writers work while tables are scanned; every scan must be one snapshot.
func TestScanIsOneSnapshot(t *testing.T) {
	r := newRig(t, `CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
		INSERT INTO customers SELECT i, 'n' FROM generate_series(1, 20000) i;`,
		Table{Place: "shop/public.customers", Schema: "public", Name: "customers", Source: "shop.customers", Key: "id",
			Columns: map[string]element.Kind{"name": element.Name}})
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 1; ctx.Err() == nil; i++ { // every transaction keeps the number of rows
			sql := fmt.Sprintf("DELETE FROM customers WHERE id = (SELECT min(id) FROM customers); INSERT INTO customers VALUES (%d, 'new')", 20000+i)
			if err := r.server.Exec(ctx, "shop", sql); err != nil && ctx.Err() == nil {
				t.Errorf("writer: %v", err)
				return
			}
		}
	})
	m := r.newMap(t)
	for range 5 {
		if err := m.ScanAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		h := r.held(t, "shop/public.customers")
		if keys := h.Keys["name"]; h.Rows != 20000 || len(keys) != 20000 {
			t.Errorf("scan found %d rows of %d subjects, want 20000 of 20000", h.Rows, len(keys))
		}
	}
	cancel()
	writer.Wait()
}

// Sets of any shape survive the cutting into events, and events stay small.
func TestBodiesAreChunked(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for name, fill := range map[string]func(*roaring.Bitmap){
		"empty": func(*roaring.Bitmap) {},
		"one":   func(b *roaring.Bitmap) { b.Add(0) },
		"dense": func(b *roaring.Bitmap) { b.AddRange(5, 4_000_000) },
		"sparse": func(b *roaring.Bitmap) {
			b.AddRange(0, 3)
			for range 60_000 {
				b.Add(rnd.Uint32N(1 << 31))
			}
		},
		"top": func(b *roaring.Bitmap) { b.AddRange(1<<32-10, 1<<32-1) },
	} {
		all := roaring.New()
		fill(all)
		s := &scan{
			table: &Table{Place: "shop/public.customers", Source: "shop.customers"}, plan: &plan{mask: element.MaskOf(element.Name)},
			groups: map[element.Mask]*roaring.Bitmap{element.MaskOf(element.Name): all}, from: eventtest.Start, to: eventtest.Start,
		}
		rec := &eventtest.Recorder{}
		bodies := s.bodies(7)
		if _, err := rec.Record(t.Context(), event.Written, bodies...); err != nil {
			t.Fatal(err)
		}
		back := roaring.New()
		for i, b := range eventtest.Of[*event.HoldingScan](rec) {
			if b.Scan != 7 || int(b.Part) != i+1 || int(b.Parts) != len(bodies) {
				t.Errorf("%s: chunk %d is part %d of %d of scan %d", name, i, b.Part, b.Parts, b.Scan)
			}
			for _, r := range b.Subjects {
				back.AddRange(uint64(r.First), uint64(r.Last)+1)
			}
		}
		for _, line := range rec.Lines() {
			if len(line) > event.MaxLine {
				t.Errorf("%s: an event of %d bytes, more than %d", name, len(line), event.MaxLine)
			}
		}
		if !back.Equals(all) {
			t.Errorf("%s: %d subjects went in, %d came out", name, all.GetCardinality(), back.GetCardinality())
		}
		if name == "sparse" && len(bodies) < 2 {
			t.Errorf("%s: %d event, want several", name, len(bodies))
		}
	}
}

// binaryCopy writes a COPY as the server would.
func binaryCopy(rows ...[][]byte) []byte {
	b := append([]byte(copyHeader), 0, 0, 0, 0, 0, 0, 0, 3, 'e', 'x', 't')
	for _, fields := range rows {
		b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
		for _, f := range fields {
			if f == nil {
				b = binary.BigEndian.AppendUint32(b, 1<<32-1)
				continue
			}
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
	}
	return append(b, 0xff, 0xff)
}

func TestCopyReaderAnyChunking(t *testing.T) {
	rows := [][][]byte{{[]byte("1"), nil, []byte("")}, {}, {[]byte(strings.Repeat("x", 300))}}
	text := binaryCopy(rows...)
	for size := 1; size <= len(text); size++ {
		var got [][][]byte
		r := &copyReader{row: func(fields [][]byte) error {
			row := make([][]byte, len(fields))
			for i, f := range fields {
				if f != nil {
					row[i] = append([]byte{}, f...)
				}
			}
			got = append(got, row)
			return nil
		}}
		for chunk := range slices.Chunk(text, size) {
			if _, err := r.Write(chunk); err != nil {
				t.Fatalf("chunks of %d: %v", size, err)
			}
		}
		if err := r.close(); err != nil || !gocmp.Equal(got, rows) {
			t.Fatalf("chunks of %d: %q, %v; want %q", size, got, err, rows)
		}
	}
}

func FuzzCopyReader(f *testing.F) {
	f.Add(binaryCopy([][]byte{[]byte("1"), nil}))
	f.Add([]byte(copyHeader + "\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Add(append([]byte(copyHeader), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, text []byte) {
		var whole, cut int
		a := &copyReader{row: func(fields [][]byte) error { whole += 1 + len(fields); return nil }}
		_, errWhole := a.Write(text)
		b := &copyReader{row: func(fields [][]byte) error { cut += 1 + len(fields); return nil }}
		var errCut error
		for i := range text {
			if _, errCut = b.Write(text[i : i+1]); errCut != nil {
				break
			}
		}
		if whole != cut || (errWhole == nil) != (errCut == nil) || (a.close() == nil) != (b.close() == nil) {
			t.Errorf("whole: %d, %v; byte by byte: %d, %v", whole, errWhole, cut, errCut)
		}
	})
}
