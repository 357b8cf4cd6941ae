package disclosure

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// Answer is the answer to one question. Its methods are not safe for concurrent
// use.
type Answer struct {
	scope.Result
	view  *View
	temp  []*bag
	mixes [3]map[event.SubjectSource]*mix

	once sync.Once
	sets [3]map[event.SubjectSource]*bag // made when first asked for
}

// Release gives the memory of the sets back for the next answer. It may be
// left out; afterwards only the Result is there.
func (a *Answer) Release() {
	for _, b := range a.temp {
		b.free()
	}
	for _, m := range a.sets {
		for _, b := range m {
			b.free()
		}
	}
	a.temp, a.mixes = nil, [3]map[event.SubjectSource]*mix{}
	a.sets = [3]map[event.SubjectSource]*bag{}
}

func (a *Answer) members(c scope.Class) map[event.SubjectSource]*bag {
	a.once.Do(func() {
		for c, mixes := range a.mixes {
			a.sets[c] = map[event.SubjectSource]*bag{}
			for src, m := range mixes {
				a.sets[c][src] = a.view.union(m)
			}
		}
	})
	return a.sets[c]
}

// Sources returns the subject sources of a class, sorted.
func (a *Answer) Sources(c scope.Class) []event.SubjectSource { return sortedKeys(a.members(c)) }

// Subjects returns the subjects of a class by source.
func (a *Answer) Subjects(c scope.Class) map[event.SubjectSource]event.Set {
	out := map[event.SubjectSource]event.Set{}
	for src, b := range a.members(c) {
		if set := b.ranges(); len(set) > 0 {
			out[src] = set
		}
	}
	return out
}

// Line is one subject with the narrowest class that holds.
type Line struct {
	Class  scope.Class
	Source event.SubjectSource
	Key    string // personal data
}

// String returns class, source and key with tabs between. Tabs, line feeds
// and backslashes in a key are written as \t, \n and \\.
func (l Line) String() string {
	return l.Class.String() + "\t" + string(l.Source) + "\t" + keyEscapes.Replace(l.Key)
}

var keyEscapes = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// Keys returns the key behind a subject number, as subject.Dictionary does.
type Keys func(src event.SubjectSource, number uint32) (string, error)

// List returns one line for each subject in the widest set, in the order of
// their String (as sort does in the C locale). Subjects whose key cannot be
// read are left out and counted in an error that wraps the first reason; the
// lines are valid all the same.
func (a *Answer) List(keys Keys) ([]Line, error) {
	var lines []Line
	var failed int
	var reason error
	for c := scope.Confirmed; c <= scope.EverHeld; c++ {
		for src, set := range a.members(c) {
			for n := range set.all {
				if c > scope.Confirmed && a.has(c-1, src, n) {
					continue
				}
				key, err := keys(src, n)
				if err != nil {
					if failed++; failed == 1 {
						reason = err
					}
					continue
				}
				lines = append(lines, Line{c, src, key})
			}
		}
	}
	slices.SortFunc(lines, func(a, b Line) int { return strings.Compare(a.String(), b.String()) })
	if failed > 0 {
		return lines, fmt.Errorf("%d subjects cannot be named: %w", failed, reason)
	}
	return lines, nil
}

func (a *Answer) has(c scope.Class, src event.SubjectSource, n uint32) bool {
	b := a.members(c)[src]
	return b != nil && b.has(n)
}
