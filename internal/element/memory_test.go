package element

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repeated is a text of labels, names and values that come again and again.
func repeated(r *rand.Rand, n int) string {
	words := []string{"電話番号", "運転免許証番号", "口座番号", "氏名", "お客様の氏名", "customer_name", "X-Api-Key", "secret", "生年月日", "フリガナ", "住所", "　", "：", ": ", "=", `":"`, "\n", " ",
		"佐藤花子", "脚本家高橋伴", "監督佐藤花子", "東京都港区芝", "国家主席", "寺岡真三", "寺岡真三は", "渡会乙芭様", "ヤマダ　タロウ", "は", "の", "（", "様", "1-2-3", "昭和60年3月4日", "1985年3月4日", "s3cr3tvalue", "_", "-", "々"}
	var b strings.Builder
	for range n {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

// What a scanner remembers must not change what it finds.
func TestMemoryDoesNotChangeFindings(t *testing.T) {
	for seed := range uint64(20) {
		text := repeated(rand.New(rand.NewPCG(seed, 1)), 2000)
		var got, want []Finding
		s := NewScanner(Options{}, func(f *Finding) { got = append(got, *f) })
		s.Write([]byte(text))
		s.Close()
		var forgetful *Scanner
		forgetful = NewScanner(Options{Adjust: func(*Finding) {
			forgetful.keys, forgetful.rows, forgetful.labels = keyMemory{}, rowMemory{}, labelMemory{}
		}}, func(f *Finding) { want = append(want, *f) })
		for i := range len(text) {
			forgetful.Write([]byte(text[i : i+1]))
			if i%64 == 0 {
				forgetful.keys, forgetful.rows, forgetful.labels = keyMemory{}, rowMemory{}, labelMemory{}
			}
		}
		forgetful.Close()
		if len(got) < 50 {
			t.Fatalf("seed %d: %d findings: the text holds too little", seed, len(got))
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Finding{})); diff != "" {
			t.Fatalf("seed %d (-forgetful +remembering):\n%s", seed, diff)
		}
	}
}

func TestKeysAreRememberedAsTheyAreRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := NewScanner(Options{}, func(*Finding) {})
	copy(s.buf[lookBehind:], repeated(r, 3000))
	known := 0
	for range 2 {
		for p := lookBehind; p < lookBehind+20000; p++ {
			kind, weak, ok := s.readKey(p)
			if k, w, o := s.keyEndingAt(p); k != kind || w != weak || o != ok {
				t.Fatalf("behind %q: remembered %v %v %v, read %v %v %v", s.buf[p-16:p], k, w, o, kind, weak, ok)
			}
			if ok {
				known++
			}
		}
	}
	if known < 100 {
		t.Errorf("%d keys: the text holds too few", known)
	}
}

func TestMemoryIsForgottenWithTheStream(t *testing.T) {
	s := NewScanner(Options{}, func(*Finding) {})
	s.Write([]byte("運転免許証番号 1 客室乗務員組合は\ncustomer_name: x\n電話番号：0312345678\n"))
	s.Write(make([]byte, minBuffer))
	if s.keys == (keyMemory{}) || s.rows == (rowMemory{}) || s.labels == (labelMemory{}) {
		t.Fatal("nothing was remembered: the test shows nothing")
	}
	s.Close()
	if s.keys != (keyMemory{}) || s.rows != (rowMemory{}) || s.labels != (labelMemory{}) {
		t.Error("a closed scanner still remembers what it read")
	}
}

// Nothing of a stream stays, whether it was closed or left in the middle, in the
// scanner or in those of its views.
func TestNothingStays(t *testing.T) {
	const text = "カード 4111 1111 1111 1111 有効期限 12/30 CVV 123\n運転免許証番号 1 客室乗務員組合は\ncustomer_name: x\n電話番号：0312345678\n" +
		"tel=%EF%BC%90%EF%BC%93-1234-5678 card=%34111111111111111 name%3D%E4%BD%90%E8%97%A4%E8%8A%B1%E5%AD%90\n"
	for _, c := range []struct {
		name string
		end  func(s *Scanner)
	}{
		{"closed", func(s *Scanner) { s.Close() }},
		{"left", func(s *Scanner) { s.Reset(Auto) }},
		{"left, of a known encoding", func(s *Scanner) { s.Reset(UTF8) }},
	} {
		found := 0
		s := NewScanner(Options{Buffer: minBuffer}, func(*Finding) { found++ })
		for range 100 {
			s.Write([]byte(text))
		}
		if found == 0 || s.inner == nil || s.keys == (keyMemory{}) || s.text == [maxDigits]byte{} {
			t.Fatalf("%s: nothing was there: the test shows nothing", c.name)
		}
		c.end(s)
		for in, depth := s, 0; in != nil; in, depth = in.inner, depth+1 {
			if i := slices.IndexFunc(in.buf, func(b byte) bool { return b != 0 }); i >= 0 {
				t.Errorf("%s: scanner %d: the window holds %q", c.name, depth, in.buf[i:i+16])
			}
			if in.text != [maxDigits]byte{} || in.num.digit != (row{}).digit || in.neighbours != (neighbours{}) || in.found != (Finding{}) {
				t.Errorf("%s: scanner %d: digits stay", c.name, depth)
			}
			if in.keys != (keyMemory{}) || in.rows != (rowMemory{}) || in.labels != (labelMemory{}) {
				t.Errorf("%s: scanner %d: it remembers", c.name, depth)
			}
		}
	}
	s := NewScanner(Options{}, func(*Finding) {})
	s.Write([]byte("\x8e\x52\x93\x63")) // in Shift_JIS, which is not known yet
	held := s.enc.held[:cap(s.enc.held)]
	if len(s.enc.held) == 0 {
		t.Fatal("nothing is held: the test shows nothing")
	}
	s.Reset(Auto)
	if i := slices.IndexFunc(held, func(b byte) bool { return b != 0 }); i >= 0 {
		t.Errorf("what was held stays: %x", held)
	}
}

// A date in kanji is what the same date with slashes is.
func TestDatesInKanji(t *testing.T) {
	type found struct {
		Kind       Kind
		Confidence uint8
		Hash       [16]byte
	}
	scan := func(text string) (all []found) {
		s := NewScanner(Options{MinConfidence: 1, Hash: func(_ Kind, v []byte) (h [16]byte) { copy(h[:], v); return h }}, func(f *Finding) {
			h, _ := f.Hash()
			all = append(all, found{f.Kind, f.Confidence, h})
		})
		s.Write([]byte(text))
		s.Close()
		return all
	}
	births := 0
	for _, before := range []string{"生年月日: ", "生年月日：", "born ", "birthdate=", "発行日 ", "A", "x_", "-", "12 ", "（", "「"} {
		for _, date := range [][3]string{{"1985", "3", "4"}, {"1985", "03", "04"}, {"2003", "12", "31"}, {"1899", "1", "1"}, {"1985", "13", "1"}, {"0985", "1", "1"}, {"3985", "1", "1"}, {"1985", "1", "123"}, {"11985", "1", "1"}} {
			for _, after := range []string{" ", "生まれ", "T", "\n"} {
				kanji := fmt.Sprintf("%s%s年%s月%s日%s", before, date[0], date[1], date[2], after)
				slashes := fmt.Sprintf("%s%s/%s/%s %s", before, date[0], date[1], date[2], after)
				got, want := scan(kanji), scan(slashes)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q (-%q +kanji):\n%s", kanji, slashes, diff)
				}
				births += len(got)
			}
		}
	}
	if births < 20 {
		t.Errorf("%d birth dates: the table holds too few", births)
	}
}

// A row of kanji in which nothing was found once is looked at again where what stands
// around it may make something of it.
func TestRowsThatAreNotRemembered(t *testing.T) {
	type found struct {
		Kind       Kind
		Length     int
		Confidence uint8
	}
	scan := func(text string) (all []found) {
		s := NewScanner(Options{}, func(f *Finding) { all = append(all, found{f.Kind, f.Length, f.Confidence}) })
		s.Write([]byte(text))
		s.Close()
		return all
	}
	for _, c := range []struct{ nothing, something string }{
		{"平成2周年", "生年月日: 平成2年3月4日"},
		{"大正元年3日", "生年月日: 大正元年3月4日"},
		{"鈴木 x", "鈴木 花子様"},
		{"増田みち。", "増田みき様"},
		{"東京都 x", "東京都 港区芝1-2-3"},
		{"弊社所在地東京都 x", "弊社所在地東京都 港区芝1-2-3"},
		{"生年月日 x", "生年月日 S60.3.4"},
		{"御誕生日 x", "御誕生日 S60.3.4"},
	} {
		want := scan(c.something)
		if nothing := scan(c.nothing + "\n"); len(want) == 0 || len(nothing) != 0 {
			t.Errorf("%q has %v and %q has %v: the case shows nothing", c.nothing, nothing, c.something, want)
		}
		if got := scan(c.nothing + "\n" + c.nothing + "\n" + c.something); !cmp.Equal(want, got) {
			t.Errorf("%q behind %q has %v, alone %v", c.something, c.nothing, got, want)
		}
	}
}
