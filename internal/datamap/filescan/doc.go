// Package filescan looks through a tree of files for personal data and says
// which files hold which elements, how many, where in them, and what could not
// be read.
//
// It does not say whose data it is, records no events and asks nobody: it is what
// `sekisho scan` runs on one machine. It writes nothing below the folder and, on
// Linux where it owns the files, leaves access times alone.
//
// A scan keeps a state elsewhere: one line of JSON a file that was read, in the
// order in which they were finished. Killed at any moment it goes on behind the
// last whole line; run again it reads only files whose size or times changed. The
// state holds counts, places and masks, never a value.
package filescan

import (
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// Object is what was found in one file.
type Object struct {
	Path     string    `json:"path"` // below the folder, with slashes, as people read it
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified,omitzero"` // zero when nobody says: a table
	// Public is set when everybody on the machine may read the file.
	Public   bool     `json:"public,omitempty"`
	Elements []Found  `json:"elements,omitempty"`
	Troubles []Unread `json:"troubles,omitempty"`
	Alarms   []string `json:"alarms,omitempty"` // columns with more card numbers than chance
	Digest   string   `json:"digest,omitempty"` // of the content, keyed by the state: tells copies
	CopyOf   string   `json:"copy_of,omitempty"`
	Rank     *Rank    `json:"rank,omitempty"`
	identity [4]int64 // size and times, to see a change
	volatile bool     // identity tells within one scan only
	raw      string   // the path as the file system spells it
}

// Found is one element in a file.
type Found struct {
	Kind  element.Kind `json:"-"`
	Name  string       `json:"element"`
	Count uint64       `json:"count"`
	// Places are the first of them: maxPlaces for what identifies or pays, a few
	// for the rest.
	Places []Place `json:"places,omitempty"`
}

// Place is where in a file a value stands.
type Place struct {
	Part   string `json:"part,omitempty"`   // member, sheet or table
	Row    int64  `json:"row,omitempty"`    // of a table, counted from 1, its header included; with Key its key
	Key    string `json:"key,omitempty"`    // the column of which Row is the value
	Line   int64  `json:"line,omitempty"`   // of a text
	Column string `json:"column,omitempty"` // of a table
	Mask   string `json:"mask,omitempty"`   // 411111******1111
}

// Unread is something that could not be read.
type Unread struct {
	Part    string           `json:"part,omitempty"`
	Trouble document.Trouble `json:"-"`
	Name    string           `json:"trouble"`
	Detail  string           `json:"detail,omitempty"`
}

// Count returns how often an element was found.
func (o *Object) Count(k element.Kind) uint64 {
	for i := range o.Elements {
		if o.Elements[i].Kind == k {
			return o.Elements[i].Count
		}
	}
	return 0
}

// Persons estimates how many persons the file speaks of: the most frequent of
// the elements that name one.
func (o *Object) Persons() (n uint64) {
	for _, f := range o.Elements {
		if naming.Has(f.Kind) {
			n = max(n, f.Count)
		}
	}
	return n
}

var naming = element.MaskOf(element.Name, element.Kana, element.Email, element.Phone, element.Passport, element.DriversLicence, element.MyNumber, element.CardPAN, element.BankAccount)

// precise are the elements of which every place is kept, up to maxPlaces.
var precise = element.MaskOf(element.CardPAN, element.CardCVV, element.MyNumber, element.Passport, element.DriversLicence, element.BankAccount)

const (
	maxPlaces    = 1000
	somePlaces   = 3
	maxTroubles  = 50 // of one file
	maxTablePart = 4096
)
