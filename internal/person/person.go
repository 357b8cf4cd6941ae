// Package person says how many people stand behind customer records, and who:
// 名寄せ. It reads the records of several sources, matches them without
// supervision, joins them to persons, and says how sure the number is and why
// two records are or are not one person.
//
// It writes no event and knows no ledger: commands record what people decide.
// It keeps names only as long as a run lasts, unless a state folder is asked
// for.
package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
	"sekisho/internal/person/rowfile"
)

// Source is where customer records come from: a file (CSV or TSV in any
// encoding, a workbook, a Parquet file, a SQLite database), or rows that
// somebody writes.
type Source struct {
	Name string // in reports and decisions
	File string
	// Rows, if it is not nil, is called instead of reading File. It writes CSV
	// in UTF-8, columns' names first, and returns how many rows it had to leave
	// out because of their length.
	Rows func(ctx context.Context, w io.Writer) (tooLong int, err error)
	// Columns say what each column holds, by its heading; the others are
	// found by heading and content.
	Columns map[string]record.Column
}

// Options bound a run. The zero value is usable.
type Options struct {
	Workers int // 0: one a processor
	Cap     int // records of one blocking key; 0: match.DefaultCap
	// LinkAt is how likely two records must be one person to be joined without
	// being asked about; ReviewAt how likely to be asked about.
	// LinkAt 0 lets the links say: as many as are expected to be right in
	// DefaultPrecision.
	LinkAt, ReviewAt float64
	Decisions        []Decision
	// Known, if it is not nil, is asked for decisions once the records are read
	// and can be named: those of Decisions and these hold. It needs Keys.
	Known func(*Result) ([]Decision, error)
	// Keys keeps the sources' own numbers in the result, for lists; without it
	// a record is called by its row. A state keeps them anyway.
	Keys bool
	// Memory is how many bytes of memory the process may use; 0: as many as it
	// needs. What does not fit lies in a file in Temp (empty: the system's
	// folder for such files) that has no name and is gone with the process. The
	// result is the same. Dictionaries and what each worker works with have to
	// have a place: below LeastMemory of the records a run refuses, as soon as
	// it knows how many they are.
	Memory   int64
	Temp     string
	Progress func(stage string, done, all int64)

	keep      func(rule string, sorted []uint64) error // of match.Options
	anyMemory bool                                     // tests: also a cap that cannot be kept
}

// The thresholds when Options say none.
const (
	DefaultPrecision = 0.9995
	DefaultReviewAt  = 0.05
	leastLinkAt      = 0.5
)

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
		for o.Memory > 0 && o.Workers > 1 && o.Memory < LeastMemory(0, o.Workers) {
			o.Workers--
		}
	}
	if o.ReviewAt == 0 {
		o.ReviewAt = DefaultReviewAt
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	return o
}

// Decision is what somebody decided about two records, each named by source
// and key.
type Decision struct {
	A, B RecordName
	Same bool
}

// RecordName names a record across runs: its source and the key that the
// source gave it, or #n for row n when it has none.
type RecordName struct{ Source, Key string }

// Read is what was read of one source.
type Read struct {
	Source   string
	Encoding string
	Columns  []record.Column
	Header   []string // "#1", "#2" … when the first row is somebody's
	Rows     int      // rows of the file without the header
	Records  int      // of them read
	Skipped  int
	Mixed    int // lines in another encoding than the file's
	Problems []rowfile.Problem
	First    int // its first row in the table
}

// maxProblems is how many skipped rows are named; all are counted.
const maxProblems = 100

// Result is what a run found.
type Result struct {
	Keys     *record.Keys // when Options ask for them
	Table    *record.Table
	Names    *record.Names
	Reads    []Read
	Match    *match.Result
	Sets     *cluster.Sets
	Refused  []cluster.Refused
	Review   []match.Link // likely enough to ask about, not joined
	Weak     []match.Link // joined, and likely enough to be wrong to ask about
	LinkAt   match.Score  // the score from which links were joined
	ReviewAt match.Score
	// Persons is the number of the person of each row: numbers are given once
	// and never again. Rows that were skipped have 0.
	Persons []uint32
	next    uint32 // the first number not given
	lost    lost
	release func() error
	decided []Decision
}

// Decisions are those that the result stands on.
func (res *Result) Decisions() []Decision { return res.decided }

// Close gives back what a run with a bound on memory keeps on disk; the result
// may not be used any more. One without a bound has nothing to close.
func (res *Result) Close() error {
	if res.release == nil {
		return nil
	}
	return res.release()
}

func emptyResult() *Result {
	return &Result{Table: &record.Table{}, Names: &record.Names{}, Keys: &record.Keys{}}
}

// newResult is an empty result, its tables where o says. The context ends with
// ErrRoom when the disk is full.
func newResult(ctx context.Context, o Options) (*Result, context.Context, error) {
	res := emptyResult()
	if o.Memory == 0 {
		return res, ctx, nil
	}
	dir := o.Temp
	if dir == "" {
		dir = os.TempDir()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	room, err := record.NewRoom(dir, o.Memory, cancel)
	if err != nil {
		cancel(nil)
		return nil, ctx, err
	}
	res.Table.Room, res.Keys.Room = room, room
	res.release = func() error {
		cancel(nil)
		return room.Close()
	}
	return res, ctx, nil
}

// Run matches the records of all sources.
func Run(ctx context.Context, sources []Source, o Options) (*Result, error) {
	o = o.withDefaults()
	res, ctx, err := newResult(ctx, o)
	if err != nil {
		return nil, err
	}
	if err = o.refuse(sources, 0); err == nil {
		err = res.run(ctx, sources, o)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return res, nil
	}
	if cause := context.Cause(ctx); errors.Is(cause, record.ErrRoom) {
		err = cause
	}
	return nil, errors.Join(err, res.Close())
}

func (res *Result) run(ctx context.Context, sources []Source, o Options) error {
	if err := res.read(ctx, sources, o); err != nil {
		return err
	}
	if err := res.know(o, o.Decisions); err != nil {
		return err
	}
	record.Settle(res.Table, res.Names, 0, record.Counts{})
	var err error
	res.Match, err = match.Run(ctx, res.Table, res.Names, match.Options{Workers: o.Workers, Cap: o.Cap, Keep: o.keep,
		Progress: func(stage string, done, all int) { o.Progress(stage, int64(done), int64(all)) }})
	if err != nil {
		return err
	}
	res.cluster(o)
	res.lost = res.findLost(o.Workers)
	res.number(1)
	return nil
}

// number gives persons numbers in the order of their first rows.
func (res *Result) number(next uint32) {
	res.Persons = record.Make[uint32](res.Table.Room, res.Table.Len())
	res.next = next
	for i, r := range res.Table.Rows() {
		if r.Flags&record.Alive == 0 {
			continue
		}
		c := res.Sets.Find(i) // whose number is that of all its records
		if res.Persons[c] == 0 {
			res.Persons[c] = res.next
			res.next++
		}
		res.Persons[i] = res.Persons[c]
	}
}

// read adds the records of sources behind those that were read.
func (res *Result) read(ctx context.Context, sources []Source, o Options) error {
	for _, s := range sources {
		number := len(res.Reads)
		if number > math.MaxUint16-1000 {
			return fmt.Errorf("more than %d sources", math.MaxUint16-1000)
		}
		if s.Rows != nil {
			r, err := readRows(ctx, res, s, uint16(number), o)
			if err != nil {
				return err
			}
			res.Reads = append(res.Reads, r)
			continue
		}
		several, err := isTables(s.File)
		if err != nil {
			return err
		}
		if several {
			reads, err := readTables(ctx, res, s, uint16(number), o)
			if err != nil {
				return err
			}
			res.Reads = append(res.Reads, reads...)
			continue
		}
		r, err := readSource(ctx, res, s, uint16(number), o)
		if err != nil {
			return err
		}
		res.Reads = append(res.Reads, r)
	}
	res.Keys.Seal()
	return nil
}

func (res *Result) cluster(o Options) {
	m := res.Match.Model
	guard := res.guard()
	if res.LinkAt = m.ScoreAt(o.LinkAt); o.LinkAt == 0 {
		allowed := func(p match.Pattern) bool { return guard.Check(p) == cluster.None }
		res.LinkAt = m.Calibrate(res.Table.Room, res.Match.Links, allowed, DefaultPrecision, leastLinkAt)
	}
	review := m.ScoreAt(o.ReviewAt)
	res.ReviewAt = review
	sure := res.between(res.LinkAt, math.MaxInt32)
	ask := res.between(review, res.LinkAt)
	cluster.Sort(res.Table, sure, o.Workers)
	cluster.Sort(res.Table, ask, o.Workers)
	res.Sets = cluster.NewSets(res.Table.Room, res.Table.Len())
	j := cluster.NewJoiner(res.Table, res.Names, res.Sets, guard, res.decisions(res.decided))
	res.Refused = j.Join(sure)
	res.Sets.Flatten(res.Table.Room)
	res.Review = ask
	res.noteWeak(sure)
}

// between returns the links of scores from low to below high.
func (res *Result) between(low, high match.Score) []match.Link {
	n := 0
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		if l.Score >= low && l.Score < high {
			n++
		}
	}
	out := record.Make[match.Link](res.Table.Room, n)[:0]
	for l := range record.Each(res.Table.Room, res.Match.Links) {
		if l.Score >= low && l.Score < high {
			out = append(out, *l)
		}
	}
	return out
}

// know asks for decisions that are known elsewhere. Of two about one pair, the
// one from there holds.
func (res *Result) know(o Options, have []Decision) error {
	res.decided = slices.Clone(have)
	if o.Known == nil {
		return nil
	}
	more, err := o.Known(res)
	if err != nil {
		return err
	}
	for _, d := range more {
		res.decided = append(slices.DeleteFunc(res.decided, d.about), d)
	}
	return nil
}

// about reports whether two decisions are about one pair.
func (d Decision) about(o Decision) bool {
	return o.A == d.A && o.B == d.B || o.A == d.B && o.B == d.A
}

// decisions finds the rows that decisions name.
func (res *Result) decisions(list []Decision) cluster.Decisions {
	var out cluster.Decisions
	if len(list) == 0 {
		return out
	}
	names := map[RecordName]uint32{}
	for _, d := range list {
		names[d.A], names[d.B] = 0, 0
	}
	rows := res.Find(names)
	for _, d := range list {
		a, okA := rows[d.A]
		b, okB := rows[d.B]
		switch {
		case !okA || !okB: // a record that is no longer there: the decision waits
		case d.Same:
			out.Same = append(out.Same, [2]uint32{a, b})
		default:
			out.Different = append(out.Different, [2]uint32{a, b})
		}
	}
	return out
}

// Find returns the rows of named records.
func (res *Result) Find(names map[RecordName]uint32) map[RecordName]uint32 {
	found := map[RecordName]uint32{}
	for i, r := range res.Table.Rows() {
		if r.Flags&record.Alive == 0 {
			continue
		}
		name := res.Name(i)
		if _, ok := names[name]; ok {
			if _, twice := found[name]; !twice {
				found[name] = i
			}
		}
	}
	return found
}

// Name returns the name of a row.
func (res *Result) Name(row uint32) RecordName {
	read := &res.Reads[res.Table.At(row).Source]
	key := string(res.Keys.At(int(row)))
	if key == "" {
		key = "#" + strconv.Itoa(int(row)-read.First+1)
	}
	return RecordName{read.Source, key}
}

// readSource adds the records of a source to the table.
func readSource(ctx context.Context, res *Result, s Source, number uint16, o Options) (Read, error) {
	f, err := rowfile.Open(s.File)
	if err != nil {
		return Read{}, err
	}
	defer f.Close()
	return readFile(ctx, res, s, f, number, o)
}

// readFile adds the records of an open file.
func readFile(ctx context.Context, res *Result, s Source, f *rowfile.File, number uint16, o Options) (Read, error) {
	columns, plain := record.Detect(f.Header, f.Sample())
	header := headerOf(f, s, columns, plain)
	r := Read{Source: s.Name, Encoding: f.Encoding.String(), Columns: columns, Header: header, First: res.Table.Len()}
	builders := make([]*record.Builder, o.Workers)
	for w := range builders {
		builders[w] = record.NewBuilder(res.Names, columns, number, s.Name)
	}
	var mu sync.Mutex
	var done int64
	keyAt := slices.Index(columns, record.Key)
	var err error
	r.Rows, err = f.Read(ctx, o.Workers, func(w int, c *rowfile.Chunk) error {
		res.Table.Room.Ease()
		mu.Lock()
		res.Table.Grow(r.First + c.First + c.Rows)
		view := *res.Table // slabs may move while others grow; the rows do not
		mu.Unlock()
		records := 0
		var keys record.KeyWriter
		keys.Begin(r.First+c.First, c.Rows)
		var problems []rowfile.Problem
		mixed := f.Each(c, func(n int, row []byte, fields [][]byte) {
			builders[w].Build(view.At(uint32(r.First+n)), row, fields)
			records++
			if o.Keys && keyAt >= 0 {
				keys.Put(r.First+n, fields[keyAt])
			}
		}, func(p rowfile.Problem) { problems = append(problems, p) })
		builders[w].Flush()
		if o.Keys && keyAt >= 0 {
			res.Keys.Add(&keys, r.First+c.First+c.Rows)
		}
		mu.Lock()
		defer mu.Unlock()
		r.Records += records
		r.Mixed += mixed
		r.Skipped += len(problems)
		r.Problems = append(r.Problems, problems...)
		done += c.Bytes
		o.Progress("read", done, f.Size)
		rows := r.First + c.First + c.Rows
		if rows > match.MaxRecords {
			return match.ErrTooMany
		}
		return o.fits(rows)
	})
	if err != nil {
		return Read{}, fmt.Errorf("source %s: %w", s.Name, err)
	}
	r.trimProblems()
	return r, nil
}

// trimProblems keeps the first of the skipped rows, by line.
func (r *Read) trimProblems() {
	slices.SortFunc(r.Problems, func(a, b rowfile.Problem) int { return a.Row - b.Row })
	r.Problems = r.Problems[:min(len(r.Problems), maxProblems)]
}

// ReadOnly reads one source and settles its names, without matching.
func ReadOnly(ctx context.Context, s Source) (*Result, error) {
	res := emptyResult()
	if err := res.read(ctx, []Source{s}, Options{}.withDefaults()); err != nil {
		return nil, err
	}
	record.Settle(res.Table, res.Names, 0, record.Counts{})
	return res, nil
}

// RecordNames yields the names of all records that were read.
func (res *Result) RecordNames() iter.Seq[RecordName] {
	return func(yield func(RecordName) bool) {
		for row, r := range res.Table.Rows() {
			if r.Flags&record.Alive != 0 && !yield(res.Name(row)) {
				return
			}
		}
	}
}
