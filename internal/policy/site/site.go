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

// Parameter says what a field may hold.
type Parameter struct {
	Where `yaml:",inline"`
	// Name is that of the field; in JSON with dots, "guest.email".
	Name string `yaml:"name" json:"name"`
	// Type is one of [Types].
	Type string `yaml:"type" json:"type"`
	// Max is how many characters it may have, 0 for any number.
	Max int `yaml:"max,omitempty" json:"max,omitempty"`
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

// types are what a field may hold, from the narrowest to the widest.
var types = []struct {
	name string
	is   *regexp.Regexp
}{
	{"integer", regexp.MustCompile(`^[+-]?[0-9]{1,18}$`)},
	{"decimal", regexp.MustCompile(`^[+-]?[0-9]{1,18}(\.[0-9]{1,18})?$`)},
	{"date", regexp.MustCompile(`^[0-9]{4}[-/]?[0-9]{1,2}[-/]?[0-9]{1,2}$`)},
	{"word", regexp.MustCompile(`^[0-9A-Za-z_-]*$`)},
	{"phone", regexp.MustCompile(`^[0-9+() -]{0,20}$`)},
	{"email", regexp.MustCompile(`^[0-9A-Za-z.!#$%&*+/=?^_{|}~-]+@[0-9A-Za-z.-]+$`)},
	{"name", regexp.MustCompile(`^[\pL\pM\pN ・･ー・'’.\x{3000}-]*$`)},
	{"text", nil},
}

// Types returns the names of the types, the narrowest first.
func Types() []string {
	var names []string
	for _, t := range types {
		names = append(names, t.name)
	}
	return names
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

type parameter struct {
	Parameter
	is *regexp.Regexp
}

var patchName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,40}$`)

var itemID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Compile checks a source. Its errors are *Problem.
func Compile(src *Source) (*Rules, error) {
	r := &Rules{}
	for i, e := range src.Exceptions {
		at := fmt.Sprintf("exceptions[%d]", i)
		end, err := e.Why.check(at)
		switch {
		case err != nil:
			return nil, err
		case e.Rule <= 0:
			return nil, &Problem{at + ".rule", "an exception needs the number of a rule", "write it as in the event, such as 942100"}
		}
		if err := e.Where.check(at); err != nil {
			return nil, err
		}
		r.exceptions = append(r.exceptions, exception{e, end})
	}
	names := map[string]bool{}
	for i, p := range src.Patches {
		at := fmt.Sprintf("patches[%d]", i)
		end, err := p.Why.check(at)
		if err != nil {
			return nil, err
		}
		if err := p.Where.check(at); err != nil {
			return nil, err
		}
		if !patchName.MatchString(p.Name) || names[p.Name] {
			return nil, &Problem{at + ".name", "a patch needs a name of its own of letters, digits, - and _", "write for example order-id-2026-11"}
		}
		names[p.Name] = true
		if p.Matches != "" && p.Parameter == "" {
			return nil, &Problem{at + ".matches", "it is of no field", "name the field under parameter"}
		}
		if p.Parameter == "" && p.Path == "" {
			return nil, &Problem{at + ".path", "without path and parameter it would shut the whole site", "name a path; to shut the site use sekisho web stop"}
		}
		made := patch{Patch: p, end: end}
		if p.Matches != "" {
			if made.matches, err = regexp.Compile(p.Matches); err != nil {
				return nil, &Problem{at + ".matches", "it is no regular expression: " + err.Error(), "see https://github.com/google/re2/wiki/Syntax"}
			}
		}
		r.patches = append(r.patches, made)
	}
	for i, p := range src.Pages {
		at := fmt.Sprintf("pages[%d]", i)
		switch {
		case p.Host == "":
			return nil, &Problem{at + ".host", "it does not say for which site", "write the first host of the site"}
		case !itemID.MatchString(p.Item):
			return nil, &Problem{at + ".item", "it is not the id of an item", "copy it from sekisho web pages"}
		case strings.TrimSpace(p.Reason) == "" || strings.TrimSpace(p.By) == "":
			return nil, &Problem{at + ".reason", "reason or by is missing", "say why the page needs it and who says so"}
		}
		if r.pages == nil {
			r.pages = map[string]map[string]bool{}
		}
		if r.pages[p.Host] == nil {
			r.pages[p.Host] = map[string]bool{}
		}
		r.pages[p.Host][p.Item] = true
	}
	for i, p := range src.Parameters {
		made, err := p.compile(fmt.Sprintf("parameters[%d]", i))
		if err != nil {
			return nil, err
		}
		r.parameters = append(r.parameters, made)
	}
	return r, nil
}

func (p *Parameter) compile(at string) (parameter, error) {
	made := parameter{Parameter: *p}
	if err := p.Where.check(at); err != nil {
		return made, err
	}
	if p.Name == "" {
		return made, &Problem{at + ".name", "the name of the field is missing", "write it as the page sends it"}
	}
	if p.Max < 0 {
		return made, &Problem{at + ".max", "a length cannot be negative", "leave it out for any length"}
	}
	for _, t := range types {
		if t.name == p.Type {
			made.is = t.is
			return made, nil
		}
	}
	return made, &Problem{at + ".type", fmt.Sprintf("%q is no type", p.Type), "write one of " + strings.Join(Types(), ", ")}
}

func (w Where) check(at string) error {
	if w.Path != "" && w.Path[0] != '/' {
		return &Problem{at + ".path", "a path begins with /", "write for example /contact"}
	}
	return nil
}

// check returns when a line ends.
func (w *Why) check(at string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, w.Until)
	if err != nil {
		return day, &Problem{at + ".until", "it does not say until when it holds", "write a day, such as 2026-12-31"}
	}
	if strings.TrimSpace(w.Reason) == "" {
		return day, &Problem{at + ".reason", "the reason is missing", "say why, for whoever reads it next year"}
	}
	return day.AddDate(0, 0, 1), nil
}
