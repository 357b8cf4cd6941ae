package office

import (
	"context"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/datamap/propose"
)

// Mapper is how the protect section of a database comes about in the console:
// the database is looked at, one person hands what is proposed to another, who
// has it written. It only adds.
type Mapper interface {
	// Proposal looks at a database, for up to a few minutes, and says what is
	// proposed beside what its configuration file says now. The comments are in
	// the language ("ja", "en"). Nothing is kept but for HandProposal.
	Proposal(ctx context.Context, database, language string) (*Proposal, error)
	// Survey looks at a database likewise, and returns the whole protect section that is
	// proposed for it, not only what the configuration lacks. Nothing is kept.
	Survey(ctx context.Context, r SurveyRequest) (*Survey, error)
	// ProposalDraft returns what waits for a second person; nil: nothing does.
	ProposalDraft(ctx context.Context) (*ProposalDraft, error)
	// HandProposal keeps the proposal of that digest for a second person.
	HandProposal(ctx context.Context, by, digest string) error
	// AcceptProposal writes the proposal of that digest into the configuration.
	// Whoever handed it on cannot.
	AcceptProposal(ctx context.Context, by, digest string) (*ProposalReceipt, error)
	// DropProposal drops what waits.
	DropProposal(ctx context.Context, by string) error
	// Unread names the databases whose protect section is another in the file
	// than in force: the process reads it when it starts.
	Unread(ctx context.Context) ([]string, error)
}

// Proposal is what could be added to the protect section of a database.
type Proposal struct {
	Database string          `json:"database"`
	At       time.Time       `json:"at"`
	Tables   []ProposedTable `json:"tables"` // new ones, and those that get columns
	Plain    []string        `json:"plain"`  // tables in which nothing personal was found, and that nobody named
	// Keyless hold personal data and no column says whose: they cannot be added.
	Keyless []string `json:"keyless"`
	// Skipped could not be looked at, with the reason.
	Skipped []SkippedTable `json:"skipped"`
	Drift   []DriftItem    `json:"drift"`
	// Digest is that of the file as it would be; empty: there is nothing to add,
	// or Problems say why it cannot be.
	Digest   string           `json:"digest"`
	Problems control.Problems `json:"problems"`
	Diff     []DiffLine       `json:"diff"` // of the file, with a few lines around
}

// SurveyRequest names a database or a store with tables.
type SurveyRequest struct {
	Database string `json:"database,omitempty"` // empty: the first of the configuration
	Check    bool   `json:"check,omitempty"`    // say how it drifted away from what is configured
	Lang     string `json:"lang,omitempty"`     // of what is wrong with the question: "ja" or "en"
}

// Survey is what is proposed for a database. It holds no value of a row.
type Survey struct {
	Database string `json:"database,omitempty"`
	propose.Proposal
	Skipped map[string]string `json:"skipped,omitempty"` // tables that could not be looked at, and why
	Drift   []propose.Drift   `json:"drift,omitempty"`
}

// ProposedTable is a table with personal data.
type ProposedTable struct {
	Table   string           `json:"table"`
	New     bool             `json:"new"` // it is not configured at all
	Key     string           `json:"key"`
	Of      string           `json:"of"`
	Why     string           `json:"why"` // of the key; a stable word
	Columns []ProposedColumn `json:"columns"`
	Open    []string         `json:"open"` // nobody can say: they count as personal data
}

// ProposedColumn is a column with its element, and why.
type ProposedColumn struct {
	Column     string `json:"column"`
	Element    string `json:"element"`
	Confidence int    `json:"confidence"` // percent
	Why        string `json:"why"`        // a stable word
	Hits       int    `json:"hits"`       // values of the sample that agree
	Of         int    `json:"of"`         // values looked at
}

// SkippedTable could not be looked at.
type SkippedTable struct {
	Table string `json:"table"`
	Why   string `json:"why"`
}

// ProposalDraft is a proposal that waits for a second person.
type ProposalDraft struct {
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Proposal *Proposal `json:"proposal"`
}

// ProposalReceipt says what was written.
type ProposalReceipt struct {
	Database string `json:"database"`
	File     string `json:"file"`
	Digest   string `json:"digest"` // of the file
	Tables   int    `json:"tables"`
	Columns  int    `json:"columns"` // of tables that were protected already
	Plain    int    `json:"plain"`
	HandedBy string `json:"handed_by"`
	By       string `json:"by"`
}
