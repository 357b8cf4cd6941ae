package lang

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// plural is a word that follows a number: {n|person|persons}. English has two
// forms of it; Japanese needs none.
var plural = regexp.MustCompile(`\{([a-z_]+)\|([^{}|]+)\|([^{}|]+)\}`)

// inflect chooses the forms by the values of pairs, which are "{name}", value.
// Only 1 takes the first: a text that is shown without its values has the other.
func inflect(text string, pairs []string) string {
	return plural.ReplaceAllStringFunc(text, func(form string) string {
		part := plural.FindStringSubmatch(form)
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == "{"+part[1]+"}" && pairs[i+1] == "1" {
				return part[2]
			}
		}
		return part[3]
	})
}

// checkPlurals refuses a form that would be shown as it is written, and one of a
// name that the text does not show.
func checkPlurals(text string) error {
	if !strings.Contains(text, "|") { // most, and every command waits for its texts
		return nil
	}
	names := Placeholders(text)
	for _, part := range plural.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, "{"+part[1]+"}") {
			return fmt.Errorf("%s, and no {%s} beside it", part[0], part[1])
		}
	}
	if rest := plural.ReplaceAllString(text, ""); broken.MatchString(rest) {
		return fmt.Errorf("%q is no {name|one|more}", broken.FindString(rest))
	}
	return nil
}

// broken is what was meant to be a plural.
var broken = regexp.MustCompile(`\{[a-z_]+\|[^}]*\}?`)
