package office

import (
	"context"
	"time"

	"sekisho/internal/control"
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
	Configured bool             `json:"configured"`
	Reading    bool             `json:"reading"`     // the state is being read; what follows may be older
	At         time.Time        `json:"at,omitzero"` // of the state
	Problems   control.Problems `json:"problems"`    // why the state could not be read
	Records    int              `json:"records"`
	Persons    int              `json:"persons"`
	IfAccepted int              `json:"if_accepted"`
	Low        int              `json:"low"`
	Estimate   int              `json:"estimate"`
	High       int              `json:"high"`
	Review     int              `json:"review"`
	Unlinkable int              `json:"unlinkable"`
	Hidden     int              `json:"hidden"`
	Precision  float64          `json:"precision"`
	Recall     float64          `json:"recall"`
	// Groups are the first ones to review: that whose answer changes the head count
	// most comes first. They hold no score: ExplainGroup has it.
	Groups []Group `json:"groups"`
}

// Group is a cluster in doubt: persons that may be one, and joins that may be
// wrong. One answer settles it whole.
type Group struct {
	Number  uint32   `json:"number"`  // its name as long as nobody decides
	Digest  string   `json:"digest"`  // of who is in it and what is asked: an answer is about what was shown
	Persons int      `json:"persons"` // it counts as now
	Records []string `json:"records"` // source/key, sorted
	// Merged and Split are by how many persons the head count changes if all of it
	// is one person, and if every doubtful link joins two.
	Merged int    `json:"merged"`
	Split  int    `json:"split"`
	Links  []Pair `json:"links"` // that are in doubt, at most MostLinks
	More   int    `json:"more"`  // links that are not among them
}

// MostLinks is how many links of a group are shown.
const MostLinks = 12

// Pair is two records and what their fields say.
type Pair struct {
	A           string      `json:"a"`
	B           string      `json:"b"` // source/key: names nobody without the source
	Fields      []PairField `json:"fields"`
	Prior       float64     `json:"prior"`
	Bits        float64     `json:"bits"`
	Probability float64     `json:"probability"`
	LinkAt      float64     `json:"link_at"`
	Veto        string      `json:"veto"`
	Decided     string      `json:"decided"` // same, different, or empty
	One         bool        `json:"one"`     // they are one person now
	Path        []string    `json:"path"`
}

// PairField is what one field says: level 1 differs, above agrees, the higher
// the more.
type PairField struct {
	Field string  `json:"field"`
	Level int     `json:"level"`
	Bits  float64 `json:"bits"`
}

// GroupDecision is somebody's answer: about all records of a group, or about those
// of it that are named, at least two.
type GroupDecision struct {
	Number  uint32   `json:"number"`
	Digest  string   `json:"digest"`
	Records []string `json:"records"` // nil: all
	Same    bool     `json:"same"`
	Reason  string   `json:"reason"`
	By      string   `json:"by"`
}

// Decided is what came of an answer.
type Decided struct {
	Group   Group `json:"group"`
	Same    bool  `json:"same"`
	Changes int   `json:"changes"` // persons that were joined or split
}
