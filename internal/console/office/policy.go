package office

import (
	"context"
	"time"
)

// Writer is how a policy comes about in the console: one person writes it,
// another publishes it.
type Writer interface {
	// PolicyDraft returns what waits for a second person; nil: nothing does.
	PolicyDraft(ctx context.Context) (*PolicyDraft, error)
	// CheckPolicy compiles a text, runs its tests, and says what it would have
	// changed. Nothing is kept.
	CheckPolicy(ctx context.Context, text string) (*PolicyCheck, error)
	// ProposePolicy keeps a good text for a second person.
	ProposePolicy(ctx context.Context, by, text string) error
	// PublishPolicy writes the draft with this digest into the policy's file and
	// puts it in force. Whoever wrote it cannot.
	PublishPolicy(ctx context.Context, by, digest string) error
	// WithdrawPolicy drops the draft.
	WithdrawPolicy(ctx context.Context, by string) error
}

// PolicyDraft is a policy that waits for a second person.
type PolicyDraft struct {
	By    string
	At    time.Time
	Text  string
	Check *PolicyCheck
}

// PolicyCheck is what can be said of a text before it is in force.
type PolicyCheck struct {
	Problem    string // why it would not be taken; empty: it would
	Generation uint64
	Digest     string
	Rules      int
	Tests      []PolicyTest
	Diff       []DiffLine
	// Since is the oldest event that Changes were read from.
	Since   time.Time
	Judged  int // reads that were judged again
	Unknown int // reads of sessions that began before
	Changes []PolicyChange
}

// PolicyTest is a case of the policy and the rule that decides it.
type PolicyTest struct{ Name, Expect, Rule string }

// PolicyChange is a sort of read that would have been decided otherwise.
type PolicyChange struct {
	User, Address, Table string
	Elements             []string
	Was, Now, Rule       string // Was and Now: accept, mask, deny
	Rows                 uint64
	Times                int
	Last                 time.Time
}
