package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"sekisho/internal/fault"
)

// Problem is how an error travels: the fault, to be told in the language of
// whoever asked. The console's API fills the members of RFC 9457 too.
type Problem struct {
	Type   string `json:"type,omitempty"`   // urn:sekisho:SK6002
	Title  string `json:"title,omitempty"`  // what happened
	Detail string `json:"detail,omitempty"` // what to do
	Status int    `json:"status,omitempty"` // HTTP status

	Code fault.Code `json:"code"` // 6002
	Args []string   `json:"args"` // name, value, name, value …
	Text string     `json:"text"` // the cause, empty when there is none

	File string `json:"file,omitempty"` // the input, on the machine that read it
	Line int    `json:"line,omitempty"` // from 1; 0 when it is not known
	Path string `json:"path,omitempty"` // place in the input: rules[0].elements[1]

	More []Problem `json:"more,omitempty"` // that went wrong with it; these have none
}

// mostProblems bounds the faults of one answer.
const mostProblems = 50

// ProblemOf returns the faults of an error.
func ProblemOf(err error) Problem {
	all := fault.Faults(err)
	p := problemOf(all[0])
	for _, f := range all[1:min(len(all), mostProblems)] {
		p.More = append(p.More, problemOf(f))
	}
	return p
}

func problemOf(f *fault.Error) Problem {
	p := Problem{Code: f.Code, File: f.File, Line: f.Line, Path: f.Path}
	for _, a := range f.Args {
		p.Args = append(p.Args, fmt.Sprint(a))
	}
	if f.Err != nil {
		p.Text = f.Err.Error()
	}
	return p
}

// Fault returns what travelled: a fault, or several as a fault.List.
func (p Problem) Fault() error {
	if len(p.More) == 0 {
		return p.fault()
	}
	all := fault.List{p.fault()}
	for _, more := range p.More {
		all = append(all, more.fault())
	}
	return all
}

func (p Problem) fault() *fault.Error {
	f := fault.New(p.Code).At(p.File, p.Line, p.Path)
	for _, a := range p.Args {
		f.Args = append(f.Args, a)
	}
	if p.Text != "" {
		f.Err = errors.New(p.Text)
	}
	return f
}

// Problems are why something is not taken, each to be told in the language of whoever
// reads it. There are none where it is taken.
type Problems []Problem

// ProblemsOf returns the faults of an error, at most as many as an answer has.
func ProblemsOf(err error) Problems {
	if err == nil {
		return nil
	}
	first := ProblemOf(err)
	all := append(Problems{first}, first.More...)
	all[0].More = nil
	return all
}

// Err is the error that they were made of; nil for none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	var all fault.List
	for _, one := range p {
		all = append(all, one.fault())
	}
	return all
}

// problemIn reads the problem of an answer.
func problemIn(resp *http.Response) error {
	var p Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, MaxAnswer)).Decode(&p); err != nil || p.Code == 0 {
		return fault.New(fault.ControlRefused, "problem", resp.Status, "hint", "use the same version for both")
	}
	return p.Fault()
}
