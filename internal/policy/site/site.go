// Package site is what the operator of a web site knows and a rule set for all
// sites cannot: which rule is wrong about which field of which page
// (exceptions), which hole of the application is to be shut until it is mended
// (virtual patches), and what the fields of its pages may hold (parameters). It
// decides over names and values and knows no HTTP.
//
// Exceptions and patches end on a day that is written beside them, so that
// nothing stays open, or shut, because it was forgotten.
package site

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Source is the file as people write it.
type Source struct {
	Exceptions []Exception `yaml:"exceptions,omitempty" json:"exceptions,omitempty"`
	Patches    []Patch     `yaml:"patches,omitempty" json:"patches,omitempty"`
	Parameters []Parameter `yaml:"parameters,omitempty" json:"parameters,omitempty"`
	Pages      []Page      `yaml:"pages,omitempty" json:"pages,omitempty"`
	Refused    []Refused   `yaml:"refused,omitempty" json:"refused,omitempty"`
}

// Where selects requests. What is empty matches all.
type Where struct {
	// Host is a configured name of the site.
	Host string `yaml:"host,omitempty" json:"host,omitempty"`
	// Path is the beginning of the path, "/contact".
	Path string `yaml:"path,omitempty" json:"path,omitempty"`
}

func (w Where) match(host, path string) bool {
	return (w.Host == "" || strings.EqualFold(w.Host, host)) && strings.HasPrefix(path, w.Path)
}

// Why says who wrote a line, for what reason, and when it ends.
type Why struct {
	// Until is the last day on which it holds, "2026-12-31", in UTC. Required.
	Until string `yaml:"until" json:"until"`
	// Reason is required.
	Reason string `yaml:"reason" json:"reason"`
	By     string `yaml:"by,omitempty" json:"by,omitempty"`
}

// Exception says that a rule is wrong somewhere.
type Exception struct {
	Where `yaml:",inline"`
	// Rule is its number in the rule set, 942100.
	Rule int `yaml:"rule" json:"rule"`
	// Target is where it is wrong, "ARGS:comment"; without one, everywhere.
	Target string `yaml:"target,omitempty" json:"target,omitempty"`
	// Event is the refusal that it was written for.
	Event string `yaml:"event,omitempty" json:"event,omitempty"`
	Why   `yaml:",inline"`
}

// Patch refuses requests until the application is mended.
type Patch struct {
	// Name stands in events: letters, digits, - and _. Required, unique.
	Name  string `yaml:"name" json:"name"`
	Where `yaml:",inline"`
	// Method is the method that is refused, all for none.
	Method string `yaml:"method,omitempty" json:"method,omitempty"`
	// Parameter is the field that is refused if it matches; without one the
	// whole path is.
	Parameter string `yaml:"parameter,omitempty" json:"parameter,omitempty"`
	// Matches is a regular expression (RE2) for its value, any value for none.
	Matches string `yaml:"matches,omitempty" json:"matches,omitempty"`
	Why     `yaml:",inline"`
}

// Parameter says what a field may hold. With a path it is of every request under
// it, with a template of those alone whose whole path fits.
type Parameter struct {
	Where `yaml:",inline"`
	// Template is a whole path with holes, "/orders/{id}", in place of a path.
	Template string `yaml:"template,omitempty" json:"template,omitempty"`
	// Except are templates of which a request is not although the template fits:
	// "/orders/new".
	Except []string `yaml:"except,omitempty" json:"except,omitempty"`
	// Method is that of a template's requests, any for none. GET is HEAD, too.
	Method string `yaml:"method,omitempty" json:"method,omitempty"`
	// In is query, body, path, header or cookie; query and body for none.
	In string `yaml:"in,omitempty" json:"in,omitempty"`
	// Name is that of the field; in JSON with dots, "guest.email".
	Name string `yaml:"name" json:"name"`
	// Type is one of [Types].
	Type string `yaml:"type" json:"type"`
	// Min and Max are how many characters it has at least and at most, 0 for any
	// number. An empty value passes whatever is written here.
	Min int `yaml:"min,omitempty" json:"min,omitempty"`
	Max int `yaml:"max,omitempty" json:"max,omitempty"`
	// From and To are the least and the greatest number, both of which pass.
	From string `yaml:"from,omitempty" json:"from,omitempty"`
	To   string `yaml:"to,omitempty" json:"to,omitempty"`
	// OneOf are the only values, any for none.
	OneOf []string `yaml:"one_of,omitempty" json:"one_of,omitempty"`
	// Matches is a regular expression (RE2) that stands somewhere in the value.
	Matches string `yaml:"matches,omitempty" json:"matches,omitempty"`
	// Reason and By say why it was written and who did; nobody has to.
	Reason string `yaml:"reason,omitempty" json:"reason,omitempty"`
	By     string `yaml:"by,omitempty" json:"by,omitempty"`
}

// Refused is a field whose learned type nobody puts in force: it is not proposed
// again. It decides nothing about requests.
type Refused struct {
	Where `yaml:",inline"`
	// Name is that of the field. Required.
	Name string `yaml:"name" json:"name"`
	// Reason and By say why and who says so. Required.
	Reason string `yaml:"reason" json:"reason"`
	By     string `yaml:"by" json:"by"`
}

// Page authorises one part of the pages that lead to payment.
type Page struct {
	// Host is a configured name of the site. Required.
	Host string `yaml:"host" json:"host"`
	// Item is its id, as sekisho web pages shows it. Required.
	Item string `yaml:"item" json:"item"`
	// Kind and Name say to people what it is.
	Kind string `yaml:"kind,omitempty" json:"kind,omitempty"`
	Name string `yaml:"name,omitempty" json:"name,omitempty"`
	// Reason and By say why it is needed and who says so. Required.
	Reason string `yaml:"reason" json:"reason"`
	By     string `yaml:"by" json:"by"`
}

// Problem is what is wrong with a source.
type Problem struct {
	Path string // "patches[0].until"
	What string
	Try  string
}

// Error implements error.
func (p *Problem) Error() string { return p.Path + ": " + p.What }

// Rules are a source, ready for many goroutines.
type Rules struct {
	exceptions []exception
	patches    []patch
	parameters []parameter
	routes     map[int][]*route           // parameters with a template, by its number of parts
	known      map[string]*route          // the same, by all that tells routes apart
	pages      map[string]map[string]bool // ids by host
}

type exception struct {
	Exception
	end time.Time
}

type patch struct {
	Patch
	matches *regexp.Regexp
	end     time.Time
}

var patchName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,40}$`)

var itemID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Compile checks a source. The error joins a *Problem for each place that is wrong.
func Compile(src *Source) (*Rules, error) {
	r := &Rules{}
	var wrong []error
	for i, e := range src.Exceptions {
		made, err := e.compile(fmt.Sprintf("exceptions[%d]", i))
		r.exceptions, wrong = append(r.exceptions, made), append(wrong, err)
	}
	names := map[string]bool{}
	for i, p := range src.Patches {
		made, err := p.compile(fmt.Sprintf("patches[%d]", i), names)
		r.patches, wrong = append(r.patches, made), append(wrong, err)
	}
	for i, p := range src.Pages {
		wrong = append(wrong, p.check(fmt.Sprintf("pages[%d]", i)))
		if r.pages == nil {
			r.pages = map[string]map[string]bool{}
		}
		if r.pages[p.Host] == nil {
			r.pages[p.Host] = map[string]bool{}
		}
		r.pages[p.Host][p.Item] = true
	}
	for i, f := range src.Refused {
		wrong = append(wrong, f.check(fmt.Sprintf("refused[%d]", i)))
	}
	for i, p := range src.Parameters {
		at := fmt.Sprintf("parameters[%d]", i)
		made, err := p.compile(at)
		if wrong = append(wrong, err); p.Template == "" {
			r.parameters = append(r.parameters, made)
		} else {
			wrong = append(wrong, r.place(made, at))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return r, nil
}

func (e Exception) compile(at string) (exception, error) {
	end, err := e.Why.check(at)
	wrong := []error{err, e.Where.check(at)}
	if e.Rule <= 0 {
		wrong = append(wrong, &Problem{at + ".rule", "an exception needs the number of a rule", "write it as in the event, such as 942100"})
	}
	return exception{e, end}, errors.Join(wrong...)
}

func (p Patch) compile(at string, names map[string]bool) (patch, error) {
	end, err := p.Why.check(at)
	wrong := []error{err, p.Where.check(at)}
	if !patchName.MatchString(p.Name) || names[p.Name] {
		wrong = append(wrong, &Problem{at + ".name", "a patch needs a name of its own of letters, digits, - and _", "write for example order-id-2026-11"})
	}
	names[p.Name] = true
	switch {
	case p.Matches != "" && p.Parameter == "":
		wrong = append(wrong, &Problem{at + ".matches", "it is of no field", "name the field under parameter"})
	case p.Parameter == "" && p.Path == "":
		wrong = append(wrong, &Problem{at + ".path", "without path and parameter it would shut the whole site", "name a path; to shut the site use sekisho web stop"})
	}
	made := patch{Patch: p, end: end}
	if p.Matches != "" {
		if made.matches, err = regexp.Compile(p.Matches); err != nil {
			wrong = append(wrong, &Problem{at + ".matches", "it is no regular expression: " + err.Error(), "see https://github.com/google/re2/wiki/Syntax"})
		}
	}
	return made, errors.Join(wrong...)
}

func (p Page) check(at string) error {
	var wrong []error
	if p.Host == "" {
		wrong = append(wrong, &Problem{at + ".host", "it does not say for which site", "write the first host of the site"})
	}
	if !itemID.MatchString(p.Item) {
		wrong = append(wrong, &Problem{at + ".item", "it is not the id of an item", "copy it from sekisho web pages"})
	}
	if strings.TrimSpace(p.Reason) == "" || strings.TrimSpace(p.By) == "" {
		wrong = append(wrong, &Problem{at + ".reason", "reason or by is missing", "say why the page needs it and who says so"})
	}
	return errors.Join(wrong...)
}

func (f Refused) check(at string) error {
	wrong := []error{f.Where.check(at)}
	if f.Name == "" {
		wrong = append(wrong, &Problem{at + ".name", "it does not say which field", "copy it from sekisho web learned"})
	}
	if strings.TrimSpace(f.Reason) == "" || strings.TrimSpace(f.By) == "" {
		wrong = append(wrong, &Problem{at + ".reason", "reason or by is missing", "say why it is not put in force and who says so"})
	}
	return errors.Join(wrong...)
}

func (w Where) check(at string) error {
	if w.Path != "" && w.Path[0] != '/' {
		return &Problem{at + ".path", "a path begins with /", "write for example /contact"}
	}
	return nil
}

// check returns when a line ends.
func (w *Why) check(at string) (time.Time, error) {
	var wrong []error
	day, err := time.Parse(time.DateOnly, w.Until)
	if err != nil {
		wrong = append(wrong, &Problem{at + ".until", "it does not say until when it holds", "write a day, such as 2026-12-31"})
	}
	if strings.TrimSpace(w.Reason) == "" {
		wrong = append(wrong, &Problem{at + ".reason", "the reason is missing", "say why, for whoever reads it next year"})
	}
	return day.AddDate(0, 0, 1), errors.Join(wrong...)
}
