package demo

import (
	"fmt"
	"slices"

	"sekisho/demo/columns"
	"sekisho/internal/element"
	"sekisho/internal/lang"
)

// finding is one line of the comparison.
type finding struct {
	Key      string `json:"key"`
	Element  string `json:"element,omitempty"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
	Missing  int    `json:"missing,omitempty"`
	Extra    int    `json:"extra,omitempty"`
	OK       bool   `json:"ok"`
}

// facts is what the demo saw with its own eyes.
type facts struct {
	truth    read    // who reached the intruder, from his bytes
	ordinary []int64 // whom ordinary sessions read and the intruder did not
	everyone []int64 // who was in the shop at any time
	idle     int     // exact ways that brought no row
	trouble  int     // ordinary sessions that met an error
	export   step    // the last question
	ledger   bool    // verified
	bundle   bool    // verified
	noticed  bool    // the session around the gate
	unseen   int     // reachable at that time
	// What verify said.
	ledgerSays, bundleSays []string
}

// comparison is everything that is compared, in order.
type comparison struct{ list []finding }

func (c *comparison) sets(key, elem string, want, got []int64) {
	missing, extra := difference(want, got)
	c.list = append(c.list, finding{
		Key: key, Element: elem, Expected: count(len(want)), Found: count(len(got)),
		Missing: missing, Extra: extra, OK: missing+extra == 0,
	})
}

func (c *comparison) number(key string, want, got int) {
	c.list = append(c.list, finding{Key: key, Expected: count(want), Found: count(got), OK: want == got})
}

func (c *comparison) truth(key string, got bool) {
	c.list = append(c.list, finding{Key: key, Expected: "yes", Found: map[bool]string{true: "yes", false: "no"}[got], OK: got})
}

// compare holds what scope said against what was seen.
func compare(f *facts, all *answer, byElement map[element.Kind][]int64) *comparison {
	c := &comparison{}
	confirmed, reachable, held := all.lists["confirmed"], all.lists["reachable"], all.lists["ever_held"]
	c.sets("check_truth", "", f.truth.all(), confirmed)
	for _, kind := range f.truth.elements().Kinds() {
		c.sets("check_element", kind.String(), f.truth.with(kind), byElement[kind])
	}
	c.number("check_ordinary", 0, len(common(f.ordinary, confirmed)))
	missing, _ := difference(f.truth.all(), reachable)
	c.number("check_inside", 0, missing)
	sharp := all.Reachable.Subjects
	if all.Reachable.WithoutAggregates != nil {
		sharp = all.Reachable.WithoutAggregates.Subjects
	}
	c.number("check_sharp", len(confirmed), int(sharp))
	c.sets("check_held", "", f.everyone, held)
	outside, _ := difference(reachable, held)
	c.number("check_nested", 0, outside)
	c.number("check_coverage", 1, all.Coverage.Reporting)
	c.number("check_holes", 0, len(all.Coverage.Uncovered))
	c.truth("check_export", f.export.Code != "")
	c.list = append(c.list, finding{Key: "check_export_rows", Expected: count(rowsAllowed), Found: count(f.export.Rows), OK: f.export.Rows <= rowsAllowed})
	c.number("check_ways", 0, f.idle)
	c.number("check_undisturbed", 0, f.trouble)
	c.truth("check_around", f.noticed)
	present := len(f.everyone) - 1 // one had left the shop; holdings may still know him
	c.list = append(c.list, finding{Key: "check_unseen", Expected: count(present), Found: count(f.unseen), OK: f.unseen >= present && f.unseen <= len(f.everyone)})
	c.truth("check_ledger", f.ledger)
	c.truth("check_bundle", f.bundle)
	return c
}

func (c *comparison) differences() (n int) {
	for _, f := range c.list {
		if !f.OK {
			n++
		}
	}
	return n
}

// show prints the comparison.
func (s *stage) show(c *comparison) {
	s.print("")
	s.print("     " + s.paint(bold, columns.Left(s.say.Text("compare_head"), 46)+columns.Right(s.say.Text("expected"), 12)+columns.Right(s.say.Text("found"), 12)))
	for _, f := range c.list {
		name := s.say.Text(f.Key, "element", elementName(s.say, f.Element))
		mark, note := s.paint(green, "✓"), ""
		if !f.OK {
			mark = s.paint(red, "✗")
			if f.Missing+f.Extra > 0 {
				note = "  " + s.paint(red, s.say.Text("missing_extra", "missing", f.Missing, "extra", f.Extra))
			}
		}
		s.print(fmt.Sprintf("   %s %s%s%s%s", mark, columns.Left(name, 46), columns.Right(s.word(f.Expected), 12), columns.Right(s.word(f.Found), 12), note))
	}
}

// word translates the words that may stand in place of a number.
func (s *stage) word(text string) string {
	if texts.Has(text) {
		return s.say.Text(text)
	}
	return text
}

// elementNames are the elements of the story in Japanese; in English their
// stable names do.
var elementNames = map[string]string{
	"name": "氏名", "kana": "フリガナ", "address": "住所", "postal_code": "郵便番号", "phone": "電話番号", "email": "メール",
	"birthdate": "生年月日", "sex": "性別", "passport": "旅券", "note": "対応メモ", "booking": "予約", "payment": "決済",
	"unclassified": "未分類",
}

func elementName(say lang.Printer, name string) string {
	if ja := elementNames[name]; ja != "" && say.Language() == lang.Japanese {
		return ja
	}
	return name
}

// difference counts what is only in want and only in got; both are sorted.
func difference(want, got []int64) (missing, extra int) {
	both := len(common(want, got))
	return len(want) - both, len(got) - both
}

// common returns what is in both sorted lists.
func common(a, b []int64) []int64 {
	var both []int64
	for _, x := range a {
		if _, found := slices.BinarySearch(b, x); found {
			both = append(both, x)
		}
	}
	return both
}
