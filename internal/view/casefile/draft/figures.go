package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/width"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
)

// Figures are the numbers of a case by the name by which a text refers to them:
// "{reachable}", "{v1.reachable}", "{misused}".
func Figures(c *casefile.Case) map[string]uint64 {
	out := map[string]uint64{}
	for i, s := range c.Scopes {
		prefix := fmt.Sprintf("v%d.", s.Version)
		for _, p := range []string{prefix, ""} {
			if p == "" && i != len(c.Scopes)-1 {
				continue
			}
			out[p+"confirmed"], out[p+"reachable"], out[p+"ever_held"] = s.Confirmed, s.Reachable, s.EverHeld
		}
	}
	if len(c.Misuse) > 0 {
		tokens := map[string]bool{}
		for _, m := range c.Misuse {
			tokens[m.Token] = true
		}
		out["misused"] = uint64(len(tokens))
	}
	if c.Common != nil && len(c.Common.Found) > 0 {
		f := &c.Common.Found[0]
		out["common"], out["common.of"], out["common.seen"], out["common.all"] = f.Hits, f.Of, f.Seen, f.All
	}
	for _, f := range c.Facts {
		if f.Persons > 0 && f.WithdrawnBy == "" {
			out["stated."+f.Fact] = f.Persons
		}
	}
	return out
}

// dates are the days that the case knows, as a text may write them.
func dates(c *casefile.Case) map[string]bool {
	out := map[string]bool{}
	add := func(ns int64) {
		if ns != 0 {
			out[event.Time(ns).In(rule.Tokyo).Format(time.DateOnly)] = true
		}
	}
	add(c.KnownAt)
	add(c.Opened)
	for _, e := range c.Log {
		add(e.At)
	}
	for _, f := range c.Facts {
		add(f.KnownAt)
	}
	for _, s := range c.Scopes {
		add(s.From)
		add(s.To)
	}
	for _, e := range c.Evidence {
		add(e.At)
	}
	for _, m := range c.Misuse {
		add(m.At)
	}
	if c.Common != nil {
		for _, f := range c.Common.Found {
			add(f.From)
			add(f.To)
		}
	}
	for _, d := range c.Decisions {
		add(d.At)
		add(d.ReviewAt)
	}
	for _, t := range c.Tasks {
		add(t.Due)
	}
	return out
}

var (
	reference = regexp.MustCompile(`\{[a-z0-9_.-]+\}`)
	fullDate  = regexp.MustCompile(`(\d{4})(?:-|年\s*|/)(\d{1,2})(?:-|月\s*|/)(\d{1,2})日?`)
	number    = regexp.MustCompile(`\d[\d,]*(?:\.\d+)?\s*(万|億)?`)
)

// Expand replaces references by the case's figures and returns what the text
// holds that is not of the case: unknown references, and numbers and dates that
// somebody typed and that differ from all of the case's own.
func Expand(c *casefile.Case, text string) (out string, foreign []string) {
	figures, days := Figures(c), dates(c)
	text = width.Fold.String(text) // full-width digits are digits
	typed := reference.ReplaceAllString(text, " ")
	out = reference.ReplaceAllStringFunc(text, func(ref string) string {
		n, ok := figures[strings.Trim(ref, "{}")]
		if !ok {
			foreign = append(foreign, ref)
			return ref
		}
		return lang.Count(n)
	})
	typed = fullDate.ReplaceAllStringFunc(typed, func(d string) string {
		m := fullDate.FindStringSubmatch(d)
		y, _ := strconv.Atoi(m[1])
		mo, _ := strconv.Atoi(m[2])
		da, _ := strconv.Atoi(m[3])
		if !days[fmt.Sprintf("%04d-%02d-%02d", y, mo, da)] {
			foreign = append(foreign, d)
		}
		return " "
	})
	own := map[uint64]bool{}
	for _, n := range figures {
		own[n] = true
	}
	for _, n := range number.FindAllString(typed, -1) {
		if v, ok := value(n); !ok || !own[v] {
			foreign = append(foreign, strings.TrimSpace(n))
		}
	}
	slices.Sort(foreign)
	return out, slices.Compact(foreign)
}

func value(text string) (uint64, bool) {
	text = strings.TrimSpace(text)
	scale := 1.0
	for unit, n := range map[string]float64{"万": 1e4, "億": 1e8} {
		if t, ok := strings.CutSuffix(text, unit); ok {
			text, scale = strings.TrimSpace(t), n
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	return uint64(f*scale + 0.5), err == nil && f >= 0
}
