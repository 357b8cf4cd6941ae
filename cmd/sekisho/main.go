// Command sekisho guards databases that hold personal data: it carries their
// traffic, writes down whose data crossed, and answers whose data left.
//
// It is only wiring and words: what it does lives in the internal packages.
//
// Exit codes: 0 done; 1 the answer is no (a check, test or proof does not
// hold); 2 the command line, the configuration or the policy is wrong; 3 the
// running process, the ledger, the keys or a database cannot be reached; 4 the
// running process refused; 70 an internal error.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// defaultConfig is the configuration when nobody names one.
const defaultConfig = "sekisho.yaml"

// version is set when a release is built.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], environment{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		relax: func() error { keepHeapFloor(os.Getenv); return relaxTimers() },
		taken: canReplace,
	}))
}

// environment is what the process was given. It is read here and in
// relaxTimers and replaceProcess, which hand it on, and nowhere else.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// relax begins the process again with timers, and a heap, that suit a long
	// run; nil when the process is not ours alone.
	relax func() error
	// taken says that another program may take the process over.
	taken bool
	// disk gives the files of the ledger below a directory; nil: the real ones.
	disk func(dir string) durable.FS
}

// run is main without the process. It ends with SIGINT or SIGTERM; a second
// one ends the process at once.
func run(args []string, env environment) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // the next signal has its default effect
	}()
	language := chooseLanguage(args, env.getenv)
	var c cli
	exited := -1
	parser, err := newParser(&c, &env, language, &exited)
	if err != nil {
		panic("sekisho: " + err.Error()) // the command tree itself is wrong
	}
	k, err := parser.Parse(versionAsked(args))
	if exited >= 0 {
		return exited
	}
	if err != nil {
		return report(env.stderr, usageFault(err, language), language)
	}
	if reasonless(k) {
		return report(env.stderr, control.ErrReason, language)
	}
	if c.Config == "" {
		c.Config = env.getenv("SEKISHO_CONFIG")
	}
	if c.Config == "" {
		c.Config = defaultConfig
	}
	a := &app{env: env, ctx: ctx, config: c.Config, json: c.JSON, say: texts.In(language), lang: language, keyFile: c.Case.KeyFile + c.Host.KeyFile}
	if a.keyFile == "" {
		a.keyFile = env.getenv("SEKISHO_KEY_FILE")
	}
	a.hub, a.command = hubOf(&c, env.getenv), k.Command()
	return report(env.stderr, k.Run(a), language)
}

// reasonless reports whether a command demands a reason and was given one that says
// nothing.
func reasonless(k *kong.Context) bool {
	return slices.ContainsFunc(k.Flags(), func(f *kong.Flag) bool {
		given, ok := k.FlagValue(f).(string)
		return f.Name == "reason" && f.Required && ok && control.Blank(given)
	})
}

// report writes an error as people see it and returns the exit code.
func report(w io.Writer, err error, l lang.Language) int {
	if err == nil {
		return 0
	}
	code := exitCode(err)
	if code == exitSilent {
		return 1
	}
	fault.Render(w, err, l)
	return code
}

// exitSilent stands for errNo: exit code 1 without a message.
const exitSilent = -1

func exitCode(err error) int {
	if errors.Is(err, errNo) {
		return exitSilent
	}
	switch code := fault.Faults(err)[0].Code; {
	case code == fault.Usage, code < 2000, code >= 4000 && code < 4004, code == fault.ScopeQuery:
		return 2
	case code == fault.LedgerCorrupt, code == fault.BundleInvalid, code == fault.DemoFailed:
		return 1
	case code == fault.HubAddress, code == fault.HereOnly:
		return 2
	case code == fault.UpgradeRefused, code == fault.UpgradeFailed, code == fault.ControlRefused, code == fault.APIRefused, code == fault.APIBusy, code == fault.GrantRefused, code == fault.GrantUnknown, code == fault.SessionUnknown:
		return 4
	case code == fault.Internal:
		return 70
	}
	return 3
}

// versionAsked has --version, beside flags alone, mean the command, as people ask
// any program.
func versionAsked(args []string) []string {
	at := slices.Index(args, "--version")
	if at < 0 || slices.ContainsFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") }) {
		return args
	}
	args = slices.Clone(args)
	args[at] = "version"
	return args
}

// chooseLanguage looks for --lang before anything is parsed, because help and
// usage errors need it; else the locale decides.
func chooseLanguage(args []string, getenv func(string) string) lang.Language {
	for i, arg := range args {
		value := ""
		switch {
		case arg == "--":
			return lang.Detect(getenv)
		case arg == "--lang" && i+1 < len(args):
			value = args[i+1]
		case len(arg) > 7 && arg[:7] == "--lang=":
			value = arg[7:]
		}
		if l, ok := lang.Parse(value); ok {
			return l
		}
	}
	return lang.Detect(getenv)
}
