package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"

	"sekisho/demo"
	"sekisho/demo/network"
	"sekisho/demo/story"
	"sekisho/internal/fault"
	"sekisho/internal/pgserver"
)

// noPostgres is pgserver's code for a machine without PostgreSQL.
const noPostgres fault.Code = 7101

type demoCmd struct {
	Story string `arg:"" optional:"" default:"shop" enum:"shop,jtb,sapporo,hawaiians,telecomsquare" help:"help_story"`
	HTML  string `name:"html" placeholder:"FILE" help:"help_demo_html"`
	Seed  uint64 `help:"help_seed"`
	Check bool   `help:"help_check"`
	Keep  bool   `help:"help_keep"`
	Dir   string `placeholder:"DIR" help:"help_demo_dir"`
}

// Run tells a story: the shop on a PostgreSQL of its own, or one of the four
// incidents with the clock of its time.
func (c demoCmd) Run(a *app) error {
	if c.Story != "shop" {
		return c.story(a)
	}
	o := demo.Options{
		Seed: c.Seed, Check: c.Check, JSON: a.json, Lang: a.lang, Dir: c.Dir, Keep: c.Keep,
		Out: a.env.stdout, Colour: isTerminal(a.env.stdout) && a.env.getenv("NO_COLOR") == "",
	}
	if in, ok := a.env.stdin.(*os.File); ok && isTerminal(in) && isTerminal(a.env.stdout) {
		o.In = in
	}
	// Whoever reads no further (demo | head) ends the demo in order: else the
	// signal would end this process alone, and leave its servers behind.
	ctx, stop := signal.NotifyContext(a.ctx, syscall.SIGPIPE)
	defer stop()
	err := demo.Run(ctx, o)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, demo.ErrDifference):
		return errNo
	case errors.Is(err, pgserver.ErrMissing):
		return fault.New(noPostgres)
	}
	return fault.New(fault.DemoFailed, "problem", err.Error()).Because(err)
}

// story replays an incident.
func (c demoCmd) story(a *app) error {
	path := a.env.getenv("PATH")
	told, err := tellStory(a.ctx, c.Story, a.lang, func(ctx context.Context, dir string) (*story.Routes, error) {
		if a.terminal() {
			fmt.Fprintln(a.env.stderr, a.say.Text("demo_network"))
		}
		return network.Play(ctx, network.Options{Dir: dir, Path: path})
	})
	if err != nil {
		return fault.New(fault.DemoFailed, "problem", err.Error()).Because(err)
	}
	if c.HTML != "" {
		var page bytes.Buffer
		if err := told.Page(&page, a.lang); err != nil {
			return err
		}
		if err := os.WriteFile(c.HTML, page.Bytes(), 0o644); err != nil {
			return fault.New(fault.FolderWrite, "dir", c.HTML).Because(err)
		}
	}
	if a.json {
		err = a.out(map[string]any{"story": told.ID, "differences": told.Differences(), "days": told.Days(), "figures": told.Figures, "sources": told.Sources, "checks": told.Checks, "skipped": told.Skipped, "routes": told.Routes, "finished": told.Finished}, nil)
	} else {
		err = told.Write(a.env.stdout, a.lang, isTerminal(a.env.stdout) && a.env.getenv("NO_COLOR") == "")
	}
	if err == nil && told.Differences() > 0 {
		return errNo
	}
	return err
}

// intruderCmd is a process of the demo.
type intruderCmd struct{}

// Run reads its plan from standard input.
func (intruderCmd) Run(a *app) error { return demo.Intrude(a.ctx, a.env.stdin, a.env.stdout) }

// networkCmd is a process of the stories: see network.Inside.
type networkCmd struct {
	Dir string `arg:"" help:"help_network_dir"`
}

// Run plays in namespaces that are there already.
func (c networkCmd) Run(a *app) error {
	return network.Inside(a.ctx, c.Dir, a.env.stdin, a.env.stdout)
}

// actorCmd is a process of the stories: see network.Actor.
type actorCmd struct {
	Args []string `arg:"" help:"help_actor_args"`
}

// Run answers the lines of standard input.
func (c actorCmd) Run(a *app) error { return network.Actor(c.Args, a.env.stdin, a.env.stdout) }

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
