package revproxy

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// traced notes the trace that a request is part of, so that what it does in a
// database can be found beside it. A request without one begins one. It is a
// label: clients choose theirs, and it narrows no scope.
func (x *exchange) traced(r *http.Request) {
	if given := r.Header["Traceparent"]; len(given) == 1 {
		x.trace = trace(given[0])
	}
	if x.trace != "" {
		return
	}
	var id [24]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	x.trace = hex.EncodeToString(id[:16])
	x.parent = "00-" + x.trace + "-" + hex.EncodeToString(id[16:]) + "-00" // nobody has asked for samples
}

// trace returns the trace id of a traceparent header (W3C Trace Context,
// 3.2.2), "" if it is none.
func trace(header string) string {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || parts[0] == "00" && len(parts) > 4 || !lowerHex(parts[0], 2) || parts[0] == "ff" || !lowerHex(parts[1], 32) || !lowerHex(parts[2], 16) || !lowerHex(parts[3], 2) {
		return ""
	}
	if strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return ""
	}
	return parts[1]
}

func lowerHex(text string, n int) bool {
	return len(text) == n && strings.Trim(text, "0123456789abcdef") == ""
}
