package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/roster"
)

type caseAgreeCmd struct {
	Case string `arg:"" help:"help_case_id"`
	Act  string `arg:"" help:"help_case_act_name"`
	By   string `help:"help_by"`
}

// Run says yes, as the second person, to what somebody else is about to do.
func (c caseAgreeCmd) Run(a *app) error {
	return a.record(&event.CaseAgree{Case: c.Case, Act: c.Act, By: a.person(c.By)})
}

type caseKeyCmd struct {
	File string `arg:"" help:"help_case_key_out"`
}

// Run makes a key file for a person, and tells what the file of people needs.
func (c caseKeyCmd) Run(a *app) error {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	key := base64.RawURLEncoding.EncodeToString(raw[:])
	f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(key + "\n")
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return fault.New(fault.FolderWrite, "dir", c.File).Because(err)
	}
	sum := roster.KeySum(key)
	return a.out(map[string]string{"file": c.File, "key_sha256": sum}, func() { a.print("case_key_made", "file", c.File, "sum", sum) })
}

type caseTestCallCmd struct {
	By string `help:"help_by"`
}

// Run calls everybody on duty for a test.
func (c caseTestCallCmd) Run(a *app) error {
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	key, err := a.key()
	if err != nil {
		return err
	}
	r, err := op.TestCall(a.ctx, control.TestRequest{By: a.person(c.By), Lang: string(a.lang), Key: key})
	if err != nil {
		return err
	}
	err = a.out(r, func() {
		for _, p := range r.Reached {
			a.print("case_test_reached", "person", p)
		}
		for _, p := range r.Failed {
			a.print("case_test_failed", "person", p)
		}
		if len(r.Failed) > 0 {
			a.print("case_test_why")
		}
	})
	if err == nil && len(r.Failed) > 0 {
		return errNo
	}
	return err
}

// TestCall implements control.Operator.
func (p *process) TestCall(ctx context.Context, r control.TestRequest) (control.TestAnswer, error) {
	reached, failed, err := p.cases.desk.TestCall(ctx, r.By, callerOf(ctx, r.Key))
	return control.TestAnswer{Reached: reached, Failed: failed}, refusedIn(err, r.Lang)
}

type caseReadyCmd struct{}

// lack is something that is not ready, in both languages.
type lack struct {
	Key string `json:"key"`
	JA  string `json:"ja"`
	EN  string `json:"en"`
}

// Run says what is not ready; the exit code is 1 when anything is missing.
func (caseReadyCmd) Run(a *app) error {
	var lacks []lack
	if err := a.askAbout("ready", &lacks); err != nil {
		return err
	}
	err := a.out(lacks, func() {
		for _, l := range lacks {
			text := l.EN
			if a.lang == lang.Japanese {
				text = l.JA
			}
			a.print("case_red", "what", text)
		}
		if len(lacks) == 0 {
			a.print("case_all_ready")
		}
	})
	if err == nil && len(lacks) > 0 {
		return errNo
	}
	return err
}

// askAbout asks for something that belongs to no case.
func (a *app) askAbout(what string, out any) error {
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	text, err := op.Case(a.ctx, control.CaseQuery{About: what})
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

func (p *process) ready(ctx context.Context) (json.RawMessage, error) {
	tests, err := p.cases.view.Tests(ctx)
	if err != nil {
		return nil, fault.New(fault.ViewOpen, "file", p.cases.file).Because(err)
	}
	out := []lack{}
	for _, l := range p.cases.firm.Ready(tests, p.now()) {
		out = append(out, lack{l.Key, l.Text(lang.Japanese), l.Text(lang.English)})
	}
	return json.Marshal(out)
}

type caseMeasureCmd struct{}

// Run says who found the incidents first.
func (caseMeasureCmd) Run(a *app) error {
	var m casefile.Measure
	if err := a.askAbout("measure", &m); err != nil {
		return err
	}
	return a.out(m, func() {
		a.print("case_measure", "cases", m.Cases, "own", m.Own, "others", m.Others)
		if m.OwnTimed > 0 {
			a.print("case_measure_own", "n", m.OwnTimed, "after", inDays(m.OwnAfter))
		}
		if m.OthersTimed > 0 {
			a.print("case_measure_others", "n", m.OthersTimed, "after", inDays(m.OthersAfter))
		}
	})
}

// Draft implements control.Operator.
func (p *process) Draft(ctx context.Context, r control.DraftQuery) (control.DraftAnswer, error) {
	l, _ := lang.Parse(r.Lang)
	d, err := p.cases.desk.Draft(ctx, r.Case, r.Draft, r.Slots, l)
	if err != nil {
		return control.DraftAnswer{}, refusedIn(err, r.Lang)
	}
	text, err := json.Marshal(d.Document)
	return control.DraftAnswer{Document: text, SHA256: d.SHA256, Released: d.Released}, err
}
