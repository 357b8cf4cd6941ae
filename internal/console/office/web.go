package office

import (
	"context"
	"time"

	"sekisho/internal/cardproof"
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
	// ExceptBlock writes that exception, or another that the request describes, into
	// the rules of the site, and puts them in force.
	ExceptBlock(ctx context.Context, r ExceptRequest) (*ExceptReceipt, error)
	// AuthorisePages writes into the rules of a site that parts belong on its pages
	// that lead to payment, and puts them in force.
	AuthorisePages(ctx context.Context, r AuthoriseRequest) (*PagesReceipt, error)
	// ImportFields writes what a description of a site says about fields into its
	// rules, in place of what was imported for it before, and puts it in force.
	ImportFields(ctx context.Context, r ImportRequest) (*ImportReceipt, error)
	// Fields returns what was learned of the fields of pages, and what somebody
	// said to it.
	Fields(ctx context.Context) (*Fields, error)
	// ReviewField does what somebody decided about a field: it writes into the
	// rules of the site and puts them in force, or has it learned anew.
	ReviewField(ctx context.Context, r FieldReview) error
	// Payment says what proves that no card number passed, since the oldest event
	// that is looked at.
	Payment(ctx context.Context) (*Payment, error)
	// PaymentProof says all that the ledger tells of it, unsigned.
	PaymentProof(ctx context.Context, r ProofRequest) (*cardproof.Evidence, error)
	// PaymentEvidence makes what is handed to an acquirer, and signs it. It is recorded
	// with its digest before it is returned.
	PaymentEvidence(ctx context.Context, r EvidenceRequest) (*PaymentEvidence, error)
}

// Fields are what gates that learn know of the fields of pages.
type Fields struct {
	Learns bool    `json:"learns"` // some gate does
	Full   bool    `json:"full"`   // there were more fields than a gate keeps
	List   []Field `json:"list"`   // what waits for somebody first, then by host, path and name
	More   int     `json:"more"`   // not in List
	// Types are those that a field can be said to have, the narrowest first.
	Types []string `json:"types"`
}

// Field is a field of a path: what it was learned as, or what was said to it.
type Field struct {
	Gate   string `json:"gate"`
	Host   string `json:"host"` // empty: of all sites of the gate
	Path   string `json:"path"`
	Name   string `json:"name"`
	Method string `json:"method"` // forced: of these requests only; empty: of all
	In     string `json:"in"`     // forced: query, body, path, header or cookie; empty: query and body
	State  string `json:"state"`  // learned, forced, refused
	// Rule names what the file of rules says of the field: one field may have
	// several. Empty: learned.
	Rule   string `json:"rule"`
	Type   string `json:"type"`
	Max    int    `json:"max"`    // characters: forced, or the longest that was seen
	Wanted int    `json:"wanted"` // learned: characters that leave room above the longest
	Times  uint64 `json:"times"`  // values that were seen
	// Acceptable: it can be put in force as it stands. It cannot where its path has
	// parts that tell one page from another.
	Acceptable bool   `json:"acceptable"`
	Reason     string `json:"reason"`
	By         string `json:"by"`
}

// FieldReview is what somebody decided about a field.
type FieldReview struct {
	// Do is "accept" (put in force), "refuse" (do not propose it again), "forget"
	// (learn it anew; take what was said to it out of the rules).
	Do     string `json:"do"`
	Gate   string `json:"gate"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	Name   string `json:"name"`
	Rule   string `json:"rule"` // forget: which line of the rules goes, as it was shown; empty: what was learned
	Type   string `json:"type"` // accept: one of Types
	Max    int    `json:"max"`  // accept: characters, 0 for any number
	Reason string `json:"reason"`
	By     string `json:"by"`
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
	// Methods are what the site would name to have this method expected; empty:
	// something else stands against it.
	Methods []string `json:"methods"`
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

// ExceptRequest asks for an exception: the smallest that lets a refusal pass, but
// for what is said otherwise.
type ExceptRequest struct {
	ID     string    `json:"id"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Until  time.Time `json:"until,omitzero"` // its day in UTC is the last
	// Rules are those that are excepted, of those that fired, by number; none: all.
	Rules []int `json:"rules,omitempty"`
	// Path is the beginning of the paths where they are; empty: of the refusal.
	Path string `json:"path,omitempty"`
	// Target is where in a request, "ARGS:comment"; empty: where they fired.
	Target string `json:"target,omitempty"`
}

// ExceptReceipt says what was excepted. It is given when that is in force.
type ExceptReceipt struct {
	File       string     `json:"file"` // that holds it
	Exceptions []SiteRule `json:"exceptions"`
}

// AuthoriseRequest says that parts belong on the pages of a site.
type AuthoriseRequest struct {
	Site   string   `json:"site"`  // its first host
	Items  []string `json:"items"` // ids, at most MostParts
	Reason string   `json:"reason"`
	By     string   `json:"by"`
}

// MostParts is how many parts of pages are authorised by one request.
const MostParts = 200

// ImportRequest holds an OpenAPI document about a site.
type ImportRequest struct {
	Site   string  `json:"site"`           // its first host
	Base   *string `json:"base,omitempty"` // of its paths; none: as the document says
	Text   string  `json:"text"`           // JSON or YAML
	Reason string  `json:"reason"`
	By     string  `json:"by"`
}

// ImportReceipt says what was imported. It is given when that is in force.
type ImportReceipt struct {
	File   string `json:"file"`   // that holds it
	Fields int    `json:"fields"` // lines that were written
	Left   int    `json:"left"`   // parts of the document that are not looked at
}

// PagesReceipt says what was authorised. It is given when that is in force.
type PagesReceipt struct {
	File  string     `json:"file"` // that holds it
	Pages []PageLine `json:"pages"`
}

// PageLine is what the rules of a site say of a part of its pages.
type PageLine struct {
	Host   string `json:"host"`
	Item   string `json:"item"`
	Kind   string `json:"kind,omitempty"`
	Name   string `json:"name,omitempty"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// LoginSource is an address that tried accounts.
type LoginSource struct {
	Place    string    `json:"place"`
	Address  string    `json:"address"`
	First    time.Time `json:"first,omitzero"` // zero: it may have begun before what was read so far
	Last     time.Time `json:"last,omitzero"`
	Failed   int       `json:"failed"`
	Accounts int       `json:"accounts"`
	Entered  int       `json:"entered"`
	Known    int       `json:"known"` // accounts entered; with a password that is on a list of stolen ones
	// Into are the accounts that were entered, at most MostEntered.
	Into []Entered `json:"into"`
}

// Entered is an account that was entered: by its number where the site tells
// persons, never by name.
type Entered struct {
	At      time.Time `json:"at,omitzero"`
	Account string    `json:"account"` // keyed hash
	Source  string    `json:"source"`
	Subject uint32    `json:"subject"` // with a Source only
	Known   bool      `json:"known"`   // the password is on a list of stolen ones
}

// MostEntered is how many accounts of one address are shown.
const MostEntered = 20

// Payment is the evidence about payment of some sites.
type Payment struct {
	From  time.Time     `json:"from,omitzero"`
	To    time.Time     `json:"to,omitzero"`
	Key   string        `json:"key"` // with which signed evidence is checked; empty: none was signed yet
	Sites []PaymentSite `json:"sites"`
}

// PaymentSite is the evidence about one site.
type PaymentSite struct {
	Host      string            `json:"host"`
	Proven    bool              `json:"proven"`
	Against   []string          `json:"against"` // uncovered, weaker, passed, unread, parts, canary, attestation
	Exchanges uint64            `json:"exchanges"`
	Refused   uint64            `json:"refused"`
	Cut       uint64            `json:"cut"`
	Passed    uint64            `json:"passed"`
	Unread    uint64            `json:"unread"`
	Settings  []PaymentSetting  `json:"settings"`
	Uncovered []Span            `json:"uncovered"`  // no gate looked
	Weaker    []Span            `json:"weaker"`     // card numbers were not refused everywhere
	Canary    time.Duration     `json:"canary_ns"`  // between two; 0: there are none
	Canaries  int               `json:"canaries"`   // that ended well
	Failed    []Span            `json:"failed"`     // canaries, each at From
	NotProven []Span            `json:"not_proven"` // by canaries
	Providers []PaymentProvider `json:"providers"`
	Hosts     []string          `json:"hosts"` // that parts of the pages come from or send to
	Items     []PageItem        `json:"items"`
	Changes   []Finding         `json:"changes"` // what was seen of the pages and the canary
	// File is where it is written which parts belong on the pages; empty: the gate
	// has no file of rules.
	File string `json:"file"`
	// All is how long the lists are; what is here of a longer one is its newest, of
	// items those with a problem first.
	All PaymentTotals `json:"all"`
}

// PaymentTotals are lengths of lists as the signed evidence has them.
type PaymentTotals struct {
	Settings  int `json:"settings"`
	Uncovered int `json:"uncovered"`
	Weaker    int `json:"weaker"`
	Failed    int `json:"failed"`
	NotProven int `json:"not_proven"`
	Hosts     int `json:"hosts"`
	Items     int `json:"items"`
	Changes   int `json:"changes"`
}

// PaymentSetting is what was guarded from a time on.
type PaymentSetting struct {
	From  time.Time `json:"from,omitzero"`
	Cards string    `json:"cards"` // observe, report, enforce
	Pages string    `json:"pages"`
}

// PaymentProvider is a provider with its attestation of compliance.
type PaymentProvider struct {
	Host    string `json:"host"`
	AOC     string `json:"aoc"`
	Expires string `json:"expires"` // its last day
	State   string `json:"state"`   // valid, ends-soon, ended, unknown
}

// Span is a time, with what is said about it.
type Span struct {
	From   time.Time `json:"from,omitzero"`
	To     time.Time `json:"to,omitzero"`
	Reason string    `json:"reason"`
}

// ProofRequest asks for evidence about a time.
type ProofRequest struct {
	From time.Time `json:"from,omitzero"` // none: 30 days ago
	To   time.Time `json:"to,omitzero"`   // none: now
}

// EvidenceRequest asks for signed evidence.
type EvidenceRequest struct {
	ProofRequest
	By   string `json:"by"`
	Lang string `json:"lang"` // of the PDF: "ja" (default) or "en"
}

// PaymentEvidence is what `sekisho card verify` checks: files by those names.
type PaymentEvidence struct {
	JSON []byte `json:"evidence.json"`
	PDF  []byte `json:"evidence.pdf"`
	Note []byte `json:"evidence.note"` // signed, over both
	Key  string `json:"key"`           // with which the note is checked
}

// PageItem is a part of a page that leads to payment.
type PageItem struct {
	ID      string    `json:"id"`
	What    string    `json:"what"`
	Name    string    `json:"name"`
	Hash    string    `json:"hash"`
	Host    string    `json:"host"`
	Problem string    `json:"problem"` // empty when it is authorised
	New     bool      `json:"new"`
	Changed time.Time `json:"changed,omitzero"`
}
