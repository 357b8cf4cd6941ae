package filescan

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// Rank is how risky a file is and what to do with it.
type Rank struct {
	Score   float64  `json:"score"`
	Reasons []string `json:"reasons"` // stable words, see Reasons
	Advice  Advice   `json:"advice"`
}

// Advice is what to do with a file.
type Advice string

// The kinds of advice.
const (
	Delete  Advice = "delete"  // nothing needs it where it is
	Move    Advice = "move"    // to where only those who need it can read it
	Protect Advice = "protect" // encrypt it, or take the elements out
	Check   Advice = "check"   // a person must look
)

// Reasons are the words of Rank.Reasons, in the order in which they are given.
var Reasons = []string{"cvv", "card", "number", "secret", "many", "public", "web", "dump", "log", "backup", "temporary", "old", "copy", "archive", "unread"}

// weights are what one value of an element adds: by what it lets somebody do.
// Security codes may not be kept at all (PCI DSS 4.0, requirement 3.3.1.2).
var weights = map[element.Kind]float64{
	element.CardCVV: 60, element.CardPAN: 30, element.MyNumber: 30, element.Secret: 20, element.Passport: 15, element.DriversLicence: 12,
	element.BankAccount: 10, element.BirthDate: 2, element.Address: 2, element.Phone: 2, element.Email: 2, element.Name: 2, element.Kana: 1, element.PostalCode: 0.5,
}

// longAgo is how long a file was not changed to be called old.
const longAgo = 365 * 24 * time.Hour

// rank judges an object at a time, and puts its elements in the order of weight.
func rank(o *Object, now time.Time) *Rank {
	r := &Rank{}
	slices.SortStableFunc(o.Elements, func(a, b Found) int { return cmp.Compare(weights[b.Kind], weights[a.Kind]) })
	for _, f := range o.Elements {
		// The thousandth card number is not as bad as the first: square root by
		// hundreds keeps one file of a hundred thousand names behind one of cards.
		n := float64(f.Count)
		if n > 100 {
			n = 100 + (n-100)/10
		}
		r.Score += weights[f.Kind] * n
	}
	if r.Score == 0 {
		return nil
	}
	say := func(reason string, factor float64) {
		r.Reasons = append(r.Reasons, reason)
		r.Score *= factor
	}
	card, numbers := o.Count(element.CardPAN) > 0, o.Count(element.MyNumber)+o.Count(element.Passport)+o.Count(element.DriversLicence)+o.Count(element.BankAccount)
	secret, many := o.Count(element.Secret) > 0, o.Persons() >= 100
	lower := strings.ToLower(o.Path)
	web, kind := underWeb(lower), nameKind(lower)
	old := now.Sub(o.Modified) > longAgo
	switch {
	case o.Count(element.CardCVV) > 0:
		say("cvv", 2)
		fallthrough
	case card:
		say("card", 1)
	}
	for _, c := range []struct {
		holds  bool
		reason string
		factor float64
	}{
		{numbers > 0, "number", 1}, {secret, "secret", 1}, {many, "many", 1.5}, {o.Public, "public", 1.3}, {web, "web", 3},
		{kind == "dump", "dump", 1.3}, {kind == "log", "log", 1.5}, {kind == "backup", "backup", 1.5}, {kind == "temporary", "temporary", 1.5},
		{old, "old", 1.2}, {o.CopyOf != "", "copy", 1.2}, {kind == "archive", "archive", 1}, {len(o.Troubles) > 0, "unread", 1},
	} {
		if c.holds {
			say(c.reason, c.factor)
		}
	}
	switch {
	case o.Count(element.CardCVV) > 0, card && kind != "", web, kind == "temporary", kind == "backup" && old:
		r.Advice = Delete
	case card || numbers > 0 || secret:
		r.Advice = Protect
	case many || kind == "dump":
		r.Advice = Move
	default:
		r.Advice = Check
	}
	return r
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

// nameKind says what a file is for, by its name.
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

// serious reports whether a trouble must be looked at: something may hold
// personal data that the scan did not see.
func serious(t document.Trouble) bool {
	switch t {
	case document.Special, document.Link, document.Foreign, document.Vanished:
		return false
	}
	return true
}
