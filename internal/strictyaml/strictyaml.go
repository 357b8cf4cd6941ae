// Package strictyaml reads YAML that people write while a process runs: policies,
// the firm's file, rules of sites. Unknown and repeated keys are errors, and no
// text ends the process.
//
// It is not a parser: github.com/goccy/go-yaml is. That one panics where a tag
// stands before a value of another kind, and reads what is nested by calling
// itself.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
)

// Bounds of a text. What opens a level of nesting on one line is counted, not
// paired: quotes and comments may hold some.
const (
	nesting    = "[{!&?"
	maxNesting = 50_000 // of those, in a text
	maxDashes  = 64     // "- - - x" in one line
)

// ErrTag says that a value does not fit the tag ("!…") before it.
var ErrTag = errors.New("a value does not fit its tag")

// Unmarshal decodes a text of one document into v, which is a pointer. Errors
// name the line; after one, v holds nothing of use.
func Unmarshal(text []byte, v any) (err error) {
	if err := Bounded(text); err != nil {
		return err
	}
	defer func() {
		if recover() != nil {
			err = ErrTag
		}
	}()
	return yaml.UnmarshalWithOptions(text, v, yaml.Strict())
}

// Bounded refuses a text that could be nested deeper than a process can read.
func Bounded(text []byte) error {
	n, number := 0, 0
	for line := range bytes.Lines(text) {
		number++
		for _, c := range []byte(nesting) {
			n += bytes.Count(line, []byte{c})
		}
		if n > maxNesting || bytes.Count(line, []byte("- ")) > maxDashes {
			return fmt.Errorf("line %d: the text could be nested too deep to be read", number)
		}
	}
	return nil
}
