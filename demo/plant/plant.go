// Package plant draws made-up card numbers and what looks like them, for replays in which
// it must be known beforehand what is to be found.
//
// It shares no code with the detection engine: a check digit is found by trying all ten.
package plant

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Note is a row of operators' remarks.
type Note struct {
	ID     int
	Text   string
	Card   bool
	Digits string // of the card number, to be looked for afterwards
}

// CheckDigit returns the digit that makes the whole number divisible by ten, by
// trying all.
func CheckDigit(digits string) string {
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

// DigitsOf draws n digits.
func DigitsOf(r *rand.Rand, n int) string {
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

// Notes draws rows of which some hold a card number in one of the spellings of people,
// and many hold what looks like one.
func Notes(r *rand.Rand, rows, cards int) []Note {
	all := make([]Note, rows)
	plain := []string{"折り返し希望", "窓側の席", "予約変更の依頼あり", "入金確認済", "アレルギー: 卵", "2名から3名に変更"}
	for i := range all {
		all[i] = Note{ID: 500_000 + 7*i, Text: plain[r.IntN(len(plain))]}
		switch r.IntN(12) { // what looks alike
		case 0:
			all[i].Text += "、注文番号 " + DigitsOf(r, 16)
		case 1:
			all[i].Text += "、伝票番号 " + DigitsOf(r, 12)
		case 2:
			all[i].Text += fmt.Sprintf("、受付 2015%02d%02d%s", 1+r.IntN(12), 1+r.IntN(28), DigitsOf(r, 6))
		case 3: // one digit off
			d := "4" + DigitsOf(r, 14)
			wrong := (int(CheckDigit(d)[0]-'0') + 1 + r.IntN(8)) % 10
			all[i].Text += "、カード " + d + fmt.Sprint(wrong)
		}
	}
	prefixes := []struct {
		p string
		n int
	}{{"4", 16}, {"51", 16}, {"54", 16}, {"2300", 16}, {"3530", 16}, {"37", 15}, {"36", 14}}
	for _, i := range r.Perm(rows)[:cards] {
		p := prefixes[r.IntN(len(prefixes))]
		d := p.p + DigitsOf(r, p.n-len(p.p)-1)
		d += CheckDigit(d)
		all[i].Card, all[i].Digits = true, d
		word := []string{"カード番号", "クレジット", "カード", "CARD", "VISA/JCB等 番号"}[r.IntN(5)]
		all[i].Text = fmt.Sprintf("%s %s", word, spell(r, d))
		if r.IntN(3) == 0 {
			all[i].Text += fmt.Sprintf(" %02d/%02d", 1+r.IntN(12), 16+r.IntN(5))
		}
		all[i].Text += "、" + plain[r.IntN(len(plain))]
	}
	return all
}

// Cards writes count rows of made-up cards as CSV with a header; the numbers differ for
// different values of from, below 10,000,000.
func Cards(w io.Writer, from, count int) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "カード番号,有効期限") // errors show in Flush
	for i := from; i < from+count; i++ {
		d := fmt.Sprintf("45%07d", i) + fmt.Sprintf("%06d", (i*7919+13)%1_000_000)
		fmt.Fprintf(out, "%s%s,%02d/%02d\n", d, CheckDigit(d), 1+i%12, 13+i%5)
	}
	return out.Flush()
}

// Log writes the notes as lines of a program's log, numbered from 1.
func Log(w io.Writer, all []Note) error {
	out := bufio.NewWriter(w)
	for i, n := range all {
		fmt.Fprintf(out, "2015-08-01T10:00:%02d INFO saved id=%d remark=%s\n", i%60, n.ID, n.Text) // errors show in Flush
	}
	return out.Flush()
}

// Workbook writes the notes as a workbook with shared strings, as spreadsheet programs
// do: the first note is in row 2.
func Workbook(w io.Writer, all []Note) error {
	z := zip.NewWriter(w)
	parts := []struct {
		name string
		body func(io.Writer)
	}{
		{"[Content_Types].xml", func(p io.Writer) { fmt.Fprint(p, "<Types/>") }},
		{"xl/workbook.xml", func(p io.Writer) {
			fmt.Fprint(p, `<workbook><sheets><sheet name="備考" r:id="r1"/></sheets></workbook>`)
		}},
		{"xl/sharedStrings.xml", func(p io.Writer) {
			fmt.Fprint(p, `<sst><si><t>id</t></si><si><t>備考</t></si>`)
			for _, n := range all {
				fmt.Fprintf(p, `<si><t>%s</t></si>`, n.Text)
			}
			fmt.Fprint(p, `</sst>`)
		}},
		{"xl/worksheets/sheet1.xml", func(p io.Writer) {
			fmt.Fprint(p, `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>`)
			for i, n := range all {
				fmt.Fprintf(p, `<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="s"><v>%d</v></c></row>`, i+2, i+2, n.ID, i+2, i+2)
			}
			fmt.Fprint(p, `</sheetData></worksheet>`)
		}},
	}
	for _, x := range parts {
		p, err := z.Create(x.name)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(p)
		x.body(out) // errors show in Flush
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return z.Close()
}
