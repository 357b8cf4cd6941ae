// Package filehold keeps recorded whose personal data rests in which file of a
// tree: each file is a place ("www/old/list.csv" in the tree "www") with an
// event.HoldingScan a subject source, and an empty one when the file is gone. So
// the ledger knows a file after it was deleted.
//
// A record is a row of a table or a line of a text. It belongs to the subjects of
// protected tables that its identifiers (e-mail address, phone, passport …) belong
// to, by the identifier index. A record that matches nobody is an unknown subject,
// known by a keyed hash of its identifier, or of all it says when it has none: the
// same record in two files is one unknown subject.
//
// Between two readings a watch may tell what comes and goes: each life of a file is
// an event.Object, with the holdings of what it held while it was there. A file that
// went before it could be read is an Object that says so, a finding, and a holding of
// as many unknown records as it may have had. What the watch itself lost is a gap.
//
// A copy and a move are known by a keyed hash of the content ([Contents]).
//
// It shows nobody where in a file something stands, ranks nothing and proposes
// nothing: that is filescan.
package filehold

import (
	"context"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/filewatch"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/subject"
)

// Unknown is the source of subjects that are in files only, unless Config.Unknown
// says another.
const Unknown event.SubjectSource = "files.unknown"

// Subject is a subject of a protected table.
type Subject struct {
	Source event.SubjectSource
	Number uint32
}

// Numbers gives unknown subjects their numbers; *subject.Source is one.
type Numbers interface {
	AssignBytes(ctx context.Context, kind subject.KeyKind, keys [][]byte, numbers []uint32) error
}

// Watcher tells what happens between two readings; *filewatch.Watch is one.
type Watcher interface {
	Ready() <-chan struct{}
	Take() ([]*filewatch.Sight, []filewatch.Loss)
}

// Config describes the readings of one tree.
type Config struct {
	Tree  event.Place // "www"
	Name  string      // of the store, for people: its folder
	Store document.Store
	// Watch is nil when nobody watches.
	Watch Watcher
	// Contents knows what is in which object, also of other trees; nil means none.
	Contents *Contents
	Recorder event.Recorder
	Numbers  Numbers // of Unknown
	// Unknown is the source of subjects that are in files only; "" means the constant
	// of that name. A remote process has one of its own.
	Unknown event.SubjectSource
	// Owners appends the subjects of protected tables to whom an identifier
	// belongs for certain.
	Owners func(dst []Subject, k element.Kind, value []byte) []Subject
	// Known is closed when Owners has read all identifiers once. The first reading of
	// the tree waits for it, as long as Every; what the watch sees does not. nil: Owners
	// knows them from the beginning.
	Known <-chan struct{}
	// Origins returns the places that what rests at a place was made from, in order; nil
	// knows none.
	Origins func(ctx context.Context, at event.Place, o Origin) []event.Place
	// SnapshotOf is the place whose volume the tree shows as it once was, "" for none.
	SnapshotOf event.Place
	// Hash is a keyed hash: what is hashed must not be guessable from the number
	// that the dictionary gives it. It is called by one goroutine.
	Hash func(parts ...[]byte) [16]byte
	// Held are the places of this tree that held something when the process
	// ended, with the sources of their subjects.
	Held   map[event.Place]map[event.SubjectSource]bool
	Limits document.Limits
	Temp   string // of spools
	// Every is how often the tree is read; 0 means 6 hours.
	Every time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Result says what a reading saw.
type Result struct {
	Files    uint64 // in the tree
	Read     uint64 // of them, in this reading
	Holding  uint64 // hold personal data
	Gone     uint64 // held it and are not there any more
	Troubles uint64 // files not read in full
	Subjects uint64 // of protected tables and unknown ones, summed over the files read
}
