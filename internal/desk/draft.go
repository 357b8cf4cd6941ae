package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
)

// Document is a document as it would be released now, or as it was.
type Document struct {
	*draft.Document
	SHA256   string // of its plain text
	Released bool
}

// Draft fills a document of a case. Without slots it is the written one, in the
// language in which it was written; what the process wrote is in l, and a
// released one is what was released. A refusal is a *casefile.Refusal.
func (d *Desk) Draft(ctx context.Context, id, kind string, slots map[string]string, l lang.Language) (*Document, error) {
	// It records nothing, so it need not wait for who does.
	if err := d.Settle(ctx); err != nil {
		return nil, err
	}
	c, err := d.View.Case(ctx, id)
	if errors.Is(err, casefile.ErrUnknown) {
		return nil, &casefile.Refusal{Key: "no_case"}
	}
	if err != nil {
		return nil, err
	}
	have := c.Drafts[kind]
	if have != nil && have.State == "released" && len(slots) == 0 {
		return d.released(c, have)
	}
	at := d.Now()
	if have != nil && have.Writer != casefile.Machine && len(slots) == 0 {
		slots, at, l = have.Slots, event.Time(have.At), lang.Language(have.Lang)
	}
	doc, err := draft.Build(kind, c, d.View.Books(), d.Company, slots, l, at)
	if err != nil {
		return nil, unknownDraft(kind)
	}
	return &Document{Document: doc, SHA256: Sum(doc.Text(id))}, nil
}

func unknownDraft(kind string) error {
	return &casefile.Refusal{Key: "draft_kind", Args: []any{"draft", kind, "kinds", strings.Join(draft.Kinds, ", ")}}
}

// released returns what was kept, if it is still what the ledger says.
func (d *Desk) released(c *casefile.Case, have *casefile.Draft) (*Document, error) {
	text, err := d.Kept(keptName(c.ID, have.Kind, have.SHA256))
	if err != nil {
		return nil, fmt.Errorf("the released document: %w", err)
	}
	var doc draft.Document
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("the released document: %w", err)
	}
	if Sum(doc.Text(c.ID)) != have.SHA256 {
		return nil, fmt.Errorf("the released document %s of case %s is not the one whose digest is in the ledger", have.Kind, c.ID)
	}
	return &Document{Document: &doc, SHA256: have.SHA256, Released: true}, nil
}

func keptName(id, kind, sum string) string { return id + "-" + kind + "-" + sum[:16] + ".json" }

// What tests take away to see that it is missed (FP20).
const (
	offNumbers = "foreign numbers block a release"
	offDigest  = "the released text is the one that was read"
	offTexts   = "texts that say otherwise block a release"
)

// maxText bounds a text that is handed in, in bytes.
const maxText = 512 << 10 // a request holds 1 MiB

// readText takes from a text what it states, and the text away.
func readText(b *event.CaseText) error {
	text := b.Text
	b.Text = ""
	if b.Step != "load" {
		b.SHA256, b.Stated = "", event.Stated{}
		return nil
	}
	if len(text) > maxText || !utf8.ValidString(text) {
		return &casefile.Refusal{Key: "text_read", Args: []any{"name", b.Name, "most", maxText >> 10}}
	}
	b.SHA256, b.Stated = Sum(text), draft.Read(draft.Source{Text: text}).Stated
	return nil
}

// differs says the conflicts, at most a few.
func differs(list []draft.Conflict, l lang.Language) string {
	const most = 5
	var out []string
	for _, c := range list[:min(len(list), most)] {
		out = append(out, c.Text(l))
	}
	if len(list) > most {
		out = append(out, "…")
	}
	return strings.Join(out, "; ")
}

// checkDraft writes into the body what only the process knows, and for a
// release makes the text itself: it must be the one whose hash the releaser
// has read, and hold no number that is not in the case. It returns what is to
// be kept.
func (d *Desk) checkDraft(c *casefile.Case, b *event.CaseDraft) ([]byte, error) {
	have := c.Drafts[b.Draft]
	switch b.Step {
	case "write":
		l, _ := lang.Parse(b.Lang)
		b.Lang, b.Scope, b.SHA256, b.Override, b.Second = string(l), len(c.Scopes), "", false, ""
		if _, err := draft.Build(b.Draft, c, d.View.Books(), d.Company, b.Slots, l, d.Now()); err != nil {
			return nil, unknownDraft(b.Draft)
		}
	case "release":
		if have == nil || have.State != "written" {
			return nil, nil // Check refuses it
		}
		b.Slots, b.Lang, b.Scope = nil, have.Lang, have.Scope
		doc, err := draft.Build(b.Draft, c, d.View.Books(), d.Company, have.Slots, lang.Language(have.Lang), event.Time(have.At))
		if err != nil {
			return nil, unknownDraft(b.Draft)
		}
		if len(doc.Marked) > 0 && d.off != offNumbers {
			return nil, &casefile.Refusal{Key: "draft_numbers", Args: []any{"numbers", strings.Join(doc.Marked, ", ")}}
		}
		b.Override = b.Override && len(doc.Differs) > 0 // only what is needed is overridden
		if len(doc.Differs) > 0 && !b.Override && d.off != offTexts {
			return nil, &casefile.Refusal{Key: "draft_differs", Args: []any{"list", differs(doc.Differs, doc.Lang), "case", c.ID, "draft", b.Draft}}
		}
		if b.SHA256 != "" && b.SHA256 != Sum(doc.Text(c.ID)) && d.off != offDigest {
			return nil, &casefile.Refusal{Key: "draft_other", Args: []any{"case", c.ID, "draft", b.Draft}}
		}
		return json.Marshal(doc)
	default:
		b.Slots, b.SHA256, b.Override, b.Second = nil, "", false, ""
	}
	return nil, nil
}
