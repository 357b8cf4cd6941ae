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
}

// Chart is the map as the ledger has it.
type Chart struct {
	Reading bool // the ledger is being read; what follows may be older
	Places  []Rest
	More    int    // places that are not in Places
	Risks   []Risk // the worst first
	Drifts  []Drift
}

// Rest is what rests at a place.
type Rest struct {
	Place             string
	Subjects          uint64
	Elements          []string
	First, Last, Gone time.Time // Gone is zero while something rests there
	CopyOf            string
}

// Risk is why a place is dangerous.
type Risk struct {
	Place    string
	Score    float64
	Subjects uint64
	Elements []string
	Reasons  []string // stable words
	Advice   string   // a stable word
	Year     int      // since when it is there
	CopyOf   string
}

// Drift is how a database differs from its configuration.
type Drift struct {
	Database string
	At       time.Time
	Count    int
	Items    []DriftItem
}

// DriftItem is one difference: What is a stable word.
type DriftItem struct{ Place, What, Configured, Found string }
