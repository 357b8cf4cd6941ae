package revproxy

import (
	"net/http"
	"strings"
)

// Stop is a site, or its payment, that answers with a page of maintenance.
type Stop struct {
	// Host is the first of a site's names.
	Host string
	// Payment says that only the paths of [Host.Payment] are stopped.
	Payment bool
}

const (
	codeSiteStopped    = "SK3411"
	codePaymentStopped = "SK3412"
)

// SetStops puts stops in force, in place of those before. Exchanges under way
// come to their end.
func (g *Gate) SetStops(stops []Stop) { g.stops.Store(&stops) }

// stopped returns the answer for a path that is stopped.
func (g *Gate) stopped(host, path string) (refusal, bool) {
	stops := g.stops.Load()
	if stops == nil {
		return refusal{}, false
	}
	for _, s := range *stops {
		switch {
		case s.Host != host:
		case !s.Payment:
			return refusal{status: http.StatusServiceUnavailable, code: codeSiteStopped, action: "refuse", rule: "stop/site", reason: "an operator stopped the site"}, true
		case g.pays(host, path):
			return refusal{status: http.StatusServiceUnavailable, code: codePaymentStopped, action: "refuse", rule: "stop/payment", reason: "an operator stopped payment"}, true
		}
	}
	return refusal{}, false
}

// pays reports whether a path of a site belongs to payment.
func (g *Gate) pays(host, path string) bool {
	h := g.now.Load().byName[host]
	return h != nil && h.pays(path)
}

// pays reports whether a path belongs to payment.
func (h *Host) pays(path string) bool {
	same := sameAs(path)
	for _, prefix := range h.Payment {
		if strings.HasPrefix(path, prefix) || strings.HasPrefix(same, prefix) {
			return true
		}
	}
	return false
}
