package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
)

// Reader reads a ledger, also while this or another process writes to it. It
// is safe for concurrent use.
type Reader struct {
	fs   durable.FS
	id   Identity
	live *Ledger // nil when another process, or nobody, writes

	mu    sync.Mutex
	marks []mark // where recent scans ended, newest last
}

// mark is the byte position of an event in an open segment.
type mark struct {
	index   event.Index
	ordinal uint64
	offset  int64
}

// maxMarks bounds Reader.marks: a mark for each follower, and some more.
const maxMarks = 32

func newReader(fsys durable.FS, id Identity) *Reader { return &Reader{fs: fsys, id: id} }

// OpenReader opens a ledger for reading only. It takes no lock, changes nothing
// and needs no Close. It sees whole lines that the writer has handed to the
// operating system, which a power cut may still take.
func OpenReader(dir string) (*Reader, error) {
	fsys := durable.Dir(dir)
	id, err := readIdentity(fsys, dir)
	if err != nil {
		return nil, err
	}
	return newReader(fsys, id), nil
}

// Identity returns what this is the ledger of.
func (r *Reader) Identity() Identity { return r.id }

// Scan calls fn with every event from the given index to the present end, in
// order. line has no line feed and is valid until fn returns. On an open
// Ledger the end is its Head: nothing is given that a power cut could take.
// Scan returns fn's error as it is.
func (r *Reader) Scan(ctx context.Context, from event.Index, fn func(index event.Index, line []byte) error) error {
	end := event.Index(math.MaxUint64)
	if r.live != nil {
		end = r.live.Head()
	}
	_, err := r.scan(ctx, from, end, fn)
	return err
}

// Head returns the number of events that can be read: the index of the next.
func (r *Reader) Head(ctx context.Context) (event.Index, error) {
	if r.live != nil {
		return r.live.Head(), nil
	}
	nothing := func(event.Index, []byte) error { return nil }
	return r.scan(ctx, r.lastMark(), math.MaxUint64, nothing)
}

// Wait returns when the event with index next can be read, with the head.
func (r *Reader) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	if r.live != nil {
		return r.live.Wait(ctx, next)
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		head, err := r.Head(ctx)
		if err != nil || head > next {
			return head, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return head, ctx.Err()
		}
	}
}

// pollInterval is how often a reader of another process's ledger looks.
const pollInterval = 50 * time.Millisecond

func (r *Reader) scan(ctx context.Context, from, end event.Index, fn func(event.Index, []byte) error) (event.Index, error) {
	at := r.find(from)
	for {
		next, err := r.scanOpen(ctx, &at, from, end, fn)
		if err != nil {
			return at.index, err
		}
		if !next || at.index >= end {
			r.remember(at)
			return at.index, nil
		}
	}
}

// scanOpen reads the open segment at the mark and moves the mark to where it
// stopped. It tells whether there is a next segment.
func (r *Reader) scanOpen(ctx context.Context, at *mark, from, end event.Index, fn func(event.Index, []byte) error) (next bool, err error) {
	if at.index >= end {
		return false, nil
	}
	name := openName(at.ordinal)
	f, err := r.fs.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	// Asked before reading: once the next segment is there, this one is whole.
	there, err := exists(r.fs, openName(at.ordinal+1))
	if err != nil {
		return false, err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f, at.offset, math.MaxInt64-at.offset), 2*event.MaxLine)
	for at.index < end {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, fmt.Errorf("%s at byte %d: %w", name, at.offset, err)
		}
		if at.index >= from {
			if err := fn(at.index, line[:len(line)-1]); err != nil {
				return false, err
			}
		}
		at.index++
		at.offset += int64(len(line))
		if at.index%1024 == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	if !there || at.index >= end {
		return false, nil
	}
	at.ordinal, at.offset = at.ordinal+1, 0
	return true, nil
}

// find returns the last known position that is not after index.
func (r *Reader) find(index event.Index) mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	var best mark
	for _, m := range r.marks {
		if m.index <= index && m.index >= best.index {
			best = m
		}
	}
	return best
}

func (r *Reader) lastMark() event.Index { return r.find(math.MaxUint64).index }

func (r *Reader) remember(m mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.marks) == maxMarks {
		r.marks = append(r.marks[:0], r.marks[1:]...)
	}
	r.marks = append(r.marks, m)
}
