package office

import (
	"context"
	"io"

	"sekisho/proof/scope"
)

// Lister takes who subjects are out of the console, encrypted.
type Lister interface {
	// List writes the subjects of an answer, encrypted to the recipients, one line
	// each: class, source, key, as `sekisho scope --list` writes them. It is
	// recorded as a look at all of them before the first byte, and its digest
	// after the last. Nothing is written when it is refused.
	List(ctx context.Context, r ListRequest, w io.Writer) error
}

// ListRequest asks for a list of subjects.
type ListRequest struct {
	Query   scope.Query `json:"query"`
	Class   string      `json:"class"` // "confirmed", "reachable", "ever_held": with those of narrower classes
	To      []string    `json:"to"`    // public keys of age
	Purpose string      `json:"purpose"`
	Case    string      `json:"case,omitempty"`
	By      string      `json:"by"`
	Address string      `json:"-"`
}

// MaxList is how many subjects one list holds; more are for the command.
const MaxList = 100_000
