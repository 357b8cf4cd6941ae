package shape

import (
	"strings"

	"sekisho/internal/waf/seclang"
)

// depends returns the variables of the request that a rule looks at, and
// whether nothing else decides about it: settings, and what its own links have
// noted, aside.
func depends(r *seclang.Rule, all []*seclang.Rule, settings map[string]string) (reads []target, pure bool) {
	var noted []string // beginnings of names that the chain has set so far
	for _, l := range append([]*seclang.Rule{r}, r.Chain...) {
		for _, name := range l.Targets {
			name = strings.TrimPrefix(name, "!")
			if _, ok := setting(name, settings); ok {
				continue
			}
			if of, ok := strings.CutPrefix(strings.TrimPrefix(name, "&"), "TX:"); ok {
				if !ownNote(of, noted) || othersNote(r, of, all) {
					return nil, false
				}
				continue
			}
			if name == "MATCHED_VAR" || name == "MATCHED_VARS" {
				continue // of the link before
			}
			name, _, _ = strings.Cut(name, ":/") // all of a collection for some
			t, ok := newTarget(name)
			if !ok || r.Phase == 1 && !t.variable.early() {
				return nil, false
			}
			t.count = false
			reads = append(reads, t)
		}
		if _, ok := expand(l.Argument, settings); !ok {
			return nil, false
		}
		for _, a := range l.Actions {
			if a.Name != "setvar" {
				continue
			}
			name, value, _ := strings.Cut(strings.ToLower(a.Value), "=")
			if !captures(value) || !captures(name) {
				continue // nothing may be read from it
			}
			noted = append(noted, noteName(name))
		}
	}
	return reads, true
}

// noteName returns the beginning of a variable's name up to its first macro.
func noteName(name string) string {
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "tx."), "%{")
	return name
}

// captures reports whether a text names nothing but what the rule's own
// expression has captured.
func captures(text string) bool {
	for _, m := range macro.FindAllStringSubmatch(text, -1) {
		of, found := strings.CutPrefix(m[1], "tx.")
		if !found || len(of) != 1 || of[0] < '0' || of[0] > '9' {
			return false
		}
	}
	return true
}

// selected returns the beginning of the names that TX:… selects.
func selected(of string) string {
	of = strings.ToLower(of)
	if of == "" || of[0] != '/' {
		return of
	}
	of = strings.TrimPrefix(strings.Trim(of, "/"), "^")
	if i := strings.IndexAny(of, `\.*+?()|[]{}^$`); i >= 0 {
		of = of[:max(0, i-1)]
	}
	return of
}

// ownNote reports whether what TX:… selects was noted by the chain itself.
func ownNote(of string, noted []string) bool {
	name := selected(of)
	for _, n := range noted {
		if name != "" && strings.HasPrefix(name, n) && n != "" {
			return true
		}
	}
	return false
}

// othersNote reports whether another rule may set what TX:… selects.
func othersNote(r *seclang.Rule, of string, all []*seclang.Rule) bool {
	for _, other := range all {
		if other != r && other.ID != r.ID && sets(other, of) {
			return true
		}
	}
	return false
}

// sets reports whether a rule may set what TX:… selects.
func sets(r *seclang.Rule, of string) bool {
	name, several := selected(of), strings.HasPrefix(of, "/")
	for _, l := range append([]*seclang.Rule{r}, r.Chain...) {
		for _, a := range l.Actions {
			if a.Name != "setvar" {
				continue
			}
			full, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(a.Value, "!")), "=")
			full = strings.TrimPrefix(full, "tx.")
			begins := noteName(full)
			if full == name || several && strings.HasPrefix(begins, name) || (several || begins != full) && strings.HasPrefix(name, begins) {
				return true
			}
		}
	}
	return false
}
