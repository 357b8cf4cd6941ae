package policy

import (
	"slices"
	"time"

	"sekisho/internal/element"
)

// Grant is exceptional access that two persons agreed on.
type Grant struct {
	ID        string
	User      string // database user it is for
	Database  string
	Tables    []string // patterns as in rules; empty means all
	Elements  element.Mask
	Requester string
	Approver  string
	From      time.Time
	Until     time.Time // not included
	Purpose   string
}

// CheckGrant says why a grant may not be given under p, or nil. It checks
// persons and length, not whether the time has come.
func (p *Policy) CheckGrant(g Grant) *Error {
	bg := p.breakGlass
	switch {
	case bg == nil:
		return &Error{"break_glass", "the policy allows no exceptional access", "add break_glass with requesters, approvers and longest"}
	case !slices.Contains(bg.requesters, g.Requester):
		return &Error{"break_glass.requesters", "this person may not ask for exceptional access", "have a person of break_glass.requesters ask"}
	case g.Approver == g.Requester:
		return &Error{"break_glass.approvers", "nobody may approve his own request", "have a second person approve"}
	case !slices.Contains(bg.approvers, g.Approver):
		return &Error{"break_glass.approvers", "this person may not approve exceptional access", "have a person of break_glass.approvers approve"}
	case !g.Until.After(g.From) || g.Until.Sub(g.From) > bg.longest:
		return &Error{"break_glass.longest", "the time asked for is longer than the policy allows", "ask for at most " + bg.longest.String()}
	case g.Elements == 0 || g.User == "" || g.Database == "" || g.Purpose == "":
		return &Error{"break_glass", "a grant needs a user, a database, elements and a purpose", "name all four"}
	}
	return nil
}

// MayRequest reports whether the policy lets a person ask for a grant.
func (p *Policy) MayRequest(person string) bool {
	return p.breakGlass != nil && slices.Contains(p.breakGlass.requesters, person)
}

// Longest returns the longest time a grant may last; 0 when there are none.
func (p *Policy) Longest() time.Duration {
	if p.breakGlass == nil {
		return 0
	}
	return p.breakGlass.longest
}

// covers reports whether the grant opens this read now.
func (g *Grant) covers(r *Request, read Read, kind element.Kind) bool {
	return g.User == r.User && g.Database == r.Database && g.Elements.Has(kind) &&
		!r.Now.Before(g.From) && r.Now.Before(g.Until) && matchTable(g.Tables, read.Table)
}
