package site

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"unicode/utf8"
)

// Learner finds out what the fields of pages hold, for somebody to read and put
// in force. It keeps counts and never a value. What one attacker sends shows as
// a wider type: learn from traffic that was looked through.
type Learner struct {
	mu     sync.Mutex // guards what follows
	fields map[fieldKey]*Learned
	full   bool // there were more than maxFields
}

// maxFields bounds the fields that are learned.
const maxFields = 10_000

type fieldKey struct{ host, route, name string }

// Learned is one field of one route.
type Learned struct {
	Host  string `json:"host"`
	Route string `json:"route"`
	Name  string `json:"name"`
	Type  string `json:"type"`  // the narrowest that fits all values but the empty
	Max   int    `json:"max"`   // of characters
	Count uint64 `json:"count"` // values that were seen
	fit   uint   // types that all values fit, a bit each
}

// NewLearner returns one that knows nothing.
func NewLearner() *Learner { return &Learner{fields: map[fieldKey]*Learned{}} }

// See learns from a request's fields. The route is its path without what names
// somebody.
func (l *Learner) See(host, route string, fields []Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range fields {
		if f.Value == "" || len(f.Name) > 64 {
			continue
		}
		key := fieldKey{host, route, f.Name}
		known := l.fields[key]
		if known == nil {
			if len(l.fields) >= maxFields {
				l.full = true
				continue
			}
			known = &Learned{Host: host, Route: route, Name: f.Name, fit: 1<<len(types) - 1}
			l.fields[key] = known
		}
		for i, t := range types {
			if known.fit&(1<<i) != 0 && t.is != nil && !t.is.MatchString(f.Value) {
				known.fit &^= 1 << i
			}
		}
		known.Max = max(known.Max, utf8.RuneCountInString(f.Value))
		known.Count++
	}
}

// Forget has a field learned anew, without a host that of all hosts. It reports
// whether it was known.
func (l *Learner) Forget(host, route, name string) (known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.fields {
		if key.route == route && key.name == name && (host == "" || key.host == host) {
			delete(l.fields, key)
			known = true
		}
	}
	if len(l.fields) < maxFields {
		l.full = false
	}
	return known
}

// Learned returns what was learned, by host, route and name, and whether there
// was more than it can hold.
func (l *Learner) Learned() (all []Learned, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.fields {
		one := *f
		one.Type = types[bits.TrailingZeros(f.fit)].name
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Learned) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Name, b.Name))
	})
	return all, l.full
}
