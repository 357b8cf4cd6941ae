package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar is a progress bar on standard error. It shows on a terminal only, and
// not before half a second has passed: most work is done by then.
type bar struct {
	w     io.Writer // nil: nothing is shown
	label string
	begin time.Time
	last  time.Time
	width int
}

// progress returns a bar with the given label.
func (a *app) progress(key string) *bar {
	b := &bar{label: a.say.Text(key), begin: time.Now()}
	if a.terminal() && !a.json {
		b.w = a.env.stderr
	}
	return b
}

const barWidth = 30

// show draws done of all; all 0 means that the end is not known.
func (b *bar) show(done, all uint64) {
	now := time.Now()
	if b.w == nil || now.Sub(b.begin) < 500*time.Millisecond || now.Sub(b.last) < 100*time.Millisecond {
		return
	}
	b.last = now
	text := fmt.Sprintf("%s  %s", b.label, countOf(done))
	if all > 0 {
		filled := int(min(done, all) * barWidth / all)
		text = fmt.Sprintf("%s  %s%s  %3d%%", b.label, strings.Repeat("█", filled), strings.Repeat("░", barWidth-filled), min(done, all)*100/all)
	}
	fmt.Fprintf(b.w, "\r%s%s", text, strings.Repeat(" ", max(0, b.width-len(text))))
	b.width = len(text)
}

// end takes the bar away.
func (b *bar) end() {
	if b.w != nil && b.width > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", b.width))
		b.width = 0
	}
}
