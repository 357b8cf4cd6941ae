package control

import (
	"strings"

	"sekisho/internal/fault"
)

// ErrReason answers an order that says nothing of why.
var ErrReason = fault.New(fault.ControlRefused, "problem", "an order needs a reason", "hint", "write why; the ledger keeps it")

// Reasonless reports whether an order, a pointer to one of this package's requests,
// lacks the reason without which nobody gives it. What makes things safe again needs
// none.
func Reasonless(request any) bool {
	switch r := request.(type) {
	case *CutRequest:
		return Blank(r.Reason)
	case *BypassRequest:
		return r.Open && !r.Query && Blank(r.Reason)
	case *WebRequest:
		return r.Do == WebStop && Blank(r.Reason)
	case *ClearRequest:
		return Blank(r.Reason)
	case *ExceptRequest:
		return Blank(r.Reason)
	case *KeyRequest:
		return Blank(r.Reason)
	case *RulesRequest:
		return Blank(r.Reason)
	}
	return false
}

// Blank reports whether a reason says nothing.
func Blank(reason string) bool { return strings.TrimSpace(reason) == "" }
