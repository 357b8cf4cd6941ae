package office

import (
	"context"
	"time"

	"sekisho/internal/datamap/risk"
	"sekisho/internal/event"
)

// Surveyor is what `sekisho map` asks: the map without the bounds of a page, as the
// ledger has it when it is asked.
type Surveyor interface {
	// Mapped returns what rests or rested where.
	Mapped(ctx context.Context) (*Mapped, error)
	// Ranking returns the most dangerous places, the worst first.
	Ranking(ctx context.Context, r RankRequest) (*Ranking, error)
	// Whereabouts says where the data of one subject rests and where it passed. It is
	// recorded before the answer is there, and an account may ask for few subjects.
	Whereabouts(ctx context.Context, r SubjectRequest) (*Whereabouts, error)
}

// Mapped is the map of all places.
type Mapped struct {
	Places []MappedPlace  `json:"places"`
	Drift  []*event.Drift `json:"drift"`
}

// MappedPlace is one place of the map.
type MappedPlace struct {
	Place    event.Place   `json:"place"`
	Subjects uint64        `json:"subjects"`
	Elements string        `json:"elements"` // names, by commas
	First    time.Time     `json:"first_seen"`
	Last     time.Time     `json:"last_seen"`
	Gone     *time.Time    `json:"gone,omitempty"`
	Like     event.Place   `json:"like,omitempty"`
	CopyOf   *event.Copied `json:"copy_of,omitempty"`
}

// RankRequest asks for the list of important information.
type RankRequest struct {
	Top int `json:"top,omitempty"` // 0: all
}

// Ranking is that list.
type Ranking struct {
	List []Ranked `json:"list"`
	More int      `json:"more"` // not in List
}

// Ranked is a place of it.
type Ranked struct {
	risk.Ranked
	Year   int           `json:"year"` // since when it is there
	Like   event.Place   `json:"like,omitempty"`
	CopyOf *event.Copied `json:"copy_of,omitempty"`
}

// SubjectRequest names a subject by its key.
type SubjectRequest struct {
	Key    string `json:"key"`
	Source string `json:"source,omitempty"` // whose key it is, as in shop.customers; empty: there is only one
	Lang   string `json:"lang,omitempty"`   // of what is wrong with the question: "ja" or "en"
	By     string `json:"by"`
}

// MaxSubjects is how many subjects an account may ask for within a day: whoever tries
// keys one after the other would learn who is in a scope, which no token tells.
const MaxSubjects = 100

// Whereabouts is where one subject's data rests and passed.
type Whereabouts struct {
	Source event.SubjectSource `json:"source"`
	Number uint32              `json:"number"`
	Rests  []*Stay             `json:"rests"`
	Passed []*Passage          `json:"passed"`
	// Bounded are the statements and the like of which nobody can say whose data
	// they delivered, by the table that they read.
	Bounded map[event.Place]uint64 `json:"bounded,omitempty"`
}

// Stay is data of a subject at one place, without a break.
type Stay struct {
	Place    event.Place `json:"place"`
	Elements string      `json:"elements"` // names, by commas
	First    time.Time   `json:"first_seen"`
	Last     time.Time   `json:"last_seen"`
	Gone     *time.Time  `json:"gone,omitempty"`
}

// Passage is what passed a gate to one session.
type Passage struct {
	Table    event.Place  `json:"table"`
	Elements string       `json:"elements"` // names, by commas
	User     string       `json:"user,omitempty"`
	Address  string       `json:"address,omitempty"`
	Gate     event.Source `json:"gate"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
	Times    uint64       `json:"times"`
}
