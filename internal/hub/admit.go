package hub

import (
	"fmt"
	"slices"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// admit refuses what a remote process has no business to say: events of others, of
// places and subjects that are not its own, and of kinds that would be orders here.
// A machine that somebody has taken over could otherwise tell the hub's views about
// databases that it never saw.
func (s *Server) admit(site string, lines [][]byte) error {
	chains := map[frame.Head]bool{}
	heads, err := s.cfg.Intake.Heads(site)
	if err != nil {
		return err
	}
	for _, h := range heads {
		h.Seq = 0
		chains[h] = true
	}
	for i, line := range lines {
		e, err := event.Parse(line)
		if err != nil {
			return fmt.Errorf("line %d is no event: %w", i+1, ErrBroken)
		}
		if !Ships(string(e.Source), site) {
			return fmt.Errorf("line %d is not of %s: %w", i+1, site, ErrBroken)
		}
		if !tells(e.Body, site) {
			return fmt.Errorf("line %d: kind %d is not a remote gate's to say: %w", i+1, e.Body.Kind(), ErrBroken)
		}
		if chains[frame.Head{Source: string(e.Source), Worker: e.Worker}] = true; len(chains) > mostChains {
			return fmt.Errorf("more than %d chains: %w", mostChains, ErrBroken)
		}
	}
	return nil
}

// tells reports whether a site may say so. Kinds that this program does not know
// are kept: no view of it looks at them.
func tells(body event.Body, site string) bool {
	switch b := body.(type) {
	case *event.SourceStart:
		return own(site, b.Places...)
	case *event.Heartbeat:
		return own(site, b.Places...)
	case *event.PlacesChanged:
		return own(site, b.Begun...) && own(site, b.Ended...)
	case *event.Gap:
		return len(b.Places) > 0 && own(site, b.Places...) // without places it is everywhere
	case *event.Coverage:
		return len(b.Places) > 0 && own(site, b.Places...)
	case *event.Bypass:
		return len(b.Places) > 0 && own(site, b.Places...)
	case *event.Cleared:
		return len(b.Places) > 0 && own(site, b.Places...)
	case *event.Flow:
		return own(site, b.Place)
	case *event.Lookup:
		return own(site, b.Place)
	case *event.Lookups:
		return own(site, b.Place)
	case *event.Exchange:
		return own(site, b.Place)
	case *event.SiteGuard:
		return own(site, b.Place)
	case *event.PageItem:
		return own(site, b.Place)
	case *event.Canary:
		return own(site, b.Place)
	case *event.SourceStop, *event.FlowBytes, *event.FlowEnd, *event.ExitPolicy, *event.PolicyRejected, *event.ExitSeen, *event.Finding, *event.Unknown,
		*event.SessionClose, *event.Statement, *event.Decision, *event.PolicyLoaded, *event.ExchangeEnd, *event.SiteRules, *event.SiteStop:
		return true
	}
	return tellsOfSubjects(body, site)
}

// tellsOfSubjects is tells for bodies that name subjects, or where they rest.
func tellsOfSubjects(body event.Body, site string) bool {
	switch b := body.(type) {
	case *event.SessionOpen:
		return b.Place == "" || own(site, b.Place)
	case *event.Intent:
		return ownParts(site, b.Parts)
	case *event.Crossing:
		return ownParts(site, b.Parts)
	case *event.HoldingScan:
		return own(site, b.Table) && ownSubjects(site, b.Source)
	case *event.Object:
		return own(site, b.Place) && (b.Was == "" || own(site, b.Was)) && (b.Like == "" || own(site, b.Like))
	case *event.Copied:
		return own(site, b.Place) && own(site, b.Of...)
	case *event.HoldingChange:
		return own(site, b.Table) && ownSubjects(site, b.Source)
	case *event.Taint:
		return own(site, b.Table) && own(site, b.From...) && ownSubjects(site, b.Source)
	case *event.Relation:
		for _, c := range b.Columns {
			if !own(site, c.From...) {
				return false
			}
		}
		return own(site, b.Database, b.Table) && own(site, b.From...) && own(site, b.RowsFrom...) && ownSubjects(site, b.Source)
	case *event.Drift:
		return own(site, b.Database)
	case *event.Subjects:
		return ownSubjects(site, b.Source)
	case *event.SiteLogin:
		return own(site, b.Place) && ownSubjects(site, b.Source)
	case *event.Look:
		return ownSubjects(site, b.Source)
	}
	return false
}

// own reports whether all places are the site's.
func own(site string, places ...event.Place) bool {
	return !slices.ContainsFunc(places, func(p event.Place) bool { return frame.SiteOfPlace(string(p)) != site })
}

// ownSubjects reports whether a source of subjects is the site's, or none.
func ownSubjects(site string, source event.SubjectSource) bool {
	return source == "" || frame.SiteOfSubjects(string(source)) == site
}

func ownParts(site string, parts []event.Part) bool {
	return !slices.ContainsFunc(parts, func(p event.Part) bool { return !own(site, p.Table) || !ownSubjects(site, p.Source) })
}
