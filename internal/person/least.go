package person

import (
	"errors"
	"fmt"

	"sekisho/internal/person/rowfile"
)

// What stays in memory whatever the cap is, measured at eight million records
// of six million names and addresses (docs/benchmarks.md) and rounded up.
const (
	leastBase   = 112 << 20 // the program, its garbage, a piece of every table
	leastWorker = 24 << 20  // what one remembers of names and addresses
	leastRecord = 12        // of the dictionaries
)

// LeastMemory is the least Options.Memory, in bytes, under which that many
// records are matched.
func LeastMemory(records, workers int) int64 {
	return leastBase + int64(workers)*leastWorker + int64(records)*leastRecord
}

// ErrMemory: a cap on memory is below what so many records need. Errors that are
// it are a *TooLittle.
var ErrMemory = errors.New("too little memory")

// TooLittle says how much more it takes.
type TooLittle struct {
	Records, Workers int
	Least, Cap       int64 // MiB
}

func (e *TooLittle) Error() string {
	return fmt.Sprintf("%v: %d records and %d workers need at least %d MiB, the cap is %d MiB", ErrMemory, e.Records, e.Workers, e.Least, e.Cap)
}

// Is reports whether target is ErrMemory.
func (e *TooLittle) Is(target error) bool { return target == ErrMemory }

// fits returns ErrMemory when a run of so many records cannot keep its cap.
func (o Options) fits(records int) error {
	least := LeastMemory(records, o.Workers)
	if o.Memory == 0 || o.anyMemory || o.Memory >= least {
		return nil
	}
	const mib = 1 << 20
	return &TooLittle{records, o.Workers, (least + mib - 1) / mib, o.Memory / mib}
}

// refuse returns ErrMemory when the files alone, by their size and their first
// rows, are too many for the cap. Others are counted while they are read.
//
// have is how many records are there already.
func (o Options) refuse(sources []Source, have int) error {
	if o.Memory == 0 {
		return nil
	}
	records := have
	for _, s := range sources {
		if s.Rows != nil {
			continue
		}
		if several, err := isTables(s.File); err != nil || several {
			continue // what is wrong with a file says its reader
		}
		f, err := rowfile.Open(s.File)
		if err != nil {
			continue
		}
		records += f.About()
		if err := f.Close(); err != nil {
			return err
		}
	}
	return o.fits(records)
}
