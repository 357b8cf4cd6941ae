package main

import (
	"errors"
	"os"

	"github.com/mattn/go-isatty"

	"sekisho/demo"
	"sekisho/internal/fault"
	"sekisho/internal/pgserver"
)

// noPostgres is pgserver's code for a machine without PostgreSQL.
const noPostgres fault.Code = 7101

type demoCmd struct {
	Story string `arg:"" optional:"" default:"sapporo" enum:"sapporo" help:"${help_story}"`
	Seed  uint64 `help:"${help_seed}"`
	Check bool   `help:"${help_check}"`
	Keep  bool   `help:"${help_keep}"`
	Dir   string `placeholder:"DIR" help:"${help_demo_dir}"`
}

// Run tells a story on a PostgreSQL of its own.
func (c demoCmd) Run(a *app) error {
	o := demo.Options{
		Seed: c.Seed, Check: c.Check, JSON: a.json, Lang: a.lang, Dir: c.Dir, Keep: c.Keep,
		Out: a.env.stdout, Colour: isTerminal(a.env.stdout) && a.env.getenv("NO_COLOR") == "",
	}
	if in, ok := a.env.stdin.(*os.File); ok && isTerminal(in) && isTerminal(a.env.stdout) {
		o.In = in
	}
	err := demo.Run(a.ctx, o)
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

// intruderCmd is a process of the demo.
type intruderCmd struct{}

// Run reads its plan from standard input.
func (intruderCmd) Run(a *app) error { return demo.Intrude(a.ctx, a.env.stdin, a.env.stdout) }

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
