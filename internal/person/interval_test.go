package person

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"sekisho/internal/person/persontest"
	"sekisho/internal/person/record"
)

// shaped matches a table of a shape and returns what was found and the truth of
// every row.
func shaped(t *testing.T, s persontest.Shape, persons int, seed uint64) (*Result, []int) {
	t.Helper()
	site := persontest.Table(s, persons, seed)
	rows := func(_ context.Context, w io.Writer) (int, error) { _, err := w.Write(site.Text); return 0, err }
	res, err := Run(context.Background(), []Source{{Name: site.Name, Rows: rows}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return res, site.Person
}

// shapes are tables that teach the model much, little or nothing.
var shapes = []struct {
	name  string
	shape persontest.Shape
}{
	{"romaji, birth, phones lost", persontest.Shape{Script: "romaji", Birth: true, Phone: true, Again: 0.25, Lost: 0.2}},
	{"romaji, all, phones lost", persontest.Shape{Script: "romaji", Birth: true, Phone: true, Mail: true, Street: true, Again: 0.25, Lost: 0.2}},
	{"romaji, all, slips", persontest.Shape{Script: "romaji", Birth: true, Phone: true, Mail: true, Again: 0.25, Lost: 0.2, Slips: 0.02}},
	{"romaji, birth, families", persontest.Shape{Script: "romaji", Birth: true, Phone: true, Again: 0.25, Lost: 0.2, Families: true}},
	{"romaji, phone", persontest.Shape{Script: "romaji", Phone: true, Again: 0.25, Lost: 0.2}},
	{"romaji, phone and mail", persontest.Shape{Script: "romaji", Phone: true, Mail: true, Again: 0.25, Lost: 0.2}},
	{"romaji, phone and street, all again", persontest.Shape{Script: "romaji", Phone: true, Street: true, Again: 1, Lost: 0.2}},
	{"romaji, birth, all again", persontest.Shape{Script: "romaji", Phone: true, Birth: true, Again: 1, Lost: 0.2}},
	{"kana, no birth", persontest.Shape{Script: "kana", Phone: true, Mail: true, Street: true, Again: 0.25}},
	{"kana, no birth, lost", persontest.Shape{Script: "kana", Phone: true, Mail: true, Street: true, Again: 0.25, Lost: 0.2, Families: true}},
	{"kana, phone", persontest.Shape{Script: "kana", Phone: true, Again: 0.25}},
	{"kanji, no phone", persontest.Shape{Script: "both", Birth: true, Mail: true, Again: 0.25}},
	{"few again", persontest.Shape{Script: "both", Birth: true, Mail: true, Phone: true, Street: true, Again: 0.01}},
	{"nobody again", persontest.Shape{Script: "both", Birth: true, Mail: true, Phone: true, Street: true}},
	{"many again", persontest.Shape{Script: "both", Birth: true, Mail: true, Phone: true, Street: true, Again: 1, Families: true}},
	{"names and addresses", persontest.Shape{Script: "kanji", Street: true, Again: 0.25}},
	{"names and addresses, families", persontest.Shape{Script: "kanji", Street: true, Again: 0.25, Families: true}},
	{"some bare", persontest.Shape{Script: "both", Birth: true, Mail: true, Phone: true, Street: true, Again: 0.25, Bare: 0.1}},
	{"some bare, no birth", persontest.Shape{Script: "both", Mail: true, Phone: true, Street: true, Again: 0.25, Bare: 0.1}},
	{"names and birth dates", persontest.Shape{Script: "kana", Birth: true, Again: 0.25, Families: true}},
	{"names and birth dates, few again", persontest.Shape{Script: "both", Birth: true, Again: 0.02}},
	{"names and birth dates, slips", persontest.Shape{Script: "both", Birth: true, Again: 0.25, Slips: 0.02}},
	{"no birth, slips", persontest.Shape{Script: "kana", Mail: true, Phone: true, Street: true, Again: 0.25, Slips: 0.02}},
	{"addresses, all again", persontest.Shape{Script: "romaji", Street: true, Again: 1, Slips: 0.02}},
	{"phones lost of those who come once", persontest.Shape{Script: "romaji", Birth: true, Phone: true, Again: 0.5, LostOnce: 0.3}},
}

// The interval holds the truth whatever the table lacks, on nearly all seeds,
// and is narrow where names and birth dates teach the model.
func TestInterval(t *testing.T) {
	persons, seeds := 1500, 1 // TestStory takes most of the time there is
	if os.Getenv("SEKISHO_LONG") != "" {
		persons, seeds = 4000, 20
	}
	held, all := 0, 0
	for _, s := range shapes {
		inside := 0
		for seed := range uint64(seeds) {
			res, truth := shaped(t, s.shape, persons, seed)
			c := res.Count()
			precision, recall := quality(res, truth)
			width := float64(c.High-c.Low) / float64(persons)
			line := fmt.Sprintf("%s, seed %d: %d records, %d found, %d to %d, likely %d, %.2f %% wide; precision %.4f, recall %.4f",
				s.name, seed, c.Records, c.Persons, c.Low, c.High, c.Estimate, 100*width, precision, recall)
			if c.Low <= persons && persons <= c.High {
				inside++
			} else {
				t.Logf("does not hold the truth: %s", line)
			}
			if s.shape.Birth && s.shape.Bare == 0 && width > 0.02 {
				t.Errorf("wider than 2 %%: %s", line)
			}
			if width > 0.25 {
				t.Errorf("says nothing: %s", line)
			}
			t.Log(line)
		}
		held, all = held+inside, all+seeds
		if 2*inside < seeds {
			t.Errorf("%s: the interval holds the truth on %d of %d seeds", s.name, inside, seeds)
		}
	}
	if 20*held < 19*all {
		t.Errorf("the interval holds the truth on %d of %d tables", held, all)
	}
}

// A table whose names stand under a heading that nobody knows is read by what
// stands there; one without names has an interval that says so.
func TestNames(t *testing.T) {
	table := func(heading, name func(i int) string) *Result {
		t.Helper()
		text := heading(0) + ",生年月日,メールアドレス\n"
		for i := range 300 {
			text += fmt.Sprintf("%s,19%02d-%02d-%02d,u%d@example.jp\n", name(i%200), 40+i%60, 1+i%12, 1+i%28, i%200)
		}
		rows := func(_ context.Context, w io.Writer) (int, error) { _, err := io.WriteString(w, text); return 0, err }
		res, err := Run(t.Context(), []Source{{Name: "t", Rows: rows}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	kanji := func(i int) string {
		return string([]rune("佐鈴高田伊渡山中小加")[i%10]) + "木 " + string([]rune("愛恵健誠翔光明進茂修")[i/10%10]) + string([]rune("子美太一也")[i/20%5])
	}
	for _, heading := range []string{"お客様名", "ご芳名欄"} {
		res := table(func(int) string { return heading }, kanji)
		if res.Reads[0].Columns[0] != record.Name {
			t.Errorf("%s is %v, want a name", heading, res.Reads[0].Columns[0])
		}
	}
	res := table(func(int) string { return "備考" }, func(i int) string { return fmt.Sprint(i * 7919) })
	if c := res.Count(); c.Low > 200 || c.Unlinkable != 300 {
		t.Errorf("without names: %+v, want an interval that holds 200", c)
	}
}
