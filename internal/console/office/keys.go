package office

import (
	"context"
	"time"
)

// Keeper tells of the keys of the installation what is no secret.
type Keeper interface {
	// Keys returns the names of all keys that are not destroyed, sorted.
	Keys(ctx context.Context) ([]string, error)
	// ExitAuthority returns the certificate that clients must trust where what leaves
	// is read. Its error is a fault when there is none.
	ExitAuthority(ctx context.Context) (*ExitAuthority, error)
}

// ExitAuthority is the authority whose certificates clients are shown where what
// leaves is read.
type ExitAuthority struct {
	Names       []string  `json:"names"` // that it may show, with what is below them
	Until       time.Time `json:"until"`
	Fingerprint string    `json:"fingerprint"`
	Uncovered   []string  `json:"uncovered"` // by the authority, but to be read by the policy in force
	PEM         string    `json:"pem"`       // the certificate
}
