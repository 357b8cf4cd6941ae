package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/policy/openapi"
	"sekisho/internal/policy/site"
)

type webImportCmd struct {
	File   string  `arg:"" help:"help_import_file"`
	Site   string  `help:"help_import_site"`
	Base   *string `help:"help_import_base"`
	Write  bool    `help:"help_import_write"`
	Reason string  `help:"help_reason"`
	By     string  `help:"help_by"`
}

// Run shows what an OpenAPI document says about fields, as parameters to read,
// and writes them into the rules of the site when it is told to.
func (c webImportCmd) Run(a *app) error {
	text, p, err := c.propose()
	if err != nil {
		return err
	}
	if c.Write {
		return c.write(a, text, p)
	}
	return a.out(p, func() {
		a.print("import_head", "operations", p.Operations, "fields", p.Fields, "n", len(p.Parameters), "free", p.Free)
		c.left(a, p)
		fmt.Fprintln(a.env.stdout, "parameters:")
		for i := range p.Parameters {
			fmt.Fprint(a.env.stdout, parameterLine(&p.Parameters[i]))
		}
	})
}

func (c webImportCmd) propose() ([]byte, *openapi.Proposal, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, nil, fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, openapi.MaxBytes+1))
	if err != nil {
		return nil, nil, fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
	}
	p, err := proposeFields(c.File, text, openapi.Options{Host: c.Site, Base: c.Base})
	return text, p, err
}

// proposeFields reads an OpenAPI document of a name.
func proposeFields(name string, text []byte, o openapi.Options) (*openapi.Proposal, error) {
	p, err := openapi.Propose(text, o)
	var bad *openapi.Problem
	if errors.As(err, &bad) {
		return nil, fault.New(fault.Description, "file", name, "problem", bad.What, "hint", bad.Try).At(name, bad.Line, bad.Pointer)
	}
	return p, err
}

// left shows what is not looked at, as comments.
func (c webImportCmd) left(a *app, p *openapi.Proposal) {
	if len(p.Left) == 0 {
		return
	}
	a.print("import_left", "n", len(p.Left))
	for _, l := range p.Left {
		what := a.say.Text("import_"+string(l.Why), "detail", l.Detail)
		fmt.Fprintf(a.env.stdout, "#   %s:%d %s: %s\n", c.File, l.Line, oneLine(l.Pointer), oneLine(what))
	}
}

// oneLine keeps a text of a document from being read as anything but a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

// parameterLine is a parameter as a line of a file of rules.
func parameterLine(p *site.Parameter) string {
	var b strings.Builder
	b.WriteString("  - {")
	add := func(key, value string) {
		if b.Len() > len("  - {") {
			b.WriteString(", ")
		}
		b.WriteString(key + ": " + value)
	}
	text := func(key, value string) {
		if value != "" {
			add(key, fmt.Sprintf("%q", value))
		}
	}
	number := func(key string, n int) {
		if n > 0 {
			add(key, fmt.Sprint(n))
		}
	}
	texts := func(key string, values []string) {
		var quoted []string
		for _, v := range values {
			quoted = append(quoted, fmt.Sprintf("%q", v))
		}
		if len(quoted) > 0 {
			add(key, "["+strings.Join(quoted, ", ")+"]")
		}
	}
	text("host", p.Host)
	text("path", p.Path)
	text("template", p.Template)
	texts("except", p.Except)
	text("method", p.Method)
	text("in", p.In)
	text("name", p.Name)
	add("type", p.Type)
	number("min", p.Min)
	number("max", p.Max)
	text("from", p.From)
	text("to", p.To)
	texts("one_of", p.OneOf)
	text("matches", p.Matches)
	text("reason", p.Reason)
	text("by", p.By)
	b.WriteString("}\n")
	return b.String()
}

// write puts the parameters into the rules of the site, in place of those that
// were imported for it before.
func (c webImportCmd) write(a *app, text []byte, p *openapi.Proposal) error {
	if c.Site == "" || control.Blank(c.Reason) {
		return fault.New(fault.Usage, "problem", a.say.Text("import_needs"), "hint", "sekisho web import "+c.File+" --site shop.example.jp --write --reason …")
	}
	if a.hub.address != "" {
		return c.elsewhere(a, text, p)
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	if len(p.Parameters) == 0 {
		return fault.New(fault.Usage, "problem", a.say.Text("import_nothing"), "hint", "sekisho web import "+c.File)
	}
	for i := range p.Parameters {
		p.Parameters[i].Reason, p.Parameters[i].By = c.Reason, a.person(c.By)
	}
	file, running, err := a.order(l, control.RulesRequest{Site: c.Site, Do: control.RulesImport, Target: c.Site, Said: importSaid(p.Parameters),
		By: a.person(c.By), Reason: c.Reason, Parameters: p.Parameters})
	if err != nil {
		return err
	}
	return a.imported(file, p, running)
}

// elsewhere has a console import the document.
func (c webImportCmd) elsewhere(a *app, text []byte, p *openapi.Proposal) error {
	r, err := elsewhere[consoleoffice.ImportRequest, consoleoffice.ImportReceipt](a, "web/import", consoleoffice.ImportRequest{Site: c.Site, Base: c.Base, Text: string(text), Reason: c.Reason, By: a.person(c.By)})
	if err != nil {
		return err
	}
	if r.Fields != len(p.Parameters) {
		return fault.New(fault.ControlRefused, "problem", "the document says another thing there by what that program reads", "hint", "use the same version for both")
	}
	for i := range p.Parameters {
		p.Parameters[i].Reason, p.Parameters[i].By = c.Reason, a.person(c.By)
	}
	return a.imported(r.File, p, true)
}

// imported says what the rules of a site hold since.
func (a *app) imported(file string, p *openapi.Proposal, running bool) error {
	v := map[string]any{"file": file, "parameters": p.Parameters, "left": p.Left, "in_force": running}
	return a.out(v, func() {
		a.print("import_done", "n", len(p.Parameters), "left", len(p.Left))
		a.written(file, running)
	})
}

// withImported puts imported lines between two comments, by which the next import
// finds them. What people wrote beside them stays as it is.
func withImported(text, host string, all []site.Parameter) string {
	begin, end := "  # sekisho web import "+host+": begin\n", "  # sekisho web import "+host+": end\n"
	if before, rest, found := strings.Cut(text, begin); found {
		if _, after, closed := strings.Cut(rest, end); closed {
			text = before + after
		}
	}
	var b strings.Builder
	b.WriteString(begin)
	for i := range all {
		b.WriteString(parameterLine(&all[i]))
	}
	b.WriteString(end)
	return withLines(text, "parameters", b.String())
}
