package http1

import (
	"bytes"
	"strconv"
	"strings"
)

// head is what of a header says where its request ends and whose it is.
type head struct {
	minor   byte // of HTTP/1.x
	fields  int
	host    []byte // of the field
	target  []byte // its authority, in absolute form
	chunked bool
	length  uint64

	hosts, lengths, encodings, types int
}

func refuse(rule string) *Violation { return &Violation{Rule: rule, Status: 400} }

// request takes the line of a request (RFC 9112, 3).
func (h *head) request(line []byte) *Violation {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, ok := bytes.Cut(rest, []byte(" "))
	switch {
	case !ok || !token(method) || len(target) == 0:
		return refuse("request-line")
	case len(version) == len("HTTP/1.1") && bytes.HasPrefix(version, []byte("HTTP/")) && !bytes.HasPrefix(version, []byte("HTTP/1.")):
		return &Violation{Rule: "version", Status: 505}
	case string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0":
		return refuse("request-line")
	}
	for _, c := range target {
		if c <= ' ' || c == 0x7f {
			return refuse("request-line")
		}
	}
	h.minor = version[len(version)-1] - '0'
	if target[0] == '/' || string(method) == "CONNECT" || string(target) == "*" {
		return nil
	}
	// absolute-form (3.2.2)
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok || !strings.EqualFold(string(scheme), "http") && !strings.EqualFold(string(scheme), "https") {
		return refuse("target")
	}
	if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if len(rest) == 0 || bytes.IndexByte(rest, '@') >= 0 {
		return refuse("target")
	}
	h.target = bytes.Clone(rest)
	return nil
}

// field takes one line of a header (RFC 9112, 5).
func (h *head) field(line []byte) *Violation {
	if h.fields++; h.fields > maxFields {
		return &Violation{Rule: "too many fields", Status: 431}
	}
	if line[0] == ' ' || line[0] == '\t' {
		return refuse("obs-fold")
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !token(name) {
		return refuse("field-name")
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f { // CR among them
			return refuse("field-value")
		}
	}
	return h.known(name, bytes.Trim(value, " \t"))
}

// known takes a field that frames or names the request.
func (h *head) known(name, value []byte) *Violation {
	switch len(name) {
	case len("host"):
		if fold(name, "host") {
			h.hosts++
			h.host = bytes.Clone(value)
			for _, c := range value {
				if !tokens[c] && !bytes.ContainsRune([]byte(":[]"), rune(c)) {
					return refuse("host")
				}
			}
		}
	case len("content-type"):
		if fold(name, "content-type") {
			h.types++
		}
	case len("content-length"):
		if !fold(name, "content-length") {
			break
		}
		h.lengths++
		if !digits(value, false) || len(value) > maxDigits {
			return refuse("content-length")
		}
		h.length, _ = strconv.ParseUint(string(value), 10, 64) // digits that fit
	case len("transfer-encoding"):
		if !fold(name, "transfer-encoding") {
			break
		}
		h.encodings++
		if !fold(value, "chunked") {
			return &Violation{Rule: "transfer-encoding", Status: 501}
		}
		h.chunked = true
	}
	return nil
}

// end is at the end of a header.
func (h *head) end() *Violation {
	switch {
	case h.hosts > 1 || h.hosts == 0 && h.minor > 0:
		return refuse("host")
	case h.target != nil && h.hosts == 1 && !strings.EqualFold(string(h.target), string(h.host)):
		return refuse("host")
	case h.lengths > 1:
		return refuse("content-length")
	case h.encodings > 1 || h.encodings == 1 && h.minor == 0:
		return refuse("transfer-encoding")
	case h.encodings == 1 && h.lengths == 1:
		return refuse("length-and-chunks")
	case h.types > 1:
		return refuse("content-type")
	}
	return nil
}

// fold reports whether a text is a name, whatever the case.
func fold(text []byte, name string) bool {
	if len(text) != len(name) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// token reports whether a text is one (RFC 9110, 5.6.2).
func token(text []byte) bool {
	for _, c := range text {
		if !tokens[c] {
			return false
		}
	}
	return len(text) > 0
}

var tokens = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()
