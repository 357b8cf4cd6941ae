package propose

import (
	"fmt"
	"strconv"
	"strings"
)

// Words are the sentences of the comments, in the language of the person.
type Words struct {
	Key    func(why, of string) string // why the key is the key
	Column func(p Proposed) string     // why a column is an element
	Open   string                      // above the columns in neither list
	NoKey  string                      // instead of a key
}

// YAML writes the protect and plain sections as the configuration takes them,
// indented for a database, with the reasons as comments.
func (p *Proposal) YAML(w Words) string {
	var b strings.Builder
	line := func(indent int, format string, args ...any) {
		b.WriteString(strings.Repeat("  ", indent))
		fmt.Fprintf(&b, format, args...)
		b.WriteByte('\n')
	}
	line(2, "protect:")
	for _, t := range p.Tables {
		line(3, "- table: %s", Quote(t.Name))
		if t.Key == "" {
			line(4, "# %s", w.NoKey)
			line(4, "key: ")
		} else {
			line(4, "# %s", w.Key(t.Why, t.Of))
			line(4, "key: %s", Quote(t.Key))
		}
		if t.Of != "" {
			line(4, "of: %s", Quote(t.Of))
		}
		if len(t.Columns) > 0 {
			line(4, "columns:")
		}
		for _, c := range t.Columns {
			line(5, "%s: %s # %s", Quote(c.Column), c.Element, w.Column(c))
		}
		if len(t.Plain) > 0 {
			line(4, "plain: [%s]", quoted(t.Plain))
		}
		if len(t.Open) > 0 {
			line(4, "# %s: %s", w.Open, strings.Join(t.Open, ", "))
		}
		if len(t.Identifiers) > 0 {
			line(4, "identifiers: [%s]", quoted(t.Identifiers))
		}
	}
	if len(p.Plain) > 0 {
		line(2, "plain: [%s]", quoted(p.Plain))
	}
	return b.String()
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = Quote(n)
	}
	return strings.Join(out, ", ")
}

// Quote writes a name as YAML reads it back: names that are no plain words in
// double quotes, whose escapes are those of Go.
func Quote(name string) string {
	plain := name != ""
	for i, r := range name {
		plain = plain && (r == '_' || r == '.' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9')
	}
	switch strings.ToLower(name) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		plain = false
	}
	if plain {
		return name
	}
	return strconv.Quote(name)
}
