package filescan

import (
	"cmp"
	"slices"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/risk"
	"sekisho/internal/element"
)

// Report is what a scan found: the page for people, and its JSON.
type Report struct {
	Root     string    `json:"root"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Stopped  bool      `json:"stopped,omitempty"` // ended early: more may be found
	DryRun   bool      `json:"dry_run,omitempty"`
	Files    uint64    `json:"files"`
	Bytes    uint64    `json:"bytes"`
	LeftOut  []string  `json:"left_out,omitempty"` // directories of our own
	// Totals are the elements over all files, the weightiest first.
	Totals []Total `json:"totals"`
	// Objects are the files with findings, the riskiest first, at most
	// maxObjects; More counts the rest.
	Objects []*Object `json:"objects"`
	More    uint64    `json:"more,omitempty"`
	// Unread are the files that were not read in full, by trouble.
	Unread []UnreadFiles `json:"unread,omitempty"`

	totals map[element.Kind]*Total
	unread map[string]*UnreadFiles
}

// Total is how often an element was found, in how many files.
type Total struct {
	Kind  element.Kind `json:"-"`
	Name  string       `json:"element"`
	Count uint64       `json:"count"`
	Files uint64       `json:"files"`
}

// UnreadFiles are the files with one trouble; Paths are the first of them.
type UnreadFiles struct {
	Name    string   `json:"trouble"`
	Count   uint64   `json:"count"` // parts
	Serious bool     `json:"serious"`
	Paths   []string `json:"paths,omitempty"`
}

const (
	maxObjects = 1000
	maxUnread  = 100
)

func newReport(root string, at time.Time) *Report {
	return &Report{Root: root, Started: at.UTC(), totals: map[element.Kind]*Total{}, unread: map[string]*UnreadFiles{}}
}

// add enters a file.
func (r *Report) add(o *Object, now time.Time) {
	for _, f := range o.Elements {
		t := r.totals[f.Kind]
		if t == nil {
			t = &Total{Kind: f.Kind, Name: f.Name}
			r.totals[f.Kind] = t
		}
		t.Count += f.Count
		t.Files++
	}
	for _, u := range o.Troubles {
		x := r.unread[u.Name]
		if x == nil {
			x = &UnreadFiles{Name: u.Name, Serious: serious(u.Trouble)}
			r.unread[u.Name] = x
		}
		x.Count++
		path := o.Path
		if u.Part != "" {
			path += " › " + u.Part
		}
		x.Paths = append(x.Paths, path)
		if len(x.Paths) > 2*maxUnread {
			slices.Sort(x.Paths)
			x.Paths = x.Paths[:maxUnread]
		}
	}
	if o.Rank = rank(o, now); o.Rank == nil {
		return
	}
	r.Objects = append(r.Objects, o)
	if len(r.Objects) >= 2*maxObjects {
		r.trim()
	}
}

// trim keeps the riskiest.
func (r *Report) trim() {
	slices.SortFunc(r.Objects, func(a, b *Object) int {
		return cmp.Or(cmp.Compare(b.Rank.Score, a.Rank.Score), cmp.Compare(a.Path, b.Path))
	})
	if n := len(r.Objects); n > maxObjects {
		r.More += uint64(n - maxObjects)
		clear(r.Objects[maxObjects:])
		r.Objects = r.Objects[:maxObjects]
	}
}

// finish puts everything in order.
func (r *Report) finish(at time.Time) {
	r.Finished = at.UTC()
	r.trim()
	for _, t := range r.totals {
		r.Totals = append(r.Totals, *t)
	}
	slices.SortFunc(r.Totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(risk.Weight(b.Kind), risk.Weight(a.Kind)), cmp.Compare(a.Kind, b.Kind))
	})
	for _, u := range r.unread {
		slices.Sort(u.Paths)
		u.Paths = slices.Compact(u.Paths)
		u.Paths = u.Paths[:min(len(u.Paths), maxUnread)]
		r.Unread = append(r.Unread, *u)
	}
	slices.SortFunc(r.Unread, func(a, b UnreadFiles) int {
		if a.Serious != b.Serious {
			if a.Serious {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
}

// Troubles returns the stable names of all troubles.
func Troubles() []string { return document.Troubles() }
