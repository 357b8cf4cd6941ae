// Package fault says to a person what went wrong: what happened, at which
// input, what to do, and a stable code with a longer help text.
//
// It is not for errors that programs decide on: those are sentinels and types
// of the packages that return them. cmd turns the ones a person must see into
// faults.
package fault

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"sekisho/internal/lang"
)

//go:embed faults.yaml
var text []byte

var texts = lang.MustLoad(text)

// Code is the number of a fault, written SKnnnn. Numbers are never reused.
type Code int

// String returns the code as it is shown.
func (c Code) String() string { return fmt.Sprintf("SK%04d", int(c)) }

// ParseCode returns the known code with the given spelling.
func ParseCode(s string) (Code, bool) {
	for _, c := range Codes {
		if strings.EqualFold(c.String(), s) {
			return c, true
		}
	}
	return 0, false
}

// Error is one fault. Args fill the placeholders of the code's texts; they must
// hold no personal data. The values of "problem" and "hint" are English phrases,
// which are translated when they are shown.
type Error struct {
	Code Code
	Args []any  // name, value, name, value …
	File string // input file; empty when there is none
	Line int    // 1-based; 0 when unknown
	Path string // place in the input: "gates[2].listen"
	Err  error  // cause; nil when there is none
}

// New returns a fault with its texts' placeholders filled: name, value, ….
func New(code Code, args ...any) *Error { return &Error{Code: code, Args: args} }

// At names the input and returns e.
func (e *Error) At(file string, line int, path string) *Error {
	e.File, e.Line, e.Path = file, line, path
	return e
}

// Because sets the cause and returns e. The cause fills {cause}.
func (e *Error) Because(err error) *Error { e.Err = err; return e }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error returns the first line, in English.
func (e *Error) Error() string {
	where := ""
	if e.File != "" {
		where = e.where() + ": "
	}
	return where + e.What(lang.English) + " (" + e.Code.String() + ")"
}

// What returns what happened.
func (e *Error) What(l lang.Language) string { return e.text(l, "what") }

// Try returns what to do.
func (e *Error) Try(l lang.Language) string { return e.text(l, "try") }

func (e *Error) text(l lang.Language, part string) string {
	args := slices.Clone(e.Args)
	for i := 0; i+1 < len(args); i += 2 {
		if text, ok := args[i+1].(string); ok && (args[i] == "problem" || args[i] == "hint") {
			args[i+1], _ = Phrase(l, text)
		}
	}
	if e.Err != nil {
		args = append(args, "cause", e.Err.Error())
	}
	return texts.In(l).Text(e.Code.String()+"."+part, args...)
}

func (e *Error) where() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
	}
	if e.Path != "" {
		s = strings.TrimSpace(s + "  " + e.Path)
	}
	return s
}

// Help returns the longer text of a code.
func Help(c Code, l lang.Language) string { return texts.In(l).Text(c.String() + ".help") }

// Title returns the unfilled first line of a code.
func Title(c Code, l lang.Language) string { return texts.In(l).Text(c.String() + ".what") }

// List is several faults, for instance all of a file.
type List []*Error

// Error returns the first fault's line and how many follow.
func (l List) Error() string {
	switch len(l) {
	case 0:
		return "no fault"
	case 1:
		return l[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", l[0].Error(), len(l)-1)
}

// Unwrap returns the faults.
func (l List) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}

// Faults returns the faults in err's tree, each once, in order; the cause of a fault
// is part of it. An error without any becomes one Internal fault that carries it.
func Faults(err error) []*Error {
	if err == nil {
		return nil
	}
	var all []*Error
	if collect(err, &all); len(all) == 0 {
		return []*Error{New(Internal).Because(err)}
	}
	return all
}

func collect(err error, all *[]*Error) {
	switch e := err.(type) {
	case *Error:
		if e != nil && !slices.Contains(*all, e) {
			*all = append(*all, e)
		}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			collect(one, all)
		}
	case interface{ Unwrap() error }:
		collect(e.Unwrap(), all)
	}
}

// Problems says all of them in one line, as their errors do.
func Problems(err error) string {
	var all []string
	for _, e := range Faults(err) {
		all = append(all, e.Error())
	}
	return strings.Join(all, "; ")
}

// mostRecorded bounds what Recorded says, in bytes: an event of the ledger is one line of
// 64 KiB, and JSON writes some bytes as six.
const mostRecorded = 8 << 10

// Recorded is Problems for an event: what is longer than one takes ends with how many
// more there are.
func Recorded(err error) string {
	all, text := Faults(err), ""
	for i, e := range all {
		next := e.Error()
		if i > 0 {
			next = text + "; " + next
		}
		if len(next) > mostRecorded && i > 0 {
			return text + fmt.Sprintf("; and %d more", len(all)-i)
		}
		text = strings.ToValidUTF8(next[:min(len(next), mostRecorded)], "")
	}
	return text
}

// Render writes err as people see it, three lines a fault:
//
//	sekisho: gate "orders-db" cannot listen on 127.0.0.1:5432: address already in use
//	  at   sekisho.yaml:41  gates[2].listen
//	  try  stop the other server, or listen on a free port (SK2101)
func Render(w io.Writer, err error, l lang.Language) {
	at, try := "at  ", "try "
	if l == lang.Japanese {
		at, try = "場所", "対処"
	}
	for _, e := range Faults(err) {
		fmt.Fprintf(w, "sekisho: %s\n", e.What(l))
		if where := e.where(); where != "" {
			fmt.Fprintf(w, "  %s %s\n", at, where)
		}
		fmt.Fprintf(w, "  %s %s (%s)\n", try, e.Try(l), e.Code)
	}
}
