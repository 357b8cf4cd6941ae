package exit

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Shown is a name as events show it: below the registered domain, a part that
// may carry data (long, or with many digits) is ":x", and what is deeper than
// eight parts is left out as "…". base is the registered domain; of a name
// under no public suffix, its last two parts.
func Shown(name string) (shown, base string) {
	base, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		base = name
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			base = name[strings.LastIndexByte(name[:i], '.')+1:]
		}
		if i := strings.IndexByte(base, '.'); carries(base[:max(i, 0)]) || i < 0 && carries(base) {
			base = ":x" + base[max(i, 0):]
			if i < 0 {
				base = ":x"
			}
			return base, base
		}
	}
	if len(base) >= len(name) {
		return base, base
	}
	under := strings.Split(name[:len(name)-len(base)-1], ".")
	if len(under) > maxShown {
		under = append([]string{"…"}, under[len(under)-maxShown:]...)
	}
	for i, part := range under {
		if carries(part) {
			under[i] = ":x"
		}
	}
	return strings.Join(under, ".") + "." + base, base
}

// maxShown is how many parts below the registered domain are shown.
const maxShown = 8

// carries reports whether a part of a name may be data: longer than names that
// people give, or with as many digits as a number of a person or a card.
func carries(part string) bool {
	digits := 0
	for i := range len(part) {
		if part[i] >= '0' && part[i] <= '9' {
			digits++
		}
	}
	return len(part) > 24 || digits > 6
}
