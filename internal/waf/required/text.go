package required

import (
	"fmt"
	"strconv"
	"strings"
)

// String writes a formula as it stands in tables: a quoted literal, "*" for
// one that every text satisfies, (& …) and (| …).
func (f *Formula) String() string {
	var b strings.Builder
	f.write(&b)
	return b.String()
}

func (f *Formula) write(b *strings.Builder) {
	switch f.Op {
	case Any:
		b.WriteByte('*')
	case Literal:
		b.WriteString(strconv.QuoteToASCII(f.Text))
	default:
		b.WriteString(map[Op]string{And: "(&", Or: "(|"}[f.Op])
		for _, s := range f.Subs {
			b.WriteByte(' ')
			s.write(b)
		}
		b.WriteByte(')')
	}
}

// ParseFormula reads what [Formula.String] writes.
func ParseFormula(s string) (*Formula, error) {
	f, rest, err := parse(strings.TrimSpace(s), 0)
	if err == nil && rest != "" {
		err = fmt.Errorf("formula: %q after its end", rest)
	}
	return f, err
}

// maxDepth bounds the nesting that ParseFormula follows.
const maxDepth = 200

func parse(s string, depth int) (*Formula, string, error) {
	switch {
	case depth > maxDepth:
		return nil, "", fmt.Errorf("formula: nested deeper than %d", maxDepth)
	case strings.HasPrefix(s, "*"):
		return anything, s[1:], nil
	case strings.HasPrefix(s, `"`):
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, "", fmt.Errorf("formula: literal at %.20q: %w", s, err)
		}
		text, err := strconv.Unquote(quoted)
		if err != nil || text == "" {
			return nil, "", fmt.Errorf("formula: no literal at %.20q", s)
		}
		return literal(text), s[len(quoted):], nil
	case strings.HasPrefix(s, "(&"), strings.HasPrefix(s, "(|"):
		f := &Formula{Op: And}
		if s[1] == '|' {
			f.Op = Or
		}
		for s = s[2:]; ; {
			s = strings.TrimLeft(s, " ")
			if rest, ok := strings.CutPrefix(s, ")"); ok {
				if f.Subs == nil {
					return nil, "", fmt.Errorf("formula: nothing between brackets")
				}
				return f, rest, nil
			}
			sub, rest, err := parse(s, depth+1)
			if err != nil {
				return nil, "", err
			}
			f.Subs = append(f.Subs, sub)
			s = rest
		}
	}
	return nil, "", fmt.Errorf("formula: %.20q is no formula", s)
}

// Holds reports whether a text satisfies the formula, by looking for one
// literal after another: for tests and for single questions.
func (f *Formula) Holds(text string) bool {
	return f.holds(lower(FoldKS(text)))
}

func (f *Formula) holds(text string) bool {
	switch f.Op {
	case Literal:
		return strings.Contains(text, f.Text)
	case And:
		for _, s := range f.Subs {
			if !s.holds(text) {
				return false
			}
		}
	case Or:
		for _, s := range f.Subs {
			if s.holds(text) {
				return true
			}
		}
		return false
	}
	return true
}
