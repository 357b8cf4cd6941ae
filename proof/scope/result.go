package scope

import "time"

// Result is the answer: three figures and what they rest on.
type Result struct {
	Query     Query     `json:"query"`
	From      time.Time `json:"from"` // the window that was answered
	To        time.Time `json:"to"`
	Confirmed Figure    `json:"confirmed"`
	Reachable Figure    `json:"reachable"`
	EverHeld  Figure    `json:"ever_held"`
	Coverage  Coverage  `json:"coverage"`
	// Leaving is nil where nothing tells of gates for what leaves.
	Leaving *Leaving `json:"leaving,omitempty"`
}

// Count counts subjects and records (rows).
type Count struct {
	Subjects uint64 `json:"subjects"`
	Records  uint64 `json:"records"`
}

// Figure is the size of one set.
//
// Records of confirmed are rows that crossed, each time they crossed. To these
// reachable adds, for every table whose holdings count, the rows that the
// table held at most. Records of ever held are the rows that each table held
// at most, or those of reachable where that is more.
type Figure struct {
	Count
	// WithoutNumber are rows in Records whose subject has no number.
	WithoutNumber uint64 `json:"without_number"`
	// Elements counts subjects by element.
	Elements map[string]uint64 `json:"elements"`
	Tables   map[string]Count  `json:"tables"`
	// WithoutAggregates is what remains when crossings that passed through
	// aggregate functions only are left out. Reachable only.
	WithoutAggregates *Count `json:"without_aggregates,omitempty"`
}

// Coverage is what a figure rests on. A figure of zero means nothing without it.
type Coverage struct {
	// Gates that cover the places: how many report at the end of the window,
	// of how many that are known.
	Reporting int    `json:"reporting"`
	Known     int    `json:"known"`
	Gates     []Gate `json:"gates"`
	// Uncovered intervals of the window by place, merged by reason.
	Uncovered []Interval `json:"uncovered"`
	Holdings  []Holding  `json:"holdings"`
	// Bounded crossings by table, class and reason.
	Bounded []Bound `json:"bounded"`
	// OpenIntents were announced and never completed: they are bounded.
	OpenIntents int `json:"open_intents"`
	// UnknownSessions counts the parts of crossings by sessions that nobody
	// announced.
	UnknownSessions int `json:"unknown_sessions"`
}

// Fill makes empty lists of those that are nil, so that they are [] in JSON.
func (c *Coverage) Fill() {
	if c.Gates == nil {
		c.Gates = []Gate{}
	}
	if c.Uncovered == nil {
		c.Uncovered = []Interval{}
	}
	if c.Holdings == nil {
		c.Holdings = []Holding{}
	}
	if c.Bounded == nil {
		c.Bounded = []Bound{}
	}
}

// Gate is one source that covers the places.
type Gate struct {
	Source    string    `json:"source"`
	Places    []string  `json:"places"`
	Reporting bool      `json:"reporting"`
	Last      time.Time `json:"last"` // sign of life before the end of the window
}

// Interval is a part of the window that was not covered.
type Interval struct {
	Place  string    `json:"place"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"` // "no gate", "silent", "not started", "stopped", "restart without stop", "not yet arrived", or that of the gap
	Source string    `json:"source,omitempty"`
}

// Holding says how well the holdings of a table are known.
type Holding struct {
	Table string `json:"table"`
	// Unknown: at some time that counts there was no scan before. The sets are
	// then a lower bound for that table.
	Unknown bool `json:"unknown"`
	// Provisional: the next scan may add to the sets.
	Provisional bool      `json:"provisional"`
	LastScan    time.Time `json:"last_scan"` // zero: never scanned
	// ChangedUnknown counts changed rows whose subject was not told and that
	// no later scan has seen.
	ChangedUnknown uint64 `json:"changed_unknown"`
}

// Bound counts bounded crossings.
type Bound struct {
	Table  string `json:"table"`
	Class  string `json:"class"` // "bounded" or "aggregate"
	Reason string `json:"reason"`
	Count  uint64 `json:"count"`
	Rows   uint64 `json:"rows"`
}

// Class names a set of subjects, narrowest first.
type Class int

// The classes.
const (
	Confirmed Class = iota
	Reachable
	EverHeld
)

// String returns the name that the JSON uses.
func (c Class) String() string { return [...]string{"confirmed", "reachable", "ever_held"}[c] }

// Sets are the subjects of each class by subject source.
type Sets [3]map[string]*Set
