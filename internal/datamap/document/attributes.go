package document

import (
	"bytes"
	"errors"
)

// Names of authors, alternative texts, comments on names of ranges, the answers of forms:
// much of what people write into an office document stands in attributes (ECMA-376 part
// 1, OpenDocument 1.3 part 3). They are handed on as a text of their own, since one
// between two runs would cut what stands in both.

// spoken are the attributes that hold what somebody wrote or is called. Of the others
// what has a letter beyond ASCII, an address or a number in groups is handed on, too.
var spoken = set("author", "initials", "userId", "userName", "displayName", "name", "title", "descr", "alt", "tooltip", "display", "location",
	"prompt", "promptTitle", "error", "errorTitle", "comment", "instr", "user", "caption", "displayText", "string", "connection", "command", "url",
	"refreshedBy", "lastModifiedBy", "lastEdited", "uniqueName", "description", "help", "statusBar", "formatCode", "label", "href", "helper",
	"placeholder", "summary", "aria-label", "current-value", "string-value", "display-name", "formula", "condition", "content-validation-name")

// spokenValue are the elements whose val or value is written by people.
var spokenValue = set("docVar", "alias", "tag", "filter", "customFilter", "listItem", "query", "connectString", "udl", "table", "attachedTemplate",
	"inputCells", "text", "textarea", "listbox", "combobox", "default", "statusText", "helpText", "docPart", "attr", "property", "user-field-decl", "variable-set")

// maxSpoken bounds what is remembered of a member's attributes, which repeat.
const maxSpoken = 4096

// attributes hands on what is in attributes, each value once as long as it is remembered.
type attributes struct {
	text lateText
	says lateText        // comments
	err  error           // of says
	but  map[string]bool // attributes that are handed on elsewhere
	seen map[string]bool
	line []byte
	// inside is a file that stands within a page (RFC 2397), which is not read.
	inside Trouble
}

// attributes begins what stands in the tags and the comments that m reads.
func (j *job) attributes(part string, m *markup) *attributes {
	a := &attributes{text: lateText{j: j, part: join(part, "attributes")}, says: lateText{j: j, part: join(part, "comments")}, seen: map[string]bool{}}
	m.note = a.note
	return a
}

// note takes a piece of a comment.
func (a *attributes) note(piece []byte, end bool) {
	_, err := a.says.Write(piece)
	if end && err == nil {
		_, err = a.says.Write([]byte{'\n'})
	}
	if a.err == nil {
		a.err = err
	}
}

// tag takes an opening tag.
func (a *attributes) tag(m *markup) error {
	value := false
	for name, v := range m.attrs() {
		if m.lax && len(v) > 5 && string(bytes.ToLower(v[:5])) == "data:" {
			if a.inside = Unreadable; bytes.HasPrefix(v[5:], []byte("image/")) {
				a.inside = Picture
			}
			continue
		}
		if len(v) < 2 || a.but[string(name)] {
			continue
		}
		if !spoken[string(name)] && !speaks(v) {
			if string(name) != "val" && string(name) != "value" {
				continue
			}
			if value = value || spokenValue[string(m.name)]; !value {
				continue
			}
		}
		if a.seen[string(v)] {
			continue
		}
		if len(a.seen) >= maxSpoken {
			clear(a.seen)
		}
		if len(v) <= 256 {
			a.seen[string(v)] = true
		}
		a.line = append(appendText(a.line[:0], v), '\n')
		if _, err := a.text.Write(a.line); err != nil {
			return err
		}
	}
	return nil
}

func (a *attributes) close() error {
	if a.inside != 0 {
		a.text.j.sink.Trouble(a.text.part, a.inside, "a file within the page")
	}
	return errors.Join(a.err, a.says.close(), a.text.close())
}

// tooLong tells that a tag was longer than is kept.
func (j *job) tooLong(part string, m *markup) {
	if m.long {
		j.sink.Trouble(part, Limit, "tags that are longer than is read")
	}
}

// speaks reports whether a value holds more than a word of the format: a number without
// groups counts when a telephone or a card may have it.
func speaks(v []byte) bool {
	digits, dashes, letters := 0, 0, false
	for _, c := range v {
		switch {
		case c >= 0x80 || c == '@':
			return true
		case isDigit(c):
			digits++
		case c == '-' || c == ' ':
			dashes++
		default:
			letters = true
		}
	}
	return !letters && (digits >= 9 && dashes > 0 || digits >= 10 && v[0] == '0' || digits >= 12) || bytes.Contains(v, []byte("&#"))
}
