package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/width"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
)

// Source is a text that somebody published or wants to.
type Source struct {
	Name string
	Text string
}

// Conflict is where two texts disagree.
type Conflict struct {
	Key  string `json:"key"` // near, item, date
	Args []any  `json:"args"`
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

// Claims is what a text, a document or a case states of an incident.
type Claims struct {
	Name string `json:"name"`
	event.Stated
}

// Read returns what a text states.
func Read(s Source) Claims {
	out := Claims{Name: s.Name}
	add := func(list *[]string, what string) {
		if !slices.Contains(*list, what) {
			*list = append(*list, what)
		}
	}
	text := strings.ReplaceAll(width.Fold.String(s.Text), "名 ", "名")
	for _, m := range counted.FindAllStringSubmatch(text, -1) {
		add(&out.Numbers, m[1])
	}
	for _, m := range cardCue.FindAllStringSubmatch(text, -1) {
		add(&out.Contacts, m[2])
	}
	folded := strings.Join(strings.Fields(s.Text), "")
	for _, m := range itemList.FindAllStringSubmatch(folded, -1) {
		for _, item := range itemNames {
			if strings.Contains(m[1], item) {
				add(&out.Items, item)
			}
		}
	}
	return out
}

// Compare reports where texts about one incident disagree: numbers of persons
// or cards that differ in one digit, items that one list has and another lacks,
// and different days of the card company's first contact. It knows these three
// kinds of slips and no others.
func Compare(sources []Source) []Conflict {
	var claims []Claims
	for _, s := range sources {
		claims = append(claims, Read(s))
	}
	return CompareClaims(claims)
}

// CompareClaims is Compare for texts that were read.
func CompareClaims(claims []Claims) []Conflict {
	var out conflicts
	for i, a := range claims {
		for j, b := range claims[i:] {
			for k, n := range a.Numbers {
				for l, m := range b.Numbers {
					if near(n, m) && (j > 0 || k < l) {
						out.add("near", "a", n, "x", a.Name, "b", m, "y", b.Name)
					}
				}
			}
			for k, n := range a.Contacts {
				for l, m := range b.Contacts {
					if n != m && (j > 0 || k < l) {
						out.add("date", "a", n, "x", a.Name, "b", m, "y", b.Name, "cue", "cue_card_contact")
					}
				}
			}
			out.items(a, b)
			out.items(b, a)
		}
	}
	return out.sorted()
}

// Against reports where texts that were read disagree with a document that is to
// go out. A number of a text that the document holds too is no slip.
func (c Claims) Against(others []Claims) []Conflict {
	var out conflicts
	for _, o := range others {
		for _, n := range o.Numbers {
			for _, m := range c.Numbers {
				if near(n, m) && !slices.Contains(c.Numbers, n) {
					out.add("near", "a", n, "x", o.Name, "b", m, "y", c.Name)
				}
			}
		}
		for _, n := range o.Contacts {
			for _, m := range c.Contacts {
				if n != m {
					out.add("date", "a", n, "x", o.Name, "b", m, "y", c.Name, "cue", "cue_card_contact")
				}
			}
		}
		out.items(o, c)
		out.items(c, o)
	}
	return out.sorted()
}

type conflicts []Conflict

func (out *conflicts) add(key string, args ...any) {
	c := Conflict{key, args}
	if !slices.ContainsFunc(*out, func(o Conflict) bool { return o.Text(lang.English) == c.Text(lang.English) }) {
		*out = append(*out, c)
	}
}

// items adds what is in one list and not in the other; a list of one or two
// items is a mention and no list.
func (out *conflicts) items(x, y Claims) {
	for _, item := range x.Items {
		if x.Name != y.Name && len(y.Items) > 2 && !slices.Contains(y.Items, item) {
			out.add("item", "item", item, "x", x.Name, "y", y.Name)
		}
	}
}

func (out conflicts) sorted() []Conflict {
	slices.SortFunc(out, func(a, b Conflict) int { return strings.Compare(a.Text(lang.English), b.Text(lang.English)) })
	return out
}

// listed is the name in a list of items for an element of a case.
var listed = map[string]string{"name": "氏名", "birthdate": "生年月日", "sex": "性別", "address": "住所", "postal_code": "郵便番号", "phone": "電話番号", "email": "メールアドレス",
	"passport": "パスポート番号", "card.pan": "カード番号", "card.expiry": "有効期限", "card.cvv": "セキュリティコード"}

// Of returns what the newest figures of a case state, under a name.
func Of(c *casefile.Case, name string) Claims {
	out := Claims{Name: name}
	if s := c.Figures(); s != nil {
		for _, n := range []uint64{s.Confirmed, s.Reachable, s.EverHeld} {
			if text := lang.Count(n); !slices.Contains(out.Numbers, text) {
				out.Numbers = append(out.Numbers, text)
			}
		}
		for _, e := range s.Elements {
			if item := listed[e]; item != "" && !slices.Contains(out.Items, item) {
				out.Items = append(out.Items, item)
			}
		}
	}
	if c.Channel == "card-company" {
		out.Contacts = []string{event.Time(c.Signs[0].KnownAt).In(rule.Tokyo).Format("2")}
	}
	return out
}

// Texts are what the texts of a case state.
func Texts(c *casefile.Case) (out []Claims) {
	for i := range c.Texts {
		out = append(out, Claims{c.Texts[i].Name, c.Texts[i].Stated})
	}
	return out
}

// claims is what the document states: the figures, items and days that it reads
// from the case, and the numbers that people put into their sentences.
func (f *filler) claims() Claims {
	of, out := Of(f.c, casefile.Word("draft", f.doc.Kind, f.doc.Lang)), Read(Source{Text: f.doc.Text(f.c.ID)})
	out.Name = of.Name
	if f.reads["count"] {
		out.Numbers = append(out.Numbers, of.Numbers...)
	}
	if f.reads["items"] {
		out.Items = of.Items
	}
	if f.reads["known"] {
		out.Contacts = append(out.Contacts, of.Contacts...)
	}
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
