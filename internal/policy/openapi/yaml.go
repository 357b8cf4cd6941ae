package openapi

import (
	"bytes"
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// What nests in YAML costs its parser stack, which Go ends the program for when
// there is too much. Each level begins with one of these, or with an indent,
// which keeps n levels to the square root of the bytes.
const (
	nesting     = "[{!&?"
	maxNesting  = 50_000 // of those, in a document
	maxInDashes = 64     // "- - - x" in one line
)

func parseYAML(doc []byte) (*node, error) {
	if err := flat(doc); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(doc, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, noYAML(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &Problem{0, "", "it is not one YAML document", "keep one document in the file"}
	}
	r := &yamlReader{builder: builder{maxNodes}, anchors: map[string]*node{}}
	return r.next(file.Docs[0].Body, 0)
}

// flat refuses what could nest too deep to be parsed.
func flat(doc []byte) error {
	if len(doc) > maxYAML {
		return &Problem{0, "", "the document is longer than 4 MiB, too long for YAML", "turn it into JSON, which may have 16 MiB"}
	}
	n, number := 0, 0
	for line := range bytes.Lines(doc) {
		number++
		for _, c := range []byte(nesting) {
			n += bytes.Count(line, []byte{c})
		}
		if n > maxNesting || bytes.Count(line, []byte("- ")) > maxInDashes {
			return &Problem{number, "", "the document could be nested too deep to be read as YAML", "turn it into JSON"}
		}
	}
	return nil
}

func noYAML(err error) error {
	p := &Problem{0, "", "it is no YAML", "correct the line that is named, or write the document again from its source"}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		p.Line = y.GetToken().Position.Line
	}
	return p
}

type yamlReader struct {
	builder
	anchors map[string]*node
}

func (r *yamlReader) next(n ast.Node, depth int) (*node, error) {
	line := 0
	if t := n.GetToken(); t != nil {
		line = t.Position.Line
	}
	if depth > maxDepth {
		return r.node(null, line, depth)
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		made, err := r.next(n.Value, depth+1)
		if err == nil {
			r.anchors[n.Name.GetToken().Value] = made
		}
		return made, err
	case *ast.AliasNode:
		if made := r.anchors[n.Value.GetToken().Value]; made != nil {
			return made, nil
		}
		return nil, &Problem{line, "", "an alias refers to nothing before it", "write the anchor (&name) before the alias (*name)"}
	case *ast.TagNode:
		return r.next(n.Value, depth+1)
	case *ast.MappingNode:
		return r.mapping(n.Values, line, depth)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, line, depth)
	case *ast.SequenceNode:
		made, err := r.node(list, line, depth)
		for i := 0; err == nil && i < len(n.Values); i++ {
			var inner *node
			if inner, err = r.next(n.Values[i], depth+1); err == nil {
				made.nodes = append(made.nodes, inner)
			}
		}
		return made, err
	}
	return r.scalar(n, line, depth)
}

func (r *yamlReader) scalar(n ast.Node, line, depth int) (*node, error) {
	made, err := r.node(null, line, depth)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *ast.StringNode:
		made.kind, made.value = text, n.Value
	case *ast.LiteralNode:
		made.kind, made.value = text, n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		made.kind, made.value = number, n.GetToken().Value
	case *ast.BoolNode:
		made.kind, made.value = boolean, "false"
		if n.Value {
			made.value = "true"
		}
	}
	return made, nil
}

func (r *yamlReader) mapping(values []*ast.MappingValueNode, line, depth int) (*node, error) {
	made, err := r.node(mapping, line, depth)
	if err != nil {
		return nil, err
	}
	if len(values) > 0 {
		made.line = values[0].Key.GetToken().Position.Line
	}
	known := map[string]bool{}
	var merged []*node
	for _, v := range values {
		inner, err := r.next(v.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if v.Key.IsMergeKey() {
			merged = append(merged, inner)
			continue
		}
		key := keyOf(v.Key)
		if err := r.key(known, key, v.Key.GetToken().Position.Line); err != nil {
			return nil, err
		}
		made.keys, made.nodes = append(made.keys, key), append(made.nodes, inner)
	}
	for _, m := range merged { // "<<": what the mapping says itself goes before
		for i, key := range m.keys {
			if known[key] {
				continue
			}
			if r.left--; r.left < 0 {
				return nil, &Problem{line, "", "the document holds more than 1,000,000 values", "import it in parts"}
			}
			known[key] = true
			made.keys, made.nodes = append(made.keys, key), append(made.nodes, m.nodes[i])
		}
	}
	return made, nil
}

func keyOf(n ast.MapKeyNode) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.MappingKeyNode:
		return n.Value.GetToken().Value
	}
	return n.GetToken().Value
}
