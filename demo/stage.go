package demo

import (
	_ "embed"
	"fmt"
	"io"
	"time"

	"sekisho/demo/columns"
	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// stage is where the demo speaks: scenes with a few lines each.
type stage struct {
	out    io.Writer
	say    lang.Printer
	colour bool
	scenes int
	err    error // of the first failed write
}

// Colours of a terminal (ECMA-48, SGR).
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	gold  = "33"
)

func (s *stage) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (s *stage) print(text string) {
	if s.err == nil {
		_, s.err = fmt.Fprintln(s.out, text)
	}
}

// title opens the play.
func (s *stage) title(seed uint64) {
	s.print("")
	s.print("  " + s.paint(gold, "関所 Sekisho") + "  " + s.paint(bold, s.say.Text("title")))
	s.print("  " + s.paint(dim, s.say.Text("seed", "story", Story, "seed", seed)))
}

func (s *stage) scene(key string) {
	s.scenes++
	s.print("")
	s.print(fmt.Sprintf("  %s  %s", s.paint(gold, fmt.Sprint(s.scenes)), s.paint(bold, s.say.Text(key))))
}

// line says one sentence of a scene.
func (s *stage) line(key string, args ...any) { s.print("     " + s.say.Text(key, args...)) }

// command shows what a person would type.
func (s *stage) command(text string) { s.print("     " + s.paint(dim, "$ "+text)) }

// quote shows what a command said.
func (s *stage) quote(lines []string) {
	for _, line := range lines {
		for _, part := range columns.Wrap(line, 96) {
			s.print("       " + part)
		}
	}
}

// count writes a number as people read it.
func count[N int | int64 | uint64](n N) string { return lang.Count(uint64(n)) }

// seconds writes a duration as people read it.
func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
