// Package checkout knows what a page that leads to payment is made of: its
// scripts, forms, frames and where they go, each with a hash (PCI DSS 4.0.1,
// 6.4.3 and 11.6.1), and judges them by the hosts that are allowed and by what
// somebody has authorised. It is pure: no network, no clock, and no browser: what
// scripts add to a page is told by Content-Security-Policy reports.
package checkout

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Kind is what an item is.
type Kind string

// The kinds.
const (
	Script   Kind = "script"   // <script src>; its hash is the integrity attribute
	Inline   Kind = "inline"   // the text of a <script> or of a javascript: link
	Handler  Kind = "handler"  // the text of an on… attribute
	Form     Kind = "form"     // <form>; its hash is of the names of its fields
	Frame    Kind = "frame"    // <iframe>, <frame>, <object>, <embed>
	Base     Kind = "base"     // <base href>
	Redirect Kind = "redirect" // a Location header or <meta http-equiv=refresh>
	File     Kind = "file"     // the content of a script that the site itself serves
)

// Item is one part of a page. Names hold no query, and of a form's path nothing
// that may name a person.
type Item struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"` // URL without query; "" for texts
	Hash string `json:"hash,omitempty"`
	Host string `json:"host,omitempty"` // where it goes; "" for the site itself
	// Card says that a form has a field for card data.
	Card bool `json:"card,omitempty"`
	// Exact is the SHA-256 of an inline text as browsers take it (CSP 3, 6.7.3.3),
	// base64.
	Exact string `json:"-"`
}

// ID names an item: equal items of a site have equal ids.
func (i *Item) ID() string {
	sum := sha256.Sum256([]byte(string(i.Kind) + "\x00" + i.Name + "\x00" + i.Hash + "\x00" + i.Host))
	return hex.EncodeToString(sum[:8])
}

const (
	maxItems  = 1000
	maxFields = 1000
)

// Read returns the items of a page that was asked for at an address, each once.
// whole is false when there are more than it takes.
func Read(page []byte, at *url.URL, route func(path string) string) (items []Item, whole bool) {
	r := &reader{at: at, base: at, route: route, seen: map[string]bool{}}
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			r.endForm()
			return r.items, !r.more
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			r.start(&t)
			if t.Data == "script" && r.attr(&t, "src") == "" && z.Next() == html.TextToken {
				if kind := strings.ToLower(r.attr(&t, "type")); kind == "" || strings.Contains(kind, "javascript") || kind == "module" || strings.Contains(kind, "ecmascript") || kind == "importmap" {
					r.text(Inline, z.Raw())
				}
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "form" {
				r.endForm()
			}
		}
	}
}

type reader struct {
	at, base *url.URL
	route    func(string) string
	items    []Item
	seen     map[string]bool
	more     bool
	form     *Item
	fields   []string
}

func (r *reader) attr(t *html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}

func (r *reader) start(t *html.Token) {
	for _, a := range t.Attr {
		if strings.HasPrefix(a.Key, "on") && len(a.Key) > 2 {
			r.text(Handler, []byte(a.Val))
		}
		if v := strings.TrimSpace(a.Val); len(v) > 11 && strings.EqualFold(v[:11], "javascript:") {
			r.text(Inline, []byte(v[11:]))
		}
	}
	switch t.Data {
	case "base":
		if href := r.attr(t, "href"); href != "" {
			r.add(r.target(Base, href))
			if u, err := r.at.Parse(href); err == nil {
				r.base = u
			}
		}
	case "script":
		if src := r.attr(t, "src"); src != "" {
			i := r.target(Script, src)
			i.Hash = r.attr(t, "integrity")
			r.add(i)
		}
	case "iframe", "frame", "embed":
		if src := r.attr(t, "src"); src != "" {
			r.add(r.target(Frame, src))
		}
		if doc := r.attr(t, "srcdoc"); doc != "" {
			r.text(Inline, []byte(doc))
		}
	case "object":
		if data := r.attr(t, "data"); data != "" {
			r.add(r.target(Frame, data))
		}
	case "meta":
		if strings.EqualFold(r.attr(t, "http-equiv"), "refresh") {
			if _, to, ok := strings.Cut(strings.ToLower(r.attr(t, "content")), "url="); ok {
				r.add(r.target(Redirect, strings.Trim(to, `'" `)))
			}
		}
	case "form":
		r.endForm()
		i := r.target(Form, r.attr(t, "action"))
		r.form = &i
	case "input", "select", "textarea", "button":
		r.field(t)
	}
}

// field notes a field of the form in hand. A field may belong to no form, or
// send it elsewhere.
func (r *reader) field(t *html.Token) {
	if to := r.attr(t, "formaction"); to != "" {
		r.add(r.target(Form, to))
	}
	name := r.attr(t, "name")
	card := IsCardField(name, r.attr(t, "id"), r.attr(t, "autocomplete"), r.attr(t, "placeholder"), r.attr(t, "aria-label"))
	if r.form == nil {
		if card { // a script may send it anywhere
			r.add(Item{Kind: Form, Name: "(no form)", Card: true, Hash: digest([]byte(name))})
		}
		return
	}
	r.form.Card = r.form.Card || card
	if name != "" && len(r.fields) < maxFields {
		r.fields = append(r.fields, name)
	}
}

func (r *reader) endForm() {
	if r.form == nil {
		return
	}
	slices.Sort(r.fields)
	r.form.Hash = digest([]byte(strings.Join(slices.Compact(r.fields), "\n")))
	r.add(*r.form)
	r.form, r.fields = nil, nil
}

// target is an item that goes to an address.
func (r *reader) target(k Kind, to string) Item { return Target(k, r.at, r.base, to, r.route) }

// Target is an item that goes from a page to an address, as it is written there.
func Target(k Kind, at, base *url.URL, to string, route func(string) string) Item {
	u, err := base.Parse(strings.TrimSpace(to))
	if err != nil {
		return Item{Kind: k, Name: "(unreadable)", Host: "invalid"}
	}
	path := u.Path
	if k == Form || k == Redirect || k == Frame {
		path = route(path)
	}
	i := Item{Kind: k, Name: path}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		i.Name, i.Host = u.Scheme+":", u.Scheme+":"
	case !strings.EqualFold(u.Host, at.Host):
		i.Host = strings.ToLower(u.Hostname())
		i.Name = u.Scheme + "://" + strings.ToLower(u.Host) + path
	}
	return i
}

// text adds a text that a browser runs.
func (r *reader) text(k Kind, text []byte) {
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	exact := sha256.Sum256(text)
	r.add(Item{Kind: k, Hash: digest(token.ReplaceAll(text, []byte("~"))), Exact: base64.StdEncoding.EncodeToString(exact[:])})
}

// token is what differs from page to page in a text that stays the same: tokens
// against forgery, numbers of orders. It has no sign that separates code, names
// or hosts.
var token = regexp.MustCompile(`[0-9A-Za-z_-]{20,}|[0-9]{4,}`)

func (r *reader) add(i Item) {
	id := i.ID() + i.Exact
	switch {
	case r.seen[id]:
	case len(r.items) >= maxItems:
		r.more = true
	default:
		r.seen[id] = true
		r.items = append(r.items, i)
	}
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// Content is the item of a script that the site itself serves.
func Content(path string, body []byte) Item { return Item{Kind: File, Name: path, Hash: digest(body)} }

var cardField = regexp.MustCompile(`(?i)card_?-?(no|num|number)|credit_?-?card|cc_?-?(no|num|number|csc|cvc|cvv|exp)|\bpan\b|cvv|cvc|security_?-?code|カード番号|クレジットカード|セキュリティコード|ｶｰﾄﾞ番号`)

// IsCardField reports whether a field by its names asks for card data (HTML
// Living Standard, 4.10.18.7, autofill: cc-number, cc-csc, cc-exp).
func IsCardField(names ...string) bool {
	return slices.ContainsFunc(names, cardField.MatchString)
}
