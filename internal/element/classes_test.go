package element

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// classifySlow is the third opinion, byte by byte.
func classifySlow(src []byte, wide *wideForm) classes {
	var c classes
	for i, b := range src[:blockSize] {
		bit := uint64(1) << i
		for _, class := range []struct {
			mask *uint64
			is   bool
		}{
			{&c.digit, b >= '0' && b <= '9'}, {&c.escape, strings.IndexByte("%&\\", b) >= 0}, {&c.wide, wide.has(b, src[i+1], src[i+2])},
			{&c.high, b >= 0x80}, {&c.sep, strings.IndexByte(" +-./()", b) >= 0},
			{&c.joint, strings.IndexByte("\"'<,;|\t", b) >= 0 || b == ' ' && src[i+1] == '-'},
			{&c.sign, b == 0xEF && src[i+1] == 0xBC && (src[i+2] == 0x9A || src[i+2] == 0x9D || src[i+2] == 0xA0)},
			{&c.dot, b == '.'}, {&c.at, b == '@'}, {&c.assign, b == ':' || b == '='}, {&c.cjk, b >= 0xE4 && b <= 0xE9},
			{&c.kata, b == 0xE3 && (src[i+1] == 0x83 || src[i+1] == 0x82 && (src[i+2] > 0xA0 || src[i+2] < 0x80))},
			{&c.alpha, b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'},
			{&c.token, strings.IndexByte("Aegsx", b) >= 0 && strings.IndexByte("KSIyhilko", src[i+1]) >= 0 && strings.IndexByte("IzpousrtxJ_-", src[i+2]) >= 0},
		} {
			if class.is {
				*class.mask |= bit
			}
		}
	}
	for i := 0; i < blockSize; i += 8 {
		if strings.Trim(string(src[i:i+8]), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == "" &&
			strings.ContainsAny(string(src[i:i+8]), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			c.base |= 0x80 << i
		}
	}
	return c
}

// interesting are bytes at the edges of the classes.
const interesting = "\xef\xbc\x90\x99\x9a\x9d\xa0\x8f\x82\x4f\x58\x4e\x59\xa3\xb0\xb9\xaf\xba09/:%&\\@.=AegsxKSIyhilkozpurtJ_z`{[Z -+()\xe2\xe3\xe9\xea\xef\x82\xa0\xa1\x83\xbc\xa3\x00\x7f\x80\xff"

func sameClasses(t *testing.T, src []byte, wide *wideForm) {
	t.Helper()
	all, cards := fastest()
	for _, path := range []struct {
		name string
		f    classifyFunc
	}{{"portable", classifyPortable}, {"assembly", all.classify}, {"digits", classifyDigits}, {"digits in assembly", cards.classify}} {
		if path.f == nil {
			continue
		}
		dst := make([]classes, (len(src)-overhang)/blockSize)
		path.f(dst, src, wide)
		for i, got := range dst {
			want := classifySlow(src[i*blockSize:], wide)
			if strings.HasPrefix(path.name, "digits") {
				behind := uint64(0) // sep and joint count behind four digits only
				for k := range blockSize {
					at := i*blockSize + k
					if n := min(at, 4); strings.Trim(string(src[at-n:at]), "0123456789") == "" {
						behind |= 1 << k
					}
				}
				got.sep, want.sep, got.joint, want.joint = got.sep&behind, want.sep&behind, got.joint&behind, want.joint&behind
				want = classes{digit: want.digit, high: want.high, escape: want.escape, wide: want.wide, sep: want.sep, joint: want.joint}
			}
			if got != want {
				t.Fatalf("%s, %+v, block %d of %q:\n got %x\nwant %x", path.name, *wide, i, src, got, want)
			}
		}
	}
}

// sameTriggers holds the two ways of finding triggers equal, over blocks that go on
// from some carry.
func sameTriggers(t *testing.T, src []byte, wide *wideForm) {
	t.Helper()
	all, cards := fastest()
	blocks := (len(src) - overhang) / blockSize
	if all.trigger == nil || blocks < 3 {
		return
	}
	for _, path := range []struct {
		name       string
		classify   classifyFunc
		slow, fast triggerFunc
		want       wanted
	}{
		{"all", classifyPortable, triggersAll, all.trigger, wantedOf(^Mask(0), 0)},
		{"texts in a view", classifyPortable, triggersAll, all.trigger, wantedOf(MaskOf(Name), 2)},
		{"cards", classifyDigits, triggersCards, cards.trigger, wanted{}},
	} {
		m := make([]classes, blocks)
		path.classify(m, src, wide)
		want, got := make([]triggers, blocks-2), make([]triggers, blocks-2)
		k := carry{digits2: 1 << 63, digits4: 3 << 62, joined: ^uint64(0), two: 1 << 63, four: 9 << 60, eight: 1 << 59, sum: 1, dots: 5 << 60, dots2: 3 << 61}
		k2 := k
		path.slow(want, m, &k, &path.want)
		path.fast(got, m, &k2, &path.want)
		for i := range want {
			if want[i] != got[i] {
				t.Fatalf("%s, block %d of %q:\n got %x\nwant %x", path.name, i, src, got[i], want[i])
			}
		}
		if k != k2 {
			t.Fatalf("%s, the carry of %q:\n got %x\nwant %x", path.name, src, k2, k)
		}
	}
}

var wideForms = []wideForm{wideUTF8, wideShiftJIS, wideEUC}

func TestClassesAgree(t *testing.T) {
	if all, _ := fastest(); all.classify == nil {
		t.Log("no assembly on this machine: only the portable path is tested")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		src := make([]byte, blockSize*5+overhang)
		for i := range src {
			src[i] = byte(r.IntN(256))
			if r.IntN(2) == 0 {
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
		src = append(src, make([]byte, blockSize+overhang-len(src)%blockSize)...)
		for i := range wideForms {
			sameClasses(t, src, &wideForms[i])
			sameTriggers(t, src, &wideForms[i])
		}
	})
}
