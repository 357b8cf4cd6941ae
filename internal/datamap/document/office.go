package document

import (
	"archive/zip"
	"errors"
	"io"
	"path"
	"sort"
	"strings"

	"sekisho/internal/element"
)

// office returns the reader of an office document, nil if z is another archive.
// Office Open XML: ECMA-376 part 2 (the package) says that [Content_Types].xml is
// there; OpenDocument 1.3 part 2 §3.3 that mimetype is the first member.
func office(z *zip.Reader) func(*job, string, *zip.Reader) error {
	types, isODF := false, false
	for _, m := range z.File {
		switch m.Name {
		case "[Content_Types].xml":
			types = true
		case "mimetype":
			isODF = m.UncompressedSize64 < 200
		}
	}
	switch {
	case types && find(z, "xl/workbook.xml") != nil:
		return (*job).xlsx
	case types:
		return (*job).ooxml
	case isODF && find(z, "content.xml") != nil:
		return (*job).odf
	}
	return nil
}

func find(z *zip.Reader, name string) *zip.File {
	for _, m := range z.File {
		if strings.EqualFold(strings.TrimPrefix(m.Name, "/"), name) {
			return m
		}
	}
	return nil
}

// open opens a member of an office document under the limits.
func (j *job) open(m *zip.File) (io.ReadCloser, error) {
	if err := j.member(); err != nil {
		return nil, err
	}
	if m.Flags&1 != 0 {
		return nil, errEncrypted
	}
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{metered{j, r}, r}, nil
}

// memberText reads a member's XML as running text.
func (j *job) memberText(part string, m *zip.File, breaks map[string]bool) error {
	r, err := j.open(m)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	return j.markupText(part, newMarkup(characters(r), false), breaks)
}

// markupText hands on the text between tags, and what is in these for itself. Tags in
// breaks end a line, or all tags when it is nil; between
// the others nothing is put, so that a number in several runs is one number.
func (j *job) markupText(part string, m *markup, breaks map[string]bool) (err error) {
	w := j.sink.Text(part, element.UTF8)
	a := j.attributes(part, m)
	defer func() { j.tooLong(part, m); err = errors.Join(err, w.Close(), a.close()) }()
	for {
		t, err := m.next()
		if err == nil && t == tOpen {
			err = a.tag(m)
		}
		if err != nil || t == tEnd {
			return err
		}
		switch {
		case t == tText:
			_, err = w.Write(m.text)
		case breaks == nil || breaks[string(m.name)]:
			_, err = w.Write([]byte{'\n'})
		case string(m.name) == "tab" || string(m.name) == "s" && t == tOpen && m.empty:
			_, err = w.Write([]byte{' '})
		}
		if err != nil {
			return err
		}
	}
}

// Ends of lines in WordprocessingML and DrawingML (ECMA-376 part 1 §17.3, §21.1.2)
// and in OpenDocument (part 3 §5, §6).
var (
	wordBreaks = set("p", "br", "cr", "tc", "row", "comment", "cNvPr", "t0", "author", "cell", "v", "pt", "threadedComment")
	odfBreaks  = set("p", "h", "line-break", "table-cell", "list-item", "creator", "title", "description", "subject", "initial-creator")
)

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// ooxml reads a text document or slides: the text of every XML member that can
// hold what a person wrote, and embedded files.
func (j *job) ooxml(part string, z *zip.Reader) error {
	var errs []error
	for _, m := range sorted(z) {
		errs = append(errs, j.ooxmlMember(part, m))
		if j.spent() || j.ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (j *job) ooxmlMember(part string, m *zip.File) error {
	name := strings.TrimPrefix(m.Name, "/")
	base, dir := path.Base(name), path.Dir(name)
	switch {
	case strings.HasSuffix(name, ".rels"): // addresses of links
		return j.memberValues(join(part, name), m, func(m *markup) []byte {
			if string(m.attr("TargetMode")) != "External" {
				return nil
			}
			return m.attr("Target")
		})
	case strings.EqualFold(path.Base(dir), "pivotCache"): // a copy of what a table was made of (§18.10)
		return j.memberValues(join(part, name), m, func(m *markup) []byte { return m.attr("v") })
	case strings.HasSuffix(name, "/"), base == "[Content_Types].xml":
		return nil
	case dir == "docProps", name == "xl/workbook.xml", name == "xl/styles.xml", name == "xl/connections.xml": // a value each
		return j.memberText(join(part, name), m, nil)
	case strings.HasSuffix(name, ".xml"):
		return j.memberText(join(part, name), m, wordBreaks)
	}
	return j.embedded(part, m)
}

// memberValues hands on a value of each tag.
func (j *job) memberValues(part string, f *zip.File, of func(*markup) []byte) (err error) {
	r, err := j.open(f)
	if err != nil {
		return err
	}
	defer r.Close()      // of a reader
	var w io.WriteCloser // when there is one
	m := newMarkup(characters(r), false)
	a := j.attributes(part, m)
	defer func() {
		j.tooLong(part, m)
		if err = errors.Join(err, a.close()); w != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	for {
		t, err := m.next()
		if err != nil || t == tEnd {
			return err
		}
		if t != tOpen {
			continue
		}
		v := of(m)
		if len(v) == 0 {
			if err := a.tag(m); err != nil {
				return err
			}
		} else {
			if w == nil {
				w = j.sink.Text(part, element.UTF8)
			}
			if _, err := w.Write(append(appendText(nil, v), '\n')); err != nil {
				return err
			}
		}
	}
}

// embedded reads a file that is kept inside an office document.
func (j *job) embedded(part string, m *zip.File) error {
	r, err := j.open(m)
	if err != nil {
		return err
	}
	defer r.Close() // of a reader
	j.object(join(part, m.Name), path.Base(m.Name), source{r: r, size: int64(m.UncompressedSize64)}, j.depth)
	return nil
}

// sorted returns the members by name, numbers in names in their order.
func sorted(z *zip.Reader) []*zip.File {
	all := append([]*zip.File(nil), z.File...)
	sort.SliceStable(all, func(a, b int) bool {
		x, y := all[a].Name, all[b].Name
		if len(x) != len(y) && path.Dir(x) == path.Dir(y) {
			return len(x) < len(y)
		}
		return x < y
	})
	return all
}
