// Package demo tells the story of Sekisho on a real PostgreSQL: a travel shop,
// the checkpoint in front of it, the shop's own web site, and a stranger with
// the same account. It ends by holding what `sekisho scope` answers against
// the bytes that reached the stranger.
//
// It is a user of Sekisho and not a part of it: it runs the program with the
// commands of the manual and knows nothing of its packages but the form of
// their answers. The truth comes from another process and another parser
// (package wiretap).
package demo

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/lang"
)

// Story names what the play is after: Sapporo Tsuun, 2015–16. The incident
// itself is replayed by package story.
const Story = "sapporo"

// ErrDifference is returned when the comparison shows a difference. It was
// printed.
var ErrDifference = errors.New("what scope answers is not what left")

// Options are what a person can choose.
type Options struct {
	// Seed makes the story; 0 draws one. It is printed.
	Seed uint64
	// Check tells without pauses or questions, with the comparison last.
	Check bool
	// JSON prints the comparison, and nothing else, as JSON.
	JSON bool
	// Lang is the language of what is said.
	Lang lang.Language
	// Dir keeps everything there; it must not exist. Empty means a temporary
	// directory, which is removed unless Keep.
	Dir  string
	Keep bool
	// Out is where the story is told.
	Out io.Writer
	// In is asked for Enter at the end; nil when nobody sits there.
	In io.Reader
	// Colour says that Out is a terminal.
	Colour bool
	// Program is the argv of sekisho; empty means this program.
	Program []string
	// Intruder is the argv that runs Intrude in a process of its own; empty
	// means Program with "demo-intruder".
	Intruder []string
	// Customers is the size of the shop; 0 means 100,000.
	Customers int
}

// Run tells the story. It returns ErrDifference when scope and truth differ,
// and leaves nothing running.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.fill(); err != nil {
		return err
	}
	dir, remove, err := o.place()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	out := o.Out
	if o.JSON {
		out = io.Discard
	}
	p := &play{o: o, dir: dir, begun: time.Now(), stage: stage{out: out, say: texts.In(o.Lang), colour: o.Colour}}
	defer func() { err = errors.Join(err, p.end()) }()
	if err := p.run(ctx); err != nil {
		return err
	}
	return p.verdict(ctx)
}

func (o *Options) fill() error {
	if o.Seed == 0 {
		var raw [4]byte // short enough to type again
		_, _ = rand.Read(raw[:])
		o.Seed = uint64(binary.LittleEndian.Uint32(raw[:])) + 1
	}
	if o.Customers == 0 {
		o.Customers = 100_000
	}
	if len(o.Program) == 0 {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		o.Program = []string{self}
	}
	if len(o.Intruder) == 0 {
		o.Intruder = append(o.Program[:len(o.Program):len(o.Program)], "demo-intruder")
	}
	return nil
}

// place makes the directory of the play. Others may pass through it: the
// server may run as another user than we.
func (o *Options) place() (dir string, remove func() error, err error) {
	if dir = o.Dir; dir != "" {
		if dir, err = filepath.Abs(dir); err == nil {
			err = os.Mkdir(dir, 0o711)
		}
		return dir, func() error { return nil }, err
	}
	if dir, err = os.MkdirTemp("", "sekisho-demo-"); err != nil {
		return "", nil, err
	}
	if o.Keep {
		return dir, func() error { return nil }, os.Chmod(dir, 0o711)
	}
	return dir, func() error { return os.RemoveAll(dir) }, os.Chmod(dir, 0o711)
}

// verdict prints the comparison and says whether it holds.
func (p *play) verdict(ctx context.Context) error {
	n := p.compared.differences()
	if p.o.JSON {
		enc := json.NewEncoder(p.o.Out)
		enc.SetIndent("", "  ")
		err := enc.Encode(map[string]any{"story": Story, "seed": p.o.Seed, "differences": n, "comparison": p.compared.list})
		if err != nil {
			return err
		}
	}
	if !p.o.Check && p.o.In != nil && n == 0 {
		if err := p.explore(ctx); err != nil {
			return err
		}
	}
	if p.o.Keep || p.o.Dir != "" {
		p.stage.print("")
		p.stage.line("kept", "dir", p.dir)
	}
	if p.o.Check { // the comparison comes last
		p.stage.show(p.compared)
		p.stage.print("")
		p.sum(n)
	}
	if n > 0 {
		return ErrDifference
	}
	return p.stage.err
}

// sum says in one line how it went.
func (p *play) sum(n int) {
	took := seconds(time.Since(p.begun))
	if n == 0 {
		p.stage.print("   " + p.stage.paint(green, p.stage.say.Text("all_good", "seed", p.o.Seed, "took", took)))
		return
	}
	p.stage.print("   " + p.stage.paint(red, p.stage.say.Text("not_good", "seed", p.o.Seed, "n", n)))
}

// explore leaves everything running until Enter.
func (p *play) explore(ctx context.Context) error {
	p.stage.print("")
	p.stage.line("explore")
	for _, command := range []string{
		"psql 'host=127.0.0.1 port=" + p.port() + " dbname=shop user=shop_app password=sapporo2026'",
		"sekisho -c " + p.guard.config() + " scope --address " + stranger.String(),
		"sekisho -c " + p.guard.config() + " events -f",
	} {
		p.stage.command(command)
	}
	if link := p.guard.console(); link != "" {
		p.stage.line("console", "link", link)
	}
	p.stage.line("press_enter")
	pressed := make(chan struct{})
	go func() { // ends with the process: a read of a terminal cannot be cut
		var line [1]byte
		for n, err := p.o.In.Read(line[:]); err == nil && (n == 0 || line[0] != '\n'); n, err = p.o.In.Read(line[:]) {
		}
		close(pressed)
	}()
	select {
	case <-pressed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("demo: %w", context.Cause(ctx))
	}
}
