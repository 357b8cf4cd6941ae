package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// errNo ends with exit code 1: everything was said already.
var errNo = errors.New("no")

// cli is the command tree. Help texts are keys of texts.yaml.
type cli struct {
	Config string `short:"c" placeholder:"FILE" help:"help_config"`
	Lang   string `placeholder:"ja|en" help:"help_lang"`
	JSON   bool   `help:"help_json"`
	Remote string `name:"hub" placeholder:"URL" help:"help_hub_address"`
	Token  string `name:"token-file" placeholder:"FILE" help:"help_token_file"`

	Demo       demoCmd       `cmd:"" group:"run" help:"help_demo"`
	Intruder   intruderCmd   `cmd:"" name:"demo-intruder" hidden:""`
	Network    networkCmd    `cmd:"" name:"demo-network" hidden:""`
	Actor      actorCmd      `cmd:"" name:"demo-actor" hidden:""`
	Up         upCmd         `cmd:"" group:"run" help:"help_up"`
	Init       initCmd       `cmd:"" group:"run" help:"help_init"`
	Doctor     doctorCmd     `cmd:"" group:"run" help:"help_doctor"`
	Upgrade    upgradeCmd    `cmd:"" group:"run" help:"help_upgrade"`
	Status     statusCmd     `cmd:"" group:"run" help:"help_status"`
	Gate       gateCmd       `cmd:"" group:"run" help:"help_gate"`
	Cut        cutCmd        `cmd:"" group:"run" help:"help_cut"`
	Uncut      uncutCmd      `cmd:"" group:"run" help:"help_uncut"`
	Freeze     freezeCmd     `cmd:"" group:"run" help:"help_freeze"`
	Cuts       cutsCmd       `cmd:"" group:"run" help:"help_cuts"`
	Hub        hubCmd        `cmd:"" group:"run" help:"help_hub"`
	Scan       scanCmd       `cmd:"" group:"ask" help:"help_scan"`
	Map        mapCmd        `cmd:"" group:"ask" help:"help_map"`
	Bypass     bypassCmd     `cmd:"" group:"run" help:"help_bypass"`
	Web        webCmd        `cmd:"" group:"run" help:"help_web"`
	Card       cardCmd       `cmd:"" group:"ask" help:"help_card"`
	Breakglass breakglassCmd `cmd:"" group:"run" help:"help_breakglass"`
	Scope      scopeCmd      `cmd:"" group:"ask" help:"help_scope"`
	Person     personCmd     `cmd:"" group:"ask" help:"help_person"`
	Events     eventsCmd     `cmd:"" group:"ask" help:"help_events"`
	Verify     verifyCmd     `cmd:"" group:"ask" help:"help_verify"`
	Rebuild    rebuildCmd    `cmd:"" group:"keep" help:"help_rebuild"`
	Backup     backupCmd     `cmd:"" group:"keep" help:"help_backup"`
	Restore    restoreCmd    `cmd:"" group:"keep" help:"help_restore"`
	Retention  retentionCmd  `cmd:"" group:"keep" help:"help_retention"`
	Keys       keysCmd       `cmd:"" group:"keep" help:"help_keys"`
	Witness    witnessCmd    `cmd:"" group:"keep" help:"help_witness"`
	Settings   configCmd     `cmd:"" name:"config" group:"set" help:"help_config_cmd"`
	Policy     policyCmd     `cmd:"" group:"set" help:"help_policy"`
	Egress     egressCmd     `cmd:"" group:"set" help:"help_egress"`
	Explain    explainCmd    `cmd:"" group:"set" help:"help_explain"`
	Case       caseCmd       `cmd:"" group:"case" help:"help_case"`
	Host       hostCmd       `cmd:"" group:"case" help:"help_host"`
	Completion completionCmd `cmd:"" group:"set" help:"help_completion"`
	Version    versionCmd    `cmd:"" group:"set" help:"help_version"`
}

// app is what every command gets.
type app struct {
	env    environment
	ctx    context.Context
	config string // file name
	json   bool
	say    lang.Printer
	lang   lang.Language
	// keyFile shows who asks; empty for none.
	keyFile string
	hub     hubAccess
	command string // that runs, as it is typed

	// Of `sekisho up` alone: its listening sockets, what the program before left,
	// and how the last upgrade ended.
	sockets  *sockets
	handover *handover
	followed *followed
	waiting  *waiting // sessions between two runs
	inForce  *inForce // what the run that begins has in force; nil: what is in the file
	hangup   chan os.Signal
}

// newParser makes the command tree, in the language of the person.
func newParser(c *cli, env *environment, l lang.Language, exited *int) (*kong.Kong, error) {
	k, err := kong.New(c, options(env, l, exited)...)
	if err != nil {
		return nil, err
	}
	// The help in the tree is a key. kong's own variables would be looked for in
	// every text of every flag, which costs more than most commands.
	say := texts.In(l)
	text := func(help string) string {
		if strings.HasPrefix(help, "help_") {
			return say.Text(help)
		}
		return help
	}
	return k, kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		switch n := node.(type) {
		case *kong.Application:
			n.Help = text(n.Help)
		case *kong.Command:
			n.Help = text(n.Help)
		case *kong.Flag:
			n.Help = text(n.Help)
		case *kong.Value:
			n.Help = text(n.Help)
		}
		return next(nil)
	})
}

// options are kong's, in the language of the person.
func options(env *environment, l lang.Language, exited *int) []kong.Option {
	say := texts.In(l)
	return []kong.Option{
		kong.Name("sekisho"), kong.Description(say.Text("help_about")),
		kong.Writers(env.stdout, env.stderr), kong.Exit(func(code int) { *exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "run", Title: say.Text("group_run")}, {Key: "ask", Title: say.Text("group_ask")},
			{Key: "case", Title: say.Text("group_case")}, {Key: "keep", Title: say.Text("group_keep")}, {Key: "set", Title: say.Text("group_set")},
		}),
		kong.Help(func(o kong.HelpOptions, k *kong.Context) error { return printHelp(env.stdout, say, o, k) }),
	}
}

// printHelp writes kong's help with its fixed words in the person's language,
// and the examples of the command.
func printHelp(w io.Writer, say lang.Printer, o kong.HelpOptions, k *kong.Context) error {
	var text bytes.Buffer
	real := k.Stdout
	k.Stdout = &text
	err := kong.DefaultHelpPrinter(o, k)
	k.Stdout = real
	if err != nil {
		return err
	}
	out := text.String()
	for _, word := range []string{"usage", "arguments", "flags", "commands", "context_help", "run_help"} {
		out = strings.ReplaceAll(out, texts.In(lang.English).Text("kong_"+word), say.Text("kong_"+word))
	}
	out = strings.TrimRight(out, "\n") + "\n"
	key := "examples"
	if n := k.Selected(); n != nil {
		key += "_" + strings.ReplaceAll(n.Path(), " ", "_")
	}
	if texts.Has(key) {
		out += "\n" + say.Text("kong_examples") + "\n" + indent(say.Text(key))
	}
	_, err = io.WriteString(w, out)
	return err
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

// usageFault makes a fault of what kong did not understand.
func usageFault(err error, l lang.Language) error {
	hint := texts.In(l).Text("try_help")
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil {
		if n := p.Context.Selected(); n != nil {
			hint = texts.In(l).Text("try_help_of", "command", n.Path())
		}
	}
	return fault.New(fault.Usage, "problem", err.Error(), "hint", hint)
}

// print writes a line of text.
func (a *app) print(key string, args ...any) {
	fmt.Fprintln(a.env.stdout, a.say.Text(key, args...))
}

// out writes v as JSON when the person asked for JSON, else calls human.
func (a *app) out(v any, human func()) error {
	if !a.json {
		human()
		return nil
	}
	enc := json.NewEncoder(a.env.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// load reads the configuration. With --hub nothing of this machine is meant:
// commands that can ask a console elsewhere ask first.
func (a *app) load() (*config.Loaded, error) {
	if a.hub.address != "" {
		return nil, fault.New(fault.HereOnly, "command", "sekisho "+a.command)
	}
	l, err := config.Load(a.config)
	if _, missing := os.Lstat(a.config); err != nil && errors.Is(missing, fs.ErrNotExist) {
		return nil, fault.New(fault.ConfigAbsent, "file", a.config)
	}
	if err != nil {
		return nil, err
	}
	if err := nameSite(l.Config); err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", l.Data).Because(err)
	}
	return l, nil
}

// operator returns the running process, here or elsewhere.
func (a *app) operator() (*control.Client, error) {
	if a.hub.address != "" {
		return a.hub.client()
	}
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	return control.NewClient(l.Control, a.config), nil
}

// log returns the diagnostics log: text for people on standard error.
func (a *app) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.env.stderr, nil))
}

// terminal reports whether standard error is a terminal, where progress shows.
func (a *app) terminal() bool { return isTerminal(a.env.stderr) }

// person returns who gives an order: --by, else the login name. A console
// elsewhere knows whose token it is, and takes no other name.
func (a *app) person(by string) string {
	if a.hub.address != "" {
		if name := a.hub.account(a.ctx); name != "" {
			return name
		}
	}
	for _, name := range []string{by, a.env.getenv("SUDO_USER"), a.env.getenv("USER"), a.env.getenv("LOGNAME")} {
		if name != "" {
			return name
		}
	}
	return "unknown"
}
