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
