// Package risk ranks places by what rests there: which elements, of how many subjects,
// how exposed. It is the arithmetic of the list of important information
// (重要情報の洗い出し) and of the report of a scan.
//
// It reads no place and no ledger, and it knows no law: the weights say what somebody
// could do with a value, and are there to be read.
package risk

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"sekisho/internal/element"
)

// Weight is what one value of an element adds: by what it lets somebody do. Security
// codes may not be kept at all (PCI DSS 4.0, requirement 3.3.1.2). What alone says
// nothing about anybody, as an IP address, has none.
func Weight(k element.Kind) float64 { return weights[k] }

var weights = map[element.Kind]float64{
	element.CardCVV: 60, element.CardPAN: 30, element.MyNumber: 30, element.Secret: 20, element.Passport: 15, element.DriversLicence: 12,
	element.BankAccount: 10, element.BirthDate: 2, element.Address: 2, element.Phone: 2, element.Email: 2, element.Name: 2, element.Kana: 1, element.PostalCode: 0.5,
	element.Note: 2, element.Unclassified: 1, element.Payment: 1, element.Booking: 1, element.CustomerNumber: 0.5, element.Sex: 0.5,
}

// Advice is what to do with a place.
type Advice string

// The kinds of advice.
const (
	Delete  Advice = "delete"  // nothing needs it where it is
	Move    Advice = "move"    // to where only those who need it can read it
	Protect Advice = "protect" // encrypt it, or take the elements out; of a table: put it behind a gate
	Check   Advice = "check"   // a person must look
)

// Traits are what is known of a place beside how much rests there.
type Traits struct {
	CVV, Card bool
	Numbers   bool // numbers that the state or a bank gave
	Secret    bool
	Many      bool   // at least a hundred persons
	Public    bool   // everybody on the machine may read it
	Web       bool   // in a directory that web servers deliver
	Kind      string // NameKind
	Old       bool   // not changed, or there, for a year
	Copy      bool   // of something else that is known
	Unread    bool   // not read in full

	// Of places in the ledger:
	Open         bool // no gate stands before it: nobody records who reads it
	Uncovered    bool // behind a gate, and in the last thirty days there was a time without one
	Readers      bool // at least ten users or addresses read it in the last thirty days
	Unclassified bool // it has columns that nobody classified
	Drifted      bool // it is not as the configuration says
}

// Reasons are the words of Traits.Reasons, in the order in which they are given.
var Reasons = []string{"cvv", "card", "number", "secret", "many", "open", "uncovered", "readers", "public", "web", "dump", "log", "backup", "temporary", "old", "copy",
	"unclassified", "drifted", "archive", "unread"}

// Reasons returns why the place is exposed as stable words, and by how much that
// multiplies the weight of what rests there.
func (t *Traits) Reasons() (words []string, exposure float64) {
	exposure = 1
	for _, c := range []struct {
		holds  bool
		reason string
		factor float64
	}{
		{t.CVV, "cvv", 2}, {t.Card, "card", 1}, {t.Numbers, "number", 1}, {t.Secret, "secret", 1}, {t.Many, "many", 1.5},
		{t.Open, "open", 3}, {t.Uncovered, "uncovered", 2}, {t.Readers, "readers", 1.5}, {t.Public, "public", 1.3}, {t.Web, "web", 3},
		{t.Kind == "dump", "dump", 1.3}, {t.Kind == "log", "log", 1.5}, {t.Kind == "backup", "backup", 1.5}, {t.Kind == "temporary", "temporary", 1.5},
		{t.Old, "old", 1.2}, {t.Copy, "copy", 1.2}, {t.Unclassified, "unclassified", 1.2}, {t.Drifted, "drifted", 1.2},
		{t.Kind == "archive", "archive", 1}, {t.Unread, "unread", 1},
	} {
		if c.holds {
			words, exposure = append(words, c.reason), exposure*c.factor
		}
	}
	return words, exposure
}

// Advice returns what to do.
func (t *Traits) Advice() Advice {
	switch {
	case t.CVV, t.Card && t.Kind != "", t.Web, t.Kind == "temporary", t.Kind == "backup" && t.Old:
		return Delete
	case t.Card || t.Numbers || t.Secret:
		return Protect
	case t.Many || t.Kind == "dump":
		return Move
	}
	return Check
}

// Named enters what a path says: Web and Kind.
func (t *Traits) Named(p string) {
	lower := strings.ToLower(p)
	t.Web, t.Kind = underWeb(lower), nameKind(lower)
}

// Elements enters what the elements of a place say.
func (t *Traits) Elements(m element.Mask) {
	t.CVV, t.Card, t.Secret = m.Has(element.CardCVV), m.Has(element.CardPAN) || m.Has(element.CardCVV), m.Has(element.Secret)
	t.Numbers = m&element.MaskOf(element.MyNumber, element.Passport, element.DriversLicence, element.BankAccount) != 0
}

// underWeb: directories that web servers deliver by default.
func underWeb(lower string) bool {
	for _, dir := range []string{"public_html/", "htdocs/", "wwwroot/", "www/html/", "webroot/"} {
		if strings.HasPrefix(lower, dir) || strings.Contains(lower, "/"+dir) {
			return true
		}
	}
	return false
}

// nameKind says what a file is for, by its name: "temporary", "backup", "dump", "log",
// "archive" or "".
func nameKind(lower string) string {
	base, ext := path.Base(lower), path.Ext(lower)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(base, w) {
				return true
			}
		}
		return false
	}
	switch {
	case ext == ".tmp" || ext == ".temp" || ext == ".part" || ext == ".crdownload" || strings.HasPrefix(base, "~$") || strings.HasPrefix(lower, "tmp/") || strings.Contains(lower, "/tmp/") || strings.Contains(lower, "downloads/") || strings.Contains(lower, "ダウンロード/"):
		return "temporary"
	case ext == ".bak" || ext == ".old" || ext == ".orig" || strings.HasSuffix(base, "~") || has("backup", "バックアップ", "コピー", " copy", "_old"):
		return "backup"
	case ext == ".sql" || ext == ".dump" || has(".sql.", "dump"):
		return "dump"
	case ext == ".log" || has(".log.", "access_log", "error_log"):
		return "log"
	case ext == ".zip" || ext == ".7z" || ext == ".gz" || ext == ".tgz" || ext == ".rar" || ext == ".xz" || ext == ".zst":
		return "archive"
	}
	return ""
}

// Place is a place with what rests there now.
type Place struct {
	Name     string
	Subjects uint64 // different ones, unknown ones too
	// Counts are the subjects by element; a record that nobody can be told of counts
	// as one.
	Counts map[element.Kind]uint64
	Traits Traits
}

// Ranked is a place on the list. Score = Weight × Exposure.
type Ranked struct {
	Place    string   `json:"place"`
	Score    float64  `json:"score"`
	Subjects uint64   `json:"subjects"`
	Elements []Share  `json:"elements"` // heaviest first
	Weight   float64  `json:"weight"`   // the sum over the elements of subjects × weight
	Exposure float64  `json:"exposure"`
	Reasons  []string `json:"reasons"` // stable words, see Reasons
	Advice   Advice   `json:"advice"`
}

// Share is what one element adds to the weight of a place.
type Share struct {
	Element  string  `json:"element"`
	Subjects uint64  `json:"subjects"`
	Weight   float64 `json:"weight"` // of one
}

// List ranks places, the riskiest first; places where nothing rests are left out.
func List(places []Place) []Ranked {
	out := []Ranked{}
	for _, p := range places {
		r := Ranked{Place: p.Name, Subjects: p.Subjects}
		var all element.Mask
		for k, n := range p.Counts {
			if n == 0 {
				continue
			}
			all |= element.MaskOf(k)
			r.Elements = append(r.Elements, Share{k.String(), n, Weight(k)})
			r.Weight += Weight(k) * float64(n)
		}
		if r.Weight == 0 {
			continue
		}
		slices.SortFunc(r.Elements, func(a, b Share) int {
			return cmp.Or(cmp.Compare(b.Weight*float64(b.Subjects), a.Weight*float64(a.Subjects)), cmp.Compare(a.Element, b.Element))
		})
		p.Traits.Elements(all)
		p.Traits.Many = p.Traits.Many || p.Subjects >= 100
		r.Reasons, r.Exposure = p.Traits.Reasons()
		r.Score, r.Advice = r.Weight*r.Exposure, p.Traits.Advice()
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Place, b.Place)) })
	return out
}
