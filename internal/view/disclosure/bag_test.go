package disclosure

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"sekisho/internal/event"
)

func drawBag(t *rapid.T, name string) (*bag, map[uint32]bool) {
	b, model := new(bag), map[uint32]bool{}
	number := rapid.OneOf(rapid.Uint32Range(0, 300), rapid.Uint32Range(65_000, 140_000), rapid.SampledFrom([]uint32{0, 65535, 65536, 1<<32 - 1}))
	for range rapid.IntRange(0, 8).Draw(t, name+" steps") {
		n := number.Draw(t, name)
		switch rapid.IntRange(0, 4).Draw(t, name+" step") {
		case 0:
			last := n + min(rapid.SampledFrom([]uint32{0, 3, 300, 70_000, 140_000}).Draw(t, name+" range"), 1<<32-1-n)
			b.addRange(n, last)
			for k := uint64(n); k <= uint64(last); k++ {
				model[uint32(k)] = true
			}
		case 1:
			b.dense()
		case 2:
			b.sort()
		default:
			b.add(n, n+1)
			model[n], model[n+1] = true, true
		}
	}
	return b, model
}

func TestBagAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawBag(t, "a")
		b, mb := drawBag(t, "b")
		sub := true
		for n := range ma {
			sub = sub && mb[n]
		}
		if got := a.within(b); got != sub {
			t.Fatalf("within = %v, want %v", got, sub)
		}
		var only []uint32 // in a alone
		for _, n := range slices.Sorted(maps.Keys(ma)) {
			if !mb[n] {
				only = append(only, n)
			}
		}
		if got := slices.Collect(a.beyond(b).all); !slices.Equal(got, only) {
			t.Fatalf("beyond: %d members, want %d", len(got), len(only))
		}
		a.or(b)
		maps.Copy(ma, mb)
		want := slices.Sorted(maps.Keys(ma))
		if got := slices.Collect(a.all); !slices.Equal(got, want) {
			t.Fatalf("members %d, want %d", len(got), len(want))
		}
		if got := a.count(); got != uint64(len(want)) {
			t.Fatalf("count %d, want %d", got, len(want))
		}
		from := rapid.Uint32().Draw(t, "from")
		i, _ := slices.BinarySearch(want, from)
		if n, ok := a.next(from); ok != (i < len(want)) || ok && n != want[i] {
			t.Fatalf("next(%d) = %d, %v", from, n, ok)
		}

		text := a.encode(nil)
		for _, dense := range []bool{false, true} {
			back := new(bag)
			if dense {
				back.dense()
			}
			if err := back.addSet(text); err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(back.all); !slices.Equal(got, want) {
				t.Fatalf("decoded %d members, want %d", len(got), len(want))
			}
			if again := back.encode(nil); !bytes.Equal(again, text) {
				t.Fatal("equal sets have two spellings")
			}
		}
		if !slices.EqualFunc(a.ranges(), event.SetOf(slices.Clone(want)), func(x, y event.Range) bool { return x == y }) {
			t.Fatal("ranges differ")
		}
		r := roaring.BitmapOf(want...)
		r.RunOptimize()
		raw, err := r.ToBytes()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, a.appendRoaring(nil)) {
			t.Fatal("not the canonical Roaring form")
		}
	})
}

func FuzzAddSet(f *testing.F) {
	f.Add([]byte{tagDeltas, 1, 2, 0x80, 1})
	b := new(bag)
	b.addRange(5, 100_000)
	b.add(1 << 20)
	f.Add(b.encode(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := new(bag)
		if err := b.addSet(data); err == nil {
			b.count()
		}
		b.free()
	})
}
