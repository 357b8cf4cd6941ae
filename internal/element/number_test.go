package element

import (
	"math/rand/v2"
	"testing"
)

// Luhn adds eight digits at once; its definition adds them one by one.
func TestLuhn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	right := 0
	for range 200_000 {
		d := make([]byte, r.IntN(26))
		sum := 0
		for i := range d {
			d[i] = byte(r.IntN(10))
		}
		for i, v := range d {
			add := int(v)
			if (len(d)-1-i)%2 == 1 {
				add = 2*add/10 + 2*add%10
			}
			sum += add
		}
		want := len(d) > 1 && sum%10 == 0
		if got := Luhn(d); got != want {
			t.Fatalf("%v: %v, want %v", d, got, want)
		} else if got {
			right++
		}
	}
	if right < 10_000 {
		t.Errorf("only %d of them end in their check digit", right)
	}
}
