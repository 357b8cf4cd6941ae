package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/view/casefile/draft"
)

type caseTextCmd struct {
	Case   string `arg:"" help:"help_case_id"`
	Step   string `arg:"" enum:"load,withdraw" help:"help_case_step"`
	File   string `arg:"" help:"help_case_text_file"`
	Name   string `help:"help_case_text_name"`
	Reason string `help:"help_reason"`
	By     string `help:"help_by"`
}

// Run gives the case a text that went out or that somebody published about the
// incident, and says at once where it disagrees with the others and with the
// figures. What it states is kept, the text is not; no document that says
// otherwise can be released from then on.
func (c caseTextCmd) Run(a *app) error {
	b := &event.CaseText{Case: c.Case, Name: c.Name, Step: c.Step, By: a.person(c.By), Reason: c.Reason}
	if b.Name == "" {
		b.Name = filepath.Base(c.File)
	}
	if c.Step == "load" {
		text, err := os.ReadFile(c.File)
		if err != nil {
			return fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
		}
		b.Text = string(text)
	}
	if err := a.record(b); err != nil {
		return err
	}
	if a.json {
		return nil
	}
	r, err := a.askCase(c.Case)
	if err != nil {
		return err
	}
	a.showDiffers(r.Differs)
	return nil
}

// showDiffers prints where texts disagree.
func (a *app) showDiffers(list []draft.Conflict) {
	for _, d := range list {
		a.print("case_differs", "what", d.Text(a.lang))
	}
}

// showTexts prints what others published about the incident.
func (a *app) showTexts(texts []event.CaseText) {
	for i := range texts {
		t := &texts[i]
		a.print("case_text", "name", t.Name, "sha256", fmt.Sprintf("%.12s…", t.SHA256), "numbers", strings.Join(t.Stated.Numbers, " "), "items", strings.Join(t.Stated.Items, "、"))
	}
}
