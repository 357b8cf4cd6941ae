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
	// DecidePair keeps what somebody decided, and returns what the evidence said
	// and how many persons changed. It is recorded before it is true.
	DecidePair(ctx context.Context, r PairDecision) (*Decided, error)
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
	// Doubts are the pairs to review, the one first whose answer changes the head
	// count most. Their scores are for after the answer.
	Doubts []Pair
}

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

// PairDecision is somebody's answer.
type PairDecision struct {
	A, B, Reason, By string
	Same             bool
}

// Decided is what came of an answer.
type Decided struct {
	Pair    Pair
	Same    bool
	Changes int // persons that were joined or split
}
