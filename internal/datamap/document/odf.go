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
	var row [][]byte
	var cell []byte
	repeat := 1
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
			return err
		}
		name := string(m.name)
		switch {
		case t == tText && g == nil:
			_, err = w.Write(m.text)
		case t == tText:
			if len(cell) < maxCell {
				cell = append(cell, bytes.Trim(m.text, "\n")...)
			}
		case name == "table" && t == tOpen && !m.empty:
			finish()
			g = newGrid(j.sink.Table(join(part, string(appendText(nil, m.attr("name"))))))
		case name == "table" && t == tClose:
			finish()
		case g != nil && name == "table-row" && t == tOpen:
			row = row[:0]
		case g != nil && name == "table-row":
			g.row(row)
		case g != nil && name == "table-cell" && t == tOpen:
			repeat, cell = 1, cell[:0]
			if n, ok := number(m.attr("number-columns-repeated")); ok {
				repeat = n
			}
			if d := m.attr("date-value"); d != nil {
				cell = append(append(cell, d[:min(len(d), 10)]...), ' ')
			}
			if m.empty {
				row = repeated(row, nil, repeat)
			}
		case g != nil && name == "table-cell":
			row = repeated(row, bytes.Clone(bytes.TrimSpace(cell)), repeat)
		case g == nil && odfBreaks[name]:
			_, err = w.Write([]byte{'\n'})
		case g != nil && name == "p" && t == tClose, name == "line-break":
			cell = append(cell, ' ')
		}
		if err != nil {
			return err
		}
	}
}

// repeated appends a cell that stands for several; only empty ones are repeated
// often.
func repeated(row [][]byte, cell []byte, n int) [][]byte {
	if len(cell) > 0 {
		n = min(n, 64)
	}
	for range min(n, maxColumns-len(row)) {
		row = append(row, cell)
	}
	return row
}
