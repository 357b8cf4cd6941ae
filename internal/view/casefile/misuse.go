package casefile

import (
	"cmp"
	"fmt"
	"slices"

	"sekisho/internal/event"
)

// Mark says how misuse stands to an assumed window of one server.
type Mark struct {
	Server       string `json:"server"`
	Version      int    `json:"version"`
	From         int64  `json:"from"`
	Misuse       int64  `json:"misuse"` // the earliest that was reported
	Contradicted bool   `json:"contradicted"`
}

// listed returns the whole list when its last part has come, else nothing.
func (c *Case) listed(e *event.CaseMisuse) []event.Misuse {
	if e.List == "" {
		return e.Items
	}
	items := append(c.Parts[e.List], e.Items...)
	if uint64(len(items)) >= e.Of {
		delete(c.Parts, e.List)
		return items
	}
	if c.Parts == nil {
		c.Parts = map[string][]event.Misuse{}
	}
	c.Parts[e.List] = items
	return nil
}

// Contradictions compares the earliest misuse with each server's newest assumed
// window: misuse before a window's beginning cannot come from it, so the window
// begins too late or the server is not the source.
func (c *Case) Contradictions() []Mark {
	if len(c.Misuse) == 0 {
		return nil
	}
	first := slices.MinFunc(c.Misuse, func(a, b event.Misuse) int { return cmp.Compare(a.At, b.At) }).At
	var out []Mark
	for i := len(c.Scopes) - 1; i >= 0; i-- {
		s := c.Scopes[i]
		if s.Server == "" || s.From == 0 || slices.ContainsFunc(out, func(m Mark) bool { return m.Server == s.Server }) {
			continue
		}
		out = append(out, Mark{s.Server, s.Version, s.From, first, first < s.From})
	}
	slices.SortFunc(out, func(a, b Mark) int { return cmp.Compare(a.Server, b.Server) })
	return out
}

// checkCommon refuses an answer that rests on nothing.
func (c *Case) checkCommon(e *event.CaseCommon) error {
	if len(c.Misuse) == 0 {
		return refuse("common_none", "case", c.ID)
	}
	if e.Position == 0 || e.Query == "" {
		return refuse("common_basis")
	}
	if e.Members == 0 && e.Payers == 0 {
		return refuse("common_members")
	}
	if e.Known == 0 && e.Paid == 0 {
		return refuse("common_unknown", "n", e.Misused)
	}
	return nil
}

// compared are the words of the timeline: the first place, how many came
// together there, and how many times as many as by lot.
func compared(e *event.CaseCommon) []string {
	if len(e.Found) == 0 {
		return nil
	}
	f := &e.Found[0]
	return []string{string(f.Place), fmt.Sprint(f.Hits), fmt.Sprint(f.Of), fmt.Sprintf("%.1f", f.Times())}
}

// Common is what misused cards or accounts have in common.
type Common struct {
	Place  event.Place `json:"place"`
	Tokens int         `json:"tokens"` // of Of misused ones were used at Place
	Of     int         `json:"of"`
	From   int64       `json:"from"` // all their uses there before their misuse
	To     int64       `json:"to"`
	// The shortest time in which every one of them was used there once.
	TightFrom int64 `json:"tight_from"`
	TightTo   int64 `json:"tight_to"`
}

// Concentration returns, for every place, how many of the misused cards or
// accounts were used there before their misuse, and when. The first is the
// likeliest source.
func Concentration(items []event.Misuse) []Common {
	type use struct {
		at    int64
		token string
	}
	uses := map[event.Place][]use{}
	tokens := map[string]bool{}
	for _, m := range items {
		tokens[m.Token] = true
		for _, u := range m.Uses {
			if u.At < m.At {
				uses[u.Place] = append(uses[u.Place], use{u.At, m.Token})
			}
		}
	}
	var out []Common
	for place, list := range uses {
		slices.SortFunc(list, func(a, b use) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.token, b.token)) })
		seen := map[string]bool{}
		for _, u := range list {
			seen[u.token] = true
		}
		c := Common{Place: place, Tokens: len(seen), Of: len(tokens), From: list[0].at, To: list[len(list)-1].at}
		c.TightFrom, c.TightTo = c.From, c.To
		in, left := map[string]int{}, 0
		for _, u := range list {
			in[u.token]++
			for ; len(in) == len(seen); left++ {
				if u.at-list[left].at < c.TightTo-c.TightFrom {
					c.TightFrom, c.TightTo = list[left].at, u.at
				}
				if in[list[left].token]--; in[list[left].token] == 0 {
					delete(in, list[left].token)
				}
			}
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Common) int {
		return cmp.Or(cmp.Compare(b.Tokens, a.Tokens), cmp.Compare(a.TightTo-a.TightFrom, b.TightTo-b.TightFrom), cmp.Compare(a.Place, b.Place))
	})
	return out
}
