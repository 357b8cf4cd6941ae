package draft

import (
	"slices"
	"strings"
)

// options are the choices of section 3 (1) of the PPC's form, in its order, as
// seen in the PPC's worked example (mission RULES 1.4). Those of the other
// sections were not read and are not shown as choices.
var options = map[string][]string{
	"event":      {"leak", "leak-possible", "loss", "loss-possible", "damage", "damage-possible"},
	"found":      {"own", "client", "customer", "card-company", "other"},
	"article7":   {"1", "2", "3", "4", "none"},
	"principal":  {"yes", "no"},
	"contractor": {"yes", "no"},
}

// foundBy is the choice of who found it, by the way on which the first sign
// came. A monitoring firm works for us.
var foundBy = map[string]string{"own": "own", "button": "own", "monitor": "own", "entrustee": "own", "customer": "customer",
	"card-company": "card-company", "psp": "card-company", "police": "other"}

// choices writes all options of a field with the chosen ones marked. known is
// false when nothing was chosen: then the form shows them empty.
func (f *filler) choices(field string) (text string, known bool) {
	chosen := f.chosen(field)
	var out []string
	for _, o := range options[field] {
		mark := "□"
		if slices.Contains(chosen, o) {
			mark, known = "■", true
		}
		out = append(out, mark+f.say.Text("option_"+field+"_"+o))
	}
	text = strings.Join(out, "　")
	if more := f.details(field); more != "" && known {
		text += "（" + more + "）"
	}
	return text, known
}

// chosen is what people chose (--set event=loss), else what the case tells.
func (f *filler) chosen(field string) []string {
	if slot := f.slot[field]; slot != "" {
		return strings.Split(slot, ",")
	}
	switch field {
	case "event":
		if s := f.c.Figures(); s != nil && s.Confirmed > 0 {
			return []string{"leak"}
		}
		return []string{"leak-possible"}
	case "found":
		return []string{foundBy[f.c.Channel]}
	case "article7":
		return f.article7()
	case "principal":
		if f.c.Has("entrusted") {
			return []string{"yes"}
		}
	}
	return nil
}

// details is what the form wants behind a choice.
func (f *filler) details(field string) string {
	if field == "found" && len(f.c.Signs) > 0 {
		return f.c.Signs[0].KnownBy
	}
	return ""
}

// choosable reports whether the field is one of choices and people have written
// nothing of their own for it.
func (f *filler) choosable(field string) bool {
	list, ok := options[field]
	if !ok || f.doc.Kind != "ppc-prelim" && f.doc.Kind != "ppc-final" {
		return false
	}
	for _, o := range strings.Split(f.slot[field], ",") {
		if o != "" && !slices.Contains(list, o) {
			return false
		}
	}
	return true
}
