package element

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canaries are values that must not leave a finding.
var canaries = []string{"4111111111111111", "1111111111", "hanako", "Yamada", "TK7654321", "090-1234-5678", "s3cr3tvalue", "西新宿"}

const canaryText = `{"customer_name":"Hanako Yamada","email":"hanako@mail.example","pan":"4111111111111111","tel":"090-1234-5678","password":"s3cr3tvalue"} 旅券 TK7654321 東京都新宿区西新宿2-8-1` + "\n"

func TestFindingsDoNotShowValues(t *testing.T) {
	for _, hashed := range []bool{false, true} {
		var o Options
		if hashed {
			o.Hash = func(Kind, []byte) [16]byte { return [16]byte{1, 2, 3} }
		}
		n := 0
		s := NewScanner(o, func(f *Finding) {
			n++
			if _, ok := f.Hash(); ok == (f.Masked() != "") {
				t.Errorf("%v: hash %v and mask %q: want exactly one", f, ok, f.Masked())
			}
			shown := fmt.Sprintf("%v %+v %#v %s %s", f, *f, *f, f.Masked(), f.AppendMasked(nil))
			for _, c := range canaries {
				if strings.Contains(shown, c) {
					t.Errorf("a finding shows %q: %s", c, shown)
				}
			}
		})
		s.Write([]byte(canaryText))
		s.Close()
		if n < 7 {
			t.Errorf("%d findings, want all seven values found", n)
		}
		if _, err := s.Write([]byte(canaryText)); err != ErrClosed || strings.Contains(err.Error(), "4111") {
			t.Errorf("Write after Close: %v", err)
		}
		for _, c := range canaries {
			if bytes.Contains(s.buf, []byte(c)) || bytes.Contains(s.text[:], []byte(c)) {
				t.Errorf("a closed scanner still holds %q", c)
			}
		}
	}
}

func TestHashSeesTheCanonicalForm(t *testing.T) {
	var got []string
	o := Options{Hash: func(k Kind, v []byte) [16]byte {
		got = append(got, k.String()+":"+string(v))
		return [16]byte{}
	}}
	s := NewScanner(o, func(*Finding) {})
	s.Write([]byte("カード ４１１１－１１１１－１１１１－１１１１ 電話 +81 90-1234-5678 ０９０－１２３４－５６７８ 〒060-8588\n"))
	s.Close()
	want := []string{"card.pan:4111111111111111", "phone:09012345678", "phone:09012345678", "postal_code:0608588"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error("(-want +got)\n" + d)
	}
}

// TestGoldenFindings freezes place, confidence and reasons of the sample.
func TestGoldenFindings(t *testing.T) {
	var b strings.Builder
	s := NewScanner(Options{MinConfidence: 20}, func(f *Finding) { fmt.Fprintf(&b, "%v %s %s\n", f, f.Brand, f.Masked()) })
	s.Write([]byte(strings.Join(sample[:10], "")))
	s.Close()
	golden(t, "testdata/findings.golden", b.String())
}
