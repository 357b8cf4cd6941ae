// Package propose looks at a PostgreSQL, MySQL, MariaDB or SQLite database and proposes the protect section
// of the configuration: which table is about whom, which column is which element,
// what is plain, with reasons and confidences, for a person to accept.
//
// It decides nothing by itself and changes nothing: the configuration does that.
// It reads the catalogue and a sample of rows in one read-only snapshot and keeps
// no value.
package propose

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"sekisho/internal/element"
)

// Column is a column of a table, with a sample of its values.
type Column struct {
	Name     string
	Type     string // base type by its name in PostgreSQL: int4, text, date
	Unique   bool   // has a unique index of its own
	Refers   string // table (Relation.Name) that its values refer to by a foreign key
	Values   [][]byte
	NotNulls int // values of the sample that are not null
}

// Relation is a table with a sample of its rows.
type Relation struct {
	Name    string // schema.table; the table alone in MySQL and SQLite
	Key     string // the only column of the primary key; empty when there is none
	Rows    int64  // an estimate
	Sampled int
	Columns []Column
}

// Table is what is proposed for one table with personal data.
type Table struct {
	Name        string     `json:"table"`
	Key         string     `json:"key,omitempty"`
	Of          string     `json:"of,omitempty"`
	Why         string     `json:"why"` // of the key: a stable word, see keyReasons
	Columns     []Proposed `json:"columns"`
	Plain       []string   `json:"plain,omitempty"`
	Open        []string   `json:"open,omitempty"` // in neither list: they count as personal data
	Identifiers []string   `json:"identifiers,omitempty"`
}

// Proposed is a column with its element.
type Proposed struct {
	Column     string       `json:"column"`
	Kind       element.Kind `json:"-"`
	Element    string       `json:"element"`
	Confidence int          `json:"confidence"` // percent
	Why        string       `json:"why"`        // "header and values", "values", "header", "found in text"
	Hits       int          `json:"hits"`       // values that agree
	Of         int          `json:"of"`         // values looked at
	// Reasons are those of package element, in its words.
	Reasons string `json:"reasons,omitempty"`
	// Also are elements that some of the values hold beside.
	Also []string `json:"also,omitempty"`
	// Alarm: more values are card numbers than chance allows, and the column is
	// not meant for them.
	Alarm bool `json:"alarm,omitempty"`

	part bool // of an address, as things have it too
}

// Proposal is the protect section of a database, and the tables without personal
// data.
type Proposal struct {
	Tables []Table  `json:"tables"`
	Plain  []string `json:"plain,omitempty"`
}

// Propose judges relations.
func Propose(all []Relation) Proposal {
	judged := make([]Table, len(all))
	persons := map[string]bool{} // tables whose rows are persons
	for i := range all {
		judged[i] = judge(&all[i])
		if all[i].Key != "" && isPersons(&judged[i]) {
			persons[all[i].Name] = true
		}
	}
	var p Proposal
	for i := range all {
		t := &judged[i]
		if len(t.Columns) == 0 && len(t.Open) == 0 {
			p.Plain = append(p.Plain, t.Name)
			continue
		}
		if len(t.Columns) == 0 && !refersTo(&all[i], persons) {
			p.Plain = append(p.Plain, t.Name) // texts without anything found, about nobody
			continue
		}
		t.key(&all[i], persons)
		p.Tables = append(p.Tables, *t)
	}
	slices.SortFunc(p.Tables, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(p.Plain)
	return p
}

func refersTo(r *Relation, persons map[string]bool) bool {
	return slices.ContainsFunc(r.Columns, func(c Column) bool { return persons[c.Refers] || named(c.Name, persons) != "" })
}

// isPersons: at least two elements that name or reach a person.
func isPersons(t *Table) bool {
	var m element.Mask
	for _, c := range t.Columns {
		m |= element.MaskOf(c.Kind)
	}
	m &= element.MaskOf(element.Name, element.Kana, element.Email, element.Phone, element.Address, element.BirthDate, element.Passport, element.MyNumber)
	return len(m.Kinds()) >= 2
}

// key chooses whose row it is: what refers to persons by a foreign key, the
// table's own key if its rows are persons, a column named after a table of
// persons, else the primary key, which the person must look at.
func (t *Table) key(r *Relation, persons map[string]bool) {
	for _, c := range r.Columns {
		if c.Name == r.Key { // one row for each person of another table
			if of := named(c.Name, persons); of != r.Name && of != "" && c.Refers == "" {
				t.Key, t.Of, t.Why = c.Name, of, "named after it"
			} else if c.Refers != r.Name && persons[c.Refers] {
				t.Key, t.Of, t.Why = c.Name, c.Refers, "foreign key"
			}
		}
	}
	if t.Key == "" && persons[r.Name] {
		t.Key, t.Why = r.Key, "its rows are persons"
	}
	if t.Key == "" {
		for _, c := range r.Columns {
			if persons[c.Refers] && keyType(c.Type) {
				t.Key, t.Of, t.Why = c.Name, c.Refers, "foreign key"
				break
			}
		}
	}
	if t.Key == "" {
		for _, c := range r.Columns {
			if of := named(c.Name, persons); of != "" && keyType(c.Type) {
				t.Key, t.Of, t.Why = c.Name, of, "named after it"
				break
			}
		}
	}
	if t.Key == "" {
		t.Key, t.Why = r.Key, "primary key, to be looked at"
		if t.Key == "" {
			t.Why = "no key was found"
		}
	}
	drop := func(list []string) []string {
		return slices.DeleteFunc(list, func(c string) bool { return c == t.Key })
	}
	t.Plain, t.Open = drop(t.Plain), drop(t.Open)
	t.Columns = slices.DeleteFunc(t.Columns, func(c Proposed) bool { return c.Column == t.Key })
}

// named finds the table of persons that a column such as customer_id names.
func named(column string, persons map[string]bool) string {
	word, ok := strings.CutSuffix(strings.ToLower(column), "_id")
	if !ok {
		return ""
	}
	var found []string
	for name := range persons {
		base := name[strings.LastIndexByte(name, '.')+1:]
		if base == word || base == word+"s" || base == word+"es" {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// keyType: types whose equality is equality of bytes (package subject).
func keyType(t string) bool {
	switch t {
	case "int2", "int4", "int8", "uuid", "text", "varchar":
		return true
	}
	return false
}

func judge(r *Relation) Table {
	t := Table{Name: r.Name}
	for i := range r.Columns {
		c := &r.Columns[i]
		p, ok := judgeColumn(c)
		switch {
		case ok:
			t.Columns = append(t.Columns, p)
			if identifies(p.Kind) && (c.Unique || c.NotNulls >= 20 && distinct(c.Values)) {
				t.Identifiers = append(t.Identifiers, c.Name)
			}
		case c.Name == r.Key, c.Refers != "", harmless(c):
			t.Plain = append(t.Plain, c.Name)
		default:
			t.Open = append(t.Open, c.Name)
		}
	}
	if len(t.Columns) > 0 && !slices.ContainsFunc(t.Columns, func(p Proposed) bool { return !p.part }) {
		for i := range r.Columns { // cities of nobody
			if c := &r.Columns[i]; slices.ContainsFunc(t.Columns, func(p Proposed) bool { return p.Column == c.Name }) {
				if harmless(c) {
					t.Plain = append(t.Plain, c.Name)
				} else {
					t.Open = append(t.Open, c.Name)
				}
			}
		}
		t.Columns = nil
	}
	return t
}

func identifies(k element.Kind) bool {
	return k == element.Email || k == element.Passport || k == element.DriversLicence || k == element.MyNumber
}

func distinct(values [][]byte) bool {
	seen := make(map[string]bool, len(values))
	for _, v := range values {
		if seen[string(v)] {
			return false
		}
		seen[string(v)] = true
	}
	return true
}

// harmless: types that hold no words, and texts with few different values, such
// as states and codes.
func harmless(c *Column) bool {
	switch c.Type {
	case "text", "varchar", "bpchar", "citext", "json", "jsonb", "xml", "bytea", "hstore", "name":
	case "inet", "cidr", "macaddr":
		return false
	default:
		return true
	}
	if c.NotNulls < 50 {
		return false
	}
	seen := map[string]bool{}
	for _, v := range c.Values {
		seen[string(v)] = true
	}
	return len(seen)*20 <= c.NotNulls
}

// least is the confidence that is worth a proposal (element.Judgement).
const least = 50

// judgeColumn asks package element what the name and the values of a column are, and
// looks for personal data in running text where they are nothing of their own.
func judgeColumn(c *Column) (Proposed, bool) {
	column := element.NewColumn(c.Name)
	var text []byte
	for _, v := range c.Values {
		column.Observe(v)
		text = append(append(text, v...), '\n')
	}
	j := column.Judge()
	p := Proposed{Column: c.Name, Of: len(c.Values), Alarm: j.Alarm, part: j.Part}
	for _, k := range j.Also.Kinds() {
		p.Also = append(p.Also, k.String())
	}
	give := func(k element.Kind, confidence, hits int, why string) (Proposed, bool) {
		p.Kind, p.Element, p.Confidence, p.Hits, p.Why = k, k.String(), confidence, hits, why
		return p, true
	}
	words := wordy(c.Type)
	byHeader := j.Reasons&element.ByHeader != 0
	if j.Kind != element.Unclassified && j.Confidence >= least && (byHeader || words) {
		p.Reasons = j.Reasons.String()
		why := "values"
		switch {
		case byHeader && j.Reasons&element.ByForm != 0:
			why = "header and values"
		case byHeader:
			why = "header"
		}
		return give(j.Kind, int(j.Confidence), j.Fitting, why)
	}
	if !words && !strings.HasPrefix(c.Type, "json") && c.Type != "xml" {
		return p, false
	}
	if hits := inText(text); hits > 0 || j.Alarm {
		return give(element.Note, 70, max(hits, 1), "found in text")
	}
	return p, false
}

// wordy: types whose values are what somebody typed.
func wordy(t string) bool { return t == "text" || t == "varchar" || t == "bpchar" || t == "citext" }

// inText counts the values in running text that a person would mind.
func inText(text []byte) (hits int) {
	s := element.NewScanner(element.Options{Encoding: element.UTF8, MinConfidence: 70}, func(f *element.Finding) {
		if f.Kind != element.IPAddress && f.Kind != element.Cookie {
			hits++
		}
	})
	if _, err := s.ReadFrom(bytes.NewReader(text)); err != nil {
		return 0
	}
	if err := s.Close(); err != nil {
		return 0
	}
	return hits
}
