package office

import (
	"context"
	"time"

	"sekisho/internal/control"
)

// Sites is what the room of web sites asks and orders.
type Sites interface {
	// Web returns the state of the sites; Do of the request may stop one or let
	// it go on.
	Web(ctx context.Context, r control.WebRequest) (control.WebStatus, error)
	// WebRoom returns what the newest events tell of the sites.
	WebRoom(ctx context.Context) (*WebRoom, error)
	// ExplainBlock says why an exchange was refused, and the smallest exception.
	ExplainBlock(ctx context.Context, id string) (*BlockAnswer, error)
	// ExceptBlock writes that exception into the rules of the site, and puts them
	// in force.
	ExceptBlock(ctx context.Context, r ExceptRequest) error
	// Payment says what proves that no card number passed, since the oldest event
	// that is looked at.
	Payment(ctx context.Context) (*Payment, error)
}

// WebRoom is what the newest events tell of the sites.
type WebRoom struct {
	Since    time.Time
	Blocks   []Block // the newest first
	Logins   []LoginSource
	Rules    []SiteRule
	Findings []Finding
	Leads    bool // some site has paths of payment
}

// Block is an exchange that was refused, cut, or would have been.
type Block struct {
	At                                                     time.Time
	ID, Host, Method, Route, Address, Action, Code, Reason string
	Rules                                                  []BlockRule
}

// BlockRule is a rule that fired.
type BlockRule struct{ Rule, Family, Message string }

// BlockAnswer is an explanation.
type BlockAnswer struct {
	Block
	Targets   []string
	Shape     string // of what matched, letters and digits replaced
	Exception []SiteRule
	// File is where the exception would be written; empty: the gate has no file
	// of rules.
	File string
}

// SiteRule is a line of the rules of sites.
type SiteRule struct {
	Kind                                                           string // exception, patch, parameter
	Gate, Host, Path, Rule, Target, Type, Until, Reason, By, Event string
	Max                                                            int
	Ended                                                          bool
}

// ExceptRequest asks for an exception.
type ExceptRequest struct {
	ID, Reason, By string
	Until          time.Time
}

// LoginSource is an address that tried accounts.
type LoginSource struct {
	Place, Address   string
	First, Last      time.Time
	Failed, Accounts int
	Entered, Known   int // accounts entered; with a password that is on a list of stolen ones
}

// Payment is the evidence about payment of some sites.
type Payment struct {
	From, To time.Time
	Sites    []PaymentSite
}

// PaymentSite is the evidence about one site.
type PaymentSite struct {
	Host                                    string
	Proven                                  bool
	Against                                 []string // uncovered, weaker, passed, unread, parts, canary, attestation
	Exchanges, Refused, Cut, Passed, Unread uint64
	Uncovered                               int // intervals
	CanariesOK, CanariesFailed              int
	Items                                   []PageItem
}

// PageItem is a part of a page that leads to payment.
type PageItem struct {
	ID, What, Name, Hash, Problem string // Problem: empty when it is authorised
	New                           bool
}
