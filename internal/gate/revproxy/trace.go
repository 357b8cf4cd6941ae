package revproxy

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"

	"sekisho/internal/traceparent"
)

// traced notes the trace that a request is part of, so that what it does in a
// database can be found beside it. A request without one begins one. It is a
// label: clients choose theirs, and it narrows no scope.
func (x *exchange) traced(r *http.Request) {
	if given := r.Header["Traceparent"]; len(given) == 1 {
		x.trace = traceparent.Of(given[0]).String()
	}
	if x.trace != "" {
		return
	}
	var id [24]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	x.trace = hex.EncodeToString(id[:16])
	x.parent = "00-" + x.trace + "-" + hex.EncodeToString(id[16:]) + "-00" // nobody has asked for samples
}
