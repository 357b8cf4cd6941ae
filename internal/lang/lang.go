// Package lang holds texts for people in Japanese and English and chooses
// between them.
//
// It does not know what the texts say: each package that speaks to people owns
// a Catalogue, one YAML file with both languages side by side.
package lang

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

// Language is a language that every text exists in.
type Language string

// The languages.
const (
	Japanese Language = "ja"
	English  Language = "en"
)

// Parse returns the language of a locale name such as "ja", "ja_JP.UTF-8" or
// "en-US".
func Parse(locale string) (Language, bool) {
	base := strings.ToLower(locale)
	if i := strings.IndexAny(base, "_-.@"); i >= 0 {
		base = base[:i]
	}
	switch base {
	case "ja":
		return Japanese, true
	case "en":
		return English, true
	}
	return "", false
}

// Detect chooses by the environment in the order of POSIX (Base Definitions,
// 8.2): LC_ALL, LC_MESSAGES, LANG; the first that is set decides. A locale in
// neither language, such as C, means English.
func Detect(getenv func(string) string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			if l, ok := Parse(value); ok {
				return l
			}
			return English
		}
	}
	return English
}

// Catalogue is an immutable set of texts by key.
type Catalogue struct {
	read func() map[string]map[Language]string
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// Load reads a catalogue: a YAML mapping of keys to "ja" and "en". It refuses
// a key that lacks one of the languages, a key whose languages name different
// {placeholders}, and a {name|one|more} of a name that is no placeholder beside it.
func Load(text []byte) (*Catalogue, error) {
	raw, err := load(text)
	if err != nil {
		return nil, err
	}
	return &Catalogue{func() map[string]map[Language]string { return raw }}, nil
}

func load(text []byte) (map[string]map[Language]string, error) {
	raw, ok := quick(string(text))
	if !ok {
		if err := yaml.UnmarshalWithOptions(text, &raw, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		ja, en := raw[key][Japanese], raw[key][English]
		if ja == "" || en == "" || len(raw[key]) != 2 {
			return nil, fmt.Errorf("catalogue: key %q must have exactly ja and en", key)
		}
		if a, b := Placeholders(ja), Placeholders(en); !slices.Equal(a, b) {
			return nil, fmt.Errorf("catalogue: key %q: ja has %v, en has %v", key, a, b)
		}
		for _, text := range raw[key] {
			if err := checkPlurals(text); err != nil {
				return nil, fmt.Errorf("catalogue: key %q: %w", key, err)
			}
		}
	}
	return raw, nil
}

// MustLoad is Load for embedded catalogues, which are read when somebody first
// asks for a text: a command says a few words of a few of them. It panics then
// when one is bad; TestCatalogues of this package reads all of them.
func MustLoad(text []byte) *Catalogue {
	return &Catalogue{sync.OnceValue(func() map[string]map[Language]string {
		raw, err := load(text)
		if err != nil {
			panic("lang: " + err.Error())
		}
		return raw
	})}
}

// Placeholders returns the sorted, distinct {placeholders} of a text.
func Placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Keys returns all keys, sorted.
func (c *Catalogue) Keys() []string {
	return slices.Sorted(maps.Keys(c.read()))
}

// Has reports whether the key exists.
func (c *Catalogue) Has(key string) bool { return c.read()[key] != nil }

// In returns the texts in one language.
func (c *Catalogue) In(l Language) Printer { return Printer{c, l} }

// Printer gives the texts of a catalogue in one language. The zero value is
// not usable.
type Printer struct {
	catalogue *Catalogue
	language  Language
}

// Language returns the printer's language.
func (p Printer) Language() Language { return p.language }

// Text returns the text of key with its placeholders replaced: args are name,
// value, name, value … An unknown key comes back between exclamation marks, so
// that it is seen.
func (p Printer) Text(key string, args ...any) string {
	text, ok := p.catalogue.read()[key][p.language]
	if !ok {
		return "!" + key + "!"
	}
	return Fill(text, args...)
}

// Fill replaces {name} in text by the value that follows name in args, and
// {name|one|more} by its second part when that value is 1, else by its third.
func Fill(text string, args ...any) string {
	plain := !strings.Contains(text, "|")
	if len(args) == 0 && plain {
		return text
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	if !plain { // before the values are in it, which may say anything
		text = inflect(text, pairs)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Count writes a number with a comma every three digits, as both languages do.
func Count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
