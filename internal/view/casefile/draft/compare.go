package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/width"

	"sekisho/internal/lang"
)

// Source is a text that somebody published or wants to.
type Source struct {
	Name string
	Text string
}

// Conflict is where two texts disagree.
type Conflict struct {
	Key  string // near, item, date
	Args []any
}

// Text says it.
func (c Conflict) Text(l lang.Language) string {
	args := slices.Clone(c.Args)
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "cue" {
			args[i+1] = texts.In(l).Text(fmt.Sprint(args[i+1]))
		}
	}
	return texts.In(l).Text("conflict_"+c.Key, args...)
}

var (
	counted = regexp.MustCompile(`(\d[\d,]{4,})\s*(?:名|人|件|枚)`)
	// itemList is what follows a heading of items, up to the next sentence.
	itemList  = regexp.MustCompile(`(?:個人情報項目|個人情報の項目|個人情報の内容|情報の項目|流出した情報|含まれる項目)[^氏]{0,40}(氏名(?:[^。■○◆]|\n){0,240})`)
	cardCue   = regexp.MustCompile(`(?:(\d{1,2})月)?\s*(\d{1,2})\s*日に?、?\s*クレジットカード会社(?:から|より)`)
	itemNames = []string{"氏名", "生年月日", "性別", "住所", "郵便番号", "電話番号", "メールアドレス", "パスポート番号", "パスポート取得日", "カード番号", "有効期限", "セキュリティコード"}
)

// Compare reports where texts about one incident disagree: numbers of persons
// or cards that differ in one digit, items that one list has and another lacks,
// and different days of the card company's first contact. It knows these three
// kinds of slips and no others.
func Compare(sources []Source) []Conflict {
	type found struct{ where, what string }
	var numbers, days []found
	lists := map[string][]string{}
	for _, s := range sources {
		text := width.Fold.String(s.Text)
		text = strings.ReplaceAll(text, "名 ", "名")
		for _, m := range counted.FindAllStringSubmatch(text, -1) {
			numbers = append(numbers, found{s.Name, m[1]})
		}
		for _, m := range cardCue.FindAllStringSubmatch(text, -1) {
			days = append(days, found{s.Name, m[2]})
		}
		folded := strings.Join(strings.Fields(s.Text), "")
		for _, m := range itemList.FindAllStringSubmatch(folded, -1) {
			for _, item := range itemNames {
				if strings.Contains(m[1], item) && !slices.Contains(lists[s.Name], item) {
					lists[s.Name] = append(lists[s.Name], item)
				}
			}
		}
	}
	var out []Conflict
	seen := map[string]bool{}
	add := func(c Conflict) {
		if key := c.Text(lang.English); !seen[key] {
			seen[key] = true
			out = append(out, c)
		}
	}
	for i, a := range numbers {
		for _, b := range numbers[i+1:] {
			if near(a.what, b.what) {
				add(Conflict{"near", []any{"a", a.what, "x", a.where, "b", b.what, "y", b.where}})
			}
		}
	}
	for x, have := range lists {
		for y, other := range lists {
			for _, item := range have {
				if x != y && len(other) > 2 && !slices.Contains(other, item) {
					add(Conflict{"item", []any{"item", item, "x", x, "y", y}})
				}
			}
		}
	}
	for i, a := range days {
		for _, b := range days[i+1:] {
			if a.what != b.what {
				add(Conflict{"date", []any{"a", a.what, "x", a.where, "b", b.what, "y", b.where, "cue", "cue_card_contact"}})
			}
		}
	}
	slices.SortFunc(out, func(a, b Conflict) int { return strings.Compare(a.Text(lang.English), b.Text(lang.English)) })
	return out
}

// near reports numbers of five digits or more that differ in exactly one.
func near(a, b string) bool {
	a, b = strings.ReplaceAll(a, ",", ""), strings.ReplaceAll(b, ",", "")
	if len(a) != len(b) || len(a) < 5 {
		return false
	}
	diff := 0
	for i := range a {
		if a[i] != b[i] {
			diff++
		}
	}
	return diff == 1
}
