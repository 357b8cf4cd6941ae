package casefile

import (
	_ "embed"
	"strings"

	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// Text returns the refusal in "ja", else in English, with what is missing.
func (r *Refusal) Text(language lang.Language) string {
	say := texts.In(language)
	out := say.Text(r.Key, r.Args...)
	if len(r.Missing) > 0 {
		out += " (" + say.Text("missing", "list", strings.Join(r.Missing, ", ")) + ")"
	}
	return out
}

// Line returns an entry of the timeline in words.
func (e *Entry) Line(language lang.Language) string {
	return texts.In(language).Text("what_"+e.What, "text", strings.TrimSpace(e.Text))
}
