package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// candidate is a command with what may follow it.
type candidate struct {
	path  string // "gate sessions"; empty for the program itself
	words []string
}

// candidates walks the command tree.
func candidates() ([]candidate, error) {
	var c cli
	exited := 0
	env := environment{stdout: io.Discard, stderr: io.Discard}
	parser, err := newParser(&c, &env, lang.English, &exited)
	if err != nil {
		return nil, err
	}
	var all []candidate
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		one := candidate{path: path}
		for _, child := range n.Children {
			one.words = append(one.words, child.Name)
		}
		for _, p := range n.Positional {
			one.words = append(one.words, p.EnumSlice()...)
		}
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				one.words = append(one.words, "--"+f.Name)
			}
		}
		all = append(all, one)
		for _, child := range n.Children {
			walk(child, strings.TrimSpace(path+" "+child.Name))
		}
	}
	walk(parser.Model.Node, "")
	return all, nil
}

// writeCompletion writes a script for the shell. It is generated from the
// command tree, so it cannot be out of date.
func writeCompletion(w io.Writer, shell string) error {
	all, err := candidates()
	if err != nil {
		return fault.New(fault.Internal).Because(err)
	}
	var b strings.Builder
	switch shell {
	case "bash":
		bashCompletion(&b, all)
	case "zsh":
		b.WriteString("#compdef sekisho\nautoload -U +X bashcompinit && bashcompinit\n")
		bashCompletion(&b, all)
	case "fish":
		fishCompletion(&b, all)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func bashCompletion(b *strings.Builder, all []candidate) {
	b.WriteString("_sekisho() {\n  local cur=${COMP_WORDS[COMP_CWORD]} path= word\n")
	b.WriteString("  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $word in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n  done\n")
	b.WriteString("  while :; do\n    case $path in\n")
	for _, c := range all {
		fmt.Fprintf(b, "      %q) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", c.path, strings.Join(c.words, " "))
	}
	b.WriteString("    esac\n    case $path in *' '*) path=${path% *} ;; *) path= ;; esac\n  done\n}\ncomplete -o default -F _sekisho sekisho\n")
}

func fishCompletion(b *strings.Builder, all []candidate) {
	b.WriteString("complete -c sekisho -f\n")
	for _, c := range all {
		condition := "__fish_use_subcommand"
		if c.path != "" {
			condition = "__fish_seen_subcommand_from " + c.path[strings.LastIndexByte(c.path, ' ')+1:]
		}
		for _, word := range c.words {
			if name, flag := strings.CutPrefix(word, "--"); flag {
				fmt.Fprintf(b, "complete -c sekisho -n '%s' -l %s\n", condition, name)
			} else {
				fmt.Fprintf(b, "complete -c sekisho -n '%s' -a %s\n", condition, word)
			}
		}
	}
}
