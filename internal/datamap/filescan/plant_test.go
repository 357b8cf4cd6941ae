package filescan

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The notes of the replay: operators typed card numbers into remarks. Nothing here
// shares code with the engine: the check digit is computed the long way round.

type note struct {
	id     int
	text   string
	card   bool
	dashed string // the number in digits, to be looked for afterwards
}

// checkDigit returns the digit that makes the whole number divisible by ten, by
// trying all.
func checkDigit(digits string) string {
	for c := '0'; c <= '9'; c++ {
		sum := 0
		whole := digits + string(c)
		for i := range len(whole) {
			d := int(whole[len(whole)-1-i] - '0')
			if i%2 == 1 {
				d = []int{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}[d]
			}
			sum += d
		}
		if sum%10 == 0 {
			return string(c)
		}
	}
	panic("no check digit")
}

func digitsOf(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(byte('0' + r.IntN(10)))
	}
	return b.String()
}

// spell writes a number as an operator may.
func spell(r *rand.Rand, d string) string {
	groups := []int{4, 4, 4, 4}
	if len(d) == 15 {
		groups = []int{4, 6, 5}
	}
	if len(d) == 14 {
		groups = []int{4, 6, 4}
	}
	join := func(sep string) string {
		var parts []string
		rest := d
		for _, g := range groups {
			parts, rest = append(parts, rest[:g]), rest[g:]
		}
		return strings.Join(parts, sep)
	}
	wide := func(s string) string {
		return strings.Map(func(c rune) rune {
			switch {
			case c >= '0' && c <= '9':
				return c - '0' + '０'
			case c == '-':
				return '－'
			case c == ' ':
				return '　'
			}
			return c
		}, s)
	}
	switch r.IntN(6) {
	case 0:
		return d
	case 1:
		return join("-")
	case 2:
		return join(" ")
	case 3:
		return wide(d)
	case 4:
		return wide(join("-"))
	}
	return wide(join(" "))
}

// notes draws rows of which cards hold a card number.
func notes(r *rand.Rand, rows, cards int) []note {
	all := make([]note, rows)
	plain := []string{"折り返し希望", "窓側の席", "予約変更の依頼あり", "入金確認済", "アレルギー: 卵", "2名から3名に変更"}
	for i := range all {
		all[i] = note{id: 500_000 + 7*i, text: plain[r.IntN(len(plain))]}
		switch r.IntN(12) { // what looks alike
		case 0:
			all[i].text += "、注文番号 " + digitsOf(r, 16)
		case 1:
			all[i].text += "、伝票番号 " + digitsOf(r, 12)
		case 2:
			all[i].text += fmt.Sprintf("、受付 2015%02d%02d%s", 1+r.IntN(12), 1+r.IntN(28), digitsOf(r, 6))
		case 3: // one digit off
			d := "4" + digitsOf(r, 14)
			wrong := (int(checkDigit(d)[0]-'0') + 1 + r.IntN(8)) % 10
			all[i].text += "、カード " + d + fmt.Sprint(wrong)
		}
	}
	prefixes := []struct {
		p string
		n int
	}{{"4", 16}, {"51", 16}, {"54", 16}, {"2300", 16}, {"3530", 16}, {"37", 15}, {"36", 14}}
	for _, i := range r.Perm(rows)[:cards] {
		p := prefixes[r.IntN(len(prefixes))]
		d := p.p + digitsOf(r, p.n-len(p.p)-1)
		d += checkDigit(d)
		all[i].card, all[i].dashed = true, d
		word := []string{"カード番号", "クレジット", "カード", "CARD", "VISA/JCB等 番号"}[r.IntN(5)]
		all[i].text = fmt.Sprintf("%s %s", word, spell(r, d))
		if r.IntN(3) == 0 {
			all[i].text += fmt.Sprintf(" %02d/%02d", 1+r.IntN(12), 16+r.IntN(5))
		}
		all[i].text += "、" + plain[r.IntN(len(plain))]
	}
	return all
}

// plant writes the notes as a table, a dump, a workbook and a log.
func plant(t testing.TB, dir string, all []note) {
	t.Helper()
	write := func(name string, body func(w io.Writer)) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriter(f)
		body(w)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.csv", func(w io.Writer) {
		fmt.Fprintf(w, "id,備考\n")
		for _, n := range all {
			fmt.Fprintf(w, "%d,%s\n", n.id, n.text)
		}
	})
	write("shop.sql", func(w io.Writer) {
		fmt.Fprintf(w, "-- PostgreSQL database dump\n\nCOPY public.notes (id, remark) FROM stdin;\n")
		for _, n := range all {
			fmt.Fprintf(w, "%d\t%s\n", n.id, n.text)
		}
		fmt.Fprintf(w, "\\.\n")
	})
	write("app.log", func(w io.Writer) {
		for i, n := range all {
			fmt.Fprintf(w, "2015-08-%02dT10:%02d:%02d INFO notes: saved id=%d remark=%s\n", 1+i%28, i%60, i%60, n.id, n.text)
		}
	})
	write("notes.xlsx", func(w io.Writer) {
		z := zip.NewWriter(w)
		part := func(name string) io.Writer {
			p, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		fmt.Fprint(part("[Content_Types].xml"), "<Types/>")
		fmt.Fprint(part("xl/workbook.xml"), `<workbook><sheets><sheet name="備考" r:id="r1"/></sheets></workbook>`)
		p := part("xl/worksheets/sheet1.xml")
		fmt.Fprint(p, `<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>備考</t></is></c></row>`)
		for i, n := range all {
			fmt.Fprintf(p, `<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="inlineStr"><is><t>%s</t></is></c></row>`, i+2, i+2, n.id, i+2, n.text)
		}
		fmt.Fprint(p, `</sheetData></worksheet>`)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
