package subject

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sekisho/internal/event"
	"sekisho/internal/keyring"
	_ "sekisho/internal/seed"
)

const testTenant = event.Tenant("default")

// memory is a Recorder that remembers; fail makes Record return an error after
// (when kept) or before it remembered.
type memory struct {
	mu     sync.Mutex
	bodies []event.Body
	fail   error
	kept   bool
}

func (m *memory) Record(_ context.Context, _ event.Level, bodies ...event.Body) (event.Seq, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := event.Seq(len(m.bodies) + 1)
	if m.fail == nil || m.kept {
		m.bodies = append(m.bodies, bodies...)
	}
	return first, m.fail
}

func (m *memory) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	seq, err := m.Record(context.Background(), level, bodies...)
	if err == nil && done != nil {
		done(nil)
	}
	return seq, err
}

// lines returns what was recorded, through its encoding.
func (m *memory) lines(t testing.TB) []*event.Event {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*event.Event
	for i, b := range m.bodies {
		line := event.Append(nil, &event.Event{Tenant: testTenant, Source: "gate/a", Seq: event.Seq(i + 1), At: event.Time(int64(i)), Body: b})
		if len(line) > event.MaxLine {
			t.Fatalf("event %d has %d bytes, more than %d", i, len(line), event.MaxLine)
		}
		e, err := event.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func newRing(t testing.TB) *keyring.Ring {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := keyring.Init(dir); err != nil {
		t.Fatal(err)
	}
	r, err := keyring.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []keyring.Purpose{keyring.Dictionary, keyring.Identifier} {
		if _, err := r.Create(testTenant, p); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func newDict(ring *keyring.Ring, rec event.Recorder, lease Lease) *Dictionary {
	return New(Config{Tenant: testTenant, Keys: ring, Recorder: rec, Lease: lease})
}

func replay(t testing.TB, ring *keyring.Ring, m *memory) *Dictionary {
	t.Helper()
	d := newDict(ring, m, nil)
	for _, e := range m.lines(t) {
		if err := d.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestAssignRebuildReverse(t *testing.T) {
	ring, m := newRing(t), &memory{}
	d := newDict(ring, m, nil)
	s := d.Source("shop.customers")
	ctx := t.Context()
	batches := [][]int64{
		{5, 6, 7}, {100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 7},
		{math.MaxInt64, math.MinInt64, 0, -1, 1 << 40}, {103, 117, 118}, {117},
	}
	want := map[int64]uint32{}
	for _, keys := range batches {
		numbers := make([]uint32, len(keys))
		if err := s.AssignInts(ctx, keys, numbers); err != nil {
			t.Fatal(err)
		}
		for i, k := range keys {
			if old, ok := want[k]; ok && old != numbers[i] {
				t.Fatalf("key %d: number %d, before %d", k, numbers[i], old)
			}
			want[k] = numbers[i]
		}
	}
	for _, d := range []*Dictionary{d, replay(t, ring, m)} {
		s := d.Source("shop.customers")
		for k, n := range want {
			if got, ok := s.NumberInt(k); !ok || got != n {
				t.Errorf("NumberInt(%d) = %d, %v, want %d", k, got, ok, n)
			}
			key, err := d.Key("shop.customers", n)
			if err != nil || key.Int != k {
				t.Errorf("Key(%d) = %v, %v, want %d", n, key, err, k)
			}
		}
		if n, ok := s.NumberInt(99); ok {
			t.Errorf("NumberInt(99) = %d, want none", n)
		}
	}
	for _, b := range m.bodies {
		if bytes.Contains(b.(*event.Subjects).Sealed, binary.AppendVarint(nil, 1<<40)) {
			t.Error("a key stands unsealed in an event")
		}
	}
}

// TestAgainstModel compares the dictionary with a map for random batches,
// epochs, replays and both kinds of keys.
func TestAgainstModel(t *testing.T) {
	ring := newRing(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &memory{}
		var lease Lease
		if rapid.Bool().Draw(rt, "leased") {
			lease = new(Blocks).Lease
		}
		d := newDict(ring, m, lease)
		type model struct {
			ints  map[int64]uint32
			texts map[string]uint32
		}
		now := model{map[int64]uint32{}, map[string]uint32{}}
		reverse := map[uint32]string{}
		learn := func(n uint32, text string) {
			if old, ok := reverse[n]; ok && old != text {
				rt.Fatalf("number %d given to two keys of the source", n)
			}
			reverse[n] = text
		}
		key := rapid.OneOf(rapid.Int64Range(0, 60), rapid.Int64Range(-3, 300), rapid.Int64())
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			s := d.Source("s")
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				if err := s.BeginEpoch(context.Background()); err != nil {
					rt.Fatal(err)
				}
				now = model{map[int64]uint32{}, map[string]uint32{}}
			case 1:
				fresh := newDict(ring, m, lease)
				for _, e := range m.lines(t) {
					for range rapid.IntRange(1, 2).Draw(rt, "times") {
						if err := fresh.Apply(e); err != nil {
							rt.Fatal(err)
						}
					}
				}
				d = fresh
			case 2, 3:
				kind := rapid.SampledFrom([]KeyKind{Text, UUID}).Draw(rt, "kind")
				var list [][]byte
				for _, k := range rapid.SliceOfN(rapid.StringN(0, 5, 20), 1, 20).Draw(rt, "texts") {
					b := []byte(k)
					if kind == UUID {
						b = append(b, make([]byte, 16)...)[:16]
						b[15] = 0xff // never equal to a text above
					}
					list = append(list, b)
				}
				numbers := make([]uint32, len(list))
				if err := s.AssignBytes(context.Background(), kind, list, numbers); err != nil {
					rt.Fatal(err)
				}
				for i, k := range list {
					if old, ok := now.texts[string(k)]; ok && old != numbers[i] {
						rt.Fatalf("key %q: %d, before %d", k, numbers[i], old)
					}
					now.texts[string(k)] = numbers[i]
					learn(numbers[i], "b"+string(k))
				}
			default:
				list := rapid.SliceOfN(key, 1, 30).Draw(rt, "ints")
				if rapid.Bool().Draw(rt, "run") {
					first, n := list[0]>>1, rapid.IntRange(1, 80).Draw(rt, "length")
					list = list[:0]
					for i := range n {
						list = append(list, first+int64(i))
					}
				}
				numbers := make([]uint32, len(list))
				if err := s.AssignInts(context.Background(), list, numbers); err != nil {
					rt.Fatal(err)
				}
				for i, k := range list {
					if old, ok := now.ints[k]; ok && old != numbers[i] {
						rt.Fatalf("key %d: %d, before %d", k, numbers[i], old)
					}
					now.ints[k] = numbers[i]
					learn(numbers[i], fmt.Sprint("i", k))
				}
			}
			s = d.Source("s")
			for k, n := range now.ints {
				if got, ok := s.NumberInt(k); !ok || got != n {
					rt.Fatalf("NumberInt(%d) = %d, %v, want %d", k, got, ok, n)
				}
				if _, known := now.ints[k+1]; !known {
					if got, ok := s.NumberInt(k + 1); ok {
						rt.Fatalf("NumberInt(%d) = %d, want none", k+1, got)
					}
				}
			}
			for k, n := range now.texts {
				if got, ok := s.NumberBytes([]byte(k)); !ok || got != n {
					rt.Fatalf("NumberBytes(%q) = %d, %v, want %d", k, got, ok, n)
				}
			}
			for n, text := range reverse {
				k, err := d.Key("s", n)
				got := fmt.Sprint("i", k.Int)
				if k.Kind != Int {
					got = "b" + string(k.Bytes)
				}
				if err != nil || got != text {
					rt.Fatalf("Key(%d) = %q, %v, want %q", n, got, err, text)
				}
			}
		}
	})
}

func TestFailedRecord(t *testing.T) {
	for _, kept := range []bool{false, true} {
		ring, m := newRing(t), &memory{fail: errors.New("disk"), kept: kept}
		d := newDict(ring, m, nil)
		s := d.Source("s")
		n := make([]uint32, 1)
		if err := s.AssignInts(t.Context(), []int64{1}, n); !errors.Is(err, m.fail) {
			t.Fatalf("kept %v: error %v, want the recorder's", kept, err)
		}
		if got, ok := s.NumberInt(1); ok {
			t.Errorf("kept %v: key has number %d though it was not recorded", kept, got)
		}
		m.fail = nil
		if err := s.AssignInts(t.Context(), []int64{2}, n); err != nil || n[0] == 0 {
			t.Errorf("kept %v: second key got %d, %v; number 0 may stand in the ledger", kept, n[0], err)
		}
		if err := s.AssignInts(t.Context(), []int64{1}, n); err != nil {
			t.Fatal(err)
		}
		if got, _ := replay(t, ring, m).Source("s").NumberInt(1); got != n[0] {
			t.Errorf("kept %v: after replay key 1 is %d, want the later number %d", kept, got, n[0])
		}
	}
}

func TestNumbersSeenElsewhereAreNotReused(t *testing.T) {
	d := newDict(newRing(t), &memory{}, nil)
	lost := &event.Crossing{Parts: []event.Part{{Source: "s", Subjects: event.Set{{First: 3, Last: 9}}}}}
	if err := d.Apply(&event.Event{Tenant: testTenant, Body: lost}); err != nil {
		t.Fatal(err)
	}
	n := make([]uint32, 1)
	if err := d.Source("s").AssignInts(t.Context(), []int64{1}, n); err != nil || n[0] != 10 {
		t.Errorf("number %d, %v, want 10", n[0], err)
	}
	if _, err := d.Key("s", 5); !errors.Is(err, ErrNoKey) {
		t.Errorf("Key(5): %v, want ErrNoKey", err)
	}
}

func TestDestroyedKey(t *testing.T) {
	ring, m := newRing(t), &memory{}
	d := newDict(ring, m, nil)
	s := d.Source("s")
	old := make([]uint32, 2)
	if err := s.AssignBytes(t.Context(), Text, [][]byte{[]byte("a"), []byte("b")}, old); err != nil {
		t.Fatal(err)
	}
	gone, err := ring.Current(testTenant, keyring.Dictionary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Create(testTenant, keyring.Dictionary); err != nil {
		t.Fatal(err)
	}
	kept := make([]uint32, 1)
	if err := s.AssignBytes(t.Context(), Text, [][]byte{[]byte("c")}, kept); err != nil {
		t.Fatal(err)
	}
	if err := ring.Destroy(t.Context(), m, gone.ID(), "ayame", "retention"); err != nil {
		t.Fatal(err)
	}
	d.Forget(gone.ID())
	for name, d := range map[string]*Dictionary{"running": d, "replayed": replay(t, ring, m)} {
		if _, err := d.Key("s", old[0]); !errors.Is(err, ErrForgotten) {
			t.Errorf("%s: Key: %v, want ErrForgotten", name, err)
		}
		if n, ok := d.Source("s").NumberBytes([]byte("a")); ok {
			t.Errorf("%s: forgotten key still has number %d", name, n)
		}
		if k, err := d.Key("s", kept[0]); err != nil || k.String() != "c" {
			t.Errorf("%s: Key(kept) = %v, %v", name, k, err)
		}
	}
	if err := ring.Erase("default/dictionary-7-00000000"); err != nil {
		t.Fatal(err)
	}
	b := &event.Subjects{Source: "s", Number: 50, Count: 1, KeyID: "default/dictionary-9-00000000"}
	if err := d.Apply(&event.Event{Tenant: testTenant, Body: b}); !errors.Is(err, keyring.ErrUnknown) {
		t.Errorf("unknown key: %v, want ErrUnknown", err)
	}
}

func TestChangedEventIsRefused(t *testing.T) {
	ring, m := newRing(t), &memory{}
	if err := newDict(ring, m, nil).Source("s").AssignInts(t.Context(), []int64{8}, make([]uint32, 1)); err != nil {
		t.Fatal(err)
	}
	good := *m.bodies[0].(*event.Subjects)
	for name, change := range map[string]func(*event.Subjects){
		"source": func(b *event.Subjects) { b.Source = "t" },
		"number": func(b *event.Subjects) { b.Number++ },
		"epoch":  func(b *event.Subjects) { b.Epoch++ },
		"bytes":  func(b *event.Subjects) { b.Sealed = bytes.Clone(b.Sealed); b.Sealed[30] ^= 1 },
	} {
		b := good
		change(&b)
		if err := newDict(ring, m, nil).Apply(&event.Event{Tenant: testTenant, Body: &b}); !errors.Is(err, keyring.ErrSealed) {
			t.Errorf("%s changed: %v, want ErrSealed", name, err)
		}
	}
}

// TestHammer looks keys up while others are assigned.
func TestHammer(t *testing.T) {
	ring, m := newRing(t), &memory{}
	d := newDict(ring, m, nil)
	s := d.Source("s")
	var high atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for i := int64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				h := high.Load()
				if h == 0 {
					continue
				}
				k := i % h
				n, ok := s.NumberInt(k)
				b, okb := s.NumberBytes(binary.BigEndian.AppendUint64(nil, uint64(k)))
				if !ok || !okb {
					t.Errorf("assigned key %d is missing", k)
					return
				}
				if key, err := d.Key("s", n); err != nil || key.Int != k {
					t.Errorf("Key(%d) = %v, %v, want %d", n, key, err, k)
					return
				}
				if n == b {
					t.Errorf("two keys have number %d", n)
					return
				}
			}
		})
	}
	for round := range int64(400) {
		size := round%40 + 1
		ints, texts := make([]int64, size), make([][]byte, size)
		for i := range ints {
			ints[i] = high.Load() + int64(i)
			texts[i] = binary.BigEndian.AppendUint64(nil, uint64(ints[i]))
		}
		numbers := make([]uint32, size)
		if err := s.AssignInts(t.Context(), ints, numbers); err != nil {
			t.Fatal(err)
		}
		if err := s.AssignBytes(t.Context(), Text, texts, numbers); err != nil {
			t.Fatal(err)
		}
		high.Add(size)
	}
	close(stop)
	wg.Wait()
}

func TestLeasesNeverCollide(t *testing.T) {
	ring, blocks := newRing(t), new(Blocks)
	seen := map[uint32]string{}
	for gate := range 3 {
		d := newDict(ring, &memory{}, blocks.Lease)
		keys, numbers := make([]int64, 70_000), make([]uint32, 70_000)
		for i := range keys {
			keys[i] = int64(i)*3 + int64(gate)
		}
		if err := d.Source("s").AssignInts(t.Context(), keys, numbers); err != nil {
			t.Fatal(err)
		}
		for i, n := range numbers {
			if old, ok := seen[n]; ok {
				t.Fatalf("number %d given by gate %d and as %s", n, gate, old)
			}
			seen[n] = fmt.Sprintf("gate %d key %d", gate, keys[i])
		}
	}
}

func TestNumbersUsedUp(t *testing.T) {
	d := newDict(newRing(t), &memory{}, nil)
	b := &event.HoldingScan{Source: "s", Subjects: event.Set{{First: MaxNumber - 1, Last: MaxNumber - 1}}}
	if err := d.Apply(&event.Event{Tenant: testTenant, Body: b}); err != nil {
		t.Fatal(err)
	}
	n := make([]uint32, 1)
	if err := d.Source("s").AssignInts(t.Context(), []int64{1}, n); err != nil || n[0] != MaxNumber {
		t.Fatalf("last number: %d, %v, want %d", n[0], err, uint32(MaxNumber))
	}
	if err := d.Source("s").AssignInts(t.Context(), []int64{2}, n); !errors.Is(err, ErrFull) {
		t.Errorf("no number left: %v, want ErrFull", err)
	}
}

func FuzzDecodeKeys(f *testing.F) {
	f.Add([]byte{formExtent, 2}, uint32(3))
	f.Add(entry{keys: keys{form: formInts, ints: []int64{-5, 0, math.MaxInt64}}, count: 3}.plain(), uint32(3))
	f.Add([]byte{formBytes, 1, 'a', 0}, uint32(2))
	f.Add(append([]byte{formUUID}, make([]byte, 32)...), uint32(2))
	f.Fuzz(func(t *testing.T, plain []byte, count uint32) {
		got, err := decodeKeys(plain, count)
		if err != nil {
			return
		}
		again, err := decodeKeys(entry{got, count}.plain(), count)
		if err != nil {
			t.Fatalf("encoding of %v does not decode: %v", got, err)
		}
		if diff := cmp.Diff(got, again, cmp.AllowUnexported(keys{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
