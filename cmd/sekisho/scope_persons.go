package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/person"
	"sekisho/proof/scope"
)

// scopePersons is what scope --persons --json writes: the scope result, and
// behind each figure the persons. Records, subjects and persons are never shown
// one without the others.
type scopePersons struct {
	Scope     scope.Result              `json:"scope"`
	Confirmed personFigure              `json:"confirmed"`
	Reachable personFigure              `json:"reachable"`
	EverHeld  personFigure              `json:"ever_held"`
	Elements  map[string]elementPersons `json:"elements,omitempty"`
	Notices   *event.PersonNotices      `json:"notices,omitempty"` // the list that was made
}

type personFigure struct {
	Rows     uint64 `json:"crossed_records"`
	Subjects uint64 `json:"subjects"`
	// Unmatched are subjects that the state does not hold. Each counts as a
	// person in estimate and high, none in low.
	Unmatched uint64      `json:"unmatched_subjects"`
	Persons   person.Part `json:"persons"`
}

type elementPersons struct {
	Confirmed personFigure `json:"confirmed"`
	Reachable personFigure `json:"reachable"`
	EverHeld  personFigure `json:"ever_held"`
}

// persons answers a scope question in persons: the list of subjects is asked
// for and each subject looked for in the state. That a list was made is
// recorded, once for everything and once an element.
//
// finish, if it is not nil, makes the list of people to tell.
func (c scopeCmd) persons(a *app, op scopeAnswerer, r control.ScopeRequest) (out *scopePersons, finish func(*scopePersons) error, err error) {
	s, fresh, err := person.OpenState(c.Persons)
	if err == nil && fresh {
		err = person.ErrState
	}
	if err != nil {
		return nil, nil, stateFault(c.Persons, err)
	}
	defer func() { // what the state holds is needed for the list
		if finish == nil || err != nil {
			closeState(a, s)
		}
	}()
	state, err := s.Load()
	if err != nil {
		return nil, nil, stateFault(c.Persons, err)
	}
	count := &personCounter{app: a, op: op, state: state, given: map[string]string{}, today: dayOf(time.Now())}
	for _, text := range c.PersonsSource {
		from, to, ok := strings.Cut(text, "=")
		if !ok || from == "" || to == "" {
			return nil, nil, fault.New(fault.PersonSubjects, "source", text)
		}
		count.given[from] = to
	}
	out = &scopePersons{Elements: map[string]elementPersons{}}
	if out.Scope, err = count.scope(r); err != nil {
		return nil, nil, err
	}
	r.Query.To = out.Scope.To // an open end moves on; an open beginning is the answer's own
	all, found, err := count.figures(r, &out.Scope)
	if err != nil {
		return nil, nil, err
	}
	out.Confirmed, out.Reachable, out.EverHeld = all.Confirmed, all.Reachable, all.EverHeld
	elements := slices.Sorted(maps.Keys(out.Scope.EverHeld.Elements))
	list := c.list(elements)
	list.add(found, 0)
	for i, name := range elements {
		r.Query.Elements = []string{name}
		result, err := count.scope(r)
		if err == nil {
			out.Elements[name], found, err = count.figures(r, &result)
		}
		if err != nil {
			return nil, nil, err
		}
		list.add(found, 1<<i)
	}
	if list == nil {
		return out, nil, nil
	}
	figure := map[scope.Class]*personFigure{scope.Confirmed: &out.Confirmed, scope.Reachable: &out.Reachable, scope.EverHeld: &out.EverHeld}[list.class]
	unnamed := figure.Unmatched - min(figure.Unmatched, uint64(len(list.missing)))
	return out, func(out *scopePersons) (err error) {
		defer closeState(a, s)
		out.Notices, err = c.noticeFlags.write(a, c.By, list, state, &out.Scope, unnamed)
		return err
	}, nil
}

func closeState(a *app, s *person.State) {
	if err := s.Close(); err != nil {
		a.log().Error("close", "err", err)
	}
}

// answered is who is in an answer: of each class, with those of the classes
// within it, the rows of the state, and the subjects that it lacks.
type answered struct {
	rows    map[scope.Class][]uint32
	missing map[scope.Class][]person.RecordName
}

// dayOf writes a day in Japan as YYYYMMDD.
func dayOf(t time.Time) uint32 {
	y, m, d := t.In(time.FixedZone("JST", 9*3600)).Date()
	return uint32(y*10000 + int(m)*100 + d)
}

// personCounter counts the persons behind lists of subjects.
type personCounter struct {
	app   *app
	op    scopeAnswerer
	state *person.Result
	given map[string]string // subject source to the state's source
	today uint32
}

func (p *personCounter) scope(r control.ScopeRequest) (result scope.Result, err error) {
	r.Form = control.FormResult
	var text bytes.Buffer
	if err := p.op.Scope(p.app.ctx, r, &text); err != nil {
		return result, err
	}
	if err := json.Unmarshal(text.Bytes(), &result); err != nil {
		return result, fault.New(fault.Internal).Because(err)
	}
	return result, nil
}

// figures asks for the list of subjects and counts the persons of each class.
func (p *personCounter) figures(r control.ScopeRequest, result *scope.Result) (out elementPersons, found answered, err error) {
	r.Form = control.FormList
	var text bytes.Buffer
	if err := p.op.Scope(p.app.ctx, r, &text); err != nil {
		return out, found, err
	}
	classes, missing, err := p.rows(text.String())
	if err != nil {
		return out, found, err
	}
	var rows []uint32
	var lacking []person.RecordName
	found = answered{map[scope.Class][]uint32{}, map[scope.Class][]person.RecordName{}}
	for _, one := range []struct {
		class scope.Class
		count scope.Count
		to    *personFigure
	}{
		{scope.Confirmed, result.Confirmed.Count, &out.Confirmed},
		{scope.Reachable, result.Reachable.Count, &out.Reachable},
		{scope.EverHeld, result.EverHeld.Count, &out.EverHeld},
	} {
		rows = append(rows, classes[one.class.String()]...) // each class holds the one before
		lacking = append(lacking, missing[one.class.String()]...)
		found.rows[one.class], found.missing[one.class] = slices.Clone(rows), slices.Clone(lacking)
		*one.to = personFigure{Rows: one.count.Records, Subjects: one.count.Subjects, Persons: p.state.PartOf(rows, p.today)}
		if known := uint64(len(rows)); known < one.count.Subjects {
			one.to.Unmatched = one.count.Subjects - known
			one.to.Persons.Estimate += int(one.to.Unmatched)
			one.to.Persons.High += int(one.to.Unmatched)
		}
	}
	return out, found, nil
}

// unescape is the inverse of what the list does to keys.
var unescape = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r")

// rows finds the rows of a list's subjects, by class, and those that are missing.
func (p *personCounter) rows(list string) (out map[string][]uint32, missing map[string][]person.RecordName, err error) {
	type line struct {
		class string
		name  person.RecordName
	}
	var lines []line
	names := map[person.RecordName]uint32{}
	for text := range strings.Lines(list) {
		parts := strings.SplitN(strings.TrimSuffix(text, "\n"), "\t", 3)
		if len(parts) != 3 { // subjects that cannot be named any more: they stay unmatched
			continue
		}
		source := parts[1]
		named, err := p.named(source)
		if err == nil && named {
			source, err = p.source(source)
		}
		if err != nil {
			return nil, nil, err
		}
		name := person.RecordName{Source: source, Key: unescape.Replace(parts[2])}
		names[name] = 0
		lines = append(lines, line{parts[0], name})
	}
	found := p.state.Find(names)
	out, missing = map[string][]uint32{}, map[string][]person.RecordName{}
	for _, l := range lines {
		if row, ok := found[l.name]; ok {
			out[l.class] = append(out[l.class], row)
			continue
		}
		missing[l.class] = append(missing[l.class], l.name)
	}
	return out, missing, nil
}

// named reports whether a list names the subjects of a source by their keys: those
// of remote processes stand there as numbers, of which nobody here knows the row.
func (p *personCounter) named(source string) (bool, error) {
	site := frame.SiteOfSubjects(source)
	if site == "" {
		return true, nil
	}
	member, err := p.app.memberHere()
	return site == member, err
}

// source returns which source of the state holds the subjects of a source: the
// one that was said, that of the same name, or that of the table's name.
func (p *personCounter) source(subjects string) (string, error) {
	table := subjects[strings.LastIndexAny(subjects, "./")+1:]
	for _, name := range []string{p.given[subjects], subjects, table} {
		if slices.ContainsFunc(p.state.Reads, func(r person.Read) bool { return r.Source == name && name != "" }) {
			return name, nil
		}
	}
	return "", fault.New(fault.PersonSubjects, "source", subjects)
}

// personsText shows the three figures side by side, then channels and
// passports of everybody reachable.
func (a *app) personsText(r *scopePersons) {
	a.print("scope_side_head")
	for _, one := range []struct {
		key string
		f   personFigure
	}{{"confirmed", r.Confirmed}, {"reachable", r.Reachable}, {"ever_held", r.EverHeld}} {
		a.sideLine(a.say.Text(one.key), one.f)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Elements)) {
		a.sideLine(elementName(a.say, name), r.Elements[name].Reachable)
	}
	part := &r.Reachable.Persons
	for _, c := range []person.Channel{person.ByCompany, person.ByEmail, person.ByPhone, person.ByPost, person.ByNotice} {
		if n := part.Channels[c]; n > 0 {
			a.print("scope_channel_"+string(c), "n", countOf(uint64(n)), "companies", countOf(uint64(part.Companies)))
		}
	}
	for _, name := range largest(part.ByCompany, shownCompanies) {
		a.print("scope_company", "company", name, "n", countOf(uint64(part.ByCompany[name])))
	}
	years := map[int]int{}
	for day, n := range part.Passports {
		years[int(day/10000)] += n
	}
	for _, year := range slices.Sorted(maps.Keys(years)) {
		a.print("scope_passports", "year", strconv.Itoa(year), "n", countOf(uint64(years[year])))
	}
	if n := r.EverHeld.Unmatched; n > 0 {
		a.print("scope_unmatched", "n", countOf(n))
	}
	if n := r.Notices; n != nil {
		a.print("scope_notices_made", "rows", countOf(n.Rows), "persons", countOf(n.Persons), "sha256", n.SHA256)
	}
}

// shownCompanies is how many companies are shown; --json has all.
const shownCompanies = 10

// largest are the names with the largest numbers.
func largest(counts map[string]int, most int) []string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return names[:min(most, len(names))]
}

func (a *app) sideLine(name string, f personFigure) {
	a.print("scope_side", "name", pad(name, 18), "records", countOf(f.Rows), "subjects", countOf(f.Subjects),
		"low", countOf(uint64(f.Persons.Low)), "high", countOf(uint64(f.Persons.High)), "estimate", countOf(uint64(f.Persons.Estimate)))
}
