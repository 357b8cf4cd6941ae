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
	List []Trail
	More int // not in List
}

// Trail is what one statement of one session carried of one table.
type Trail struct {
	Gate                     string // source
	Session                  uint64
	User, Address, Statement string
	Table, Class, Reason     string
	Elements                 []string
	From, To                 time.Time
	Rows                     uint64
	Times                    int
}
