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
	p := Problem{Code: f.Code}
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
	f := fault.New(p.Code)
	for _, a := range p.Args {
		f.Args = append(f.Args, a)
	}
	if p.Text != "" {
		f.Err = errors.New(p.Text)
	}
	return f
}

// problemIn reads the problem of an answer.
func problemIn(resp *http.Response) error {
	var p Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&p); err != nil || p.Code == 0 {
		return fault.New(fault.ControlRefused, "problem", resp.Status, "hint", "use the same version for both")
	}
	return p.Fault()
}
