package demo

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"

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
		for _, part := range wrap(line, 96) {
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

// width is how many columns text takes: Japanese characters take two.
func width(text string) int {
	n := 0
	for _, r := range text {
		n++
		if wide(r) {
			n++
		}
	}
	return n
}

// wide says whether a terminal gives r two columns. The ranges are those of
// Unicode's East Asian Width W and F that our texts use.
func wide(r rune) bool {
	return r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xff00 && r <= 0xff60
}

// left and right fill text with spaces to n columns.
func left(text string, n int) string  { return text + strings.Repeat(" ", max(0, n-width(text))) }
func right(text string, n int) string { return strings.Repeat(" ", max(0, n-width(text))) + text }

// cut shortens text to n columns.
func cut(text string, n int) string {
	if width(text) <= n {
		return text
	}
	var b strings.Builder
	used := 0
	for _, r := range text {
		if used += width(string(r)); used > n-1 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// wrap breaks text into lines of at most n columns: between words, and
// anywhere in Japanese except before what may not begin a line (JIS X 4051,
// from memory: closing marks, small kana, long-vowel and repetition marks).
func wrap(text string, n int) []string {
	var lines []string
	var line, word strings.Builder
	flush := func() {
		if width(line.String())+width(strings.TrimRight(word.String(), " ")) > n && line.Len() > 0 {
			lines = append(lines, strings.TrimRight(line.String(), " "))
			line.Reset()
		}
		line.WriteString(word.String())
		word.Reset()
	}
	runes := []rune(text)
	for i, r := range runes {
		word.WriteRune(r)
		closing := i+1 < len(runes) && strings.ContainsRune("、。）」』】ーっゃゅょッャュョァィゥェォ々,.;:!?)", runes[i+1])
		if (r == ' ' || wide(r)) && !closing {
			flush()
		}
	}
	flush()
	return append(lines, line.String())
}
