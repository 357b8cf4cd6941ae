package control

import (
	"context"

	"sekisho/internal/policy/site"
)

// RulesCall is the call whose request may hold the fields of a whole site.
const RulesCall = "rules"

// What a RulesRequest does, as its act in the ledger says.
const (
	RulesExcept    = "except"
	RulesAuthorise = "authorise-pages"
	RulesImport    = "import-fields"
)

// RulesRequest puts lines into the file of the rules of a site. It is for a command
// of the same machine, which has found out what they say.
type RulesRequest struct {
	Site   string `json:"site"` // its first host
	Do     string `json:"do"`
	Target string `json:"target"` // of the act
	// Said is what the act says of the lines beside the reason, and nothing that
	// could name a person; empty: nothing.
	Said   string `json:"said,omitempty"`
	By     string `json:"by"`
	Reason string `json:"reason"`

	Exceptions []site.Exception `json:"exceptions,omitempty"`
	Pages      []site.Page      `json:"pages,omitempty"`
	// Parameters take the place of those that were imported for the site before.
	Parameters []site.Parameter `json:"parameters,omitempty"`
}

// RulesReceipt is given when the lines are in force.
type RulesReceipt struct {
	File string `json:"file"` // that holds them
}

// Rules implements Operator.
func (c *Client) Rules(ctx context.Context, r RulesRequest) (RulesReceipt, error) {
	return ask[RulesRequest, RulesReceipt](ctx, c, RulesCall, r)
}
