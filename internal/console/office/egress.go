package office

import (
	"context"
	"time"

	"sekisho/internal/control"
)

// Outside is what the room of what leaves asks and orders.
type Outside interface {
	// Egress returns what the newest events tell, and what is cut.
	Egress(ctx context.Context) (*Egress, error)
	// ExplainExit says what the policy in force would decide, and why.
	ExplainExit(ctx context.Context, q ExitQuestion) (*ExitAnswer, error)
	// PreviewExit says what the policy as its file has it now would have done to
	// the flows that the newest events hold.
	PreviewExit(ctx context.Context) (*ExitPreview, error)
	OrderCut(ctx context.Context, r control.CutOrder) (control.Cuts, error)
	LiftCut(ctx context.Context, r control.CutLift) (control.Cuts, error)
}

// Egress is what leaves.
type Egress struct {
	// Configured: there is an egress section. Without one, exits and cuts may
	// still be there.
	Configured bool
	Gates      []ExitGate
	Generation uint64 // of the policy of what leaves
	Digest     string
	Roles      []string
	Exits      []Exit
	Ways       []Way // out of the machine, in no configuration
	Flows      []Flow
	Goals      []Goal // where the flows went, the most first
	// Since is the oldest event that Flows and Goals were read from; Looked how
	// many flows they are.
	Since    time.Time
	Looked   int
	Findings []Finding // the newest first
	// Cuts is nil where cuts are not made: at a remote gate; Hub says where.
	Cuts *control.Cuts
	Hub  string
}

// ExitGate is a gate for what leaves.
type ExitGate struct{ Name, Listen, Kind string }

// Exit is a way out that somebody wrote down.
type Exit struct{ Name, Interface, Next, Outside, Gate, Owner string }

// Way is a way out that nobody wrote down.
type Way struct {
	Way, Interface, Next, Address string
	At                            time.Time
}

// Flow is a connection or a question to a resolver.
type Flow struct {
	At                                     time.Time
	ID, Client, User, Role, Host, Protocol string
	Port                                   uint16
	Action, Step, Rule, Reason             string
	Sent, Received                         uint64
	Outcome                                string // empty: still open, or its end is older than what was read
}

// Goal is a destination of flows of one role.
type Goal struct {
	Role, Host, Action string
	Port               uint16
	Flows              int
	Sent, Received     uint64
	Last               time.Time
}

// Finding is something that was seen and is not right.
type Finding struct {
	At                         time.Time
	Code, Title, Place, Detail string
}

// ExitQuestion asks who may go where.
type ExitQuestion struct{ Client, Certificate, User, To, Address, Method, At string }

// ExitAnswer is the decision and why the other entries did not fit.
type ExitAnswer struct {
	Action, Step, Rule, Reason, Role, By, Mode, Digest string
	Passed                                             []Miss
}

// Miss is an entry or rule that did not fit, and the first reason.
type Miss struct{ Rule, Because string }

// ExitPreview is what a policy would have done.
type ExitPreview struct {
	Generation uint64
	Digest     string
	Problem    string // why the file would not be taken
	Same       bool   // it is the one in force
	Since      time.Time
	Judged     int
	Unknown    int // flows whose names the ledger does not keep
	Changes    []ExitChange
}

// ExitChange is a sort of flow that would have been decided otherwise.
type ExitChange struct {
	Role, Host, Was, Now, Rule, Reason string
	Port                               uint16
	Flows                              int
	Last                               time.Time
}
