// Package rule is the law as dated data: which duty a set of facts starts,
// when its clock began, when it ends, who is to be told what, how sure we are
// of the text and where it was read.
//
// It is no legal advice, decides nothing for a case and reads no clock. Every
// rule is a dated version; the data is rules.json, made from documents read on
// the day it names. Rows of confidence B and C say so wherever they are shown.
package rule

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // a container of the program alone, and Windows, know no zones
)

//go:embed rules.json
var embedded []byte

// Text is in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// In returns the text in "ja", else in English.
func (t Text) In(language string) string {
	if language == "ja" {
		return t.JA
	}
	return t.EN
}

// Clause holds when all facts of All and one of Any are known, and more than
// PersonsOver persons are concerned (0: no matter how many).
type Clause struct {
	All         []string `json:"all,omitempty"`
	Any         []string `json:"any,omitempty"`
	PersonsOver uint64   `json:"persons_over,omitempty"`
}

// Rule is one dated version of one duty to one recipient.
type Rule struct {
	ID     string   `json:"id"`
	Law    Text     `json:"law"`
	When   []Clause `json:"when"`   // one of them
	Start  []string `json:"start"`  // the earliest knowledge of one of these starts the clock
	Length int      `json:"length"` // in Unit
	Unit   string   `json:"unit"`   // day, hour, none (the text has no number)
	Count  string   `json:"count"`  // calendar, business, hours, at-once, same-day, promptly, voluntary
	// FirstDay is 1 when the day of knowledge is day 1, 0 when it is day 0.
	FirstDay  int      `json:"first_day,omitempty"`
	Roll      string   `json:"roll,omitempty"`         // next-open: from a closed day to the next open one
	WarnAfter int      `json:"warn_after,omitempty"`   // days
	Target    int      `json:"target_hours,omitempty"` // of this product, where the law has no number
	Zone      string   `json:"zone"`
	Recipient Text     `json:"recipient"`
	Kind      string   `json:"kind"` // guide, statutory, contract, policy, practice, voluntary
	Fields    []string `json:"fields,omitempty"`
	From      string   `json:"from,omitempty"` // 2006-01-02; empty: always
	To        string   `json:"to,omitempty"`   // first day on which it no longer holds
	Status    string   `json:"status"`         // in-force, not-in-force
	Sure      string   `json:"sure"`           // A text seen, B secondary source, C unverified
	Source    string   `json:"source"`
	Note      Text     `json:"note,omitzero"`
	// SoftenedBy names the rule whose clock, when it runs too, makes this one
	// an internal target.
	SoftenedBy string `json:"softened_by,omitempty"`
	// EarlyOf names the rule whose report this one asks for too, only from an
	// earlier stage of knowledge: a receipt of either ends both clocks, and this
	// one is left out when it began no earlier.
	EarlyOf string `json:"early_of,omitempty"`
	// Drafts are the documents of internal/view/casefile/draft with which the
	// duty is done.
	Drafts []string `json:"drafts,omitempty"`

	zone *time.Location
}

// Unverified reports whether a part of the rule was not read in its source.
func (r *Rule) Unverified() bool { return r.Sure != "A" }

// Book is a set of rules. It is immutable.
type Book struct {
	Read  string  `json:"read"` // day on which the sources were read
	Rules []*Rule `json:"rules"`
	ids   map[string]*Rule
}

// Load reads a book and refuses what it does not understand.
func Load(text []byte) (*Book, error) {
	b := &Book{ids: map[string]*Rule{}}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(b); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	for _, r := range b.Rules {
		if err := b.add(r); err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.ID, err)
		}
	}
	for _, r := range b.Rules {
		if r.SoftenedBy != "" && b.ids[r.SoftenedBy] == nil {
			return nil, fmt.Errorf("rule %q: softened_by names no rule", r.ID)
		}
		if main := b.ids[r.EarlyOf]; r.EarlyOf != "" && (main == nil || main.EarlyOf != "") {
			return nil, fmt.Errorf("rule %q: early_of names no rule with a report of its own", r.ID)
		}
	}
	return b, nil
}

func (b *Book) add(r *Rule) (err error) {
	if r.ID == "" || b.ids[r.ID] != nil || len(r.When) == 0 || len(r.Start) == 0 || r.Source == "" {
		return fmt.Errorf("needs a new id, when, start and source")
	}
	for _, t := range []Text{r.Law, r.Recipient} {
		if t.JA == "" || t.EN == "" {
			return fmt.Errorf("law and recipient need both languages")
		}
	}
	if (r.Note.JA == "") != (r.Note.EN == "") {
		return fmt.Errorf("note needs both languages")
	}
	for _, day := range []string{r.From, r.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return fmt.Errorf("%q is no date", day)
		}
	}
	known := slices.Contains([]string{"day/calendar", "day/business", "hour/hours", "day/at-once", "day/same-day", "none/promptly", "none/voluntary"}, r.Unit+"/"+r.Count)
	if !known || r.Length < 0 || r.FirstDay < 0 || r.FirstDay > 1 || r.Roll != "" && r.Roll != "next-open" {
		return fmt.Errorf("cannot count %d %s %s", r.Length, r.Unit, r.Count)
	}
	if r.Unit == "none" && r.Target <= 0 {
		return fmt.Errorf("a rule without a number needs target_hours, so that no case waits for ever")
	}
	r.zone, err = time.LoadLocation(r.Zone)
	b.ids[r.ID] = r
	return err
}

// Default returns the book that the program carries.
func Default() *Book {
	b, err := Load(embedded)
	if err != nil {
		panic("rule: " + err.Error())
	}
	return b
}

// Rule returns a rule, nil when there is none.
func (b *Book) Rule(id string) *Rule { return b.ids[id] }

// Same reports whether the two rules ask for one and the same report.
func (r *Rule) Same(o *Rule) bool {
	return r.ID == o.ID || r.EarlyOf == o.ID || o.EarlyOf == r.ID || r.EarlyOf != "" && r.EarlyOf == o.EarlyOf
}

// InForce reports whether the rule holds on the day of t.
func (r *Rule) InForce(t time.Time) bool {
	day := t.In(r.zone).Format(time.DateOnly)
	return r.Status == "in-force" && (r.From == "" || r.From <= day) && (r.To == "" || day < r.To)
}
