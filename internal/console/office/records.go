package office

import (
	"context"
	"time"

	"sekisho/internal/event"
)

// Records is what is asked of the whole ledger, or of the company's file, as the
// commands on the machine of the ledger ask it.
type Records interface {
	// Found returns what is suspicious in what left; all: also what was learned
	// from, what an exception covers, and what repeats.
	Found(ctx context.Context, all bool) ([]Found, error)
	// Hunt looks for indicators in what is recorded.
	Hunt(ctx context.Context, q HuntQuery) (*Hunt, error)
	// Logins returns the addresses that tried accounts, the most accounts first.
	Logins(ctx context.Context, q LoginsQuery) ([]LoginTries, error)
	// Pages returns the parts of the pages that lead to payment, by site.
	Pages(ctx context.Context) ([]SitePages, error)
	// OldBlock is ExplainBlock of an exchange that the newest events do not hold.
	OldBlock(ctx context.Context, id string) (*BlockAnswer, error)
	// Judge says what a policy of what leaves would have done to the flows that are
	// recorded.
	Judge(ctx context.Context, q JudgeQuery) (*Judged, error)
	// Firm returns the company and its people, and what is wrong with the file.
	Firm(ctx context.Context, lang string) (*Firm, error)
}

// Found is a detection and the exception that covers it.
type Found struct {
	event.Detection
	Exception string `json:"exception,omitempty"`
}

// HuntQuery asks who met indicators. Without any, those of the lists of the
// process are meant.
type HuntQuery struct {
	Indicators []HuntFor `json:"indicators,omitempty"` // at most MaxHunt
	From       time.Time `json:"from,omitzero"`
}

// MaxHunt bounds the indicators of one question.
const MaxHunt = 5000

// HuntFor is an indicator: a name, an address or network, or a URL.
type HuntFor struct {
	Value string `json:"value"`
	List  string `json:"list,omitempty"`
	Note  string `json:"note,omitempty"`
}

// Hunt is who met indicators.
type Hunt struct {
	Indicators int   `json:"indicators"` // that were looked for
	Looked     int   `json:"looked"`     // flows and questions of DNS
	Met        []Met `json:"met"`        // the first first
}

// Met is who met an indicator, when and how often.
type Met struct {
	Host      string    `json:"host"`
	Dest      string    `json:"dest"`
	Indicator string    `json:"indicator"`
	List      string    `json:"list,omitempty"`
	Note      string    `json:"note,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Flows     int       `json:"flows"`
	Questions int       `json:"questions"`
	Refused   int       `json:"refused"`
	Sent      uint64    `json:"sent"`
	Open      int       `json:"open"` // flows whose end is not known: anything may have been sent
}

// LoginsQuery asks for the addresses that tried at least so many accounts.
type LoginsQuery struct {
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	Accounts int       `json:"accounts,omitempty"`
}

// LoginTries is an address that tried accounts.
type LoginTries struct {
	Place    event.Place `json:"place"`
	Address  string      `json:"address"`
	First    time.Time   `json:"first"`
	Last     time.Time   `json:"last"`
	Failed   int         `json:"failed"`
	Accounts int         `json:"accounts"` // that failed
	// Entered are the accounts that were entered from there.
	Entered []LoginEntered `json:"entered"`
}

// LoginEntered is an account that was entered.
type LoginEntered struct {
	At      time.Time           `json:"at"`
	Account string              `json:"account"` // keyed hash
	Source  event.SubjectSource `json:"source,omitempty"`
	Subject *uint32             `json:"subject,omitempty"`
	Leaked  bool                `json:"leaked,omitempty"` // the password is on a list of stolen ones
}

// SitePages are the parts of the pages of a site.
type SitePages struct {
	Site  string     `json:"site"`
	Items []PagePart `json:"items"`
}

// PagePart is a script, form or frame of a page.
type PagePart struct {
	event.PageItem
	First   time.Time `json:"first"` // in the records
	Changed time.Time `json:"changed"`
	New     bool      `json:"new"` // first seen in the time asked about
}

// JudgeQuery asks what a policy of what leaves, as its file would be, would have
// done since a time.
type JudgeQuery struct {
	Text string    `json:"text"`
	From time.Time `json:"from,omitzero"`
}

// Judged is what it would have done.
type Judged struct {
	Judged  int          `json:"judged"`
	Unknown int          `json:"unknown"` // flows whose names the ledger does not keep
	Changes []ExitChange `json:"changes"`
}

// Firm is the company as its file has it.
type Firm struct {
	Company  Company      `json:"company"`
	People   []FirmPerson `json:"people"`
	Problems []string     `json:"problems"` // in the language that was asked for
}

// Company is who writes the letters.
type Company struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Head    string `json:"head,omitempty"`
}

// FirmPerson is somebody on duty.
type FirmPerson struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Rank string `json:"rank"`
}
