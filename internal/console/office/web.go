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
	Since    time.Time     `json:"since,omitzero"`
	Blocks   []Block       `json:"blocks"` // the newest first
	Logins   []LoginSource `json:"logins"`
	Rules    []SiteRule    `json:"rules"`
	Findings []Finding     `json:"findings"`
	Leads    bool          `json:"leads"` // some site has paths of payment
}

// Block is an exchange that was refused, cut, or would have been.
type Block struct {
	At      time.Time   `json:"at,omitzero"`
	ID      string      `json:"id"`
	Host    string      `json:"host"`
	Method  string      `json:"method"`
	Route   string      `json:"route"`
	Address string      `json:"address"`
	Action  string      `json:"action"`
	Code    string      `json:"code"`
	Reason  string      `json:"reason"`
	Rules   []BlockRule `json:"rules"`
}

// BlockRule is a rule that fired.
type BlockRule struct {
	Rule    string `json:"rule"`
	Family  string `json:"family"`
	Message string `json:"message"`
}

// BlockAnswer is an explanation.
type BlockAnswer struct {
	Block
	Targets   []string   `json:"targets"`
	Shape     string     `json:"shape"` // of what matched, letters and digits replaced
	Exception []SiteRule `json:"exception"`
	// File is where the exception would be written; empty: the gate has no file
	// of rules.
	File string `json:"file"`
}

// SiteRule is a line of the rules of sites.
type SiteRule struct {
	Kind   string `json:"kind"` // exception, patch, parameter
	Gate   string `json:"gate"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	Rule   string `json:"rule"`
	Target string `json:"target"`
	Type   string `json:"type"`
	Until  string `json:"until"`
	Reason string `json:"reason"`
	By     string `json:"by"`
	Event  string `json:"event"`
	Max    int    `json:"max"`
	Ended  bool   `json:"ended"`
}

// ExceptRequest asks for an exception.
type ExceptRequest struct {
	ID     string    `json:"id"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Until  time.Time `json:"until,omitzero"`
}

// LoginSource is an address that tried accounts.
type LoginSource struct {
	Place    string    `json:"place"`
	Address  string    `json:"address"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Failed   int       `json:"failed"`
	Accounts int       `json:"accounts"`
	Entered  int       `json:"entered"`
	Known    int       `json:"known"` // accounts entered; with a password that is on a list of stolen ones
}

// Payment is the evidence about payment of some sites.
type Payment struct {
	From  time.Time     `json:"from,omitzero"`
	To    time.Time     `json:"to,omitzero"`
	Sites []PaymentSite `json:"sites"`
}

// PaymentSite is the evidence about one site.
type PaymentSite struct {
	Host           string     `json:"host"`
	Proven         bool       `json:"proven"`
	Against        []string   `json:"against"` // uncovered, weaker, passed, unread, parts, canary, attestation
	Exchanges      uint64     `json:"exchanges"`
	Refused        uint64     `json:"refused"`
	Cut            uint64     `json:"cut"`
	Passed         uint64     `json:"passed"`
	Unread         uint64     `json:"unread"`
	Uncovered      int        `json:"uncovered"` // intervals
	CanariesOK     int        `json:"canaries_ok"`
	CanariesFailed int        `json:"canaries_failed"`
	Items          []PageItem `json:"items"`
}

// PageItem is a part of a page that leads to payment.
type PageItem struct {
	ID      string `json:"id"`
	What    string `json:"what"`
	Name    string `json:"name"`
	Hash    string `json:"hash"`
	Problem string `json:"problem"` // Problem: empty when it is authorised
	New     bool   `json:"new"`
}
