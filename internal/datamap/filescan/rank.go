package filescan

import (
	"cmp"
	"slices"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/risk"
	"sekisho/internal/element"
)

// Rank is how risky a file is and what to do with it.
type Rank struct {
	Score   float64  `json:"score"`
	Reasons []string `json:"reasons"` // stable words, see Reasons
	Advice  Advice   `json:"advice"`
}

// Advice is what to do with a file.
type Advice = risk.Advice

// Reasons are the words that Rank.Reasons may have, in the order in which they are given.
var Reasons = risk.Reasons

// longAgo is how long a file was not changed to be called old.
const longAgo = 365 * 24 * time.Hour

// rank judges an object at a time, and puts its elements in the order of weight.
func rank(o *Object, now time.Time) *Rank {
	r := &Rank{}
	slices.SortStableFunc(o.Elements, func(a, b Found) int { return cmp.Compare(risk.Weight(b.Kind), risk.Weight(a.Kind)) })
	for _, f := range o.Elements {
		// The thousandth card number is not as bad as the first: square root by
		// hundreds keeps one file of a hundred thousand names behind one of cards.
		n := float64(f.Count)
		if n > 100 {
			n = 100 + (n-100)/10
		}
		r.Score += risk.Weight(f.Kind) * n
	}
	if r.Score == 0 {
		return nil
	}
	numbers := o.Count(element.MyNumber) + o.Count(element.Passport) + o.Count(element.DriversLicence) + o.Count(element.BankAccount)
	cvv := o.Count(element.CardCVV) > 0
	t := risk.Traits{CVV: cvv, Card: cvv || o.Count(element.CardPAN) > 0, Numbers: numbers > 0, Secret: o.Count(element.Secret) > 0,
		Many: o.Persons() >= 100, Public: o.Public, Old: !o.Modified.IsZero() && now.Sub(o.Modified) > longAgo, Copy: o.CopyOf != "", Unread: len(o.Troubles) > 0}
	t.Named(o.Path)
	var exposure float64
	r.Reasons, exposure = t.Reasons()
	r.Score, r.Advice = r.Score*exposure, t.Advice()
	return r
}

// serious reports whether a trouble must be looked at: something may hold
// personal data that the scan did not see.
func serious(t document.Trouble) bool {
	switch t {
	case document.Special, document.Link, document.Foreign:
		return false
	}
	return true
}
