package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sekisho/demo/columns"
	"sekisho/internal/element"
)

// verifyLedger runs verify over the ledger, which is still being written.
func (p *play) verifyLedger(ctx context.Context) {
	out, err := p.guard.run(ctx, "verify", "--key", p.guard.key)
	p.facts.ledger = err == nil
	p.facts.ledgerSays = lastLines(out, err)
}

// bundle is the file that a stranger gets.
func (p *play) bundle() string { return filepath.Join(p.dir, "scope.bundle") }

// verifyBundle writes a bundle and checks it as a stranger would: in another
// directory, without configuration, ledger and keys.
func (p *play) verifyBundle(ctx context.Context) error {
	q := question{from: p.from, to: p.to, address: stranger.String()}
	if _, err := p.guard.run(ctx, append(q.args(), "--bundle", p.bundle())...); err != nil {
		return err
	}
	empty, err := os.MkdirTemp(p.dir, "stranger-")
	if err != nil {
		return err
	}
	elsewhere := &guard{program: p.o.Program, dir: empty, lang: p.guard.lang}
	out, err := elsewhere.run(ctx, "verify", "--bundle", p.bundle(), "--key", p.guard.key)
	p.facts.bundle = err == nil
	p.facts.bundleSays = lastLines(out, err)
	return nil
}

// lastLines is what a command concluded: its last lines that stand alone.
func lastLines(out []byte, err error) []string {
	if err != nil {
		return strings.Split(err.Error(), "\n")
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	first := len(lines)
	for first > 0 && lines[first-1] != "" && !strings.HasPrefix(lines[first-1], " ") {
		first--
	}
	return lines[first:]
}

func (p *play) prove(ctx context.Context) error {
	p.stage.scene("scene_proof")
	p.verifyLedger(ctx)
	if err := p.verifyBundle(ctx); err != nil {
		return err
	}
	p.stage.line("proof_ledger")
	p.stage.command(shown("verify", "--key", "…"))
	p.stage.quote(p.facts.ledgerSays)
	info, err := os.Stat(p.bundle())
	if err != nil {
		return err
	}
	p.stage.line("proof_bundle", "size", fmt.Sprintf("%d KiB", info.Size()/1024+1))
	p.stage.command(shown("verify", "--bundle", filepath.Base(p.bundle()), "--key", "…"))
	p.stage.quote(p.facts.bundleSays)
	return p.pause(ctx)
}

// thenAndNow closes: what happened in 2016, and what happened here.
func (p *play) thenAndNow(ctx context.Context) error {
	p.stage.scene("scene_then")
	status, err := p.guard.status(ctx)
	if err != nil {
		return err
	}
	confirmed, held := p.answer.Confirmed.Subjects, p.answer.EverHeld.Subjects
	now := [][]any{
		{"answers", count(p.answers), "rows", count(p.facts.export.Rows)},
		{"events", count(status.Head)},
		{"confirmed", count(confirmed), "others", count(held - confirmed)},
		{"notes", count(len(p.facts.truth.with(element.Note)))},
		{"took", seconds(p.answer.took.Round(time.Millisecond))},
	}
	const column = 46
	s := &p.stage
	s.print("     " + s.paint(bold, columns.Left(s.say.Text("then_head"), column+3)+s.say.Text("now_head")))
	for i, args := range now {
		then := columns.Wrap(s.say.Text(fmt.Sprintf("then_%d", i+1)), column)
		today := columns.Wrap(s.say.Text(fmt.Sprintf("now_%d", i+1), args...), column)
		s.print("     " + s.paint(dim, strings.Repeat("─", 2*column+3)))
		for k := range max(len(then), len(today)) {
			s.print(strings.TrimRight("     "+columns.Left(columns.At(then, k), column)+"   "+columns.At(today, k), " "))
		}
	}
	s.print("     " + s.paint(dim, s.say.Text("sources")))
	s.print("     " + s.paint(dim, s.say.Text("more_stories")))
	return nil
}
