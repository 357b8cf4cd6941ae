package propose

import (
	"cmp"
	"slices"

	"sekisho/internal/element"
)

// Configured is a table as the configuration has it.
type Configured struct {
	Name    string
	Key     string
	Columns map[string]element.Kind
	Plain   []string
}

// Drift is a difference between the configuration and what was found.
type Drift struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	// What is a stable word: "new table" with personal data, "new column" that
	// nobody classified, "other element", "not plain" although configured so,
	// "gone" (a table or a column that is no more).
	What       string `json:"what"`
	Configured string `json:"configured,omitempty"` // element
	Found      string `json:"found,omitempty"`      // element
}

// minDrift is the confidence from which a different element is a drift: what the
// person wrote down outweighs a guess.
const minDrift = 85

// formed reports whether an element has a form that its values can show. Of the others
// only the column's name speaks, and there the person knows better.
func formed(k element.Kind) bool {
	switch k {
	case element.Note, element.Company, element.Booking, element.CustomerNumber, element.Payment, element.Cookie, element.Secret, element.Sex:
		return false
	}
	return true
}

// Compare returns how the database drifted away from the configuration. Plain are
// the tables configured to be without personal data; all what was looked at.
func Compare(configured []Configured, plain []string, all []Relation, p Proposal) []Drift {
	var out []Drift
	there := map[string]*Relation{}
	for i := range all {
		there[all[i].Name] = &all[i]
	}
	known := map[string]*Configured{}
	for i := range configured {
		c := &configured[i]
		known[c.Name] = c
		r := there[c.Name]
		if r == nil {
			out = append(out, Drift{Table: c.Name, What: "gone"})
			continue
		}
		for name := range c.Columns {
			if !slices.ContainsFunc(r.Columns, func(x Column) bool { return x.Name == name }) {
				out = append(out, Drift{Table: c.Name, Column: name, What: "gone"})
			}
		}
		for _, x := range r.Columns {
			if _, ok := c.Columns[x.Name]; !ok && x.Name != c.Key && !slices.Contains(c.Plain, x.Name) {
				out = append(out, Drift{Table: c.Name, Column: x.Name, What: "new column"})
			}
		}
	}
	for _, t := range p.Tables {
		c := known[t.Name]
		for _, x := range t.Columns {
			switch {
			case c == nil:
				what := "new table"
				if slices.Contains(plain, t.Name) {
					what = "not plain"
				}
				out = append(out, Drift{Table: t.Name, Column: x.Column, What: what, Found: x.Element})
			case x.Confidence < minDrift:
			case slices.Contains(c.Plain, x.Column):
				out = append(out, Drift{Table: t.Name, Column: x.Column, What: "not plain", Found: x.Element})
			case c.Columns[x.Column] != element.Unclassified && c.Columns[x.Column] != x.Kind && formed(x.Kind):
				out = append(out, Drift{Table: t.Name, Column: x.Column, What: "other element", Configured: c.Columns[x.Column].String(), Found: x.Element})
			}
		}
	}
	slices.SortFunc(out, func(a, b Drift) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column), cmp.Compare(a.What, b.What))
	})
	return slices.Compact(out)
}
