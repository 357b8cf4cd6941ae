package element

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// classifySlow is the third opinion, byte by byte.
func classifySlow(src []byte, lead byte) classes {
	var c classes
	for i, b := range src[:blockSize] {
		bit := uint64(1) << i
		for _, class := range []struct {
			mask *uint64
			is   bool
		}{
			{&c.digit, b >= '0' && b <= '9'}, {&c.escape, strings.IndexByte("%&\\", b) >= 0}, {&c.lead, b == lead},
			{&c.at, b == '@'}, {&c.dot, b == '.'}, {&c.assign, b == ':' || b == '='}, {&c.kanji, b >= 0xE3 && b <= 0xE9},
			{&c.token, strings.IndexByte("Aegsx", b) >= 0 && strings.IndexByte("KSIyhlko", src[i+1]) >= 0},
		} {
			if class.is {
				*class.mask |= bit
			}
		}
	}
	return c
}

func sameClasses(t *testing.T, src []byte, lead byte) {
	t.Helper()
	all, cards := fastest()
	for _, path := range []struct {
		name string
		f    classifyFunc
	}{{"portable", classifyPortable}, {"assembly", all}, {"digits", classifyDigits}, {"digits in assembly", cards}} {
		if path.f == nil {
			continue
		}
		dst := make([]classes, (len(src)-1)/blockSize)
		path.f(dst, src, lead)
		for i, got := range dst {
			want := classifySlow(src[i*blockSize:], lead)
			if strings.HasPrefix(path.name, "digits") {
				want = classes{digit: want.digit, escape: want.escape, lead: want.lead}
			}
			if got != want {
				t.Fatalf("%s, lead %#x, block %d of %q:\n got %x\nwant %x", path.name, lead, i, src, got, want)
			}
		}
	}
}

func TestClassesAgree(t *testing.T) {
	if all, _ := fastest(); all == nil {
		t.Log("no assembly on this machine: only the portable path is tested")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		src := make([]byte, blockSize*3+1)
		for i := range src {
			src[i] = byte(r.IntN(256))
			if r.IntN(2) == 0 {
				src[i] = "09/:%&\\@.=AegsxKSIyhlko\xe2\xe3\xe9\xea\xef\x82\xa3\x00\x7f\x80\xff"[r.IntN(34)]
			}
		}
		sameClasses(t, src, []byte{0xEF, 0x82, 0xA3}[r.IntN(3)])
	}
}

// FuzzClasses holds the assembly and the portable path equal.
func FuzzClasses(f *testing.F) {
	f.Add([]byte(strings.Repeat("4111 1111 1111 1111 \xef\xbc\x94 user@mail.example AKIA%34&#52;", 3)))
	f.Fuzz(func(t *testing.T, src []byte) {
		src = append(src, make([]byte, blockSize+1-len(src)%blockSize)...)
		for _, lead := range []byte{0xEF, 0x82, 0xA3} {
			sameClasses(t, src, lead)
		}
	})
}
