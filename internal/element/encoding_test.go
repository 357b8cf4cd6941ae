package element

import (
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// TestPairsAreThoseOfXText holds the tables equal to the decoders, pair by pair.
func TestPairsAreThoseOfXText(t *testing.T) {
	for _, c := range []struct {
		enc  Encoding
		d    *encoding.Decoder
		size func(a, b byte) int
	}{{ShiftJIS, japanese.ShiftJIS.NewDecoder(), shiftJISSize}, {EUCJP, japanese.EUCJP.NewDecoder(), eucSize}} {
		known := 0
		for a := 0x80; a < 0x100; a++ {
			for b := 0x40; b < 0x100; b++ {
				if c.size(byte(a), byte(b)) != 2 {
					continue
				}
				text, err := c.d.Bytes([]byte{byte(a), byte(b)})
				want := []rune(string(text))
				got := c.enc.pair(byte(a), byte(b))
				switch {
				case err != nil || len(want) != 1 || want[0] == 0xFFFD:
					if got != 0 {
						t.Fatalf("%v %02x%02x = %q, want none", c.enc, a, b, got)
					}
				case got != want[0]:
					t.Fatalf("%v %02x%02x = %q, want %q", c.enc, a, b, got, want[0])
				default:
					known++
				}
			}
		}
		if known < 6000 {
			t.Errorf("%v: %d characters only", c.enc, known)
		}
	}
}

func TestEncodingIsFoundOut(t *testing.T) {
	text := "2026-11-22 お客様の氏名：山田　太郎 様、カード番号 ４１１１－１１１１－１１１１－１１１１ です。\n"
	for _, e := range encodingsOf(text + text) {
		var kinds Mask
		s := NewScanner(Options{}, func(f *Finding) { kinds |= MaskOf(f.Kind) })
		s.Write(e.text)
		s.Close()
		if s.Encoding() != e.enc || !kinds.Has(CardPAN) || !kinds.Has(Name) {
			t.Errorf("%v: taken for %v, found {%v}", e.enc, s.Encoding(), kinds)
		}
	}
}
