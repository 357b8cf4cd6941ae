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
	"fmt"
	"runtime"
	"slices"
	"sync"

	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
	"sekisho/internal/person/rowfile"
)

// Source is a file of customer records.
type Source struct {
	Name string // in reports and decisions
	File string
	// Columns say what each column holds, by its heading; the others are
	// found by heading and content.
	Columns map[string]record.Column
}

// Options bound a run. The zero value is usable.
type Options struct {
	Workers int // 0: one a processor
	Cap     int // records of one blocking key; 0: match.DefaultCap
	Memory  int64
	TempDir string
	// LinkAt is how likely two records must be one person to be joined without
	// being asked about; ReviewAt how likely to be asked about.
	// LinkAt 0 lets the links say: as many as are expected to be right in
	// DefaultPrecision.
	LinkAt, ReviewAt float64
	Decisions        []Decision
	Progress         func(stage string, done, all int64)
}

// The thresholds when Options say none.
const (
	DefaultPrecision = 0.999
	DefaultReviewAt  = 0.05
	leastLinkAt      = 0.5
)

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
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
	Header   []string
	Rows     int // rows of the file without the header
	Records  int // of them read
	Skipped  int
	Mixed    int // lines in another encoding than the file's
	Problems []rowfile.Problem
	First    int // its first row in the table
}

// maxProblems is how many skipped rows are named; all are counted.
const maxProblems = 100

// Result is what a run found.
type Result struct {
	Table   *record.Table
	Names   *record.Names
	Reads   []Read
	Match   *match.Result
	Sets    *cluster.Sets
	Refused []cluster.Refused
	Review  []match.Link // likely enough to ask about, not joined
	LinkAt  match.Score  // the score from which links were joined
}

// Run matches the records of all sources.
func Run(ctx context.Context, sources []Source, o Options) (*Result, error) {
	o = o.withDefaults()
	res := &Result{Table: &record.Table{}, Names: &record.Names{}}
	for i, s := range sources {
		r, err := readSource(ctx, res, s, uint16(i), o)
		if err != nil {
			return nil, err
		}
		res.Reads = append(res.Reads, r)
	}
	record.Settle(res.Table, res.Names, 0)
	var err error
	res.Match, err = match.Run(ctx, res.Table, res.Names, match.Options{Workers: o.Workers, Cap: o.Cap, Memory: o.Memory, TempDir: o.TempDir,
		Progress: func(stage string, done, all int) { o.Progress(stage, int64(done), int64(all)) }})
	if err != nil {
		return nil, err
	}
	res.cluster(o)
	return res, nil
}

func (res *Result) cluster(o Options) {
	m := res.Match.Model
	guard := cluster.Guard{Families: res.Match.Families}
	if res.LinkAt = m.ScoreAt(o.LinkAt); o.LinkAt == 0 {
		allowed := make([]match.Link, 0, len(res.Match.Links))
		for _, l := range res.Match.Links {
			if guard.Check(l.Pattern) == cluster.None {
				allowed = append(allowed, l)
			}
		}
		res.LinkAt = m.Calibrate(allowed, DefaultPrecision, leastLinkAt)
	}
	review := m.ScoreAt(o.ReviewAt)
	var sure, ask []match.Link
	for _, l := range res.Match.Links {
		switch {
		case l.Score >= res.LinkAt:
			sure = append(sure, l)
		case l.Score >= review:
			ask = append(ask, l)
		}
	}
	cluster.Sort(res.Table, sure)
	cluster.Sort(res.Table, ask)
	res.Sets = cluster.NewSets(res.Table.Len())
	j := cluster.NewJoiner(res.Table, res.Names, res.Sets, guard, cluster.Decisions{})
	res.Refused = j.Join(sure)
	res.Review = ask
}

// readSource adds the records of a source to the table.
func readSource(ctx context.Context, res *Result, s Source, number uint16, o Options) (Read, error) {
	f, err := rowfile.Open(s.File)
	if err != nil {
		return Read{}, err
	}
	defer f.Close()
	columns, plain := record.Detect(f.Header, f.Sample())
	if plain {
		f.Headless()
	}
	for i, h := range f.Header {
		if c, ok := s.Columns[h]; ok {
			columns[i] = c
		}
	}
	r := Read{Source: s.Name, Encoding: f.Encoding.String(), Columns: columns, Header: f.Header, First: res.Table.Len()}
	builders := make([]*record.Builder, o.Workers)
	for w := range builders {
		builders[w] = record.NewBuilder(res.Names, columns, number, s.Name)
	}
	var mu sync.Mutex
	var done int64
	r.Rows, err = f.Read(ctx, o.Workers, func(w int, c *rowfile.Chunk) error {
		mu.Lock()
		res.Table.Grow(r.First + c.First + c.Rows)
		view := *res.Table // slabs may move while others grow; the rows do not
		mu.Unlock()
		records := 0
		var problems []rowfile.Problem
		mixed := f.Each(c, func(n int, fields [][]byte) {
			builders[w].Build(view.At(uint32(r.First+n)), fields)
			records++
		}, func(p rowfile.Problem) { problems = append(problems, p) })
		mu.Lock()
		defer mu.Unlock()
		r.Records += records
		r.Mixed += mixed
		r.Skipped += len(problems)
		r.Problems = append(r.Problems, problems...)
		done += c.Bytes
		o.Progress("read", done, f.Size)
		if r.First+c.First+c.Rows > match.MaxRecords {
			return match.ErrTooMany
		}
		return nil
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
