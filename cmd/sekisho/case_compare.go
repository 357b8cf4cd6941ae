package main

import (
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"sekisho/internal/fault"
	"sekisho/internal/view/casefile/draft"
)

type caseCompareCmd struct {
	Text []string `arg:"" help:"help_case_texts"`
}

// maxText bounds a text that is compared, in bytes.
const maxText = 4 << 20

// Run reports where texts about one incident disagree: a published page, a
// report, a draft. It needs no configuration and records nothing.
func (c caseCompareCmd) Run(a *app) error {
	var sources []draft.Source
	for _, name := range c.Text {
		text, err := os.ReadFile(name)
		if err == nil && (len(text) > maxText || !utf8.Valid(text)) {
			err = fmt.Errorf("not a text in UTF-8 of at most %d MiB", maxText>>20)
		}
		if err != nil {
			return fault.New(fault.ConfigUnreadable, "what", name).Because(err)
		}
		sources = append(sources, draft.Source{Name: filepath.Base(name), Text: string(text)})
	}
	out := []string{}
	for _, found := range draft.Compare(sources) {
		out = append(out, found.Text(a.lang))
	}
	err := a.out(out, func() {
		for _, line := range out {
			fmt.Fprintln(a.env.stdout, line)
		}
		if len(out) == 0 {
			a.print("case_compared")
		}
	})
	if err == nil && len(out) > 0 {
		return errNo
	}
	return err
}
