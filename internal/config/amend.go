package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Addition is what is added to the protect section of a database or a store.
type Addition struct {
	Database string // or a store
	Columns  []AddedColumn
	// Text are the new tables as they are written: the items of a YAML list, not
	// indented, with comments. Tables is what it must say.
	Text   string
	Tables []Table
	Plain  []string // tables without personal data, as YAML writes them
}

// AddedColumn is a column of a table that is protected already.
type AddedColumn struct {
	Table   string
	Entry   string // "column: element", as YAML writes it
	Comment string // may be empty; lost where columns are written on one line
}

// ErrAmend says that a configuration cannot be added to as it is written: a
// person has to do it.
var ErrAmend = errors.New("the configuration cannot be added to as it is written")

// Amend adds to a configuration. Nothing that is there is written otherwise,
// comments and order included; the result is read back and says what the text
// said and the addition, and nothing else. Errors are ErrAmend or a fault.List.
func Amend(file string, text []byte, add *Addition) ([]byte, error) {
	before := new(Config)
	doc, err := decode(file, text, before)
	if err != nil {
		return nil, err
	}
	want, err := before.with(add)
	if err != nil {
		return nil, err
	}
	p := &pen{lines: strings.Split(string(text), "\n")}
	if err := p.add(doc, add); err != nil {
		return nil, err
	}
	out := []byte(p.text())
	after := new(Config)
	if _, err := decode(file, out, after); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAmend, err)
	}
	if !reflect.DeepEqual(after, want) {
		return nil, fmt.Errorf("%w: it would say something else", ErrAmend)
	}
	if _, err := parse(file, out); err != nil {
		return nil, err
	}
	return out, nil
}

// with is what the configuration says with the addition. It changes c.
func (c *Config) with(add *Addition) (*Config, error) {
	protect, plain := c.protected(add.Database)
	if protect == nil {
		return nil, fmt.Errorf("%w: there is no database %q", ErrAmend, add.Database)
	}
	for _, x := range add.Columns {
		i := slices.IndexFunc(*protect, func(t Table) bool { return t.Table == x.Table })
		if i < 0 {
			return nil, fmt.Errorf("%w: table %q is not protected", ErrAmend, x.Table)
		}
		t := &(*protect)[i]
		var columns map[string]string
		if err := yaml.Unmarshal([]byte(x.Entry), &columns); err != nil {
			return nil, fmt.Errorf("%w: column of %q: %s", ErrAmend, x.Table, firstLine(err))
		}
		if t.Columns == nil {
			t.Columns = map[string]string{}
		}
		maps.Copy(t.Columns, columns)
	}
	var names []string
	if err := yaml.Unmarshal([]byte("["+strings.Join(add.Plain, ", ")+"]"), &names); err != nil {
		return nil, fmt.Errorf("%w: plain tables: %s", ErrAmend, firstLine(err))
	}
	*protect, *plain = append(*protect, add.Tables...), append(*plain, names...)
	return c, nil
}

// protected returns the lists of a database or a store; nil for none.
func (c *Config) protected(name string) (protect *[]Table, plain *[]string) {
	for i := range c.Databases {
		if d := &c.Databases[i]; d.Name == name {
			return &d.Protect, &d.Plain
		}
	}
	for i := range c.Stores {
		if s := &c.Stores[i]; s.Name == name {
			return &s.Protect, &s.Plain
		}
	}
	return nil, nil
}

// pen writes into a text by lines. What it wrote is put in at the end, so that
// positions stay those of the text that was read.
type pen struct {
	lines []string
	below map[int][]string // lines after a line, from 1
	marks []mark
}

// mark is an insertion within a line; both count from 1, the column in
// characters.
type mark struct {
	line, column int
	text         string
}

func (p *pen) add(doc *ast.File, add *Addition) error {
	p.below = map[int][]string{}
	base := named(doc, add.Database)
	if base == nil {
		return fmt.Errorf("%w: no database %q", ErrAmend, add.Database)
	}
	protect, _ := valueOf(base, "protect").(*ast.SequenceNode)
	if protect == nil {
		return fmt.Errorf("%w: %s has no protect section", ErrAmend, add.Database)
	}
	for _, table := range protect.Values {
		if err := p.columns(table, add.Columns); err != nil {
			return err
		}
	}
	if add.Text != "" {
		if protect.IsFlowStyle {
			return fmt.Errorf("%w: the protect section of %s is written in brackets", ErrAmend, add.Database)
		}
		p.under(protect, protect.Start.Position.Column, strings.Split(strings.TrimRight(add.Text, "\n"), "\n")...)
	}
	if len(add.Plain) == 0 {
		return nil
	}
	plain, _ := valueOf(base, "plain").(*ast.SequenceNode)
	switch {
	case plain == nil:
		return p.entry(base, "plain: ["+strings.Join(add.Plain, ", ")+"]", "")
	case plain.IsFlowStyle:
		return p.inside(plain.End, len(plain.Values) > 0, strings.Join(add.Plain, ", "))
	}
	for _, name := range add.Plain {
		p.under(plain, plain.Start.Position.Column, "- "+name)
	}
	return nil
}

// columns writes the new columns of a table.
func (p *pen) columns(table ast.Node, all []AddedColumn) error {
	name := valueOf(table, "table")
	if name == nil {
		return nil
	}
	var mine []AddedColumn
	for _, x := range all {
		if s, ok := name.(*ast.StringNode); ok && s.Value == x.Table {
			mine = append(mine, x)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	if columns := valueOf(table, "columns"); columns != nil {
		for _, x := range mine {
			if err := p.entry(columns, x.Entry, x.Comment); err != nil {
				return err
			}
		}
		return nil
	}
	var entries []string
	for _, x := range mine {
		entries = append(entries, x.Entry)
	}
	return p.entry(table, "columns: {"+strings.Join(entries, ", ")+"}", "")
}

// entry adds to a mapping.
func (p *pen) entry(n ast.Node, text, comment string) error {
	switch m := n.(type) {
	case *ast.MappingNode:
		if m.IsFlowStyle {
			return p.inside(m.End, len(m.Values) > 0, text)
		}
	case *ast.MappingValueNode:
	default:
		return fmt.Errorf("%w: line %d is no mapping", ErrAmend, n.GetToken().Position.Line)
	}
	if comment != "" {
		text += " # " + comment
	}
	p.under(n, entriesOf(n)[0].Key.GetToken().Position.Column, text)
	return nil
}

// inside writes before the bracket that ends a list or a mapping.
func (p *pen) inside(end *token.Token, more bool, text string) error {
	at := end.Position
	if line := []rune(p.lines[at.Line-1]); at.Column > len(line) || string(line[at.Column-1]) != end.Value {
		return fmt.Errorf("%w: line %d", ErrAmend, at.Line)
	}
	if more || slices.ContainsFunc(p.marks, func(m mark) bool { return m.line == at.Line && m.column == at.Column }) {
		text = ", " + text
	}
	p.marks = append(p.marks, mark{at.Line, at.Column, text})
	return nil
}

// under writes lines below a node, from a column on.
func (p *pen) under(n ast.Node, column int, lines ...string) {
	last := &depth{}
	ast.Walk(last, n)
	for _, l := range lines {
		p.below[last.line] = append(p.below[last.line], strings.Repeat(" ", column-1)+l)
	}
}

// text puts in what was written.
func (p *pen) text() string {
	slices.Reverse(p.marks) // of two at one place the first comes to stand first
	slices.SortStableFunc(p.marks, func(a, b mark) int { return b.column - a.column })
	for _, m := range p.marks {
		line := []rune(p.lines[m.line-1])
		p.lines[m.line-1] = string(line[:m.column-1]) + m.text + string(line[m.column-1:])
	}
	var out []string
	for i, l := range p.lines {
		out = append(append(out, l), p.below[i+1]...)
	}
	return strings.Join(out, "\n")
}

// depth finds the last line of a node.
type depth struct{ line int }

// Visit implements ast.Visitor.
func (d *depth) Visit(n ast.Node) ast.Visitor {
	d.see(n.GetToken())
	switch n := n.(type) {
	case *ast.MappingNode:
		d.see(n.End)
	case *ast.SequenceNode:
		d.see(n.End)
	}
	return d
}

func (d *depth) see(t *token.Token) {
	if t != nil && t.Position != nil {
		d.line = max(d.line, t.Position.Line)
	}
}

// named finds a database or a store.
func named(doc *ast.File, name string) ast.Node {
	for _, list := range []string{"databases", "stores"} {
		all, ok := valueOf(doc.Docs[0].Body, list).(*ast.SequenceNode)
		if !ok {
			continue
		}
		for _, n := range all.Values {
			if s, ok := valueOf(n, "name").(*ast.StringNode); ok && s.Value == name {
				return n
			}
		}
	}
	return nil
}

func entriesOf(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// valueOf returns the value of a key; nil for none.
func valueOf(n ast.Node, key string) ast.Node {
	for _, v := range entriesOf(n) {
		if v.Key.GetToken().Value == key {
			return v.Value
		}
	}
	return nil
}
