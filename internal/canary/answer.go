package canary

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"sekisho/internal/policy/checkout"
)

// answer is what the site answered, as far as a walk reads it.
type answer struct {
	status   int
	location string
	header   http.Header
	body     []byte
	whole    bool // body is all of it
	at       *url.URL
	cookies  []*http.Cookie
}

// value returns a value of an answer; ok is false when it is not there, or is
// nothing that could be sent on.
func (f *finder) value(a *answer) (value string, ok bool) {
	switch f.kind {
	case "header":
		value = a.header.Get(f.arg)
	case "cookie":
		for _, c := range a.cookies {
			if c.Name == f.arg {
				value = c.Value
			}
		}
		if plain, err := url.PathUnescape(value); err == nil { // as scripts read it
			value = plain
		}
	case "json":
		value, ok = pointed(a.body, f.arg)
		if !ok {
			return "", false
		}
	case "match":
		if m := f.expression.FindSubmatch(a.body); m != nil {
			value = string(m[1])
		}
	case "field":
		value = fieldOf(a.body, f.arg)
	}
	return value, value != "" && len(value) <= maxValue && printable(value)
}

// addresses returns where an answer says that the browser goes. others says that
// all of them must be a provider's: a page may hold scripts and frames of others.
func (f *finder) addresses(a *answer) (all []string, others bool) {
	var kind checkout.Kind
	switch f.kind {
	case "redirect":
		if a.location == "" {
			return nil, true
		}
		return []string{a.location}, true
	case "form":
		kind, others = checkout.Form, true
	case "frame":
		kind = checkout.Frame
	case "script":
		kind = checkout.Script
	default:
		if v, ok := f.value(a); ok {
			return []string{v}, true
		}
		return nil, true
	}
	items, _ := checkout.Read(a.body, secure(a.at), func(p string) string { return p })
	for i := range items {
		switch {
		case items[i].Kind != kind || items[i].Host == "":
		case strings.Contains(items[i].Name, "://"):
			all = append(all, items[i].Name)
		default:
			all = append(all, "https://"+items[i].Host+"/")
		}
	}
	return all, others
}

// secure is an address as browsers ask for it: the gate may be behind what speaks
// TLS, and "//host" then is https.
func secure(at *url.URL) *url.URL {
	u := *at
	u.Scheme = "https"
	return &u
}

// pointed returns what a JSON pointer (RFC 6901) points to: a text, a number, true
// or false.
func pointed(body []byte, pointer string) (string, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return "", false
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for pointer != "" {
		var part string
		part, pointer, _ = cutPointer(pointer[1:])
		part = unescape.Replace(part)
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[part]
			if !ok {
				return "", false
			}
			v = next
		case []any:
			n, err := strconv.ParseUint(part, 10, 31)
			if err != nil || int(n) >= len(in) || strconv.FormatUint(n, 10) != part {
				return "", false
			}
			v = in[n]
		default:
			return "", false
		}
	}
	switch is := v.(type) {
	case string:
		return is, true
	case json.Number:
		return is.String(), true
	case bool:
		return strconv.FormatBool(is), true
	}
	return "", false
}

// cutPointer cuts a pointer before its next slash, which stays with the rest.
func cutPointer(pointer string) (part, rest string, more bool) {
	if i := strings.IndexByte(pointer, '/'); i >= 0 {
		return pointer[:i], pointer[i:], true
	}
	return pointer, "", false
}

// fieldOf returns the value of a field of a form, or the content of a meta
// element, where pages keep what their scripts send against forgery.
func fieldOf(page []byte, name string) string {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.Data != "input" && t.Data != "meta" && t.Data != "button" {
				continue
			}
			var named bool
			var value string
			for _, a := range t.Attr {
				switch a.Key {
				case "name":
					named = named || a.Val == name
				case "value", "content":
					value = a.Val
				}
			}
			if named {
				return value
			}
		}
	}
}
