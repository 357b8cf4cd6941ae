package document

import (
	"archive/zip"
	"bytes"
	"errors"
	"strings"

	"sekisho/internal/element"
)

// odf reads an OpenDocument: sheets as tables, everything else as text
// (OpenDocument 1.3 part 3 §9).
func (j *job) odf(part string, z *zip.Reader) error {
	var errs []error
	if m := find(z, "META-INF/manifest.xml"); m != nil {
		locked := false
		b := &workbook{j: j}
		errs = append(errs, b.each(m, func(m *markup) { locked = locked || string(m.name) == "encryption-data" }))
		if locked {
			return errors.Join(append(errs, errEncrypted)...)
		}
	}
	for _, m := range sorted(z) {
		switch {
		case m.Name == "content.xml":
			errs = append(errs, j.odfContent(part, m))
		case m.Name == "meta.xml", m.Name == "styles.xml": // styles hold headers and footers
			errs = append(errs, j.memberText(join(part, m.Name), m, odfBreaks))
		case strings.HasSuffix(m.Name, "/content.xml"):
			errs = append(errs, j.memberText(join(part, m.Name), m, odfBreaks))
		case strings.HasSuffix(m.Name, "/"), m.Name == "META-INF/manifest.xml", m.Name == "mimetype", m.Name == "manifest.rdf",
			strings.HasPrefix(m.Name, "Thumbnails/"):
		case strings.HasSuffix(m.Name, ".xml"): // settings, signatures, programs
			errs = append(errs, j.memberText(join(part, m.Name), m, nil))
		default:
			errs = append(errs, j.embedded(part, m))
		}
		if j.spent() || j.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (j *job) odfContent(part string, f *zip.File) (err error) {
	r, err := j.open(f)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	w := j.sink.Text(part, element.UTF8)
	m := newMarkup(r, false)
	a := j.attributes(part, m)
	defer func() { j.tooLong(part, m); err = errors.Join(err, w.Close(), a.close()) }()
	var g *grid
	var row sheetRow
	var cell, hidden []byte
	repeat, inside := 1, false // of the cell
	finish := func() {
		if g != nil {
			g.close()
			g = nil
		}
	}
	defer finish()
	for {
		t, err := m.next()
		if err != nil || t == tEnd {
			if g != nil { // cut within a row
				row.put(g, bytes.TrimSpace(cell), 1)
				row.flush(g)
			}
			return err
		}
		if t == tOpen {
			if err := a.tag(m); err != nil {
				return err
			}
		}
		name := string(m.name)
		isCell := g != nil && (name == "table-cell" || name == "covered-table-cell")
		switch {
		case t == tText && (g == nil || !inside): // shapes stand beside the cells
			_, err = w.Write(m.text)
		case t == tText:
			cell = pieces(append(cell, bytes.Trim(m.text, "\n")...), func(piece []byte) {
				row.put(g, piece, 0) // a long one goes on in a further row
				row.flush(g)
			})
		case name == "table" && t == tOpen && !m.empty:
			finish()
			g, inside = newGrid(j.sink.Table(join(part, string(appendText(nil, m.attr("name")))))), false
		case name == "table" && t == tClose:
			finish()
		case g != nil && name == "table-row" && t == tOpen:
			row.begin()
		case g != nil && name == "table-row":
			row.end(g)
		case isCell && t == tOpen:
			repeat, cell, inside, hidden = 1, cell[:0], !m.empty, append(hidden[:0], m.attr("value")...)
			if n, ok := number(m.attr("number-columns-repeated")); ok {
				repeat = n
			}
			if d := m.attr("date-value"); d != nil {
				cell = append(append(cell, d[:min(len(d), 10)]...), ' ')
			}
			if m.empty {
				row.put(g, hidden, repeat)
			}
		case isCell:
			if d := digits(hidden); len(d) > 8 && !bytes.Contains(digits(cell), d) { // shown rounded
				cell = append(append(cell, ' '), hidden...)
			}
			row.put(g, bytes.TrimSpace(cell), repeat)
			cell, inside = cell[:0], false
		case (g == nil || !inside) && odfBreaks[name]:
			_, err = w.Write([]byte{'\n'})
		case g != nil && name == "p" && t == tClose, name == "line-break":
			cell = append(cell, ' ')
		}
		if err != nil {
			return err
		}
	}
}

// digits returns the digits of a value.
func digits(v []byte) (d []byte) {
	for _, c := range v {
		if isDigit(c) {
			d = append(d, c)
		}
	}
	return d
}

// sheetRow is a row of a sheet: what is in its cells, by their positions.
type sheetRow struct {
	at    []int32
	cells [][]byte
	arena []byte
	next  int // position
}

func (r *sheetRow) begin() { r.at, r.cells, r.arena, r.next = r.at[:0], r.cells[:0], r.arena[:0], 0 }

// put adds a cell that stands for several; only empty ones are repeated often.
func (r *sheetRow) put(g *grid, cell []byte, repeat int) {
	if len(cell) > 0 {
		for i := range max(1, min(repeat, 64)) {
			if len(r.arena)+len(cell) > maxRow || len(r.cells) >= maxColumns {
				r.flush(g)
			}
			from := len(r.arena)
			r.arena = append(r.arena, cell...)
			r.cells = append(r.cells, r.arena[from:len(r.arena):len(r.arena)])
			r.at = append(r.at, int32(min(r.next+i, maxColumns-1)))
		}
	}
	r.next = min(r.next+repeat, maxColumns)
}

// flush hands on what there is; what follows of the row goes on in a further one.
func (r *sheetRow) flush(g *grid) {
	if len(r.cells) > 0 {
		g.sparse(r.at, r.cells, nil)
	}
	r.at, r.cells, r.arena = r.at[:0], r.cells[:0], r.arena[:0]
}

// end ends the row.
func (r *sheetRow) end(g *grid) {
	g.sparse(r.at, r.cells, nil) // an empty one counts, too
	r.begin()
}
