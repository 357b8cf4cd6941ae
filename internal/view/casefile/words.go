package casefile

import (
	_ "embed"
	"strings"

	"sekisho/internal/lang"
)

//go:embed words.yaml
var wordFile []byte

var wordTexts = lang.MustLoad(wordFile)

// Word says a code of a case in words: kind is "fact", "state", "step", "form",
// "do", "rank", "draft", "subject", "choice", "cause" or "element". A code that is in no
// list, such as a subject of people's own, is returned as it is.
func Word(kind, code string, l lang.Language) string {
	say := wordTexts.In(l)
	if place, ok := strings.CutPrefix(code, "resident."); ok && kind == "fact" {
		return say.Text("fact_resident", "place", strings.ToUpper(place))
	}
	if key := kind + "_" + strings.ReplaceAll(code, ".", "_"); wordTexts.Has(key) {
		return say.Text(key)
	}
	return code
}

// KeyWord says in words what a timer of a case of the class is for.
func KeyWord(key, class string, l lang.Language) string {
	kind, rest, _ := strings.Cut(key, ":")
	if !wordTexts.Has("key_" + kind) {
		return key
	}
	switch kind {
	case "late", "clock":
		rest = ownBooks().NameOf("clock:"+rest, class, l)
	case "task":
		rest = ownBooks().taskName(rest, class, "", l)
	case "decision":
		subject, _, _ := strings.Cut(rest, ":")
		rest = Word("subject", subject, l)
	}
	return wordTexts.In(l).Text("key_"+kind, "what", rest)
}

// taskName is the playbook's title of a task, else its own, else its id.
func (b *Books) taskName(id, class, title string, l lang.Language) string {
	if name := b.NameOf("task:"+id, class, l); name != "task:"+id {
		return name
	}
	if title != "" {
		return title
	}
	return id
}

// RedText says in words what Red returned.
func RedText(red, class string, l lang.Language) string {
	say := wordTexts.In(l)
	f := strings.SplitN(red, " ", 4)
	at := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	switch {
	case red == "nobody roster":
		return say.Text("red_roster")
	case f[0] == "late":
		return say.Text("red_late", "law", ownBooks().NameOf("clock:"+at(1), class, l))
	case f[0] == "nobody", f[0] == "failed":
		return say.Text("red_"+f[0], "rank", Word("rank", at(2), l), "key", KeyWord(at(1), class, l), "to", at(3))
	}
	return red
}

// Line returns an entry of the timeline in words.
func (e *Entry) Line(l lang.Language) string {
	var parts []string
	for _, part := range append(e.words(l), strings.TrimSpace(e.Text)) {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return texts.In(l).Text("what_"+e.What, "text", strings.Join(parts, wordTexts.In(l).Text("joint")))
}

// words are the codes of an entry in words.
func (e *Entry) words(l lang.Language) []string {
	at := func(i int) string {
		if i < len(e.Args) {
			return e.Args[i]
		}
		return ""
	}
	word := func(kind string, i int) string { return Word(kind, at(i), l) }
	if strings.HasPrefix(e.What, "notice-") {
		return []string{word("rank", 1), KeyWord(at(0), at(2), l)}
	}
	switch e.What {
	case "fact", "withdrawn":
		return []string{word("fact", 0)}
	case "move":
		class := ""
		if c := ownBooks().Plays.Class(at(1)); c != nil {
			class = c.Name.In(string(l))
		}
		return []string{word("state", 0), class, word("cause", 2)}
	case "task":
		return []string{ownBooks().taskName(at(0), at(2), at(3), l), word("step", 1)}
	case "evidence":
		return []string{word("step", 0), word("form", 1)}
	case "action":
		out := []string{word("do", 1), at(2)}
		if at(0) == "receipt" {
			out = append(out, word("step", 0), wordTexts.In(l).Text("gates", "applied", at(3), "failed", at(4)))
		}
		return out
	case "common":
		if len(e.Args) == 0 {
			return []string{wordTexts.In(l).Text("common_nothing")}
		}
		return []string{wordTexts.In(l).Text("common_place", "place", at(0), "hits", at(1), "of", at(2), "times", at(3))}
	case "report":
		out := []string{at(0), word("step", 1)}
		if at(2) != "" {
			out = append(out, ownBooks().NameOf("question:"+at(2), "", l))
		}
		return out
	case "decision":
		return []string{word("subject", 0), word("choice", 1)}
	case "clock":
		return []string{ownBooks().NameOf("clock:"+at(0), "", l), word("step", 1)}
	case "text":
		return []string{at(0), word("step", 1)}
	case "draft":
		if e.By == Machine {
			return []string{word("draft", 0), Word("step", "filled", l)}
		}
		return []string{word("draft", 0), word("step", 1), word("how", 2)}
	case "agree":
		kind, rest, _ := strings.Cut(at(0), ":")
		if do, target, ok := strings.Cut(rest, ":"); ok {
			rest = Word("do", do, l) + " " + target
		}
		if kind == "release" {
			rest = Word("draft", rest, l)
		}
		if wordTexts.Has("act_" + kind) {
			return []string{wordTexts.In(l).Text("act_"+kind, "what", rest)}
		}
		return []string{at(0)}
	}
	return e.Args
}
