package casefile

import (
	_ "embed"
	"strings"

	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// NameOf says in words what a case misses: "task:ID", "clock:RULE" or
// "question:ID" of the books. Anything else is returned as it is.
func (b *Books) NameOf(missing, class string, language lang.Language) string {
	kind, id, _ := strings.Cut(missing, ":")
	switch kind {
	case "task":
		if c := b.Plays.Class(class); c != nil && c.Task(id) != nil {
			return c.Task(id).Title.In(string(language))
		}
	case "clock":
		if r := b.Rules.Rule(id); r != nil {
			return r.Law.In(string(language))
		}
	case "question":
		for _, q := range b.Plays.Questions {
			if q.ID == id {
				return q.Text.In(string(language))
			}
		}
	}
	return missing
}

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
