// Package desk is where people work on cases: it takes what they want to
// record, refuses or records it, and calls people when timers are due.
//
// It keeps nothing: the truth is the ledger, the state is the casefile view.
// Every delivery and every silence is an event, so that a restart calls nobody
// twice and a rebuild calls nobody.
package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/notify"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
	"sekisho/internal/view/casefile/playbook"
	"sekisho/internal/view/casefile/roster"
)

// Config is what a Desk needs.
type Config struct {
	View *casefile.View
	Firm *casefile.Firm
	// Record writes bodies durably as somebody's: "person/sora", "case".
	Record func(ctx context.Context, by event.Source, bodies ...event.Body) error
	// Settle returns when the view holds everything that was recorded.
	Settle func(ctx context.Context) error
	// Reach sends to one person and returns the ways that took it.
	Reach func(ctx context.Context, p *roster.Person, m notify.Message) ([]string, error)
	Now   func() time.Time
	Log   *slog.Logger
	Lang  lang.Language // of messages

	Company draft.Company // who writes documents
	// Keep stores a released document under a name, durably; Kept returns it.
	Keep func(name string, text []byte) error
	Kept func(name string) ([]byte, error)
}

// Desk is safe for concurrent use: one thing is recorded at a time.
type Desk struct {
	Config
	mu sync.Mutex
	// read are the cases that wait, as Tick read them last; it changes none of them.
	read map[string]readCase
	off  string // in tests only: a check of documents that does not work
}

type readCase struct {
	of casefile.Revision
	*casefile.Case
}

// New returns a desk.
func New(c Config) *Desk { return &Desk{Config: c, read: map[string]readCase{}} }

// Propose records a body in its case if that is allowed, and returns the id of
// the case. Whatever the body says of how its author is known is overwritten by
// what the caller shows. A refusal is a *casefile.Refusal. A sign without a
// case opens one. What a destroying or containing action needs is checked
// before it is done: callers act only after Propose has returned.
func (d *Desk) Propose(ctx context.Context, body event.Cased, caller roster.Caller) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := plain(body); err != nil {
		return "", err
	}
	how, err := d.Firm.Roster.Prove(who(body), caller)
	if err != nil {
		return "", &casefile.Refusal{Key: "not_you", Args: []any{"by", who(body)}}
	}
	body.Proof().Proved = how
	return d.propose(ctx, body)
}

// Known reports whether the caller may act under the name, before anything is
// measured or done for them.
func (d *Desk) Known(by string, caller roster.Caller) error {
	if _, err := d.Firm.Roster.Prove(by, caller); err != nil {
		return &casefile.Refusal{Key: "not_you", Args: []any{"by", by}}
	}
	return nil
}

// Receipt records what became of an action that Propose recorded; by is who
// ordered it.
func (d *Desk) Receipt(ctx context.Context, receipt *event.CaseAction) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	receipt.Step = "receipt"
	if err := d.Record(ctx, "case", receipt); err != nil {
		return err
	}
	return d.Settle(ctx)
}

// plain takes out of a body what only the process may write.
func plain(body event.Cased) error {
	switch b := body.(type) {
	case *event.CaseText:
		return readText(b)
	case *event.CaseAction:
		b.Step, b.Result, b.Applied, b.Failed = "done", "", 0, 0
	case *event.CaseNotice:
		b.Step, b.Rank, b.Channel, b.Due = "ack", "", "", 0
	case *event.CaseScope:
		if b.Stated != "" {
			b.Query, b.Position, b.Digest, b.Bundle = "", 0, "", ""
		}
	}
	return nil
}

func (d *Desk) propose(ctx context.Context, body event.Cased) (string, error) {
	if err := d.Settle(ctx); err != nil {
		return "", err
	}
	if err := personal(body); err != nil {
		return "", err
	}
	if n, ok := body.(*event.CaseNotice); ok && n.Case == casefile.TestCase {
		return d.answerTest(ctx, n)
	}
	c, err := d.View.Case(ctx, body.InCase())
	if err != nil && !errors.Is(err, casefile.ErrUnknown) {
		return "", err
	}
	var document []byte
	switch b := body.(type) {
	case *event.CaseSign:
		if c == nil && b.Case != "" { // names of cases are given here
			return "", &casefile.Refusal{Key: "no_case"}
		}
		if c == nil {
			b.Case = fmt.Sprintf("c%d", d.View.Count()+1)
		}
		if c == nil && b.Class == "" {
			b.Class = playbook.ByChannel(b.Channel)
		}
		d.complete(b)
	case *event.CaseScope:
		if c != nil {
			b.Version = len(c.Scopes) + 1
		}
	case *event.CaseDraft:
		if c != nil {
			if document, err = d.checkDraft(c, b); err != nil {
				return "", err
			}
		}
	}
	if err := casefile.Check(d.View.Books(), d.Firm, c, d.Now(), body); err != nil {
		return "", err
	}
	if document != nil { // before the event that names it
		b := body.(*event.CaseDraft)
		if err := d.Keep(keptName(b.Case, b.Draft, b.SHA256), document); err != nil {
			return "", err
		}
	}
	by := "case"
	if who := who(body); who != "" {
		by = "person/" + who
	}
	if err := d.Record(ctx, event.Source(by), body); err != nil {
		return "", err
	}
	return body.InCase(), d.Settle(ctx)
}

// complete adds the facts that the class of a sign itself tells.
func (d *Desk) complete(s *event.CaseSign) {
	class := d.View.Books().Plays.Class(s.Class)
	if class == nil {
		return
	}
	for _, fact := range class.Facts {
		if !slices.Contains(s.Facts, fact) {
			s.Facts = append(s.Facts, fact)
		}
	}
}

func who(body event.Cased) string {
	by, _ := casefile.Author(body)
	return by
}

// personal refuses texts that hold card numbers, My Numbers or addresses of
// mail: the ledger is for ever.
func personal(body event.Cased) error {
	var found element.Mask
	s := element.NewScanner(element.Options{}, func(f *element.Finding) {
		switch f.Kind {
		case element.CardPAN, element.MyNumber, element.Email:
			found |= element.MaskOf(f.Kind)
		}
	})
	if _, err := s.Write([]byte(words(body))); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if found != 0 {
		return &casefile.Refusal{Key: "personal", Args: []any{"field", body.InCase(), "elements", found.String()}}
	}
	return nil
}

// words returns what people typed into a body: its strings, without hashes and
// queries.
func words(body event.Cased) string {
	var out strings.Builder
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch x := v.(type) {
		case string:
			if !strings.Contains("sha256 digest token query", key) || key == "" {
				out.WriteString(x + "\n")
			}
		case []any:
			for _, e := range x {
				walk(key, e)
			}
		case map[string]any:
			for k, e := range x {
				walk(k, e)
			}
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("desk: " + err.Error()) // our own types always encode
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		panic("desk: " + err.Error())
	}
	walk("", v)
	return out.String()
}

// Hasher is a keyed hash of fields, such as keyring's.
type Hasher interface {
	Sum(fields ...[]byte) [32]byte
}

// Token names a misused card or account by a keyed hash: 16 bytes, in
// hexadecimal. Spaces and hyphens do not matter.
func Token(h Hasher, number string) string {
	sum := h.Sum([]byte("misuse 1"), []byte(strings.NewReplacer(" ", "", "-", "").Replace(number)))
	return hex.EncodeToString(sum[:16])
}

// Sum returns the SHA-256 of a text, in hexadecimal.
func Sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
