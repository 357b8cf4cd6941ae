package casefile

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

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
	args := slices.Clone(r.Args)
	for i := 0; i+1 < len(args); i += 2 {
		name, _ := args[i].(string)
		if code, ok := args[i+1].(string); ok && slices.Contains([]string{"rank", "do", "state"}, name) {
			args[i+1] = Word(name, code, language)
		}
	}
	out := say.Text(r.Key, args...)
	if len(r.Missing) > 0 {
		out += " (" + say.Text("missing", "list", strings.Join(r.named(language), ", ")) + ")"
	}
	return out
}

// MissingWord says in words what closing a case of a class lacks.
func MissingWord(missing, class string, l lang.Language) string {
	return ownBooks().NameOf(missing, class, l)
}

// named is what is missing, in words with its id; the id is what commands take.
func (r *Refusal) named(language lang.Language) []string {
	class := ""
	for i := 0; i+1 < len(r.Args); i += 2 {
		if r.Args[i] == "never" {
			class, _ = r.Args[i+1].(string)
		}
	}
	var out []string
	for _, m := range r.Missing {
		if name := ownBooks().NameOf(m, class, language); name != m {
			m += ": " + name
		}
		out = append(out, m)
	}
	return out
}

// ownBooks are the program's, read once, for words.
var ownBooks = sync.OnceValue(DefaultBooks)
