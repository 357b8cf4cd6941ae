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
		case strings.HasSuffix(m.Name, "/"), strings.HasPrefix(m.Name, "META-INF/"), m.Name == "mimetype", m.Name == "settings.xml", m.Name == "manifest.rdf",
			strings.HasPrefix(m.Name, "Thumbnails/"), strings.HasPrefix(m.Name, "Configurations2/"), strings.HasSuffix(m.Name, ".xml"):
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
	defer func() { err = errors.Join(err, w.Close()) }()
	m := newMarkup(r, false)
	var g *grid
	var row sheetRow
	var cell []byte
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
			repeat, cell, inside = 1, cell[:0], !m.empty
			if n, ok := number(m.attr("number-columns-repeated")); ok {
				repeat = n
			}
			if d := m.attr("date-value"); d != nil {
				cell = append(append(cell, d[:min(len(d), 10)]...), ' ')
			}
			if m.empty {
				row.put(g, nil, repeat)
			}
		case isCell:
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
