package element

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// block are the classes of one block, in the order of the columns.
type block [15]uint64

// blockOf returns the classes of block i.
func (m *classes) blockOf(i int) (b block) {
	for k, c := range m.each() {
		b[k] = c[i]
	}
	return b
}

// ofDigits are the classes that are looked for when card numbers are wanted alone.
const ofDigits = 6

// classifySlow is the third opinion, byte by byte.
func classifySlow(src []byte, wide *wideForm) (c block) {
	const base = 6
	for i, b := range src[:blockSize] {
		for k, is := range [len(c)]bool{
			b >= '0' && b <= '9', b >= 0x80, strings.IndexByte("%&\\", b) >= 0, wide.has(b, src[i+1], src[i+2]),
			strings.IndexByte(" +-./()", b) >= 0, strings.IndexByte("\"'<,;|\t", b) >= 0 || b == ' ' && src[i+1] == '-',
			false, b == '.', b == '@', b == ':' || b == '=', b >= 0xE4 && b <= 0xE9,
			b == 0xE3 && (src[i+1] == 0x83 || src[i+1] == 0x82 && (src[i+2] > 0xA0 || src[i+2] < 0x80)),
			b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z',
			strings.IndexByte("Aegsx", b) >= 0 && strings.IndexByte("KSIyhilko", src[i+1]) >= 0 && strings.IndexByte("IzpousrtxJ_-", src[i+2]) >= 0,
			b == 0xEF && src[i+1] == 0xBC && (src[i+2] == 0x9A || src[i+2] == 0x9D || src[i+2] == 0xA0),
		} {
			if is {
				c[k] |= 1 << i
			}
		}
	}
	for i := 0; i < blockSize; i += 8 {
		if strings.Trim(string(src[i:i+8]), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == "" &&
			strings.ContainsAny(string(src[i:i+8]), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			c[base] |= 0x80 << i
		}
	}
	return c
}

// interesting are bytes at the edges of the classes.
const interesting = "\xef\xbc\x90\x99\x9a\x9d\xa0\x8f\x82\x4f\x58\x4e\x59\xa3\xb0\xb9\xaf\xba09/:%&\\@.=AegsxKSIyhilkozpurtJ_z`{[Z -+()\xe2\xe3\xe9\xea\xef\x82\xa0\xa1\x83\xbc\xa3\x00\x7f\x80\xff"

// everyPath returns the paths of this machine, the portable ones first.
func everyPath() (all, cards []path) {
	all, cards = []path{{"portable", classifyPortable, triggersAll, nil}}, []path{{"portable", classifyDigits, triggersCards, nil}}
	for _, f := range assembly() {
		all, cards = append(all, f.all), append(cards, f.cards)
	}
	return all, cards
}

func sameClasses(t *testing.T, src []byte, wide *wideForm) {
	t.Helper()
	const sep, joint = 4, 5
	blocks := (len(src) - overhang) / blockSize
	all, cards := everyPath()
	for i, p := range append(all, cards...) {
		digits := i >= len(all)
		dst := new(classes)
		p.classify(dst, blocks, src, wide)
		for i := range blocks {
			got, want := dst.blockOf(i+1), classifySlow(src[i*blockSize:], wide)
			if digits {
				behind := uint64(0) // sep and joint count behind four digits only
				for k := range blockSize {
					at := i*blockSize + k
					if n := min(at, 4); strings.Trim(string(src[at-n:at]), "0123456789") == "" {
						behind |= 1 << k
					}
				}
				got[sep], want[sep], got[joint], want[joint] = got[sep]&behind, want[sep]&behind, got[joint]&behind, want[joint]&behind
				clear(want[ofDigits:])
			}
			if got != want {
				t.Fatalf("%s, digits alone %v, %+v, block %d of %q:\n got %x\nwant %x", p.name, digits, *wide, i, src, got, want)
			}
		}
	}
}

// sameTriggers holds the ways of finding triggers equal, over blocks that go on
// from some carry.
func sameTriggers(t *testing.T, src []byte, wide *wideForm) {
	t.Helper()
	all, cards := everyPath()
	blocks := (len(src)-overhang)/blockSize - 1 // and one behind them
	for _, of := range []struct {
		name  string
		paths []path
		want  wanted
	}{
		{"all", all, wantedOf(^Mask(0), 0)},
		{"texts in a view", all, wantedOf(MaskOf(Name), 2)},
		{"cards", cards, wanted{}},
	} {
		m := new(classes)
		of.paths[0].classify(m, blocks+1, src, wide)
		var from carry // of the same blocks, standing before them
		of.paths[0].trigger(new(triggers), m, blocks, &from, &of.want)
		m.goOn(blocks)
		want, end := new(triggers), from
		of.paths[0].trigger(want, m, blocks, &end, &of.want)
		for _, p := range of.paths[1:] {
			got, k := new(triggers), from
			p.trigger(got, m, blocks, &k, &of.want)
			for kind, row := range got.each() {
				if i := slices.Compare(row[:blocks+1], want.each()[kind][:blocks+1]); i != 0 {
					t.Fatalf("%s, %s, kind %d of %q:\n got %x\nwant %x", of.name, p.name, kind, src, row[:blocks+1], want.each()[kind][:blocks+1])
				}
			}
			if k != end {
				t.Fatalf("%s, %s, the carry of %q:\n got %x\nwant %x", of.name, p.name, src, k, end)
			}
		}
	}
}

// each returns the kinds in their order.
func (t *triggers) each() [6]*[1 + stride]uint64 {
	return [...]*[1 + stride]uint64{&t.joined, &t.rows, &t.others, &t.views, &t.marks, &t.text}
}

var wideForms = []wideForm{wideUTF8, wideShiftJIS, wideEUC}

func TestClassesAgree(t *testing.T) {
	if len(assembly()) == 0 {
		t.Log("no assembly on this machine: only the portable path is tested")
	}
	for _, p := range assembly() {
		t.Log("tested beside the portable path:", p.all.name)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		src := make([]byte, blockSize*(2+r.IntN(stride))+overhang)
		rare := r.IntN(31) - 1
		for i := range src {
			src[i] = byte(r.IntN(256))
			if r.IntN(30) > rare {
				src[i] = "0123456789.-:="[r.IntN(14)]
			} else if r.IntN(2) == 0 {
				src[i] = interesting[r.IntN(len(interesting))]
			}
		}
		wide := &wideForms[r.IntN(3)]
		sameClasses(t, src, wide)
		sameTriggers(t, src, wide)
	}
}

// FuzzClasses holds the assembly and the portable path equal.
func FuzzClasses(f *testing.F) {
	f.Add([]byte(strings.Repeat("4111 1111 1111 1111 \xef\xbc\x94 user@mail.example AKIA%34&#52;", 3)))
	f.Fuzz(func(t *testing.T, src []byte) {
		src = append(src[:min(len(src), stride*blockSize)], make([]byte, blockSize*2+overhang)...)
		src = src[:len(src)-(len(src)-overhang)%blockSize]
		for i := range wideForms {
			sameClasses(t, src, &wideForms[i])
			sameTriggers(t, src, &wideForms[i])
		}
	})
}
