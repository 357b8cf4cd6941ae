// Package openapi reads what an OpenAPI document (3.0 and 3.1) says about the
// fields of requests and proposes it as parameters of [site.Source]. It is no
// validator: it proposes only what the web gate then looks at, and lists
// everything else by its place. It opens no file and follows no reference out of
// the document.
//
// Read: OpenAPI Specification 3.0.4 and 3.1.1 (spec.openapis.org), JSON Schema
// 2020-12 validation vocabulary.
package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What a document may cost. The largest that are published (GitHub, Stripe) have
// about 12 MB of JSON and half a million values.
const (
	// MaxBytes is how long a document may be.
	MaxBytes = 16 << 20
	maxYAML  = 4 << 20   // the reader of YAML needs some hundred bytes for each
	maxNodes = 1_000_000 // values of a document
	maxDepth = 200       // levels of a document
	maxKey   = 1000      // bytes of a key: places are made of them
)

// Problem is why a document cannot be read.
type Problem struct {
	Line    int    // 1-based; 0 when unknown
	Pointer string // "#/paths/~1orders"; "" for the whole
	What    string
	Try     string
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("line %d: %s: %s", p.Line, p.Pointer, p.What) }

// kind is what a node is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	mapping
)

// node is a value of a document. Values that a YAML alias repeats are one node.
type node struct {
	kind  kind
	line  int
	value string   // of a scalar, as it is written
	keys  []string // of a mapping, in order
	nodes []*node  // of a mapping or a list
}

// get returns a value of a mapping, nil when there is none.
func (n *node) get(key string) *node {
	if n == nil || n.kind != mapping {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.nodes[i]
		}
	}
	return nil
}

// str returns a text of a mapping, "" when there is none.
func (n *node) str(key string) string {
	if v := n.get(key); v != nil && v.kind == text {
		return v.value
	}
	return ""
}

// yes reports whether a value of a mapping is true.
func (n *node) yes(key string) bool {
	v := n.get(key)
	return v != nil && v.kind == boolean && v.value == "true"
}

// place is a node and where it stands.
type place struct {
	*node
	at string // a JSON pointer, "#/paths"
	up *link  // the schemas that it is in
}

// link is a schema and those that it is in.
type link struct {
	of    *node
	up    *link
	depth int
}

func (l *link) holds(n *node) bool {
	for ; l != nil; l = l.up {
		if l.of == n {
			return true
		}
	}
	return false
}

func (p place) child(key string) place {
	return place{p.get(key), p.at + "/" + escaped.Replace(key), p.up}
}

func (p place) item(i int) place { return place{p.nodes[i], p.at + "/" + strconv.Itoa(i), p.up} }

var escaped, plain = strings.NewReplacer("~", "~0", "/", "~1"), strings.NewReplacer("~1", "/", "~0", "~")

// find returns what a JSON pointer within a document leads to (RFC 6901).
func find(root *node, pointer string) *node {
	n := root
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "#"), "/") {
		if part == "" && n == root {
			continue
		}
		part = plain.Replace(unescaped(part))
		switch n.kind {
		case mapping:
			n = n.get(part)
		case list:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(n.nodes) {
				return nil
			}
			n = n.nodes[i]
		default:
			return nil
		}
		if n == nil {
			return nil
		}
	}
	return n
}

// parse reads JSON or YAML. Its errors are *Problem.
func parse(doc []byte) (*node, error) {
	doc = bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))
	if len(doc) > MaxBytes {
		return nil, &Problem{0, "", "the document is longer than 16 MiB", "import it in parts"}
	}
	begin := bytes.TrimLeft(doc, " \t\r\n")
	if len(begin) == 0 {
		return nil, &Problem{0, "", "the document is empty", "name a file with an OpenAPI document in JSON or YAML"}
	}
	if begin[0] == '{' {
		return parseJSON(doc)
	}
	return parseYAML(doc)
}

// builder makes nodes and counts them.
type builder struct{ left int }

func (b *builder) node(k kind, line, depth int) (*node, error) {
	if b.left--; b.left < 0 {
		return nil, &Problem{line, "", "the document holds more than 1,000,000 values", "import it in parts"}
	}
	if depth > maxDepth {
		return nil, &Problem{line, "", "the document is nested deeper than 200 levels", "see whether it is an OpenAPI document"}
	}
	return &node{kind: k, line: line}, nil
}

type jsonReader struct {
	builder
	*json.Decoder
	doc  []byte
	at   int // up to here lines are counted
	line int
}

func parseJSON(doc []byte) (*node, error) {
	r := &jsonReader{builder{maxNodes}, json.NewDecoder(bytes.NewReader(doc)), doc, 0, 1}
	r.UseNumber()
	n, err := r.next(0)
	if err == nil {
		if _, end := r.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("something follows its end")
		}
	}
	var p *Problem
	if err != nil && !errors.As(err, &p) {
		return nil, &Problem{r.here(), "", "it is no JSON", "correct the line that is named, or write the document again from its source"}
	}
	return n, err
}

// here is the line of the token that was read last.
func (r *jsonReader) here() int {
	if end := min(int(r.InputOffset()), len(r.doc)); end > r.at {
		r.line += bytes.Count(r.doc[r.at:end], []byte("\n"))
		r.at = end
	}
	return r.line
}

func (r *jsonReader) next(depth int) (*node, error) {
	t, err := r.Token()
	if err != nil {
		return nil, err
	}
	n, err := r.node(null, r.here(), depth)
	if err != nil {
		return nil, err
	}
	switch v := t.(type) {
	case string:
		n.kind, n.value = text, v
	case json.Number:
		n.kind, n.value = number, v.String()
	case bool:
		n.kind, n.value = boolean, strconv.FormatBool(v)
	case json.Delim:
		n.kind = list
		if v == '{' {
			n.kind = mapping
		}
		return n, r.inside(n, depth)
	}
	return n, nil
}

func (r *jsonReader) inside(n *node, depth int) error {
	known := map[string]bool{}
	for r.More() {
		if n.kind == mapping {
			t, err := r.Token()
			if err != nil {
				return err
			}
			key := t.(string)
			if err := r.key(known, key, r.here()); err != nil {
				return err
			}
			n.keys = append(n.keys, key)
		}
		inner, err := r.next(depth + 1)
		if err != nil {
			return err
		}
		n.nodes = append(n.nodes, inner)
	}
	_, err := r.Token()
	return err
}

// key takes a key of a mapping.
func (b *builder) key(known map[string]bool, key string, line int) error {
	switch {
	case known[key]:
		return &Problem{line, "", "a key stands there twice", "keep the one that is meant"}
	case len(key) > maxKey:
		return &Problem{line, "", "a key is longer than 1,000 bytes", "see whether it is an OpenAPI document"}
	}
	known[key] = true
	return nil
}
