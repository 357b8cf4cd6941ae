package disclosure

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// TestVarint: it reads as encoding/binary does, wherever the bytes lie.
func TestVarint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		v := rng.Uint64() >> rng.IntN(64)
		d := binary.AppendUvarint(make([]byte, rng.IntN(3)), v)
		at := len(d) - len(binary.AppendUvarint(nil, v))
		end := len(d)
		for range rng.IntN(10) {
			d = append(d, byte(rng.Uint32()))
		}
		if got, next := varint(d, at); got != v || next != end {
			t.Fatalf("%x at %d: %d, %d, want %d, %d", d, at, got, next, v, end)
		}
	}
}

func FuzzVarint(f *testing.F) {
	f.Add([]byte{0x80}, uint8(0))
	f.Add(binary.AppendUvarint(nil, math.MaxUint64), uint8(0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, uint8(0))
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 1}, uint8(0))
	f.Fuzz(func(t *testing.T, d []byte, at uint8) {
		i := int(at)
		got, next := varint(d, i)
		want, n := uint64(0), 0
		if i <= len(d) {
			want, n = binary.Uvarint(d[i:])
		}
		if n <= 0 {
			if next <= len(d) {
				t.Fatalf("%x at %d is taken for whole", d, i)
			}
			return
		}
		if got != want || next != i+n {
			t.Fatalf("%x at %d: %d, %d, want %d, %d", d, i, got, next, want, i+n)
		}
	})
}
