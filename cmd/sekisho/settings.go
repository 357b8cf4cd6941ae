package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"sekisho/internal/config"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

type configCmd struct {
	Check   configCheckCmd   `cmd:"" help:"help_config_check"`
	Schema  configSchemaCmd  `cmd:"" help:"help_config_schema"`
	Example configExampleCmd `cmd:"" help:"help_config_example"`
	Account configAccountCmd `cmd:"" help:"help_config_account"`
}

type configCheckCmd struct{}

// Run reads the file the way up does, and starts nothing.
func (configCheckCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	for i := range l.Web {
		if l.Web[i].Rules == "" {
			continue
		}
		if _, _, err := config.SiteRules(l.Web[i].Rules); err != nil {
			return err
		}
	}
	result := struct {
		File       string `json:"file"`
		Gates      int    `json:"gates"`
		Databases  int    `json:"databases"`
		Tables     int    `json:"tables"`
		Generation uint64 `json:"policy_generation"`
		Digest     string `json:"policy_digest"`
	}{File: a.config, Gates: len(l.Gates), Databases: len(l.Databases),
		Generation: l.Compiled.Generation(), Digest: string(l.Compiled.Digest())}
	for i := range l.Databases {
		result.Tables += len(l.Databases[i].Protect)
	}
	return a.out(result, func() {
		a.print("config_good", "file", result.File, "gates", result.Gates, "databases", result.Databases, "tables", result.Tables)
		if l.Source == nil {
			a.print("config_no_policy")
			return
		}
		a.print("policy_good", "generation", result.Generation, "digest", short(result.Digest), "tests", len(l.Source.Tests))
	})
}

// short is enough of a digest for a person to compare.
func short(digest string) string { return digest[:min(12, len(digest))] }

type configSchemaCmd struct{}

// Run prints the JSON Schema.
func (configSchemaCmd) Run(a *app) error {
	_, err := a.env.stdout.Write(config.Schema())
	return err
}

type configExampleCmd struct{}

// Run prints the commented example.
func (configExampleCmd) Run(a *app) error {
	_, err := a.env.stdout.Write(config.Example())
	return err
}

type explainCmd struct {
	Code string `arg:"" optional:"" help:"help_code"`
}

// Run prints what a code means, or all codes.
func (c explainCmd) Run(a *app) error {
	type entry struct {
		Code  string `json:"code"`
		Title string `json:"title"`
		Help  string `json:"help"`
	}
	if c.Code == "" {
		var all []entry
		for _, code := range fault.Codes {
			all = append(all, entry{code.String(), fault.Title(code, a.lang), fault.Help(code, a.lang)})
		}
		return a.out(all, func() {
			for _, e := range all {
				fmt.Fprintf(a.env.stdout, "%s  %s\n", e.Code, e.Title)
			}
		})
	}
	code, ok := fault.ParseCode(c.Code)
	if !ok {
		return fault.New(fault.Usage, "problem", a.say.Text("no_such_code", "code", c.Code), "hint", a.say.Text("try_explain"))
	}
	e := entry{code.String(), fault.Title(code, a.lang), fault.Help(code, a.lang)}
	return a.out(e, func() { fmt.Fprintf(a.env.stdout, "%s  %s\n\n%s\n", e.Code, e.Title, e.Help) })
}

type versionCmd struct{}

// Run prints what this program is.
func (versionCmd) Run(a *app) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Go       string `json:"go"`
		System   string `json:"system"`
		Sessions int    `json:"sessions"` // the form in which it takes sessions of another program up
	}{Version: version, Sessions: keepsSessions, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return a.out(v, func() {
		fmt.Fprintf(a.env.stdout, "sekisho %s %s %s %s\n", v.Version, short(v.Revision), v.Go, v.System)
	})
}

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"help_shell"`
}

// Run prints a completion script.
func (c completionCmd) Run(a *app) error {
	return writeCompletion(a.env.stdout, c.Shell)
}

// words used by several commands.
func countOf(n uint64) string { return lang.Count(n) }
