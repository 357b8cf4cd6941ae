package person

import (
	"cmp"
	"maps"
	"slices"

	"sekisho/internal/person/record"
)

// Notice is one message to send: to a person, or to a company about the people
// that it booked for. It holds no value of a record: who sends it takes name and
// address from the record that it names.
type Notice struct {
	Channel  Channel      `json:"channel"`
	Company  string       `json:"company,omitempty"` // canonical name
	Persons  []uint32     `json:"persons,omitempty"` // their numbers; none for a subject of no source
	Language string       `json:"language"`          // "ja" or "en"
	Items    []string     `json:"items"`             // what of them left
	Contact  RecordName   `json:"contact"`           // the record with the best way to reach them
	Records  []RecordName `json:"records"`           // theirs among those that left
}

// Items says of which rows what left: a bit for each of Names.
type Items struct {
	Names []string
	Rows  map[uint32]uint64
}

// Notices are the messages to the persons behind rows, those to companies first.
// Every row's person is in exactly one.
//
// The language is Japanese unless an address of the person is in Latin letters
// and nothing of him in kanji: a name in romaji alone is what Japanese booking
// forms ask for.
func (res *Result) Notices(items Items) []Notice {
	persons := map[uint32]*Notice{}
	masks := map[uint32]uint64{}
	for _, row := range slices.Sorted(maps.Keys(items.Rows)) {
		p := res.Persons[row]
		if p == 0 {
			continue
		}
		if persons[p] == nil {
			persons[p] = &Notice{Persons: []uint32{p}}
		}
		persons[p].Records = append(persons[p].Records, res.Name(row))
		masks[p] |= items.Rows[row]
	}
	res.reach(persons)
	var out []Notice
	companies := map[string]int{} // place in out
	for _, p := range slices.Sorted(maps.Keys(persons)) {
		n := persons[p]
		n.Items = items.of(masks[p])
		if n.Channel != ByCompany {
			out = append(out, *n)
			continue
		}
		at, ok := companies[n.Company]
		if !ok {
			companies[n.Company] = len(out)
			out = append(out, *n)
			continue
		}
		out[at].Persons = append(out[at].Persons, p)
		out[at].Records = append(out[at].Records, n.Records...)
		out[at].Items = union(out[at].Items, n.Items, items.Names)
	}
	slices.SortStableFunc(out, func(a, b Notice) int {
		return cmp.Or(cmp.Compare(rank(a.Channel), rank(b.Channel)), cmp.Compare(a.Company, b.Company))
	})
	return out
}

// reach finds channel, contact and language of persons from all their records.
func (res *Result) reach(persons map[uint32]*Notice) {
	alone := map[uint32]bool{}
	company := map[uint32]record.Word{}
	latin, kanji := map[uint32]bool{}, map[uint32]bool{}
	for row, p := range res.Persons {
		n := persons[p]
		if n == nil {
			continue
		}
		r := res.Table.At(uint32(row))
		if c := channelOf(r); n.Channel == "" || rank(c) < rank(n.Channel) {
			n.Channel, n.Contact = c, res.Name(uint32(row))
		}
		if r.Company == 0 {
			alone[p] = true
		} else {
			company[p] = r.Company
		}
		latin[p] = latin[p] || r.Flags&record.LatinPlace != 0
		kanji[p] = kanji[p] || r.KanjiFamily != 0 || r.Town != 0 && r.Flags&record.LatinPlace == 0
	}
	for p, n := range persons {
		if n.Language = "ja"; latin[p] && !kanji[p] {
			n.Language = "en"
		}
		if !alone[p] && company[p] != 0 {
			n.Channel, n.Company = ByCompany, string(res.Names.Companies.Text(company[p]))
		}
	}
}

// of names the items of a mask.
func (i Items) of(mask uint64) []string {
	var out []string
	for bit, name := range i.Names {
		if mask>>bit&1 == 1 {
			out = append(out, name)
		}
	}
	return out
}

// union keeps the order of all.
func union(a, b, all []string) (out []string) {
	for _, name := range all {
		if slices.Contains(a, name) || slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out
}
