package office

import (
	"context"

	"sekisho/internal/control"
)

// Furnished is what the process runs with.
type Furnished interface {
	// Settings returns every part of the product, whether it is configured or not.
	// It holds no secret and names nobody.
	Settings(ctx context.Context) (*Settings, error)
	// TestCall calls everybody on duty for a test, ordered by the account by.
	TestCall(ctx context.Context, by string, r control.TestRequest) (control.TestAnswer, error)
}

// Settings is what the process runs with.
type Settings struct {
	File string `json:"file"` // the configuration
	// Problems are why the file would not be taken now; none: it would.
	Problems control.Problems `json:"problems"`
	// Changed: the file is not what the process runs with; after the next start it is.
	Changed bool   `json:"changed"`
	Parts   []Part `json:"parts"`
}

// Part is a part of the product.
type Part struct {
	Name string `json:"name"` // databases, gates, web …
	On   bool   `json:"on"`
	// Lines say what is configured: names, addresses, modes.
	Lines []string `json:"lines"`
}
