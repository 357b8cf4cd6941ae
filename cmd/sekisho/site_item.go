package main

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"sekisho/internal/policy/site"
)

// errByHand says that a file of rules is written so that only a person can
// change it.
var errByHand = errors.New("the file of rules is not written line by line: a person has to change it")

// siteSource reads a file of rules as people wrote it.
func siteSource(text []byte) (*site.Source, error) {
	src := &site.Source{}
	return src, yaml.Unmarshal(text, src)
}

// withoutItem takes one item out of a list of a file of rules, with the lines on
// which it stands and no others. What is left says what the file said without
// it, or the error is errByHand.
func withoutItem(text, list string, at int) (string, error) {
	before, err := siteSource([]byte(text))
	if err != nil {
		return "", err
	}
	first, last, err := itemLines(text, list, at)
	if err != nil {
		return "", err
	}
	lines := strings.SplitAfter(text, "\n")
	out := strings.Join(slices.Delete(lines, first-1, last), "")
	after, err := siteSource([]byte(out))
	if err != nil {
		return "", errByHand
	}
	switch list {
	case "parameters":
		before.Parameters = slices.Delete(before.Parameters, at, at+1)
	case "refused":
		before.Refused = slices.Delete(before.Refused, at, at+1)
	}
	if !sameSource(before, after) {
		return "", errByHand
	}
	return out, nil
}

// sameSource compares what two files say: a list that is empty is as none.
func sameSource(a, b *site.Source) bool {
	for _, s := range []*site.Source{a, b} {
		if len(s.Parameters) == 0 {
			s.Parameters = nil
		}
		if len(s.Refused) == 0 {
			s.Refused = nil
		}
	}
	return reflect.DeepEqual(a, b)
}

// itemLines returns the lines of an item of a list, from 1, both included.
func itemLines(text, list string, at int) (first, last int, err error) {
	doc, err := parser.ParseBytes([]byte(text), 0)
	if err != nil || len(doc.Docs) != 1 {
		return 0, 0, errByHand
	}
	top, ok := doc.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		if one, is := doc.Docs[0].Body.(*ast.MappingValueNode); is {
			top = &ast.MappingNode{Values: []*ast.MappingValueNode{one}}
		} else {
			return 0, 0, errByHand
		}
	}
	for _, v := range top.Values {
		items, is := v.Value.(*ast.SequenceNode)
		if v.Key.GetToken().Value != list || !is || at >= len(items.Values) || items.IsFlowStyle {
			continue
		}
		lines := strings.Split(text, "\n")
		first = items.Values[at].GetToken().Position.Line
		for first > 1 && !strings.HasPrefix(strings.TrimSpace(lines[first-1]), "-") {
			first--
		}
		depth := depthOf(lines[first-1])
		for last = first; last < len(lines); last++ {
			if next := lines[last]; strings.TrimSpace(next) != "" && depthOf(next) <= depth {
				break
			}
		}
		for last > first && strings.TrimSpace(lines[last-1]) == "" { // what stands apart stays
			last--
		}
		return first, last, nil
	}
	return 0, 0, errByHand
}

// depthOf is how many spaces a line begins with.
func depthOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
