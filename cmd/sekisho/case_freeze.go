package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/proof"
	"sekisho/proof/scope"
)

// freeze measures: the answer to the query with its bundle, once, so that the figures
// of the case are those in the bundle, whatever passes meanwhile.
func (p *process) freeze(ctx context.Context, b *event.CaseScope) error {
	var q scope.Query
	if err := json.Unmarshal([]byte(b.Query), &q); err != nil {
		return fault.New(fault.ScopeQuery, "problem", err, "hint", "see `sekisho scope --help`")
	}
	if err := os.MkdirAll(p.caseDir(), 0o700); err != nil {
		return err
	}
	f, err := p.newBundle(b.Case)
	if err != nil {
		return err
	}
	text, err := p.askScope(ctx, control.ScopeRequest{Query: q, Form: control.FormBundle, By: b.By}, f)
	err = errors.Join(err, f.Sync(), f.Close())
	var r scope.Result
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil {
		err = durable.Dir(p.caseDir()).SyncDir(".")
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	b.Bundle, b.Position, b.Unit = filepath.Base(f.Name()), p.ledger.Head(), "persons"
	b.Digest, b.Elements = proof.ScopeDigest(text), itemsOf(b.Elements, &r)
	b.Confirmed, b.Reachable, b.EverHeld = r.Confirmed.Subjects, r.Reachable.Subjects, r.EverHeld.Subjects
	if !q.From.IsZero() {
		b.From = q.From.UnixNano()
	}
	if !q.To.IsZero() {
		b.To = q.To.UnixNano()
	}
	return nil
}

// newBundle makes the file of a bundle, named for where the ledger is. Others may
// measure for the same case at once.
func (p *process) newBundle(id string) (*os.File, error) {
	name := filepath.Join(p.caseDir(), fmt.Sprintf("%s-%d", id, p.ledger.Head()))
	for n, file := 2, name; ; n, file = n+1, fmt.Sprintf("%s-%d", name, n) {
		f, err := os.OpenFile(file+".bundle", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// itemsOf are the items of personal data of measured figures: those that somebody
// named, and all that could have been read.
func itemsOf(named []string, r *scope.Result) []string {
	out := slices.Clone(named)
	for _, k := range element.Kinds() {
		if name := k.String(); r.Reachable.Elements[name] > 0 && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// askScope is measured; without a running process nobody else moves the view.
func (p *process) askScope(ctx context.Context, r control.ScopeRequest, w io.Writer) ([]byte, error) {
	if !p.cases.live {
		if err := p.view.follower.CatchUp(ctx); err != nil {
			return nil, fault.New(fault.ViewOpen, "file", p.view.file).Because(err)
		}
	}
	return p.measured(ctx, r, w)
}

// firstScope freezes what could be read in the last day, when somebody says
// that something is wrong. The sign stands also when this fails.
func (p *process) firstScope(ctx context.Context, s *event.CaseSign) error {
	q, err := json.Marshal(scope.Query{From: event.Time(s.KnownAt).Add(-24 * time.Hour)})
	if err != nil {
		return err
	}
	b := &event.CaseScope{Case: s.Case, Query: string(q), By: s.By}
	if err := p.freeze(ctx, b); err != nil {
		p.log.Error("the first scope could not be frozen", "case", s.Case, "err", err)
		return nil
	}
	b.By = "sekisho" // the process measured it; whoever pressed the button may have no rank
	b.Version = 1
	if _, err := p.ledger.Recorder("case", 0).Record(ctx, event.Durable, b); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}
