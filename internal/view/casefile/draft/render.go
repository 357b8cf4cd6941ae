package draft

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/klauspost/compress/zstd"

	"sekisho/internal/rule"
)

// margin of a page on all sides, in millimetres.
const margin = 18

// box is the label of a row that is ticked by hand.
const box = "□"

// VL Gothic Regular 20220612 (M+ FONTS and Sazanami; font/LICENSE), compressed.
//
//go:embed font/VL-Gothic-Regular.ttf.zst
var packedFont []byte

var font = sync.OnceValues(func() ([]byte, error) {
	d, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(packedFont, nil)
})

// Text returns the document as plain text. Its SHA-256 is what a release names.
func (d *Document) Text(caseID string) string {
	var b strings.Builder
	say := texts.In(d.Lang)
	fmt.Fprintf(&b, "%s\n%s\n", d.Title, say.Text("head_to", "to", d.To))
	for _, l := range d.head() {
		fmt.Fprintln(&b, l)
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "※ %s\n", n)
	}
	for _, p := range d.Parts {
		fmt.Fprintf(&b, "\n■ %s\n", p.Heading)
		for _, r := range p.Rows {
			fmt.Fprintln(&b, r.line())
		}
	}
	fmt.Fprintf(&b, "\n%s\n", d.footer(caseID))
	return b.String()
}

// head is who writes, and what a letter says first.
func (d *Document) head() (out []string) {
	if d.From != "" {
		out = append(out, texts.In(d.Lang).Text("head_from", "from", d.From, "day", d.At.In(rule.Tokyo).Format(time.DateOnly)))
	}
	if d.Lead != "" {
		out = append(out, d.Lead)
	}
	return out
}

// line is a row in one line.
func (r *Row) line() string {
	switch r.Label {
	case "":
		return "・" + r.Value
	case box:
		return box + " " + r.Value
	}
	return r.Label + ": " + r.Value
}

func (d *Document) footer(caseID string) string {
	if d.Footer != "" {
		return d.Footer
	}
	return texts.In(d.Lang).Text("footer", "case", caseID, "version", d.Scope, "at", d.At.UTC().Format("2006-01-02 15:04Z"))
}

// HTML returns a whole page without scripts or links.
func (d *Document) HTML(caseID string) string {
	var b strings.Builder
	e := html.EscapeString
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=%q>\n<meta charset=\"utf-8\">\n<title>%s</title>\n", d.Lang, e(d.Title))
	b.WriteString("<style>body{font-family:sans-serif;max-width:48rem;margin:2rem auto;line-height:1.6}th{text-align:left;vertical-align:top;padding-right:1rem;white-space:nowrap}.unknown{background:#fff3c4}</style>\n")
	fmt.Fprintf(&b, "<h1>%s</h1>\n<p>%s</p>\n", e(d.Title), e(texts.In(d.Lang).Text("head_to", "to", d.To)))
	for _, l := range d.head() {
		fmt.Fprintf(&b, "<p>%s</p>\n", e(l))
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "<p><small>※ %s</small></p>\n", e(n))
	}
	for _, p := range d.Parts {
		fmt.Fprintf(&b, "<h2>%s</h2>\n<table>\n", e(p.Heading))
		for _, r := range p.Rows {
			class := ""
			if r.Unknown {
				class = ` class="unknown"`
			}
			if r.Label == "" || r.Label == box {
				fmt.Fprintf(&b, "<tr><td colspan=\"2\"%s>%s</td></tr>\n", class, e(r.line()))
				continue
			}
			fmt.Fprintf(&b, "<tr><th scope=\"row\">%s</th><td%s>%s</td></tr>\n", e(r.Label), class, e(r.Value))
		}
		b.WriteString("</table>\n")
	}
	fmt.Fprintf(&b, "<p><small>%s</small></p>\n</html>\n", e(d.footer(caseID)))
	return b.String()
}

// PDF returns the document on A4 with its Japanese font inside.
func (d *Document) PDF(caseID string) ([]byte, error) {
	ttf, err := font()
	if err != nil {
		return nil, fmt.Errorf("draft: font: %w", err)
	}
	p := fpdf.New("P", "mm", "A4", "")
	p.SetCreationDate(d.At)
	p.SetModificationDate(d.At)
	p.SetCatalogSort(true)
	p.SetTitle(d.Title, true)
	p.AddUTF8FontFromBytes("vl", "", ttf)
	p.SetAutoPageBreak(true, margin)
	p.SetMargins(margin, margin, margin)
	p.AddPage()
	line := func(size, height float64, text string) {
		p.SetFont("vl", "", size)
		width, _ := p.GetPageSize()
		for _, l := range wrap(text, width-2*margin-2*p.GetCellMargin(), p.GetStringWidth) {
			p.CellFormat(0, height, l, "", 1, "L", false, 0, "")
		}
	}
	line(15, 8, d.Title)
	line(10, 6, texts.In(d.Lang).Text("head_to", "to", d.To))
	for _, l := range d.head() {
		line(10, 6, l)
	}
	for _, n := range d.Notes {
		line(8, 4.5, "※ "+n)
	}
	for _, part := range d.Parts {
		p.Ln(2)
		line(12, 7, "■ "+part.Heading)
		for _, r := range part.Rows {
			line(9.5, 5.2, r.line())
		}
	}
	p.Ln(3)
	line(7.5, 4, d.footer(caseID))
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("draft: pdf: %w", err)
	}
	return out.Bytes(), nil
}
