package office

import (
	"context"
	"time"

	"sekisho/internal/control"
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
	By    string       `json:"by"`
	At    time.Time    `json:"at,omitzero"`
	Text  string       `json:"text"`
	Check *PolicyCheck `json:"check"`
}

// PolicyCheck is what can be said of a text before it is in force.
type PolicyCheck struct {
	Problems   control.Problems `json:"problems"` // why it would not be taken; none: it would
	Generation uint64           `json:"generation"`
	Digest     string           `json:"digest"`
	Rules      int              `json:"rules"`
	Tests      []PolicyTest     `json:"tests"`
	Diff       []DiffLine       `json:"diff"`
	// Since is the oldest event that Changes were read from.
	Since   time.Time      `json:"since,omitzero"`
	Judged  int            `json:"judged"`  // reads that were judged again
	Unknown int            `json:"unknown"` // reads of sessions that began before
	Changes []PolicyChange `json:"changes"`
}

// PolicyTest is a case of the policy and the rule that decides it.
type PolicyTest struct {
	Name   string `json:"name"`
	Expect string `json:"expect"`
	Rule   string `json:"rule"`
}

// PolicyChange is a sort of read that would have been decided otherwise.
type PolicyChange struct {
	User     string    `json:"user"`
	Address  string    `json:"address"`
	Table    string    `json:"table"`
	Elements []string  `json:"elements"`
	Was      string    `json:"was"`
	Now      string    `json:"now"`
	Rule     string    `json:"rule"` // Was and Now: accept, mask, deny
	Rows     uint64    `json:"rows"`
	Times    int       `json:"times"`
	Last     time.Time `json:"last,omitzero"`
}
