// Package control is how commands talk to the running process: JSON over HTTP
// on a Unix socket that only its user can open.
//
// It decides nothing and knows no gate: the process that serves it implements
// Operator. It is not the console's API: nothing listens on a network.
package control

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/site"
	"sekisho/proof/scope"
)

// othersMay are the calls that accounts of the socket's group may make: people
// on duty work on cases and do not operate the process.
var othersMay = map[string]bool{"status": true, "case": true, "case/record": true, "case/draft": true, "case/misuse": true, "case/concentrate": true, "case/test-call": true, "host": true}

// Operator is what the running process can be asked. All errors that a person
// should see are faults (package fault); others are shown as internal.
type Operator interface {
	Status(ctx context.Context) (Status, error)
	Sessions(ctx context.Context) ([]Session, error)
	Cut(ctx context.Context, r CutRequest) (CutReceipt, error)
	ReloadPolicy(ctx context.Context) (PolicyStatus, error)
	// Upgrade has the program that lies where the running one lay take the
	// process over. It returns before that happens: Status tells what became of it.
	Upgrade(ctx context.Context, r UpgradeRequest) (Upgrade, error)
	Bypass(ctx context.Context, r BypassRequest) (BypassStatus, error)
	Clear(ctx context.Context, r ClearRequest) (ClearReceipt, error)
	// Web tells or changes the state of the web gates.
	Web(ctx context.Context, r WebRequest) (WebStatus, error)
	// Rules puts lines into the rules of a site, and them in force. That somebody
	// ordered it is recorded first.
	Rules(ctx context.Context, r RulesRequest) (RulesReceipt, error)
	Grants(ctx context.Context) ([]Grant, error)
	RequestGrant(ctx context.Context, r GrantRequest) (Grant, error)
	DecideGrant(ctx context.Context, r GrantDecision) (Grant, error)
	Scan(ctx context.Context, database string) ([]ScanResult, error)
	// Database looks how a database is, for a command of the same machine: by a
	// session of the process, which its watch leaves out.
	Database(ctx context.Context, r DatabaseQuery) (json.RawMessage, error)
	DestroyKey(ctx context.Context, r KeyRequest) error
	ApplyRetention(ctx context.Context, r RetentionRequest) (event.Retention, error)
	// RecordCase records a body in a case, if that is allowed, after doing
	// what it asks of the gates.
	RecordCase(ctx context.Context, r CaseRequest) (CaseReceipt, error)
	// Draft fills a document of a case, or returns it as it was released.
	Draft(ctx context.Context, r DraftQuery) (DraftAnswer, error)
	// Misuse records a list of misused cards or accounts in a case. Their
	// numbers are hashed here, with a key of the ledger, before anything else
	// sees them.
	Misuse(ctx context.Context, r MisuseRequest) (CaseReceipt, error)
	// Concentrate asks what the misused cards or accounts of a case have in
	// common by our own records, and records the answer in the case.
	Concentrate(ctx context.Context, r ConcentrateRequest) (CaseReceipt, error)
	// RecordHost records what is known of a machine.
	RecordHost(ctx context.Context, r HostRequest) (CaseReceipt, error)
	// TestCall calls everybody on duty for a test, and records who was reached.
	TestCall(ctx context.Context, r TestRequest) (TestAnswer, error)
	// Case returns one case, or the list of cases when ID is empty, as JSON.
	Case(ctx context.Context, r CaseQuery) (json.RawMessage, error)
	// Act records what a command of the same machine is about to hand out.
	Act(ctx context.Context, r ActRequest) error
	// RecordPerson records a body about persons (event.NewPerson).
	RecordPerson(ctx context.Context, r PersonRequest) (PersonReceipt, error)
	// Cuts tells what is cut and what each gate answered.
	Cuts(ctx context.Context) (Cuts, error)
	// OrderCut cuts, at every gate, and waits for the receipts.
	OrderCut(ctx context.Context, r CutOrder) (Cuts, error)
	// LiftCut takes cuts back.
	LiftCut(ctx context.Context, r CutLift) (Cuts, error)
	// Except says that what is detected is in order, or no more.
	Except(ctx context.Context, r ExceptRequest) (event.DetectionException, error)
	// HubToken lets a remote gate join.
	HubToken(ctx context.Context, r HubRequest) (HubToken, error)
	// RevokeGate lets a remote gate connect no more.
	RevokeGate(ctx context.Context, r HubRequest) (Cuts, error)
	// Scope answers a scope question in one of the Forms. What was answered is
	// recorded first. Nothing is written to w when it fails.
	Scope(ctx context.Context, r ScopeRequest, w io.Writer) error
	// Backup writes ledger and keys, as they are on disk now, into one file;
	// recording goes on. w must not wait without end: sealing waits for it.
	Backup(ctx context.Context, w io.Writer) error
}

// The forms of a scope answer.
const (
	FormResult  = "result"  // JSON of scope.Result
	FormFigures = "figures" // the same without what left, for which the ledger is read
	FormList    = "list"    // one line a subject: class, source, key
	FormBundle  = "bundle"  // a disclosure bundle
)

// ScopeRequest asks whose data crossed.
type ScopeRequest struct {
	Query scope.Query `json:"query"`
	Form  string      `json:"form"`
	By    string      `json:"by"`
}

// Status is the state of the process.
type Status struct {
	Version string       `json:"version"`
	PID     int          `json:"pid"`
	Since   time.Time    `json:"since"`
	Tenant  string       `json:"tenant"`
	Head    uint64       `json:"head"`   // events on disk
	Folded  uint64       `json:"folded"` // events in the disclosure view
	Policy  PolicyStatus `json:"policy"`
	Gates   []GateStatus `json:"gates"`
	// Outage says that the ledger cannot be written; nil: it can.
	Outage *Outage `json:"outage,omitempty"`
	// Upgrade says that this run took over from another version, or that another
	// version could not take over from it; nil: neither.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
}

// UpgradeRequest asks for another version.
type UpgradeRequest struct {
	By string `json:"by"`
	// Now does not ask whether sessions would end.
	Now bool `json:"now,omitempty"`
}

// Upgrade is an upgrade of the running process.
type Upgrade struct {
	From string    `json:"from"` // versions
	To   string    `json:"to"`
	By   string    `json:"by"`
	At   time.Time `json:"at"` // it was ordered
	// Failed says why the version From goes on; empty: it does not.
	Failed string `json:"failed,omitempty"`
}

// GateStatus is the state of one gate.
type GateStatus struct {
	Name     string `json:"name"`
	Database string `json:"database"`
	Listen   string `json:"listen"` // as bound
	Mode     string `json:"mode"`
	Sessions int    `json:"sessions"`
	Bypass   bool   `json:"bypass"`
	// Suspected says that code ran of which nobody knows what it wrote: all that
	// is read is bounded, until the database is cleared.
	Suspected bool `json:"suspected,omitempty"`
}

// PolicyStatus names the policy in force.
type PolicyStatus struct {
	Generation uint64 `json:"generation"`
	Digest     string `json:"digest"`
	Changed    bool   `json:"changed"` // by this reload
	// Exit is the policy of what leaves that this reload put in force, nil for
	// none.
	Exit *ExitChange `json:"exit,omitempty"`
}

// ExitChange is a policy of what leaves, and what it would have done with the
// flows of the last 30 days.
type ExitChange struct {
	Generation uint64     `json:"generation"`
	Digest     string     `json:"digest"`
	Judged     int        `json:"judged"`
	Unknown    int        `json:"unknown"` // cannot be judged: their names are not kept
	Refused    int        `json:"refused"` // passed, and would be refused now
	Allowed    int        `json:"allowed"` // were refused, and would pass now
	Sorts      []ExitSort `json:"sorts"`   // what changes, refusals first, at most 100
}

// ExitSort are flows of one sort that a policy judges otherwise.
type ExitSort struct {
	Role  string    `json:"role"`
	Host  string    `json:"host"`
	Port  uint16    `json:"port"`
	Was   string    `json:"was"`
	Now   string    `json:"now"`
	Rule  string    `json:"rule"`
	Flows int       `json:"flows"`
	Last  time.Time `json:"last"`
}

// Session is a client session at a gate.
type Session struct {
	Gate    string        `json:"gate"`
	Session event.Session `json:"session"`
	User    string        `json:"user"`
	Address string        `json:"address"`
	Label   string        `json:"label"` // what the client calls itself
	Since   time.Time     `json:"since"`
	Rows    uint64        `json:"rows"`
	Bytes   uint64        `json:"bytes"`
}

// CutRequest ends sessions: all that match every field that is set.
type CutRequest struct {
	Session event.Session `json:"session,omitempty"`
	User    string        `json:"user,omitempty"`
	Address string        `json:"address,omitempty"`
	Gate    string        `json:"gate,omitempty"`
	All     bool          `json:"all,omitempty"` // required when no field is set
	By      string        `json:"by"`
	Reason  string        `json:"reason"`
}

// CutReceipt says which sessions were ended.
type CutReceipt struct {
	Sessions []event.Session `json:"sessions"`
	Took     time.Duration   `json:"took_ns"`
}

// BypassRequest opens or closes the direct way of gates.
type BypassRequest struct {
	Gate   string `json:"gate,omitempty"` // empty: all
	Open   bool   `json:"open"`
	Query  bool   `json:"query,omitempty"` // only tell
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// What a WebRequest asks for; "" only tells.
const (
	WebReload = "reload" // read the rules of sites again
	WebStop   = "stop"   // answer with a page of maintenance
	WebResume = "resume"
)

// WebRequest asks for the state of the web gates, or changes it.
type WebRequest struct {
	Do     string `json:"do,omitempty"`
	Host   string `json:"host,omitempty"` // stop, resume: first name of a site; empty: all
	What   string `json:"what,omitempty"` // stop, resume: "site" or "payment"
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Fields asks for what was learned, too.
	Fields bool `json:"fields,omitempty"`
}

// WebStatus is the state of the web gates.
type WebStatus struct {
	Sites []SiteStatus `json:"sites"`
	// Fields are what gates that learn have learned; Full says that there were
	// more fields than a gate keeps.
	Fields []site.Learned `json:"fields,omitempty"`
	Full   bool           `json:"full,omitempty"`
}

// SiteStatus is the state of one site.
type SiteStatus struct {
	Gate    string     `json:"gate"`
	Host    string     `json:"host"`
	Stopped []string   `json:"stopped"` // "site", "payment"
	Rules   site.Count `json:"rules"`
}

// BypassStatus says which gates are bypassed.
type BypassStatus struct {
	Gates []GateStatus `json:"gates"`
}

// ClearRequest is an operator's word that code, of which the gate does not know
// what it writes, copied no protected data.
type ClearRequest struct {
	Gate   string `json:"gate,omitempty"` // empty: all
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ClearReceipt names the databases that were suspected and are not any more.
type ClearReceipt struct {
	Databases []string `json:"databases"`
}

// Grant is a break-glass request and what became of it.
type Grant struct {
	ID       string    `json:"id"`
	State    string    `json:"state"` // requested, approved, refused, ended
	User     string    `json:"user"`
	Database string    `json:"database"`
	Tables   []string  `json:"tables,omitempty"`
	Elements []string  `json:"elements"`
	Purpose  string    `json:"purpose"`
	By       string    `json:"by"`
	Approver string    `json:"approver,omitempty"`
	Until    time.Time `json:"until"`
}

// GrantRequest asks for exceptional access for a length of time that begins
// with the approval.
type GrantRequest struct {
	By       string        `json:"by"`
	User     string        `json:"user"`
	Database string        `json:"database"`
	Tables   []string      `json:"tables,omitempty"`
	Elements []string      `json:"elements"`
	Purpose  string        `json:"purpose"`
	For      time.Duration `json:"for_ns"`
}

// GrantDecision approves, refuses or ends.
type GrantDecision struct {
	ID   string `json:"id"`
	By   string `json:"by"`
	Step string `json:"step"` // approve, refuse, end
}

// ScanResult is one table's holdings.
type ScanResult struct {
	Table    event.Place `json:"table"`
	Rows     uint64      `json:"rows"`
	Subjects uint64      `json:"subjects"`
	Unknown  uint64      `json:"unknown"`
}

// KeyRequest destroys a key.
type KeyRequest struct {
	KeyID  string `json:"key"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// RetentionRequest drops what the configuration says may go.
type RetentionRequest struct {
	By string `json:"by"`
}

// CaseRequest proposes a body of a case (kinds 120 to 132).
type CaseRequest struct {
	Kind event.Kind      `json:"kind"`
	Body json.RawMessage `json:"body"`
	Lang string          `json:"lang"`          // of a refusal
	Key  string          `json:"key,omitempty"` // content of the author's key file
}

// DatabaseQuery asks how a database of the configuration is. What is asked and
// answered is between command and process, of one version.
type DatabaseQuery struct {
	Database string          `json:"database"`
	Ask      json.RawMessage `json:"ask"`
}

// DraftQuery asks for a document. Without slots it is the written or released
// one.
type DraftQuery struct {
	Case  string            `json:"case"`
	Draft string            `json:"draft"`
	Slots map[string]string `json:"slots,omitempty"`
	Lang  string            `json:"lang"`
}

// DraftAnswer is the document and the digest of its plain text.
type DraftAnswer struct {
	Document json.RawMessage `json:"document"`
	SHA256   string          `json:"sha256"`
	Released bool            `json:"released,omitempty"`
}

// HostRequest says one thing of a machine.
type HostRequest struct {
	Boot *event.HostBoot `json:"boot,omitempty"`
	Plan *event.HostPlan `json:"plan,omitempty"`
	Lang string          `json:"lang"`
	Key  string          `json:"key,omitempty"`
}

// MisuseRequest is a list of misused cards or accounts, with their numbers: it
// goes over the control socket only, is written nowhere, and is nothing that
// may be logged.
type MisuseRequest struct {
	Case  string       `json:"case"`
	By    string       `json:"by"`
	Lang  string       `json:"lang"`
	Key   string       `json:"key,omitempty"`
	Items []MisuseItem `json:"items"`
	// List is a random text that the requests of one list share, and Of how many
	// items it has: nothing of it counts before all have come. Empty and 0: this is
	// the whole list.
	List string `json:"list,omitempty"`
	Of   uint64 `json:"of,omitempty"`
}

// MisuseItem is one card or account.
type MisuseItem struct {
	Number string        `json:"number"`
	At     int64         `json:"at"` // of the misuse, UTC ns
	Uses   []event.Usage `json:"uses,omitempty"`
}

// ConcentrateRequest asks what misused cards or accounts have in common. The
// payments go over the control socket or the console's API, are written nowhere,
// and are nothing that may be logged.
type ConcentrateRequest struct {
	Case     string              `json:"case"`
	Source   event.SubjectSource `json:"source,omitempty"` // empty: the one that knows most of them
	Query    scope.Query         `json:"query"`
	Payments []Paid              `json:"payments,omitempty"` // at most MaxPayments
	By       string              `json:"by"`
	Lang     string              `json:"lang"`
	Key      string              `json:"key,omitempty"`
}

// MaxPayments bounds a list of payments.
const MaxPayments = 300_000

// Paid is one payment of a firm's own records.
type Paid struct {
	Number  string      `json:"number"`            // of the card
	At      int64       `json:"at"`                // UTC ns
	Place   event.Place `json:"place"`             // server, shop, page
	Account string      `json:"account,omitempty"` // whose card it is: the key of the source
}

// TestRequest asks for test calls.
type TestRequest struct {
	By   string `json:"by"`
	Lang string `json:"lang"`
	Key  string `json:"key,omitempty"`
}

// TestAnswer says who was reached.
type TestAnswer struct {
	Reached []string `json:"reached"`
	Failed  []string `json:"failed"`
}

// CaseReceipt says what was done.
type CaseReceipt struct {
	Case    string `json:"case"`
	Result  string `json:"result,omitempty"`
	Applied uint64 `json:"applied,omitempty"` // sessions or gates
}

// CaseQuery asks for a case or a list.
type CaseQuery struct {
	ID     string `json:"id,omitempty"`
	About  string `json:"about,omitempty"`  // "measure", "ready": instead of cases
	Closed bool   `json:"closed,omitempty"` // list closed ones too
	Limit  int    `json:"limit,omitempty"`
}
