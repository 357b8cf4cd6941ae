package office

import (
	"context"
	"time"

	"sekisho/proof/scope"
)

// Paths is how the explorer goes down from figures to what passed.
type Paths interface {
	// Trails says by session and statement how what is asked about passed, most
	// rows first. It names nobody whose data it is, and is not recorded.
	Trails(ctx context.Context, q scope.Query) (*Trails, error)
}

// Trails is a part of what passed.
type Trails struct {
	List []Trail `json:"list"`
	More int     `json:"more"` // not in List
}

// Trail is what one statement of one session carried of one table.
type Trail struct {
	Gate      string    `json:"gate"` // source
	Session   uint64    `json:"session"`
	User      string    `json:"user"`
	Address   string    `json:"address"`
	Statement string    `json:"statement"`
	Table     string    `json:"table"`
	Class     string    `json:"class"`
	Reason    string    `json:"reason"`
	Elements  []string  `json:"elements"`
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	Rows      uint64    `json:"rows"`
	Times     int       `json:"times"`
}
