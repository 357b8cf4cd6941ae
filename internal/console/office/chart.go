package office

import (
	"context"
	"time"
)

// Charts is what the room of the data map asks of the ledger.
type Charts interface {
	// Chart returns what rests where, what is most at risk, and how databases
	// differ from their configuration.
	Chart(ctx context.Context) (*Chart, error)
	// History returns what happened to a place, the newest first.
	History(ctx context.Context, place string) (*History, error)
}

// History is what the ledger tells of a place.
type History struct {
	Place   string   `json:"place"`
	Reading bool     `json:"reading"` // the ledger is being read: something may be missing
	Moments []Moment `json:"moments"`
	More    int      `json:"more"` // older ones that are not kept
}

// Moment is something that happened to a place.
type Moment struct {
	At time.Time `json:"at"`
	// What is a stable word: "came", "counted" (otherwise than before), "gone",
	// "made", "written", "removed", "moved", "like", "copied", "unread".
	What     string   `json:"what"`
	Subjects uint64   `json:"subjects"`
	Elements []string `json:"elements"`
	Of       string   `json:"of"` // another place; of "copied" several
	How      string   `json:"how"`
	Size     int64    `json:"size"` // bytes, of files; -1: not known
}

// Chart is the map as the ledger has it.
type Chart struct {
	Reading bool    `json:"reading"` // the ledger is being read; what follows may be older
	Places  []Rest  `json:"places"`
	More    int     `json:"more"`  // places that are not in Places
	Risks   []Risk  `json:"risks"` // the worst first
	Drifts  []Drift `json:"drifts"`
}

// Rest is what rests at a place.
type Rest struct {
	Place    string    `json:"place"`
	Subjects uint64    `json:"subjects"`
	Elements []string  `json:"elements"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Gone     time.Time `json:"gone,omitzero"` // Gone is zero while something rests there
	CopyOf   string    `json:"copy_of"`
}

// Risk is why a place is dangerous.
type Risk struct {
	Place    string   `json:"place"`
	Score    float64  `json:"score"`
	Subjects uint64   `json:"subjects"`
	Elements []string `json:"elements"`
	Counts   []uint64 `json:"counts"`  // subjects by element, as Elements
	Reasons  []string `json:"reasons"` // stable words
	Advice   string   `json:"advice"`  // a stable word
	Year     int      `json:"year"`    // since when it is there
	CopyOf   string   `json:"copy_of"`
}

// Count is how many subjects the place holds an element of.
func (r *Risk) Count(element string) uint64 {
	for i, name := range r.Elements {
		if name == element && i < len(r.Counts) {
			return r.Counts[i]
		}
	}
	return 0
}

// Drift is how a database differs from its configuration.
type Drift struct {
	Database string      `json:"database"`
	At       time.Time   `json:"at,omitzero"`
	Count    int         `json:"count"`
	Items    []DriftItem `json:"items"`
}

// DriftItem is one difference: What is a stable word.
type DriftItem struct {
	Place      string `json:"place"`
	What       string `json:"what"`
	Configured string `json:"configured"`
	Found      string `json:"found"`
}
