package match

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// Numbers that cannot be one digit apart are told without their digits: the
// answer is that of the digits.
func TestOneDigit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	near := 0
	check := func(a, b uint64) {
		if a == 0 || b == 0 { // no number
			return
		}
		x, y := strconv.FormatUint(a, 10), strconv.FormatUint(b, 10)
		want := oneEdit([]byte(x), []byte(y))
		if want {
			near++
		}
		if got := oneDigit(a, b); got != want {
			t.Errorf("oneDigit(%d, %d) = %v, want %v", a, b, got, want)
		}
	}
	for range 20_000 {
		a := r.Uint64N(tens[1+r.IntN(18)])
		check(a, r.Uint64N(1_000_000))
		s := []byte(strconv.FormatUint(a, 10))
		i := r.IntN(len(s))
		switch r.IntN(4) {
		case 0:
			s[i] = byte('0' + r.IntN(10))
		case 1:
			s = append(s[:i], s[i+1:]...)
		case 2:
			s = append(s[:i:i], append([]byte{byte('0' + r.IntN(10))}, s[i:]...)...)
		default:
			k := r.IntN(len(s))
			s[i], s[k] = s[k], s[i]
		}
		if b, err := strconv.ParseUint("0"+string(s), 10, 64); err == nil {
			check(a, b)
			check(b, a)
		}
	}
	for a := uint64(990); a < 1200; a++ { // all pairs around another digit more
		for b := uint64(90); b < 1200; b++ {
			check(a, b)
		}
	}
	if near < 10_000 {
		t.Errorf("only %d pairs were a digit apart", near)
	}
}

// Names that share too few letters are told without Jaro and Winkler.
func TestAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const letters = "aiueokstnhmyrwgzdbpfj"
	word := func() []byte {
		w := make([]byte, r.IntN(12))
		for i := range w {
			w[i] = letters[r.IntN(6+r.IntN(len(letters)-5))]
		}
		return w
	}
	near := 0
	for range 100_000 {
		a, b := word(), word()
		if r.IntN(2) == 0 && len(a) > 0 { // mostly the same letters
			b = append([]byte(nil), a...)
			for range 1 + r.IntN(3) {
				i, k := r.IntN(len(b)), r.IntN(len(b))
				b[i], b[k] = b[k], b[i]
			}
			b[r.IntN(len(b))] = letters[r.IntN(len(letters))]
		}
		want := jaroWinkler(a, b) >= alikeAt
		if want {
			near++
		}
		if got := alike(a, b); got != want {
			t.Fatalf("alike(%q, %q) = %v, want %v (%f)", a, b, got, want, jaroWinkler(a, b))
		}
	}
	if near < 5_000 {
		t.Errorf("only %d pairs were alike", near)
	}
}
