package webui

import (
	"maps"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
)

// draftRoom is a document with what can be done about it.
type draftRoom struct {
	*caseRoom
	*office.DraftAnswer
	Kind  string
	State *casefile.Draft // nil: nobody wrote it yet
	Slots []slot
}

// slot is a sentence that people add to a document.
type slot struct{ Name, Value string }

// slotNames are the fields of each document that people write; the others come
// from the case alone.
var slotNames = map[string][]string{
	"ppc-prelim": {"overview", "cause", "secondary", "containment", "prevention", "police", "other"},
	"ppc-final":  {"overview", "cause", "secondary", "containment", "prevention", "police", "other"},
	"jta":        {"facts", "before", "after", "present", "prevention"},
	"police":     {"damage", "contact"},
	"acquirer":   {"system_map"},
	"entrustee":  {"overview", "cause", "measures"},
	"persons":    {"overview", "cause", "secondary", "other"},
	"web":        {"overview", "cause", "secondary", "measures", "withheld", "why_today"},
}

func (s *Server) draft(r *Request) (*draftRoom, error) {
	id, kind := r.PathValue("id"), r.PathValue("kind")
	if !slices.Contains(draft.Kinds, kind) {
		return nil, errNothing
	}
	a, err := s.askCase(r.Context(), id)
	if err != nil {
		return nil, err
	}
	d := &draftRoom{caseRoom: &caseRoom{Answer: a}, Kind: kind, State: a.Case.Drafts[kind]}
	d.DraftAnswer, err = s.Office.Draft(r.Context(), office.DraftRequest{Case: id, Kind: kind, Lang: string(r.page.Lang())})
	if err != nil {
		return nil, err
	}
	have := map[string]string{}
	if d.State != nil {
		have = d.State.Slots
	}
	names := slices.Concat(slotNames[kind], slices.Sorted(maps.Keys(have)))
	for i, name := range names {
		if slices.Index(names, name) == i {
			d.Slots = append(d.Slots, slot{name, have[name]})
		}
	}
	return d, nil
}

func (s *Server) draftPage(r *Request) (templ.Component, error) {
	d, err := s.draft(r)
	if err != nil {
		return nil, err
	}
	r.page.Title = d.Document.Title
	return draftView(r.page, d), nil
}

func (s *Server) draftWrite(r *Request) (templ.Component, error) {
	b := &event.CaseDraft{Case: r.PathValue("id"), Draft: r.PathValue("kind"), Step: "write", Slots: map[string]string{}, By: r.By()}
	for name, values := range r.PostForm {
		if key, ok := strings.CutPrefix(name, "slot-"); ok && strings.TrimSpace(values[0]) != "" {
			b.Slots[key] = strings.TrimSpace(values[0])
		}
	}
	return s.draftAct(r, "written", b)
}

// draftRelease releases the text whose digest the page showed: when it changed
// since, the desk refuses and whoever releases must read it again.
func (s *Server) draftRelease(r *Request) (templ.Component, error) {
	return s.draftAct(r, "released", &event.CaseDraft{Case: r.PathValue("id"), Draft: r.PathValue("kind"), Step: "release",
		SHA256: r.PostFormValue("sha256"), By: r.By()})
}

func (s *Server) draftWithdraw(r *Request) (templ.Component, error) {
	return s.draftAct(r, "withdrawn", &event.CaseDraft{Case: r.PathValue("id"), Draft: r.PathValue("kind"), Step: "withdraw", By: r.By(), Reason: r.PostFormValue("reason")})
}

func (s *Server) draftAct(r *Request, done string, b *event.CaseDraft) (templ.Component, error) {
	if !slices.Contains(draft.Kinds, b.Draft) {
		return nil, errNothing
	}
	if _, err := s.record(r, b); err != nil {
		return nil, err
	}
	return nil, redirect(casePath(b.Case) + "/draft/" + b.Draft + "?done=" + done)
}

// released reports whether the document is out, and mine whether the person
// who looks wrote it: then somebody else must release it.
func (d *draftRoom) released() bool { return d.State != nil && d.State.State == "released" }
func (d *draftRoom) written() bool { // by a person: what the process wrote must be taken first
	return d.State != nil && d.State.State == "written" && d.State.Writer != casefile.Machine
}
func (d *draftRoom) mine(p *Page) bool {
	return d.State != nil && d.State.Writer == p.User.Name
}

func (d *draftRoom) path() string { return casePath(d.Case.ID) + "/draft/" + d.Kind }

// releaserOf names who stands behind the state of a document.
func releaserOf(d *draftRoom) string {
	if d.State.State == "released" {
		return d.State.Releaser
	}
	return d.State.Writer
}

// Slot is the name of a field that people write.
func (p *Page) Slot(name string) string {
	if key := "slot_" + keyed(name); texts.Has(key) {
		return p.T(key)
	}
	return name
}
