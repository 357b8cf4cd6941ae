package draft

import (
	"slices"
	"strings"

	"sekisho/internal/lang"
	"sekisho/internal/view/casefile"
)

// options are the choices of the PPC's form (別記様式第一), by field, in the
// form's order. Those of section (1) were seen in the PPC's worked example; the
// others are from memory, and say so on every copy until somebody reads the form.
var options = map[string][]string{
	"report_new":    {"new", "further"},
	"report_stage":  {"prelim", "final"},
	"event":         {"leak", "leak-possible", "loss", "loss-possible", "damage", "damage-possible"},
	"found":         {"own", "client", "customer", "card-company", "other"},
	"article7":      {"1", "2", "3", "4", "none"},
	"principal":     {"yes", "no"},
	"contractor":    {"yes", "no"},
	"medium":        {"paper", "electronic", "other"},
	"data_kind":     {"customers", "employees", "other"},
	"items":         {"name", "birthdate", "sex", "address", "phone", "email", "card", "password", "other"},
	"cause_by":      {"reporter", "contractor", "unknown"},
	"cause_kind":    {"access", "handed", "sent", "discarded", "lost", "stolen", "employee", "other"},
	"secondary_is":  {"yes", "no", "unknown"},
	"persons_state": {"done", "planned", "none"},
	"publish_state": {"done", "planned", "considered", "none"},
	"publish_way":   {"web", "press", "paper", "other"},
}

// The sources of the form's fields, read or seen quoted until 2026-11-22:
//
//   - example: the commission's worked example of an unauthorised access, in the
//     material of a working group of the Ministry of Health, Labour and Welfare
//     (section (1) only).
//   - rule: what a report says by the commission's rules, art. 8(1) nos. 1 to 9
//     (平成28年個人情報保護委員会規則第3号), as quoted in public texts.
//   - page: the commission's page of the web form (漏えい等の対応), which says that
//     the reporter's name is that of the firm.
//   - meti: the ministry's page on the same report, which asks for the stage.
const (
	example = "example"
	byRule  = "rule"
	page    = "page"
	meti    = "meti"
)

// read says where each field of the form was read; a field that is not here is
// from memory, and its label says so.
var read = map[string]string{"occurred": example, "known": example, "event": example, "found": example, "article7": example, "principal": example,
	"contractor": example, "overview": example, "how_found": example,
	"report_stage": meti, "company_name": page,
	"items": byRule, "count": byRule, "cause": byRule, "secondary_is": byRule, "secondary": byRule, "persons_state": byRule, "persons_told": byRule,
	"publish_state": byRule, "prevention": byRule, "other": byRule}

// guessed are fields of which only the choices are from memory.
var guessed = []string{"items", "secondary_is", "persons_state", "publish_state"}

// fromCase are fields that people cannot write: figures, days and lists of items
// are the case's. A text for one of them blocks the release.
var fromCase = []string{"items", "count", "count_cards", "known", "occurred", "window"}

// authority is the form of the PPC, section by section. The timeline belongs to
// section (1) and stands at the end.
func (f *filler) authority() {
	f.part("part_reporter", "report_new", "report_stage", "company_name", "company_number", "industry", "company_address", "company_head", "contact")
	f.part("part_1", "occurred", "known", "event", "found", "article7", "principal", "contractor", "overview", "how_found")
	f.part("part_2", "medium", "data_kind", "items")
	f.part("part_3", "count", "count_cards")
	f.part("part_4", "cause_by", "cause_kind", "cause")
	f.part("part_5", "secondary_is", "secondary")
	f.part("part_6", "persons_state", "persons_told")
	f.part("part_7", "publish_state", "publish_way", "publish_text")
	f.part("part_8", "containment", "prevention")
	f.part("part_9", "police", "abroad", "other")
	f.timeline()
}

// mark says what of a field of the form nobody has read, and where the rest was.
func (f *filler) mark(row *Row, field string) {
	if !f.form() {
		return
	}
	source, ok := read[field]
	switch {
	case !ok:
		row.Unsure = true
		row.Label += f.say.Text("mark_unsure")
	case slices.Contains(guessed, field):
		row.Guessed = true
		row.Label += f.say.Text("mark_guessed")
		fallthrough
	default:
		row.Source = f.say.Text("source_" + source)
	}
}

func (f *filler) form() bool { return f.doc.Kind == "ppc-prelim" || f.doc.Kind == "ppc-final" }

// foundBy is the choice of who found it, by the way on which the first sign
// came. A monitoring firm works for us.
var foundBy = map[string]string{"own": "own", "button": "own", "monitor": "own", "entrustee": "own", "customer": "customer",
	"card-company": "card-company", "psp": "card-company", "police": "other"}

// itemOf is the form's item for an element of the case; the others are "other",
// with their names behind.
var itemOf = map[string]string{"name": "name", "kana": "name", "birthdate": "birthdate", "sex": "sex", "address": "address", "postal_code": "address",
	"phone": "phone", "email": "email", "card.pan": "card", "card.expiry": "card", "card.cvv": "card", "secret": "password"}

// causeOf is the form's cause for a class of case; classes that may be many
// things have none.
var causeOf = map[string]string{"targeted-mail": "access", "web-injection": "access", "vulnerable-component": "access", "server-intrusion": "access",
	"outbound": "access", "insider": "employee"}

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
	if slot := f.slot[field]; slot != "" && !slices.Contains(fromCase, field) {
		return strings.Split(slot, ",")
	}
	if is := f.tells(field); is != "" {
		return []string{is}
	}
	switch field {
	case "article7":
		return f.article7()
	case "items":
		var out []string
		for _, e := range f.elements() {
			item := itemOf[e]
			if item == "" {
				item = "other"
			}
			out = append(out, item)
		}
		return out
	}
	return nil
}

// tells is the one option that the case itself decides; empty for none.
func (f *filler) tells(field string) string {
	switch field {
	case "report_new":
		if f.doc.Kind == "ppc-final" || f.c.Ended["jp.appi.prelim"] != nil || f.c.Ended["jp.appi.suspicion"] != nil {
			return "further"
		}
		return "new"
	case "report_stage":
		return strings.TrimPrefix(f.doc.Kind, "ppc-")
	case "event":
		if s := f.c.Figures(); s != nil && s.Confirmed > 0 {
			return "leak"
		}
		return "leak-possible"
	case "found":
		return foundBy[f.c.Channel]
	case "principal":
		if f.c.Has("entrusted") {
			return "yes"
		}
	case "medium":
		if s := f.c.Figures(); s != nil && s.Stated == "" { // our own records are of machines
			return "electronic"
		}
	case "cause_by":
		if f.c.Class == "entrustee-incident" {
			return "contractor"
		}
	case "cause_kind":
		return causeOf[f.c.Class]
	case "secondary_is":
		if len(f.c.Misuse) > 0 {
			return "yes"
		}
	case "persons_state":
		return f.went("persons", "notify-persons", "")
	case "publish_state":
		return f.went("web", "publish", "considered")
	case "publish_way":
		if d := f.c.Drafts["web"]; d != nil && d.State == "released" {
			return "web"
		}
	}
	return ""
}

// went says how far something is that goes out: done when its document was
// released, planned when that was decided, waiting when it was put off.
func (f *filler) went(kind, subject, waiting string) string {
	if d := f.c.Drafts[kind]; d != nil && d.State == "released" {
		return "done"
	}
	for _, d := range f.c.Decisions {
		switch {
		case d.Subject != subject:
		case d.Choice == "not-yet" || d.Choice == "wait":
			return waiting
		case d.Choice == "not":
			return "none"
		default:
			return "planned"
		}
	}
	return ""
}

// elements are the items of personal data of the newest figures.
func (f *filler) elements() []string {
	if s := f.c.Figures(); s != nil {
		return s.Elements
	}
	return nil
}

// details is what the form wants behind a choice.
func (f *filler) details(field string) string {
	switch field {
	case "found":
		if len(f.c.Signs) > 0 {
			return f.c.Signs[0].KnownBy
		}
	case "items":
		var others []string
		for _, e := range f.elements() {
			if itemOf[e] == "" {
				others = append(others, casefile.Word("element", e, f.doc.Lang))
			}
		}
		return strings.Join(others, "、")
	}
	return ""
}

// choosable reports whether the field is one of choices and people have written
// nothing of their own for it.
func (f *filler) choosable(field string) bool {
	list, ok := options[field]
	if !ok || !f.form() {
		return false
	}
	if slices.Contains(fromCase, field) {
		return true
	}
	for _, o := range strings.Split(f.slot[field], ",") {
		if o != "" && !slices.Contains(list, o) {
			return false
		}
	}
	return true
}

// cards is how many of the persons or records have a card number among their
// items, as far as the case knows: the newest figures in cards. None has where the
// items are known, none is one, and in none somebody may have written one.
func (f *filler) cards() string {
	for i := len(f.c.Scopes) - 1; i >= 0; i-- {
		if s := &f.c.Scopes[i]; s.Unit == "cards" {
			return f.say.Text("say_cards", "reachable", lang.Count(s.Reachable), "version", s.Version)
		}
	}
	maybe := func(e string) bool {
		return itemOf[e] == "card" || e == "unclassified" || e == "payment" || e == "note"
	}
	if s := f.c.Figures(); s != nil && len(s.Elements) > 0 && !f.c.Has("card") && !slices.ContainsFunc(s.Elements, maybe) {
		return f.say.Text("say_no_cards")
	}
	return ""
}

// Option is a choice of a field: its code, which people give, and its words.
type Option struct{ Code, Text string }

// Options returns the choices of a field of a document; none when people write
// its text themselves.
func Options(kind, field string, l lang.Language) (out []Option) {
	f := filler{doc: &Document{Kind: kind}, say: texts.In(l)}
	if !f.choosable(field) {
		return nil
	}
	for _, o := range options[field] {
		out = append(out, Option{o, f.say.Text("option_" + field + "_" + o)})
	}
	return out
}
