package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/fault"
)

type caseScopeCmd struct {
	scopeFlags
	Case      string   `arg:"" help:"help_case_id"`
	Stated    string   `help:"help_case_stated"`
	Unit      string   `default:"persons" help:"help_case_unit"`
	Confirmed uint64   `help:"help_case_confirmed"`
	Reachable uint64   `help:"help_case_reachable"`
	EverHeld  uint64   `help:"help_case_ever_held"`
	Server    string   `help:"help_case_server"`
	Item      []string `help:"help_case_items"`
	By        string   `help:"help_by"`
}

// scopeFlags are those of the question.
type scopeFlags struct {
	From    string   `help:"help_from"`
	To      string   `help:"help_to"`
	Place   []string `help:"help_scope_place"`
	User    []string `help:"help_user"`
	Address []string `help:"help_address"`
}

// Run freezes a version of the figures: measured, or stated by a source.
func (c caseScopeCmd) Run(a *app) error {
	q, err := scopeCmd{From: c.From, To: c.To, Place: c.Place, User: c.User, Address: c.Address}.query(time.Now())
	if err != nil {
		return err
	}
	b := &event.CaseScope{Case: c.Case, Stated: c.Stated, Unit: c.Unit, Confirmed: c.Confirmed, Reachable: c.Reachable, EverHeld: c.EverHeld, Server: c.Server, Elements: c.Item, By: a.person(c.By)}
	if !q.From.IsZero() {
		b.From = q.From.UnixNano()
	}
	if !q.To.IsZero() {
		b.To = q.To.UnixNano()
	}
	if c.Stated == "" {
		text, err := json.Marshal(q)
		if err != nil {
			return err
		}
		b.Query = string(text)
	}
	return a.record(b)
}

type caseReportCmd struct {
	Case     string `arg:"" help:"help_case_id"`
	Report   string `arg:"" help:"help_case_report_id"`
	Step     string `arg:"" enum:"load,answer,accept,refuse" help:"help_case_step"`
	File     string `help:"help_case_file"`
	Question string `help:"help_case_question"`
	Answer   string `help:"help_case_answer"`
	Page     string `help:"help_case_page"`
	Second   string `help:"help_case_second"`
	Reason   string `help:"help_reason"`
	By       string `help:"help_by"`
}

// Run loads an investigator's report, answers its questions, takes or refuses
// it.
func (c caseReportCmd) Run(a *app) error {
	b := &event.CaseReport{Case: c.Case, Report: c.Report, Step: c.Step, Question: c.Question, Answer: c.Answer, Evidence: c.Page, By: a.person(c.By), Second: c.Second, Reason: c.Reason}
	if c.File != "" {
		var err error
		if b.SHA256, err = fileSum(c.File); err != nil {
			return err
		}
	}
	return a.record(b)
}

// fileSum returns the SHA-256 of a file in hexadecimal.
func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fault.New(fault.ConfigUnreadable, "what", name).Because(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fault.New(fault.ConfigUnreadable, "what", name).Because(err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

type caseDecideCmd struct {
	Case    string `arg:"" help:"help_case_id"`
	Subject string `arg:"" help:"help_case_subject"`
	Choice  string `arg:"" help:"help_case_choice"`
	Reason  string `required:"" help:"help_reason"`
	Review  string `help:"help_case_review"`
	By      string `help:"help_by"`
}

// Run records a decision.
func (c caseDecideCmd) Run(a *app) error {
	b := &event.CaseDecision{Case: c.Case, Subject: c.Subject, Choice: c.Choice, Reason: c.Reason, By: a.person(c.By)}
	if c.Review != "" {
		d, err := time.ParseDuration(c.Review)
		if err != nil {
			return fault.New(fault.Usage, "problem", err.Error(), "hint", a.say.Text("try_help"))
		}
		b.ReviewAt = time.Now().Add(d).UnixNano()
	}
	return a.record(b)
}

type caseClockCmd struct {
	Case   string `arg:"" help:"help_case_id"`
	Rule   string `arg:"" help:"help_case_rule"`
	Step   string `arg:"" enum:"receipt,not-required" help:"help_case_step"`
	Number string `help:"help_case_number"`
	Copy   string `help:"help_case_copy"`
	At     string `help:"help_case_at"`
	Text   string `help:"help_case_rule_text"`
	Reason string `help:"help_reason"`
	By     string `help:"help_by"`
}

// Run ends a clock by a receipt, or by a rule that says it is not required.
func (c caseClockCmd) Run(a *app) error {
	at, err := instant(c.At)
	if err != nil {
		return err
	}
	b := &event.CaseClock{Case: c.Case, Rule: c.Rule, Step: c.Step, Number: c.Number, At: at, Text: c.Text, Reason: c.Reason, By: a.person(c.By)}
	if c.Copy != "" {
		if b.SHA256, err = fileSum(c.Copy); err != nil {
			return err
		}
	}
	return a.record(b)
}

type caseAckCmd struct {
	Case string `arg:"" help:"help_case_id"`
	Key  string `arg:"" help:"help_case_key"`
	By   string `help:"help_by"`
}

// Run answers a call.
func (c caseAckCmd) Run(a *app) error {
	return a.record(&event.CaseNotice{Case: c.Case, Key: c.Key, Step: "ack", To: a.person(c.By)})
}
