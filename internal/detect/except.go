package detect

import (
	"net/netip"
	"strings"
	"time"
)

// Exception says that findings of a kind about a host and a destination are
// known and in order. It acts backwards too: what was raised before it was made
// is covered like what is raised later, and is there again when the exception
// goes. It never stops a finding from being made or kept.
type Exception struct {
	ID    string
	Kind  Kind      // empty: all
	Host  string    // an address, a prefix or a name, of a remote process with @ and its name; empty: all
	Dest  string    // a name and everything below it, or an address; empty: all
	Until time.Time // findings from then on are not covered; zero: without end
}

// Covers reports whether e is about f.
func (e *Exception) Covers(f *Finding) bool {
	return (e.Kind == "" || e.Kind == f.Kind) && (e.Until.IsZero() || f.At.Before(e.Until)) && coversHost(e.Host, f.Host) && coversName(e.Dest, f.Dest)
}

func coversHost(pattern, host string) bool {
	if pattern == "" || pattern == host {
		return true
	}
	pattern, site, _ := strings.Cut(pattern, "@")
	host, of, _ := strings.Cut(host, "@")
	if site != of {
		return false
	}
	p, err := netip.ParsePrefix(pattern)
	a, bad := netip.ParseAddr(host)
	return err == nil && bad == nil && p.Contains(a.Unmap())
}

func coversName(pattern, name string) bool {
	pattern = strings.TrimPrefix(pattern, "*.")
	return pattern == "" || strings.EqualFold(pattern, name) ||
		len(name) > len(pattern) && strings.EqualFold(name[len(name)-len(pattern)-1:], "."+pattern)
}

// Split parts findings into those that need a person and those that an
// exception covers, in the order given.
func Split(all []Finding, exceptions []Exception) (open, covered []Finding) {
	for _, f := range all {
		into := &open
		for i := range exceptions {
			if exceptions[i].Covers(&f) {
				into = &covered
				break
			}
		}
		*into = append(*into, f)
	}
	return open, covered
}
