package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy/site"
)

// rulesWait is how long a change of a file of rules waits for another to end.
const rulesWait = 10 * time.Second

// lockRules has one change of a file of rules at a time read it and replace it, of
// commands and the console.
func lockRules(ctx context.Context, file string) (unlock func(), err error) {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, rulesWait)
	defer cancel()
	unlock, err = durable.Lock(ctx, dir)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.New(fault.ConfigConflict, "problem", "another change of the files of rules is under way", "hint", "try again in a moment").At(file, 0, "").Because(err)
	}
	return unlock, err
}

// amendRules changes a file of rules: nobody else changes it meanwhile.
func amendRules(ctx context.Context, file string, change func(old string) string) error {
	unlock, err := lockRules(ctx, file)
	if err != nil {
		return err
	}
	defer unlock()
	_, old, err := config.SiteRules(file)
	if err != nil {
		return err
	}
	return writeRules(file, change(string(old)))
}

// writeRules replaces a file of rules, unless the new one is not good. The caller
// holds its lock since it was read.
func writeRules(file, text string) error {
	if _, err := config.SiteRulesText(file, []byte(text)); err != nil {
		return err
	}
	return durable.WriteFile(durable.Dir(filepath.Dir(file)), filepath.Base(file), []byte(text), 0o644)
}

// rulesOrder is a change of a file of rules that somebody orders, in the console or
// by a command. While it is carried out it lies beside the ledger: one that is there
// at a start was left in the middle, and the file says whether it was done.
type rulesOrder struct {
	Act  event.Act `json:"act"`
	File string    `json:"file"`
	// Lines are how many the file holds afterwards of each line that comes or goes,
	// by the digest of what it says (lineID).
	Lines map[string]int `json:"lines"`
}

const rulesOrderFile = "rules-doing.json"

// changeRules carries an order out: that somebody gave it is recorded before the
// file is written. next is what the file says then. The caller holds drafting.
func (p *process) changeRules(ctx context.Context, file string, act event.Act, next func() (string, error)) error {
	if err := p.settleRules(ctx); err != nil { // one that could not be recorded
		return err
	}
	o := rulesOrder{Act: act, File: file}
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	unlock, err := lockRules(ctx, o.File)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := rulesText(file)
	if err != nil {
		return err
	}
	text, err := next()
	if err == nil {
		_, err = config.SiteRulesText(file, []byte(text)) // before anything is recorded
	}
	if err == nil {
		o.Lines, err = changedLines(old, text)
	}
	if err != nil || len(o.Lines) == 0 { // the file says it already
		return err
	}
	data, err := json.Marshal(&o)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Dir(p.cfg.Data), rulesOrderFile, data, 0o600); err != nil {
		return err
	}
	if err := p.Record(ctx, event.Source("person/"+o.Act.By), &o.Act); err != nil {
		return err // settleRules says that it was not done, whether or not it is on disk
	}
	if err := writeRules(o.File, text); err != nil {
		return errors.Join(err, p.settleRules(ctx))
	}
	return p.forget(rulesOrderFile)
}

// settleRules says of an order that was left in the middle that it was not carried
// out, unless it was.
func (p *process) settleRules(ctx context.Context) error {
	o := &rulesOrder{}
	if left, err := p.leftover(rulesOrderFile, o); !left {
		return err
	}
	done, err := o.done()
	if err != nil { // by hand, since; nothing else waits for it
		p.log.Error("a file of rules does not tell whether an order was carried out", "file", o.File, "err", err)
		return nil
	}
	if !done {
		o.Act.Result, o.Act.Detail = "interrupted", "the process ended before it was done"
		if _, err := p.self.Record(ctx, event.Durable, &o.Act); err != nil {
			return err
		}
	}
	return p.forget(rulesOrderFile)
}

// done reports whether the file says what was ordered.
func (o *rulesOrder) done() (bool, error) {
	src, err := rulesText(o.File)
	if err != nil {
		return false, err
	}
	held := lineIDs(src)
	for line, n := range o.Lines {
		if held[line] != n {
			return false, nil
		}
	}
	return true, nil
}

// lineIDs counts the lines of a file of rules.
func lineIDs(src *site.Source) map[string]int {
	all := map[string]int{}
	for _, x := range src.Exceptions {
		all[lineID(x)]++
	}
	for _, x := range src.Parameters {
		all[lineID(x)]++
	}
	for _, x := range src.Refused {
		all[lineID(x)]++
	}
	for _, x := range src.Pages {
		all[lineID(x)]++
	}
	return all
}

// changedLines are the lines of which a file holds another number than before, with
// that number.
func changedLines(old *site.Source, next string) (map[string]int, error) {
	src, err := siteSource([]byte(next))
	if err != nil {
		return nil, err
	}
	before, after, changed := lineIDs(old), lineIDs(src), map[string]int{}
	for line, n := range before {
		if after[line] != n {
			changed[line] = after[line]
		}
	}
	for line, n := range after {
		if before[line] != n {
			changed[line] = n
		}
	}
	return changed, nil
}
