package policy

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"sekisho/internal/element"
)

// Mode says what a gate does with a refusal.
type Mode uint8

const (
	Observe Mode = iota + 1 // record only: nothing is refused or masked
	Report                  // let pass, and record what would have been refused
	Enforce                 // refuse and mask
)

var modeNames = [...]string{"", "observe", "report", "enforce"}

// String returns the mode as written in configuration files.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// ParseMode returns the mode with the given name.
func ParseMode(name string) (Mode, bool) {
	for m := Observe; m <= Enforce; m++ {
		if modeNames[m] == name {
			return m, true
		}
	}
	return 0, false
}

// Action is what the gate shall do.
type Action uint8

const (
	Allow  Action = iota + 1 // with the masks and caps of the decision
	Flag                     // let pass; write a Decision event with action "report"
	Refuse                   // refuse in the protocol's own language
)

// String returns "allow", "report" or "refuse", the words of event.Decision.
func (a Action) String() string {
	return [...]string{"none", "allow", "report", "refuse"}[min(a, 3)]
}

// Statement is the kind of a statement.
type Statement uint8

const (
	Select Statement = iota + 1
	Fetch            // from a cursor
	Copy             // COPY … TO STDOUT
	Write            // INSERT, UPDATE, DELETE, MERGE, COPY FROM; with RETURNING also a read
	Call             // CALL, DO, SELECT of a function
)

var statementNames = []string{"", "select", "fetch", "copy", "write", "call"}

// Bulk says how a read is a bulk read.
type Bulk uint8

const (
	NotBulk   Bulk = iota
	BulkCopy       // COPY of a protected table or query
	BulkDump       // the statements that pg_dump makes
	BulkTable      // a read of a whole protected table
)

var bulkNames = []string{"", "copy", "dump", "table"}

// Channel is a way by which data can leave other than as attributed rows.
type Channel uint8

const (
	Rows        Channel = iota // result rows and COPY OUT: the rules decide
	Fastpath                   // function call message
	LargeObject                // lo_* functions
	ServerFile                 // COPY to or from a file of the server, pg_read_file
	Program                    // COPY … PROGRAM
	Replication                // the replication protocol
	Function                   // a function without declared lineage
	Setting                    // a setting fed from protected columns
	Notify                     // NOTIFY fed from protected columns
	Catalogue                  // pg_stats and its like, which hold values
)

var channelNames = []string{
	"rows", "fastpath", "large_object", "server_file", "program",
	"replication", "function", "setting", "notify", "catalogue",
}

// String returns the channel as written in policies.
func (c Channel) String() string { return channelNames[min(int(c), len(channelNames)-1)] }

// Read is a table and the protected elements of it that a statement touches,
// in its result or in a predicate.
type Read struct {
	Table    string // "public.customers"
	Elements element.Mask
}

// Request is all that a decision depends on.
type Request struct {
	User      string // database user
	Address   netip.Addr
	Database  string // configured name
	Mode      Mode   // of the gate
	Statement Statement
	Channel   Channel
	Bulk      Bulk
	// Attributable says that the subjects of every row will be named exactly.
	Attributable bool
	Reads        []Read
	// Now is the time of the request. Grants are those in force for anybody;
	// Decide picks what fits.
	Now    time.Time
	Grants []Grant
}

// NoLimit is the Max of a cap that does not bound.
const NoLimit = math.MaxUint64

// Cap is the most that may pass, and the rule that says so.
type Cap struct {
	Max  uint64
	Rule string // empty with NoLimit
}

// Exceeded reports whether n is more than the cap allows.
func (c Cap) Exceeded(n uint64) bool { return n > c.Max }

// Caps are the tightest caps of all rules that allowed the statement. The
// zero value refuses everything; use NoCaps for none.
type Caps struct {
	StatementRows, SessionRows, HourRows             Cap
	StatementSubjects, SessionSubjects, HourSubjects Cap
	// UnattributableRows bounds the rows of one statement whose subjects are
	// not named exactly.
	UnattributableRows Cap
}

// NoCaps returns caps that bound nothing.
func NoCaps() Caps {
	c := Cap{Max: NoLimit}
	return Caps{c, c, c, c, c, c, c}
}

// None reports whether no cap bounds anything, so that nothing need be counted.
func (c *Caps) None() bool { return *c == NoCaps() }

// Decision is the outcome. It is the same for the same Request and policy.
type Decision struct {
	Action Action
	// Rule decided; for a refusal the rule that refused, else the first that
	// allowed. "default", "bulk", "channel", "unattributable" and
	// "break-glass" are built in.
	Rule string
	// Reason says why, for the operator. It holds no data, but rule text: a
	// client is told an event id instead.
	Reason string
	// Code is the SQLSTATE of a refusal, "42501" (insufficient_privilege).
	Code    string
	Purpose string
	Digest  Digest
	Masks   []Mask
	Caps    Caps
	Grant   string // id of the break-glass grant that opened the way
	// Until is when the decision may change without a new policy, because a
	// grant ends; zero when it does not.
	Until time.Time
}

// Refused reports whether the gate must refuse.
func (d *Decision) Refused() bool { return d.Action == Refuse }

// Over returns the decision for a statement that passed one of d's caps: a
// refusal in enforce mode, a report otherwise. what names the cap, such as
// "rows per hour".
func (d *Decision) Over(mode Mode, cap Cap, what string) Decision {
	out := Decision{Rule: cap.Rule, Digest: d.Digest, Purpose: d.Purpose, Grant: d.Grant}
	out.Reason = fmt.Sprintf("more than %d %s", cap.Max, what)
	out.settle(mode)
	return out
}

// Unmasked returns the decision for a result whose columns d hides and whose
// columns cannot be told apart: a refusal in enforce mode, a report otherwise.
func (d *Decision) Unmasked(mode Mode) Decision {
	out := Decision{Rule: d.Rule, Digest: d.Digest, Purpose: d.Purpose, Grant: d.Grant}
	out.Reason = "it hides columns that cannot be told apart here"
	out.settle(mode)
	return out
}

// Done returns d of a statement that was carried out before it could be
// refused: a refusal becomes a report.
func (d *Decision) Done() Decision {
	out := *d
	if d.Action == Refuse {
		out.settle(Report)
		out.Code = ""
	}
	return out
}

// settle turns a refusal into what the mode makes of it.
func (d *Decision) settle(mode Mode) {
	d.Masks, d.Caps = nil, NoCaps()
	switch mode {
	case Observe:
		d.Action = Allow
	case Report:
		d.Action = Flag
	default:
		d.Action, d.Code = Refuse, sqlInsufficientPrivilege
	}
}

// sqlInsufficientPrivilege is ERRCODE_INSUFFICIENT_PRIVILEGE (PostgreSQL,
// Appendix A, class 42).
const sqlInsufficientPrivilege = "42501"
