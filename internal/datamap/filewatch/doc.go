// Package filewatch tells, with the kernel's help, what happens to the files of a
// tree: a file that came, was written to, was moved or went is a [Sight], also when
// it lived for a few milliseconds only, with its content still open where that was
// possible.
//
// It reads no content, records nothing and knows no personal data: that is
// filehold. It is no guard: what it cannot see is a [Loss], never silence.
//
// # How (Linux)
//
// inotify(7) names what comes, goes and moves in each directory. Where the process
// may (CAP_SYS_ADMIN), fanotify(7) hands over an open file for every FAN_CLOSE_WRITE
// of the file system: the kernel keeps the file alive until it was read, so that
// what was written and closed is never too late. Without it a file is opened when its
// creation is told, which may be too late: such a sight has no File and is Late.
//
// Both queues are the kernel's and bounded (16,384 events each by default); an
// overflow is a Loss.
package filewatch

import (
	"errors"
	"os"
	"time"
)

// Sight is what happened to one file between two calls of Take: one life of it, or
// a part of one.
type Sight struct {
	Path string // below the root, as the file system spells it
	// Was is where it was moved from, "" when it was not.
	Was string
	// MovedTo is where it is now, when it was moved inside the tree.
	MovedTo string
	// File is its content, open for reading; nil when nothing was written or when
	// it was too late. Who takes the sight closes it.
	File     *os.File
	Created  bool // it was not there before
	Written  bool // it was closed after writing, or moved to its place
	Writes   int  // how often; what an earlier one wrote may be gone
	Gone     bool // deleted or moved away
	Dir      bool // a directory: Gone means all that was in it
	Size     int64
	From, To time.Time // when it was first and last told of, by this machine's clock

	spilled bool // beyond Config.Pending: nobody will take it
}

// Late reports whether the file went before anybody could open it, and so what was in
// it is not known.
func (s *Sight) Late() bool {
	return s.Gone && !s.Dir && s.MovedTo == "" && s.File == nil && (s.Created || s.Written) && s.Size != 0
}

// Loss is a time in which files may have come and gone without a sight.
type Loss struct {
	Path     string // below the root: only what is in this directory; "" for all
	From, To time.Time
	Reason   string // "queue overflow", "new folder", "too many folders"
}

// Reasons of a loss.
const (
	Overflow  = "queue overflow"
	NewFolder = "a new folder was not watched yet"
	TooMany   = "a folder cannot be watched"
)

// Config describes a watch.
type Config struct {
	Root string          // absolute
	Skip map[string]bool // absolute directories that are left out
	// Held bounds the files that are kept open until they were read; 0 means 4,096.
	Held int
	// Pending bounds the sights that wait; more is a Loss. 0 means 65,536.
	Pending int
	// Plain does without fanotify.
	Plain bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// ErrUnsupported is returned where the system cannot watch.
var ErrUnsupported = errors.New("this system cannot watch a folder: files are read on schedule only")
