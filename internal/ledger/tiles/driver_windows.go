package tiles

import (
	"context"
	"errors"

	"github.com/transparency-dev/tessera"
)

// newDriver: Tessera's storage locks and syncs files as POSIX does. On Windows a
// ledger can be verified and read, but none can be kept.
func newDriver(context.Context, string) (tessera.Driver, error) {
	return nil, errors.New("a ledger needs Linux or another Unix; Windows has `sekisho scan` and `sekisho verify` only")
}
