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
	Configured bool       `json:"configured"`
	Gates      []ExitGate `json:"gates"`
	Generation uint64     `json:"generation"` // of the policy of what leaves
	Digest     string     `json:"digest"`
	Roles      []string   `json:"roles"`
	Exits      []Exit     `json:"exits"`
	Ways       []Way      `json:"ways"` // out of the machine, in no configuration
	Flows      []Flow     `json:"flows"`
	Goals      []Goal     `json:"goals"` // where the flows went, the most first
	// Since is the oldest event that Flows and Goals were read from; Looked how
	// many flows they are.
	Since    time.Time `json:"since,omitzero"`
	Looked   int       `json:"looked"`
	Findings []Finding `json:"findings"` // the newest first
	// Cuts is nil where cuts are not made: at a remote gate; Hub says where.
	Cuts *control.Cuts `json:"cuts"`
	Hub  string        `json:"hub"`
}

// ExitGate is a gate for what leaves.
type ExitGate struct {
	Name   string `json:"name"`
	Listen string `json:"listen"`
	Kind   string `json:"kind"`
}

// Exit is a way out that somebody wrote down.
type Exit struct {
	Name      string `json:"name"`
	Interface string `json:"interface"`
	Next      string `json:"next"`
	Outside   string `json:"outside"`
	Gate      string `json:"gate"`
	Owner     string `json:"owner"`
}

// Way is a way out that nobody wrote down.
type Way struct {
	Way       string    `json:"way"`
	Interface string    `json:"interface"`
	Next      string    `json:"next"`
	Address   string    `json:"address"`
	At        time.Time `json:"at,omitzero"`
}

// Flow is a connection or a question to a resolver.
type Flow struct {
	At       time.Time `json:"at,omitzero"`
	ID       string    `json:"id"`
	Client   string    `json:"client"`
	User     string    `json:"user"`
	Role     string    `json:"role"`
	Host     string    `json:"host"`
	Protocol string    `json:"protocol"`
	Port     uint16    `json:"port"`
	Action   string    `json:"action"`
	Step     string    `json:"step"`
	Rule     string    `json:"rule"`
	Reason   string    `json:"reason"`
	Sent     uint64    `json:"sent"`
	Received uint64    `json:"received"`
	Outcome  string    `json:"outcome"` // empty: still open, or its end is older than what was read
}

// Goal is a destination of flows of one role.
type Goal struct {
	Role     string    `json:"role"`
	Host     string    `json:"host"`
	Action   string    `json:"action"`
	Port     uint16    `json:"port"`
	Flows    int       `json:"flows"`
	Sent     uint64    `json:"sent"`
	Received uint64    `json:"received"`
	Last     time.Time `json:"last,omitzero"`
}

// Finding is something that was seen and is not right.
type Finding struct {
	At     time.Time `json:"at,omitzero"`
	Code   string    `json:"code"`
	Title  string    `json:"title"`
	Place  string    `json:"place"`
	Detail string    `json:"detail"`
}

// ExitQuestion asks who may go where.
type ExitQuestion struct {
	Client      string `json:"client"`
	Certificate string `json:"certificate"`
	User        string `json:"user"`
	To          string `json:"to"`
	Address     string `json:"address"`
	Method      string `json:"method"`
	At          string `json:"at"`
}

// ExitAnswer is the decision and why the other entries did not fit.
type ExitAnswer struct {
	Action string `json:"action"`
	Step   string `json:"step"`
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
	Role   string `json:"role"`
	By     string `json:"by"`
	Mode   string `json:"mode"`
	Digest string `json:"digest"`
	Passed []Miss `json:"passed"`
}

// Miss is an entry or rule that did not fit, and the first reason.
type Miss struct {
	Rule    string `json:"rule"`
	Because string `json:"because"`
}

// ExitPreview is what a policy would have done.
type ExitPreview struct {
	Generation uint64           `json:"generation"`
	Digest     string           `json:"digest"`
	Problems   control.Problems `json:"problems"` // why the file would not be taken
	Same       bool             `json:"same"`     // it is the one in force
	Since      time.Time        `json:"since,omitzero"`
	Judged     int              `json:"judged"`
	Unknown    int              `json:"unknown"` // flows whose names the ledger does not keep
	Changes    []ExitChange     `json:"changes"`
}

// ExitChange is a sort of flow that would have been decided otherwise.
type ExitChange struct {
	Role   string    `json:"role"`
	Host   string    `json:"host"`
	Was    string    `json:"was"`
	Now    string    `json:"now"`
	Rule   string    `json:"rule"`
	Reason string    `json:"reason"`
	Port   uint16    `json:"port"`
	Flows  int       `json:"flows"`
	Last   time.Time `json:"last,omitzero"`
}
