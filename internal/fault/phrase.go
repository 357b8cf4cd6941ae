package fault

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"sekisho/internal/lang"
)

//go:embed phrases.yaml
var phraseText []byte

// phrase is a problem or a hint in English, as the place that finds it writes
// it, and in Japanese. The English text is the key, as in gettext; {a}, {b} …
// stand for what differs.
type phrase struct {
	En      string `yaml:"en"`
	Ja      string `yaml:"ja"`
	pattern *regexp.Regexp
	names   []string
}

// phrases are read when somebody first speaks Japanese.
var phrases = sync.OnceValue(func() []phrase { return loadPhrases(phraseText) })

var hole = regexp.MustCompile(`\{[a-z]\}`)

func loadPhrases(text []byte) []phrase {
	var list []phrase
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		panic("fault: phrases: " + err.Error())
	}
	for i := range list {
		p := &list[i]
		p.names = hole.FindAllString(p.En, -1)
		var b strings.Builder
		for n, part := range hole.Split(p.En, -1) {
			if n > 0 {
				b.WriteString(`(.+?)`)
			}
			b.WriteString(regexp.QuoteMeta(part))
		}
		p.pattern = regexp.MustCompile(`(?s)^` + b.String() + `$`)
	}
	return list
}

// Phrase returns a problem or hint in the language; false when it has no
// translation and comes back as it is.
func Phrase(l lang.Language, text string) (string, bool) {
	if l == lang.English {
		return text, true
	}
	phrases := phrases()
	for i := range phrases {
		m := phrases[i].pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		out := phrases[i].Ja
		for n, name := range phrases[i].names {
			inner, _ := Phrase(l, m[n+1])
			out = strings.ReplaceAll(out, name, inner)
		}
		return out, true
	}
	return text, false
}
