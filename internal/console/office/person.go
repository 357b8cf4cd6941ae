package office

import (
	"context"
	"time"
)

// People is what the room of persons asks and orders.
type People interface {
	Persons(ctx context.Context) (*Persons, error)
	// ExplainPair says why two records are or are not one person, by their names
	// "source/key".
	ExplainPair(ctx context.Context, a, b string) (*Pair, error)
	// ExplainGroup says what the evidence is for a group in doubt: its links with
	// their scores. digest is that of the group that was shown; when something
	// else is in it by now, it is an error.
	ExplainGroup(ctx context.Context, number uint32, digest string) (*Group, error)
	// DecideGroup keeps what somebody decided about a group, and returns what the
	// evidence said and how many persons changed. It is recorded before it is true.
	DecideGroup(ctx context.Context, r GroupDecision) (*Decided, error)
}

// Persons is the head count and what people have to look at.
type Persons struct {
	Configured                   bool
	Reading                      bool      // the state is being read; what follows may be older
	At                           time.Time // of the state
	Problem                      string    // why the state could not be read
	Records, Persons, IfAccepted int
	Low, Estimate, High          int
	Review, Unlinkable, Hidden   int
	Precision, Recall            float64
	// Groups are the first ones to review: that whose answer changes the head count
	// most comes first. They hold no score: ExplainGroup has it.
	Groups []Group
}

// Group is a cluster in doubt: persons that may be one, and joins that may be
// wrong. One answer settles it whole.
type Group struct {
	Number  uint32   // its name as long as nobody decides
	Digest  string   // of who is in it and what is asked: an answer is about what was shown
	Persons int      // it counts as now
	Records []string // source/key, sorted
	// Merged and Split are by how many persons the head count changes if all of it
	// is one person, and if every doubtful link joins two.
	Merged, Split int
	Links         []Pair // that are in doubt, at most MostLinks
	More          int    // links that are not among them
}

// MostLinks is how many links of a group are shown.
const MostLinks = 12

// Pair is two records and what their fields say.
type Pair struct {
	A, B        string // source/key: names nobody without the source
	Fields      []PairField
	Prior, Bits float64
	Probability float64
	LinkAt      float64
	Veto        string
	Decided     string // same, different, or empty
	One         bool   // they are one person now
	Path        []string
}

// PairField is what one field says: level 1 differs, above agrees, the higher
// the more.
type PairField struct {
	Field string
	Level int
	Bits  float64
}

// GroupDecision is somebody's answer: about all records of a group, or about those
// of it that are named, at least two.
type GroupDecision struct {
	Number     uint32
	Digest     string
	Records    []string // nil: all
	Same       bool
	Reason, By string
}

// Decided is what came of an answer.
type Decided struct {
	Group   Group
	Same    bool
	Changes int // persons that were joined or split
}
