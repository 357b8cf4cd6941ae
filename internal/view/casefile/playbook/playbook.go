// Package playbook is what to do about each class of incident, in plain words
// for somebody who has never seen one: why it matters, where it usually goes
// wrong, the tasks with their times, and what must be there before it is closed.
//
// It is data (playbooks.yaml) and decides nothing.
package playbook

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/width"
)

//go:embed playbooks.yaml
var embedded []byte

// Text is in both languages.
type Text struct {
	JA string `yaml:"ja"`
	EN string `yaml:"en"`
}

// In returns the text in "ja", else in English.
func (t Text) In(language string) string {
	if language == "ja" {
		return t.JA
	}
	return t.EN
}

// Task is a step with the time by which it is done, counted from the opening.
type Task struct {
	ID    string `yaml:"id"`
	Title Text   `yaml:"title"`
	Hours int    `yaml:"hours"`
	// Close: the case cannot be closed before the task is done.
	Close bool `yaml:"close"`
	// Needs is a form of evidence without which the task cannot be done.
	Needs []string `yaml:"needs"`
}

// Due returns when a task of a case opened at t is due.
func (t *Task) Due(opened time.Time) time.Time {
	return opened.Add(time.Duration(t.Hours) * time.Hour)
}

// Class is a class of incident.
type Class struct {
	ID     string   `yaml:"id"`
	Name   Text     `yaml:"name"`
	Why    Text     `yaml:"why"`    // what it usually is, and where others went wrong
	Never  Text     `yaml:"never"`  // what never closes it
	Tell   string   `yaml:"tell"`   // rank that is told at the opening
	Facts  []string `yaml:"facts"`  // that the sign itself tells
	Codes  []string `yaml:"codes"`  // findings that open a candidate
	Cues   []string `yaml:"cues"`   // words of people's signs that point to it, lower case
	Tasks  []Task   `yaml:"tasks"`  // in order
	Causes []string `yaml:"causes"` // one of which must be named when it is closed
	Proves string   `yaml:"proves"` // form of evidence that may stand for the tasks when the cause is load: load-figures
}

// Question is one that an investigator's report must answer.
type Question struct {
	ID   string `yaml:"id"`
	Text Text   `yaml:"text"`
}

// Book is all of it. It is immutable.
type Book struct {
	Classes   []Class    `yaml:"classes"`
	Questions []Question `yaml:"questions"`
	DoNot     []Text     `yaml:"do_not"` // on the sheet for the first hour
}

// Default returns the book that the program carries.
func Default() *Book {
	var b Book
	if err := yaml.UnmarshalWithOptions(embedded, &b, yaml.Strict()); err != nil {
		panic("playbook: " + err.Error())
	}
	if err := b.check(); err != nil {
		panic("playbook: " + err.Error())
	}
	return &b
}

func (b *Book) check() error {
	seen := map[string]bool{}
	for _, c := range b.Classes {
		if seen[c.ID] || c.Name.JA == "" || c.Name.EN == "" || c.Why.JA == "" || c.Why.EN == "" || len(c.Tasks) == 0 {
			return fmt.Errorf("class %q is not whole", c.ID)
		}
		seen[c.ID] = true
		closing := false
		for _, t := range c.Tasks {
			if t.ID == "" || t.Title.JA == "" || t.Title.EN == "" || t.Hours <= 0 {
				return fmt.Errorf("class %q: task %q is not whole", c.ID, t.ID)
			}
			closing = closing || t.Close
		}
		if !closing {
			return fmt.Errorf("class %q could be closed without doing anything", c.ID)
		}
	}
	return nil
}

// Class returns a class, nil when there is none.
func (b *Book) Class(id string) *Class {
	for i := range b.Classes {
		if b.Classes[i].ID == id {
			return &b.Classes[i]
		}
	}
	return nil
}

// Task returns a task of the class, nil when there is none.
func (c *Class) Task(id string) *Task {
	for i := range c.Tasks {
		if c.Tasks[i].ID == id {
			return &c.Tasks[i]
		}
	}
	return nil
}

// Match returns the classes that the words of a sign and the way on which it
// came point to, those with the most words first. It proposes; a person decides.
func (b *Book) Match(channel, text string) []*Class {
	text = strings.ToLower(width.Fold.String(text))
	points := map[*Class]int{}
	var out []*Class
	for i := range b.Classes {
		c := &b.Classes[i]
		for _, cue := range c.Cues {
			if strings.Contains(text, cue) {
				points[c]++
			}
		}
		if byChannel[channel] == c.ID {
			points[c] += 2
		}
		if points[c] > 0 {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b *Class) int { return cmp.Compare(points[b], points[a]) })
	return out
}

// ByChannel returns the class of a sign of which only is said how it came.
func ByChannel(channel string) string {
	if class := byChannel[channel]; class != "" {
		return class
	}
	return "unknown"
}

// byChannel is what a sign is about for certain kinds of callers.
var byChannel = map[string]string{"card-company": "card-misuse", "psp": "card-misuse", "entrustee": "entrustee-incident"}

// ByCode returns the class that a finding opens, nil when none.
func (b *Book) ByCode(code string) *Class {
	for i := range b.Classes {
		for _, c := range b.Classes[i].Codes {
			if c == code {
				return &b.Classes[i]
			}
		}
	}
	return nil
}
