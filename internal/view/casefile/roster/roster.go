// Package roster is who is on duty: people with a rank, deputies, absences and
// how to reach them.
//
// It sends nothing and reads no clock. Duty does not stop on holidays: a person
// who does not work on them must have a deputy, or Check says so.
package roster

import (
	"slices"
	"time"

	"sekisho/internal/rule"
)

// Ranks, from the first to be called to the last.
var Ranks = []string{"duty", "csirt", "ciso", "officer"}

// Level returns the place of a rank, -1 for none.
func Level(rank string) int { return slices.Index(Ranks, rank) }

// Away is a time of absence: days, both included, in Japan.
type Away struct {
	From string `yaml:"from" json:"from" doc:"First day, as in 2026-12-29. Required."`
	To   string `yaml:"to" json:"to" doc:"Last day. Required."`
}

// Person is somebody who can be called.
type Person struct {
	ID       string   `yaml:"id" json:"id" doc:"Name in commands and events. Required, unique."`
	Name     string   `yaml:"name" json:"name" doc:"Name for letters. Required."`
	Rank     string   `yaml:"rank" json:"rank" doc:"duty, csirt, ciso or officer. Required." enum:"duty,csirt,ciso,officer"`
	Phone    string   `yaml:"phone,omitempty" json:"phone,omitempty" doc:"For the printed sheet."`
	Reach    []string `yaml:"reach" json:"reach" doc:"How to reach: mailto:address or the name of a channel. Required."`
	Deputy   string   `yaml:"deputy,omitempty" json:"deputy,omitempty" doc:"Person (id) who stands in."`
	Weekdays bool     `yaml:"weekdays,omitempty" json:"weekdays,omitempty" doc:"Not on Saturdays, Sundays, holidays and at the year's end: then the deputy is called. Default: false."`
	Away     []Away   `yaml:"away,omitempty" json:"away,omitempty" doc:"Absences."`

	// How the process knows that it is this person who acts.
	User      string `yaml:"user,omitempty" json:"user,omitempty" doc:"Account of this person on the machine: a name or a number."`
	KeySHA256 string `yaml:"key_sha256,omitempty" json:"key_sha256,omitempty" doc:"SHA-256 of this person's key file, as sekisho case key prints it."`
}

// Roster is the people of a firm. The zero value has nobody.
type Roster struct{ People []Person }

// Person returns somebody by id, nil when there is none.
func (r *Roster) Person(id string) *Person {
	if r == nil {
		return nil
	}
	for i := range r.People {
		if r.People[i].ID == id {
			return &r.People[i]
		}
	}
	return nil
}

// Level returns the level of a person, -1 for strangers.
func (r *Roster) Level(id string) int {
	if p := r.Person(id); p != nil {
		return Level(p.Rank)
	}
	return -1
}

// there reports whether the person can be called at t.
func (p *Person) there(t time.Time) bool {
	day := t.In(rule.Tokyo).Format(time.DateOnly)
	away := slices.ContainsFunc(p.Away, func(a Away) bool { return a.From <= day && day <= a.To })
	return !away && !(p.Weekdays && rule.Closed(t))
}

// Call returns whom to call for a rank at t, in order: those of the rank who
// are there, then the deputies of those of the rank, then the rest of the rank
// all the same (somebody away is better than nobody).
func (r *Roster) Call(rank string, t time.Time) []*Person {
	var there, deputies, rest []*Person
	add := func(list *[]*Person, p *Person) {
		if p != nil && !slices.Contains(there, p) && !slices.Contains(*list, p) {
			*list = append(*list, p)
		}
	}
	if r == nil {
		return nil
	}
	for i := range r.People {
		p := &r.People[i]
		if p.Rank != rank {
			continue
		}
		if p.there(t) {
			add(&there, p)
		} else {
			rest = append(rest, p)
		}
	}
	for i := range r.People {
		if p := &r.People[i]; p.Rank == rank {
			for d, hops := r.Person(p.Deputy), 0; d != nil && hops < len(r.People); d, hops = r.Person(d.Deputy), hops+1 {
				if d.there(t) {
					add(&deputies, d)
					break
				}
			}
		}
	}
	out := append(there, deputies...)
	for _, p := range rest {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// Problem is something wrong with a roster, for whoever puts it in words: a key
// and names with values.
type Problem struct {
	Key  string // twice, rank, reach, deputy, holidays
	Args []any
}

// Check returns what is wrong; nothing when a call at any time reaches somebody
// of every rank.
func (r *Roster) Check() []Problem {
	var wrong []Problem
	add := func(key string, args ...any) { wrong = append(wrong, Problem{key, args}) }
	seen := map[string]bool{}
	for _, p := range r.People {
		if p.ID == "" || seen[p.ID] {
			add("twice", "person", p.ID)
		}
		seen[p.ID] = true
		if Level(p.Rank) < 0 {
			add("rank", "person", p.ID)
		}
		if len(p.Reach) == 0 {
			add("reach", "person", p.ID)
		}
		if p.Deputy != "" && r.Person(p.Deputy) == nil {
			add("deputy", "person", p.ID)
		}
	}
	for _, rank := range Ranks {
		always := slices.ContainsFunc(r.People, func(p Person) bool {
			d := r.Person(p.Deputy)
			return p.Rank == rank && (!p.Weekdays || d != nil && !d.Weekdays)
		})
		if !always {
			add("holidays", "rank", rank)
		}
	}
	return wrong
}

// Stands is how somebody of a call stands on the rank that is called.
type Stands string

// The ways of standing.
const (
	There    Stands = "there"
	StandsIn Stands = "stands in" // for somebody of the rank who is away
	Absent   Stands = "away"      // called last, as somebody away is better than nobody
)

// Duty is somebody in the order in which a rank is called.
type Duty struct {
	*Person
	Stands Stands
}

// Duty returns whom Call returns, with how they stand.
func (r *Roster) Duty(rank string, t time.Time) []Duty {
	var out []Duty
	for _, p := range r.Call(rank, t) {
		d := Duty{p, Absent}
		switch {
		case p.Rank != rank:
			d.Stands = StandsIn
		case p.there(t):
			d.Stands = There
		}
		out = append(out, d)
	}
	return out
}
