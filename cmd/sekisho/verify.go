package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/ledger"
	"sekisho/proof"
	"sekisho/proof/scope"
)

type verifyCmd struct {
	Dir     string   `arg:"" optional:"" help:"help_verify_dir"`
	Bundle  string   `placeholder:"FILE" help:"help_verify_bundle"`
	Key     string   `placeholder:"KEY" help:"help_verify_key"`
	Witness []string `placeholder:"KEY" sep:"none" help:"help_verify_witness"`
	Held    []string `placeholder:"FILE" sep:"none" help:"help_verify_held"`
}

// keys are the keys to believe; every named witness must have cosigned.
func (c verifyCmd) keys() proof.Keys {
	return proof.Keys{Log: c.Key, Witnesses: c.Witness, Quorum: len(c.Witness)}
}

// Run checks a ledger or a bundle. It needs no running process, no keys and no
// database.
func (c verifyCmd) Run(a *app) error {
	if c.Bundle != "" {
		return c.bundle(a)
	}
	if a.hub.address != "" && c.Dir == "" {
		return c.elsewhere(a)
	}
	if c.Dir == "" {
		l, err := a.load()
		if err != nil {
			return err
		}
		c.Dir = ledgerDir(l.Config)
	}
	opts := ledger.VerifyOptions{Keys: c.keys()}
	for _, file := range c.Held {
		note, err := os.ReadFile(file)
		if err != nil {
			return fault.New(fault.ConfigUnreadable, "what", file).Because(err)
		}
		if ledger.IsHeads(note, c.Dir) {
			opts.Heads = append(opts.Heads, note)
		} else {
			opts.Checkpoints = append(opts.Checkpoints, note)
		}
	}
	bar := a.progress("progress_verify")
	opts.Progress = func(done, of int) { bar.show(uint64(done), uint64(of)) }
	r, err := ledger.Verify(a.ctx, c.Dir, opts)
	bar.end()
	if err != nil {
		return ledgerFault(c.Dir, a.config, err)
	}
	if err := a.out(r, func() { c.show(a, r) }); err != nil {
		return err
	}
	if !r.OK() {
		if a.json {
			return errNo
		}
		return fault.New(fault.LedgerCorrupt, "problem", r.Problems[0].String())
	}
	return nil
}

func (c verifyCmd) show(a *app, r *ledger.Report) {
	a.print("verify_line", "events", countOf(uint64(r.Events)), "chains", r.Chains, "sealed", r.Sealed, "open", r.Open, "checkpoint", r.Checkpoint)
	if len(r.Witnesses) > 0 {
		a.print("verify_witnesses", "list", strings.Join(r.Witnesses, ", "))
	}
	if c.Key == "" {
		a.print("verify_own_key")
	}
	for _, n := range r.Noted {
		if key := "verify_note_" + n.Key; n.Key != "own-key" { // said above
			args := make([]any, 0, 2*len(n.Args))
			for i, x := range n.Args {
				args = append(args, string(rune('a'+i)), x)
			}
			a.print(key, args...)
		}
	}
	for i, p := range r.Problems {
		if i == maxShown {
			a.print("scope_more", "n", len(r.Problems)-i)
			break
		}
		a.print("verify_problem", "problem", p)
	}
	if r.OK() {
		a.print("verify_good")
	}
}

// bundle checks a bundle and computes its answer again.
func (c verifyCmd) bundle(a *app) error {
	bad := func(problem any) error {
		return fault.New(fault.BundleInvalid, "file", c.Bundle, "problem", problem)
	}
	f, err := os.Open(c.Bundle)
	if err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.Bundle).Because(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.Bundle).Because(err)
	}
	b, err := proof.ReadBundle(f, info.Size())
	if err != nil {
		return bad(err)
	}
	keys := c.keys()
	if keys.Log == "" {
		keys.Log = b.Evidence.Key
	}
	checked, err := b.Check(keys)
	if err != nil {
		return bad(err)
	}
	var claimed scope.Result
	if err := json.Unmarshal(b.Scope, &claimed); err != nil {
		return bad(err)
	}
	if err := sameAgain(b, checked); err != nil {
		return bad(err)
	}
	return a.out(claimed, func() {
		(&scopeText{w: a.env.stdout, say: a.say}).write(&claimed)
		frozen, err := event.Parse(checked.Frozen.Text)
		when := "?"
		if err == nil {
			when = clock(frozen.At)
		}
		a.print("verify_bundle_good", "lines", countOf(uint64(len(checked.Lines))), "origin", checked.Checkpoint.Origin, "at", when)
		a.print("verify_bundle_same")
		if c.Key == "" {
			a.print("verify_own_key")
		}
	})
}

// sameAgain computes the answer from the bundle's own lines and compares.
func sameAgain(b *proof.Bundle, checked *proof.Checked) error {
	lines := make([][]byte, len(checked.Lines))
	for i, l := range checked.Lines {
		lines[i] = l.Text
	}
	var claimed scope.Result
	if err := json.Unmarshal(b.Scope, &claimed); err != nil {
		return err
	}
	again, _, err := scope.Evaluate(lines, claimed.Query)
	if err != nil {
		return err
	}
	if claimed.Leaving == nil { // a bundle of before what left was part of it
		again.Leaving = nil
	} else if again.Leaving != nil && claimed.Leaving.MoreDestinations == 0 { // or of before it said how many more
		again.Leaving.MoreDestinations = 0
	}
	want, err := json.Marshal(claimed)
	if err != nil {
		return err
	}
	got, err := json.Marshal(again)
	if err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return fmt.Errorf("computed again from its lines, the answer differs")
	}
	return nil
}
