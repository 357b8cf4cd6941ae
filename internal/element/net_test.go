package element

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The way through the masks finds what the way through the bytes finds.
func TestMailInMasks(t *testing.T) {
	parts := []string{"@", "@", "@", "@example.co.jp", "a@b.cd", "@a-b.c", ".", ".com", "..", "-", "_", "+", "%", "a", "Zq", "example", "docomo.example.jp", "9", "192.168", "://", ":", " ", "\n", "山", strings.Repeat("x", 31), strings.Repeat("a.b", 7), "\x00", "=", "&"}
	found := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		var b strings.Builder
		for b.Len() < stride*blockSize {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		var all []Finding
		s := NewScanner(Options{Kinds: MaskOf(Email), MinConfidence: 1, Portable: seed%2 == 0}, func(f *Finding) { all = append(all, *f) })
		copy(s.buf[s.pos:], b.String())
		s.path.classify(&s.masks, stride+1, s.buf[s.pos:s.pos+(stride+1)*blockSize+overhang], &s.wide)
		for p := s.pos; p < s.pos+stride*blockSize; p++ {
			if s.buf[p] != '@' {
				continue
			}
			all = nil
			s.email(p, 1)
			want := all
			all = nil
			s.emailInMasks(p)
			if diff := cmp.Diff(want, all, cmp.AllowUnexported(Finding{})); diff != "" {
				t.Fatalf("around %q (-bytes +masks):\n%s", s.buf[p-80:p+80], diff)
			}
			found += len(all)
		}
	}
	if found < 500 {
		t.Errorf("%d addresses: the texts hold too few", found)
	}
}
