// Package traceparent reads the trace that a request or an SQL statement says
// it is part of: a traceparent header (W3C Trace Context, 3.2), a comment of a
// statement (sqlcommenter) or an application_name.
//
// It begins no traces and knows neither spans nor samples. Whoever sends a trace
// id chooses it: it is a label, and proves nothing.
package traceparent

import (
	"bytes"
	"encoding/hex"
	"net/url"
	"strings"
)

// ID is a trace id; the zero value is none.
type ID [16]byte

// String returns 32 lower-case hexadecimal digits, "" for none.
func (id ID) String() string {
	if id == (ID{}) {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// wholeLen is the length of a value of version 00, in bytes:
// "00-" trace id (32) "-" parent id (16) "-" flags (2).
const wholeLen = 55

// Of returns the trace id of a traceparent value (W3C Trace Context, 3.2.2 and
// 4.3), none if it is no such value. Later versions may be longer.
func Of(value string) (id ID) {
	if len(value) < wholeLen || value[2] != '-' || value[35] != '-' || value[52] != '-' {
		return ID{}
	}
	if len(value) > wholeLen && (value[:2] == "00" || value[wholeLen] != '-') {
		return ID{}
	}
	var version, flags [1]byte
	var parent [8]byte
	if !read(version[:], value) || version[0] == 0xff || !read(id[:], value[3:]) || !read(parent[:], value[36:]) ||
		parent == [8]byte{} || !read(flags[:], value[53:]) {
		return ID{}
	}
	return id
}

// Named returns the trace id that a person names: 32 hexadecimal digits, or a
// whole traceparent value.
func Named(text string) (id ID) {
	text = strings.ToLower(strings.TrimSpace(text))
	if len(text) != 2*len(id) {
		return Of(text)
	}
	if !read(id[:], text) {
		return ID{}
	}
	return id
}

// read fills dst from the lower-case hexadecimal digits that text begins with.
func read(dst []byte, text string) bool {
	for i := range dst {
		high, low := digit(text[2*i]), digit(text[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// maxComment is the longest comment that is read, in bytes; longer ones name no
// trace.
const maxComment = 4 << 10

const space = " \t\r\n\f\v"

// blank reports whether c may stand before and after a statement.
func blank(c byte) bool { return c == ' ' || c == ';' || '\t' <= c && c <= '\r' }

// InSQL returns the trace that a text of SQL names in a comment at its end or, if
// none does there, at its beginning. The comment is a list of key='value', parted
// by commas, with values URL-escaped (sqlcommenter, "Format" and "Key Value
// Serialization", https://google.github.io/sqlcommenter/spec/, read 2026-11-22);
// values without quotes are read as well.
//
// It does not read SQL: what looks like a comment inside -- or a string at the
// end of a text that the server refuses is read, too.
func InSQL(text []byte) ID {
	from, to := 0, len(text)
	for to > 0 && blank(text[to-1]) {
		to--
	}
	for from < to && blank(text[from]) {
		from++
	}
	text = text[from:to]
	if bytes.HasSuffix(text, []byte("*/")) {
		tail := text[max(0, len(text)-maxComment) : len(text)-2]
		if i := bytes.LastIndex(tail, []byte("/*")); i >= 0 {
			if id := inComment(tail[i+2:]); id != (ID{}) {
				return id
			}
		}
	}
	if head, ok := bytes.CutPrefix(text, []byte("/*")); ok {
		if i := bytes.Index(head[:min(len(head), maxComment)], []byte("*/")); i >= 0 {
			return inComment(head[:i])
		}
	}
	return ID{}
}

// inComment returns the trace of the content of a comment.
func inComment(text []byte) ID {
	for pair := range bytes.SplitSeq(text, []byte{','}) {
		key, value, ok := bytes.Cut(pair, []byte{'='})
		if !ok || string(bytes.Trim(key, space)) != "traceparent" {
			continue
		}
		plain, err := url.PathUnescape(string(bytes.Trim(value, space+"'")))
		if err != nil {
			return ID{}
		}
		return Of(plain)
	}
	return ID{}
}

// InName returns the trace that stands somewhere in an application_name.
// PostgreSQL keeps 63 bytes of one (NAMEDATALEN - 1): a value of version 00 and 8
// bytes more.
func InName(name string) ID {
	within := func(i int) bool { return i >= 0 && i < len(name) && digit(name[i]) < 16 }
	for from := 0; from+wholeLen <= len(name); from++ {
		to := from + wholeLen
		if id := Of(name[from:to]); id != (ID{}) && !within(from-1) && !within(to) {
			return id
		}
	}
	return ID{}
}
