package lang

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// counted is a value with the words behind it.
var counted = regexp.MustCompile(`\{([a-z_]+)\}((?: [A-Za-z][A-Za-z-]*)+)`)

// noPlurals are words on -s behind a value that are no nouns in the plural.
var noPlurals = strings.Fields(`has as
	agrees answers asks belongs decides differs ends goes hears holds leads lies lists looks names passes precedes runs says waits works`)

// between are words that end what a number counts.
var between = strings.Fields("a although an and are at be because before but by cannot did does for from have had if in is may no not of on or out since so than that the to until was were which who will with without")

// alwaysMany are those that need no second form, with the reason.
var alwaysMany = map[string]string{
	"{times} times":     "how many times as much, such as 1.0 times",
	"{most} numbers":    "a bound, which is a constant",
	"{ms} ms":           "a unit",
	"{notes} operators": "whose notes; the notes have both forms",
}

// pluralWithout returns what of an English text stands before a noun in the plural
// without its two forms.
func pluralWithout(text string, excepted map[string]bool) string {
	for _, m := range counted.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(m[2])
		for i, word := range words {
			if slices.Contains(noPlurals, word) || slices.Contains(between, word) {
				break
			}
			if (len(word) == 1 || !strings.HasSuffix(word, "s") || strings.HasSuffix(word, "ss")) && word != "people" {
				continue
			}
			said := "{" + m[1] + "} " + strings.Join(words[:i+1], " ")
			if alwaysMany[said] == "" {
				return said
			}
			excepted[said] = true
			break
		}
	}
	return ""
}

// TestPluralWithout: what the check of all catalogues finds, and what it lets pass.
func TestPluralWithout(t *testing.T) {
	for text, want := range map[string]string{
		"{n} persons": "{n} persons", "in {days} days.": "{days} days", "{n} more doubtful links": "{n} more doubtful links", "{high} people": "{high} people",
		"{n} {n|person|persons} of {of} gates": "{of} gates", "{n} {n|row|rows}": "", "{file} is written, as it says": "", "{n} of the rows": "", "{by} asks for files": "", "{allowed} pass": "", "{seconds} s": "", "{times} times as many": "",
	} {
		if got := pluralWithout(text, map[string]bool{}); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
