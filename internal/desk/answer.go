package desk

import (
	"strings"
	"time"

	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
)

// Answer is a case as people see it: what is recorded, and what follows from
// it now.
type Answer struct {
	Case    *casefile.Case      `json:"case"`
	Clocks  []Clock             `json:"clocks"`
	Missing []string            `json:"missing,omitempty"` // for closing
	Next    time.Time           `json:"next_call"`
	Red     []string            `json:"red,omitempty"`
	Marks   []casefile.Mark     `json:"marks,omitempty"`
	Common  []casefile.Common   `json:"common,omitempty"`
	Like    []string            `json:"like,omitempty"`           // classes that the signs of an unknown one point to
	Open    map[string][]string `json:"open_questions,omitempty"` // by report
	Differs []draft.Conflict    `json:"differs,omitempty"`        // texts about the incident, and the newest figures
}

// Clock is a duty as it is shown.
type Clock struct {
	Rule      string    `json:"rule"`
	LawJA     string    `json:"law_ja"`
	LawEN     string    `json:"law_en"`
	To        string    `json:"recipient_ja"`
	ToEN      string    `json:"recipient_en"`
	Kind      string    `json:"kind"`
	Sure      string    `json:"sure"`
	Start     time.Time `json:"start"`
	Due       time.Time `json:"due"`
	Day       string    `json:"day,omitempty"`
	ByHand    bool      `json:"check_by_hand,omitempty"`
	OwnTarget bool      `json:"own_target,omitempty"`
	Late      bool      `json:"late,omitempty"`
	DaysPast  int       `json:"days_past,omitempty"` // while nothing was sent
	Ended     string    `json:"ended,omitempty"`
	Because   []Known   `json:"because"`
}

// Known is a fact that makes a clock run, the one that started it first.
type Known struct {
	Fact    string    `json:"fact"`
	At      time.Time `json:"at"`
	Persons uint64    `json:"persons,omitempty"`
}

// Say returns the case as it is at now.
func Say(b *casefile.Books, f *casefile.Firm, c *casefile.Case, now time.Time) Answer {
	out := Answer{Case: c, Clocks: []Clock{}, Next: c.Next(b, f, now), Red: c.Red(b, f, now), Marks: c.Contradictions(),
		Common: casefile.Concentration(c.Misuse), Open: map[string][]string{}}
	if c.State != casefile.Closed {
		out.Missing = c.Missing(b, f)
		out.Like = like(b, c)
	}
	if len(c.Texts) > 0 {
		out.Differs = append(draft.CompareClaims(draft.Texts(c)), draft.Of(c, c.ID).Against(draft.Texts(c))...)
	}
	for _, k := range c.Clocks(b.Rules, f.Facts, f.AsOf) {
		line := Clock{Rule: k.Rule.ID, LawJA: k.Rule.Law.JA, LawEN: k.Rule.Law.EN, To: k.Rule.Recipient.JA, ToEN: k.Rule.Recipient.EN, Kind: k.Kind, Sure: k.Rule.Sure,
			Start: k.Start, Due: k.Due, Day: k.Day, ByHand: k.ByHand, OwnTarget: k.OwnTarget, Late: k.End == nil && !now.Before(k.Due)}
		for _, f := range k.Because {
			line.Because = append(line.Because, Known{f.Name, f.At, f.Persons})
		}
		if line.Late {
			line.DaysPast = k.DaysPast(now)
		}
		if k.End != nil {
			line.Ended = k.End.Step + " " + k.End.Number
		}
		out.Clocks = append(out.Clocks, line)
	}
	for _, r := range c.Reports {
		for _, q := range r.Unanswered(b.Plays) {
			out.Open[r.ID] = append(out.Open[r.ID], q.ID)
		}
	}
	return out
}

// like proposes classes for a case of which nobody has said what it is.
func like(b *casefile.Books, c *casefile.Case) (out []string) {
	if c.Class != "unknown" {
		return nil
	}
	var words []string
	for _, s := range c.Signs {
		words = append(words, s.Title)
	}
	for _, class := range b.Plays.Match(c.Channel, strings.Join(words, "\n")) {
		out = append(out, class.ID)
	}
	return out
}
