package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"sekisho/internal/strictyaml"
)

// Source is a policy as people write it. Its comments are the manual.
type Source struct {
	// Generation rises by at least one with every change: a running gate takes
	// a policy only when it is newer than its own. Required, from 1.
	Generation uint64 `yaml:"generation" json:"generation"`
	// Default says what happens to a read of a protected element that no rule
	// names: "deny" (the default) or "allow".
	Default string `yaml:"default,omitempty" json:"default,omitempty"`
	// Purposes declares, by name, what data may be used for. A rule names one;
	// it is written into the decision.
	Purposes map[string]string `yaml:"purposes,omitempty" json:"purposes,omitempty"`
	// Rules are tried in order; for every table and element that a statement
	// touches the first rule that matches decides.
	Rules []RuleSource `yaml:"rules,omitempty" json:"rules,omitempty"`
	// Channels opens ways that cannot be attributed, for named users.
	Channels []ChannelSource `yaml:"channels,omitempty" json:"channels,omitempty"`
	// BreakGlass bounds exceptional access. Without it there is none.
	BreakGlass *BreakGlassSource `yaml:"break_glass,omitempty" json:"break_glass,omitempty"`
	// Tests must hold, or the policy is not loaded.
	Tests []TestSource `yaml:"tests,omitempty" json:"tests,omitempty"`
}

// Who selects sessions. An empty list matches all; the lists are and-ed.
type Who struct {
	// Users are database users as the server knows them.
	Users []string `yaml:"users,omitempty" json:"users,omitempty"`
	// Addresses are IP addresses or CIDR prefixes of clients as the gate saw them.
	Addresses []string `yaml:"addresses,omitempty" json:"addresses,omitempty"`
	// Databases are names of the databases section.
	Databases []string `yaml:"databases,omitempty" json:"databases,omitempty"`
}

// RuleSource is one rule.
type RuleSource struct {
	// Name is unique, and is what a decision, an event and a refusal show.
	Name string `yaml:"name" json:"name"`
	Who  `yaml:",inline"`
	// Tables are schema-qualified names; "schema.*" and "*" match many. Empty matches all.
	Tables []string `yaml:"tables,omitempty" json:"tables,omitempty"`
	// Elements are kinds of personal data, or "*" for all. Required.
	Elements []string `yaml:"elements" json:"elements"`
	// Action is "allow" or "deny". Required.
	Action string `yaml:"action" json:"action"`
	// Purpose names one of purposes.
	Purpose string `yaml:"purpose,omitempty" json:"purpose,omitempty"`
	// Mask hides values of an element: "null", "stars" or "last4".
	Mask map[string]string `yaml:"mask,omitempty" json:"mask,omitempty"`
	// Rows and Subjects cap what may be read; absent means no cap.
	Rows     *CapsSource `yaml:"rows,omitempty" json:"rows,omitempty"`
	Subjects *CapsSource `yaml:"subjects,omitempty" json:"subjects,omitempty"`
	// UnattributableRows is how many rows a statement may return whose
	// subjects the gate cannot name; absent means no cap, 0 refuses the read.
	UnattributableRows *uint64 `yaml:"unattributable_rows,omitempty" json:"unattributable_rows,omitempty"`
	// Bulk is "deny" (the default) or "allow": COPY out, dumps, reads of a
	// whole table.
	Bulk string `yaml:"bulk,omitempty" json:"bulk,omitempty"`
}

// CapsSource caps one quantity. Session counts from the session's start, hour
// over the last 60 minutes of the database user; absent means no cap.
type CapsSource struct {
	Statement *uint64 `yaml:"statement,omitempty" json:"statement,omitempty"`
	Session   *uint64 `yaml:"session,omitempty" json:"session,omitempty"`
	Hour      *uint64 `yaml:"hour,omitempty" json:"hour,omitempty"`
}

// ChannelSource opens one channel for some sessions.
type ChannelSource struct {
	Name string `yaml:"name" json:"name"`
	Who  `yaml:",inline"`
	// Channel is one of fastpath, large_object, server_file, program,
	// replication, function, setting, notify, catalogue.
	Channel string `yaml:"channel" json:"channel"`
}

// BreakGlassSource bounds exceptional access.
type BreakGlassSource struct {
	// Requesters may ask, Approvers may agree; nobody may approve his own request.
	Requesters []string `yaml:"requesters" json:"requesters"`
	Approvers  []string `yaml:"approvers" json:"approvers"`
	// Longest is the longest time a grant may last, such as "2h".
	Longest string `yaml:"longest" json:"longest"`
}

// TestSource is one case and its expected outcome.
type TestSource struct {
	Name     string   `yaml:"name" json:"name"`
	User     string   `yaml:"user" json:"user"`
	Address  string   `yaml:"address" json:"address"`
	Database string   `yaml:"database" json:"database"`
	Table    string   `yaml:"table,omitempty" json:"table,omitempty"`
	Elements []string `yaml:"elements,omitempty" json:"elements,omitempty"`
	// Statement is select (the default), fetch, copy, write or call.
	Statement string `yaml:"statement,omitempty" json:"statement,omitempty"`
	// Bulk is copy, dump or table; empty when the read is no bulk read.
	Bulk string `yaml:"bulk,omitempty" json:"bulk,omitempty"`
	// Unattributable says that the gate cannot name the rows' subjects.
	Unattributable bool `yaml:"unattributable,omitempty" json:"unattributable,omitempty"`
	// Channel as in channels; empty for rows.
	Channel string `yaml:"channel,omitempty" json:"channel,omitempty"`
	// Expect is "accept" or "deny". Required.
	Expect string `yaml:"expect" json:"expect"`
	// Rule is the rule that must have decided; empty means any.
	Rule string `yaml:"rule,omitempty" json:"rule,omitempty"`
	// Mask are the masks that must be in force; empty means not checked.
	Mask map[string]string `yaml:"mask,omitempty" json:"mask,omitempty"`
}

// maxSource is the largest policy text, in bytes.
const maxSource = 1 << 20

// Parse decodes a policy file strictly: unknown and repeated keys are errors.
// Positions in errors are lines of text.
func Parse(text []byte) (*Source, error) {
	if len(text) > maxSource {
		return nil, fmt.Errorf("policy: %d bytes, at most %d", len(text), maxSource)
	}
	src := new(Source)
	if err := strictyaml.Unmarshal(text, src); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return src, nil
}

// Digest names a policy: hexadecimal SHA-256 of its canonical form.
type Digest string

// Canonical returns the canonical form of s: JSON with fields in the order of
// the types above, map keys sorted, absent fields left out. Comments, layout
// and tests do not change what a policy decides; tests are nevertheless part
// of it, so that a weakened test shows.
func (s *Source) Canonical() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("policy: " + err.Error()) // our own types always encode
	}
	return text
}

func (s *Source) digest() Digest {
	sum := sha256.Sum256(s.Canonical())
	return Digest(hex.EncodeToString(sum[:]))
}

// Error is a fault in a policy at a place such as "rules[2].elements[0]".
type Error struct {
	Path string
	What string
	Try  string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("policy: %s: %s", e.Path, e.What) }

func parseLongest(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && (d <= 0 || d > 7*24*time.Hour) {
		err = fmt.Errorf("not within 0 and 168h")
	}
	return d, err
}
