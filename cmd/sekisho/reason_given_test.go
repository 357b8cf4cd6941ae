package main

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"sekisho/internal/lang"
)

// TestReasonGiven: every command that demands a reason refuses one that says nothing,
// before anything is looked at.
func TestReasonGiven(t *testing.T) {
	var c cli
	exited := -1
	var out bytes.Buffer
	env := environment{stdout: &out, stderr: &out, getenv: func(string) string { return "" }}
	parser, err := newParser(&c, &env, lang.English, &exited)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, leaf := range parser.Model.Leaves(false) {
		args := orderOf(leaf)
		if args == nil {
			continue
		}
		found++
		for _, why := range []string{"", " \t", "　"} {
			out.Reset()
			args := append(args, "--config", filepath.Join(t.TempDir(), "none.yaml"), "--lang", "en", "--reason", why)
			if code := run(args, env); code != 4 || !strings.Contains(out.String(), "an order needs a reason") {
				t.Errorf("%q: %d %s", args, code, &out)
			}
		}
		out.Reset()
		args = append(args, "--config", filepath.Join(t.TempDir(), "none.yaml"), "--lang", "en", "--reason", "it was stolen")
		if run(args, env); strings.Contains(out.String(), "needs a reason") {
			t.Errorf("%q: %s", args, &out)
		}
	}
	if found < 10 {
		t.Errorf("only %d commands demand a reason", found)
	}
}

// orderOf is how a command is typed without its reason; nil where it demands none.
func orderOf(leaf *kong.Node) []string {
	args := strings.Fields(strings.TrimPrefix(leaf.FullPath(), "sekisho "))
	for _, p := range leaf.Positional {
		word := "1"
		if p.Enum != "" {
			word, _, _ = strings.Cut(p.Enum, ",")
		}
		args = append(args, word)
	}
	demanded, answered := false, false
	for _, f := range leaf.Flags {
		switch {
		case f.Name == "reason":
			demanded = f.Required
		case f.Required && f.Target.Type() == reflect.TypeFor[time.Duration]():
			args = append(args, "--"+f.Name, "1h")
		case f.Required && f.IsBool():
			if !answered { // one of several
				args = append(args, "--"+f.Name)
			}
			answered = true
		case f.Required:
			args = append(args, "--"+f.Name, "2099-12-31")
		}
	}
	if !demanded {
		return nil
	}
	return args
}
