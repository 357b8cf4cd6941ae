package revproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sekisho/internal/policy/site"
)

const (
	maxFields = 1000     // of a request
	maxNested = 32       // levels of JSON
	maxValue  = 64 << 10 // bytes of a field of a multipart form
)

// fields returns the fields of a query and of a form or a JSON body, each as
// often as it is there: which of two an application takes is not known. whole is
// false when some may be missing: there are too many, the body is malformed, or
// more of it follows than is held.
func fields(r *http.Request, body []byte, more bool) (all []site.Field, whole bool) {
	all, whole = queried(nil, r.URL.RawQuery)
	all, read := bodied(all, r, body, more)
	return all, whole && read
}

// bodied appends the fields of a form or a JSON body.
func bodied(all []site.Field, r *http.Request, body []byte, more bool) (with []site.Field, whole bool) {
	if len(body) == 0 {
		return all, !more
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil { // servers look no further than the first semicolon
		kind, _, _ = strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
		kind = strings.TrimSpace(kind)
	}
	read := true
	switch {
	case kind == "application/x-www-form-urlencoded":
		all, read = queried(all, string(body))
	case kind == "application/json", kind == "text/json", strings.HasSuffix(kind, "+json"):
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		all, read = nested(all, "", d, 0)
		_, err := d.Token()
		read = read && errors.Is(err, io.EOF) // nothing follows
	case kind == "multipart/form-data":
		all, read = parts(all, body, params["boundary"])
	default:
		return all, true
	}
	return all, read && !more
}

// cookies returns the values of one name, without quotes and escapes. They are
// read here since net/http passes over those with a character that it does not
// expect, and other servers do not.
func cookies(r *http.Request, name string) []string {
	var all []string
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.TrimSpace(key) != name {
				continue
			}
			value = strings.Trim(strings.TrimSpace(value), `"`)
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
			all = append(all, value)
		}
	}
	return all
}

// crumbs appends all cookies, as far as anybody may read them: each as often as it
// is there, what has no name too. net/http passes over those that are odd.
func crumbs(all []site.Field, r *http.Request) []site.Field {
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if len(all) >= 2*maxFields {
				return all
			}
			name, value, named := strings.Cut(strings.TrimSpace(pair), "=")
			if !named {
				name, value = "", name
			}
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			all = append(all, site.Field{Name: strings.TrimSpace(name), Value: string(unescaped(nil, value))})
		}
	}
	return all
}

// isForm reports whether a body is a form as browsers send it.
func isForm(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// queried appends the fields of a query or form. What is escaped wrongly stays
// as it is, as applications read it.
func queried(all []site.Field, query string) ([]site.Field, bool) {
	if query == "" {
		return all, true
	}
	for pair := range strings.SplitSeq(query, "&") {
		if len(all) >= maxFields {
			return all, false
		}
		all = append(all, field(pair))
		if !strings.Contains(pair, ";") {
			continue
		}
		// Some servers part fields at a semicolon, too.
		for piece := range strings.SplitSeq(pair, ";") {
			if len(all) >= maxFields {
				return all, false
			}
			all = append(all, field(piece))
		}
	}
	return all, true
}

func field(pair string) site.Field {
	name, value, _ := strings.Cut(pair, "=")
	return site.Field{Name: string(unescaped(nil, name)), Value: string(unescaped(nil, value))}
}

// unescaped appends a text of a form with its escapes taken off (WHATWG URL,
// application/x-www-form-urlencoded parsing).
func unescaped[T string | []byte](dst []byte, text T) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(text) && hexDigit[text[i+1]] >= 0 && hexDigit[text[i+2]] >= 0:
			c = byte(hexDigit[text[i+1]])<<4 | byte(hexDigit[text[i+2]])
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}

// hexDigit is the value of a hexadecimal digit, -1 for none.
var hexDigit = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = int8(i)
	}
	for i, c := range "ABCDEF" {
		t[c] = int8(10 + i)
	}
	return t
}()

// nested appends the scalars of the next JSON value by their names with dots;
// the members of a list have that of the list.
func nested(all []site.Field, name string, d *json.Decoder, depth int) ([]site.Field, bool) {
	token, err := d.Token()
	if err != nil || depth > maxNested || len(all) >= maxFields {
		return all, false
	}
	add := func(value string) ([]site.Field, bool) {
		return append(all, site.Field{Name: name, Value: value}), true
	}
	switch v := token.(type) {
	case json.Delim:
		for d.More() {
			inner := name
			if v == '{' {
				key, err := d.Token()
				if err != nil {
					return all, false
				}
				if inner = key.(string); name != "" {
					inner = name + "." + inner
				}
			}
			var ok bool
			if all, ok = nested(all, inner, d, depth+1); !ok {
				return all, false
			}
		}
		_, err := d.Token() // the end of it
		return all, err == nil
	case string:
		return add(v)
	case json.Number:
		return add(v.String())
	case bool:
		return add(strconv.FormatBool(v))
	}
	return all, true // null
}

// parts appends the fields of a multipart form that are no files to any server.
func parts(all []site.Field, body []byte, boundary string) ([]site.Field, bool) {
	end := []byte("--" + boundary + "--")
	at := bytes.Index(body, end)
	closed := boundary != "" && at >= 0 && len(bytes.TrimSpace(body[at+len(end):])) == 0 // what comes after its end is a part to some
	for r := multipart.NewReader(bytes.NewReader(body), boundary); len(all) < maxFields; {
		part, err := r.NextRawPart()
		if err != nil {
			return all, closed && errors.Is(err, io.EOF)
		}
		file, known := isFile(part)
		if !known {
			return all, false
		}
		if file {
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxValue+1))
		if err != nil || len(value) > maxValue || part.Header.Get("Content-Transfer-Encoding") != "" {
			return all, false
		}
		all = append(all, site.Field{Name: part.FormName(), Value: string(value)})
	}
	return all, false
}

// isFile reports whether a part is a file. It is not known when servers differ:
// over a name that only some can read, or that is there twice.
func isFile(part *multipart.Part) (file, known bool) {
	all := part.Header["Content-Disposition"]
	if len(all) != 1 {
		return false, false
	}
	kind, params, err := mime.ParseMediaType(all[0])
	if err != nil || kind != "form-data" || params["name"] == "" || strings.Contains(all[0], "*=") || strings.Contains(all[0], "*0") {
		return false, false
	}
	_, file = params["filename"]
	return file && params["filename"] != "", true
}
