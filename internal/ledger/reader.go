package ledger

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/tiles"
	"sekisho/proof"
)

// Reader reads a ledger, also while this or another process writes to it. It
// is safe for concurrent use. It believes what it reads; Verify does not.
type Reader struct {
	fs   durable.FS
	dir  string
	id   Identity
	live *Ledger // nil when another process, or nobody, writes

	mu     sync.Mutex
	leaves []*proof.Leaf // of the sealed segments, in order
	marks  []mark        // where recent scans ended in open segments, newest last
}

// mark is the byte position of an event in a segment's lines.
type mark struct {
	index   event.Index
	ordinal uint64
	offset  int64
}

// maxMarks bounds Reader.marks: one for each follower, and some more.
const maxMarks = 32

// ErrDropped is returned for evidence of events that retention has dropped, and
// for segments that are not there. First tells where the ledger is whole.
var ErrDropped = errors.New("events were dropped by retention")

func newReader(fsys durable.FS, dir string, id Identity) *Reader {
	return &Reader{fs: fsys, dir: dir, id: id}
}

// OpenReader opens a ledger for reading only. It takes no lock, changes nothing
// and needs no Close. It sees whole lines that the writer has handed to the
// operating system, which a power cut may still take.
func OpenReader(dir string) (*Reader, error) {
	fsys := durable.Dir(dir)
	id, err := readIdentity(fsys, dir)
	if err != nil {
		return nil, err
	}
	r := newReader(fsys, dir, id)
	return r, r.refresh()
}

// Identity returns what this is the ledger of.
func (r *Reader) Identity() Identity { return r.id }

// Scan calls fn with every event from the given index to the present end, in
// order. line has no line feed and is valid until fn returns. On an open
// Ledger the end is its Head: nothing is given that a power cut could take.
// Of segments that retention has dropped it gives the events that were kept:
// indexes then have holes before First. Scan returns fn's error as it is.
func (r *Reader) Scan(ctx context.Context, from event.Index, fn func(index event.Index, line []byte) error) error {
	end := event.Index(math.MaxUint64)
	if r.live != nil {
		end = r.live.Head()
	}
	_, err := r.scan(ctx, from, end, fn)
	return err
}

// First returns the index of the first event that retention has left.
func (r *Reader) First() (event.Index, error) {
	if err := r.refresh(); err != nil {
		return 0, err
	}
	leaves := r.sealedLeaves()
	var err error
	i := sort.Search(len(leaves), func(i int) bool {
		there, e := exists(r.fs, sealedName(uint64(i)))
		err = errors.Join(err, e)
		return there
	})
	if i == len(leaves) {
		return r.sealedEnd(), err
	}
	return event.Index(leaves[i].First), err
}

// Since returns the index of an event before which none is of the given time,
// UTC nanoseconds, or later.
func (r *Reader) Since(at int64) (event.Index, error) {
	if err := r.refresh(); err != nil {
		return 0, err
	}
	for _, leaf := range r.sealedLeaves() {
		if leaf.To >= at {
			return event.Index(leaf.First), nil
		}
	}
	return r.sealedEnd(), nil
}

// End returns the number of events that can be read: the index of the next.
func (r *Reader) End(ctx context.Context) (event.Index, error) {
	if r.live != nil {
		return r.live.Head(), nil
	}
	nothing := func(event.Index, []byte) error { return nil }
	at, err := r.scan(ctx, r.sealedEnd(), math.MaxUint64, nothing)
	return at.index, err
}

// Wait returns when the event with index next can be read, with the end.
func (r *Reader) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	if r.live != nil {
		return r.live.Wait(ctx, next)
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		end, err := r.End(ctx)
		if err != nil || end > next {
			return end, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return end, ctx.Err()
		}
	}
}

// pollInterval is how often a reader of another process's ledger looks.
const pollInterval = 50 * time.Millisecond

func (r *Reader) scan(ctx context.Context, from, end event.Index, fn func(event.Index, []byte) error) (mark, error) {
	if err := r.refresh(); err != nil {
		return mark{}, err
	}
	s := segmentScan{r: r, at: r.find(from), from: from, end: end, give: fn}
	s.read = func(ctx context.Context, name string, in io.Reader) error { return s.lines(ctx, name, in, fn) }
	return r.walk(ctx, &s)
}

// walk reads segment after segment and remembers where it stopped.
func (r *Reader) walk(ctx context.Context, s *segmentScan) (mark, error) {
	for s.at.index < s.end {
		more, err := s.next(ctx)
		if err != nil {
			return s.at, err
		}
		if !more {
			break
		}
	}
	r.remember(s.at)
	return s.at, nil
}

// segmentScan walks over segments. at is where it is.
type segmentScan struct {
	r         *Reader
	at        mark
	from, end event.Index
	// read reads the lines of a segment from the mark on and moves the mark.
	read func(ctx context.Context, name string, in io.Reader) error
	give func(index event.Index, line []byte) error // takes one line
}

// next reads the segment at the mark and tells whether there is another.
func (s *segmentScan) next(ctx context.Context) (bool, error) {
	for range 3 {
		if leaf := s.r.leaf(s.at.ordinal); leaf != nil {
			return true, s.sealed(ctx, leaf)
		}
		f, err := s.r.fs.Open(openName(s.at.ordinal))
		if err == nil {
			return s.open(ctx, f)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		// It has just been sealed, or it does not exist yet.
		if err := s.r.refresh(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// open reads an open segment, and closes it.
func (s *segmentScan) open(ctx context.Context, f durable.Reader) (more bool, err error) {
	defer f.Close()
	// Asked before reading: once the next segment is there, this one is whole.
	whole, err := s.r.begun(s.at.ordinal + 1)
	if err != nil {
		return false, err
	}
	in := io.NewSectionReader(f, s.at.offset, math.MaxInt64-s.at.offset)
	if err := s.read(ctx, openName(s.at.ordinal), in); err != nil {
		return false, err
	}
	if !whole || s.at.index >= s.end {
		return false, nil
	}
	s.at.ordinal, s.at.offset = s.at.ordinal+1, 0
	return true, nil
}

// begun tells whether a segment exists, open or sealed.
func (r *Reader) begun(ordinal uint64) (bool, error) {
	there, err := exists(r.fs, openName(ordinal))
	if err != nil || there {
		return there, err
	}
	return exists(r.fs, leafName(ordinal))
}

// sealed reads a sealed segment.
func (s *segmentScan) sealed(ctx context.Context, leaf *proof.Leaf) error {
	name := sealedName(leaf.Segment)
	f, err := openSealed(s.r.fs, leaf.Segment)
	if errors.Is(err, fs.ErrNotExist) {
		return s.dropped(leaf)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(io.Discard, f, s.at.offset); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := s.read(ctx, name, f); err != nil {
		return err
	}
	if end := event.Index(leaf.First + leaf.Count); s.at.index != end && s.at.index < s.end {
		return fmt.Errorf("%s ends after event %d, its digest says %d", name, s.at.index, end)
	}
	s.at.ordinal, s.at.offset = s.at.ordinal+1, 0
	return nil
}

// dropped gives what was kept of a segment that retention has dropped.
func (s *segmentScan) dropped(leaf *proof.Leaf) error {
	k, err := readKept(s.r.fs, leaf)
	if err != nil {
		return err
	}
	for i, member := range k.Members {
		index := event.Index(leaf.First + member)
		if index < s.from || index >= s.end {
			continue
		}
		if err := s.give(index, []byte(k.Lines[i])); err != nil {
			return err
		}
	}
	s.at = mark{index: event.Index(leaf.First + leaf.Count), ordinal: leaf.Segment + 1}
	return nil
}

// lineReaders lends readers: followers of a busy ledger come every few moments.
var lineReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4*event.MaxLine) }}

// lines gives the whole lines of in to fn and moves the mark.
func (s *segmentScan) lines(ctx context.Context, name string, in io.Reader, fn func(event.Index, []byte) error) error {
	r := lineReaders.Get().(*bufio.Reader)
	defer lineReaders.Put(r)
	r.Reset(in)
	defer r.Reset(nil) // before it is given back
	for s.at.index < s.end {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s, event %d: %w", name, s.at.index, err)
		}
		if s.at.index >= s.from {
			if err := fn(s.at.index, line[:len(line)-1]); err != nil {
				return err
			}
		}
		s.at.index++
		s.at.offset += int64(len(line))
		if s.at.index%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// sealedFile is the decompressed content of a sealed segment.
type sealedFile struct {
	*zstd.Decoder
	file durable.Reader
}

// Close lends the decoder to the next one.
func (f *sealedFile) Close() error {
	if f.Decoder != nil && f.Decoder.Reset(nil) == nil { // it lets go of the file
		decoders.Put(f.Decoder)
		f.Decoder = nil
	}
	return f.file.Close()
}

// decoders lends decoders, each of which holds a window of some megabytes. They
// work in the goroutine that reads, so that one may be left to the collector.
var decoders sync.Pool

func openSealed(fsys durable.FS, ordinal uint64) (io.ReadCloser, error) {
	f, err := fsys.Open(sealedName(ordinal))
	if err != nil {
		return nil, err
	}
	dec, _ := decoders.Get().(*zstd.Decoder)
	if dec == nil {
		dec, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
	} else {
		err = dec.Reset(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &sealedFile{dec, f}, nil
}

// maxWindow bounds the memory that a compressed file can ask for, in bytes.
const maxWindow = 64 << 20

// refresh reads the digests of segments that were sealed since the last time.
func (r *Reader) refresh() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		name := leafName(uint64(len(r.leaves)))
		text, err := durable.ReadFile(r.fs, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		leaf, err := proof.ParseLeaf(text)
		if err != nil {
			return &DamageError{name, err}
		}
		if next := r.endLocked(); leaf.Segment != uint64(len(r.leaves)) || event.Index(leaf.First) != next {
			return &DamageError{name, fmt.Errorf("it is the digest of segment %d from event %d", leaf.Segment, leaf.First)}
		}
		r.leaves = append(r.leaves, leaf)
	}
}

// setLeaves takes the digests from the log. Those beside the segments must be
// the same; further ones are of segments that the log has not got yet, and
// will be sealed again.
func (r *Reader) setLeaves(leaves []*proof.Leaf) error {
	for i, leaf := range leaves {
		name := leafName(uint64(i))
		text, err := durable.ReadFile(r.fs, name)
		if err == nil && string(text) != string(proof.EncodeLeaf(leaf)) {
			err = errors.New("it is not the digest in the log")
		}
		if err != nil {
			return &DamageError{name, err}
		}
	}
	name := leafName(uint64(len(leaves)))
	if err := r.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaves = leaves
	return nil
}

func (r *Reader) sealedLeaves() []*proof.Leaf {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leaves[:len(r.leaves):len(r.leaves)]
}

func (r *Reader) leaf(ordinal uint64) *proof.Leaf {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ordinal < uint64(len(r.leaves)) {
		return r.leaves[ordinal]
	}
	return nil
}

// sealedEnd returns the index after the last sealed event.
func (r *Reader) sealedEnd() event.Index {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endLocked()
}

func (r *Reader) endLocked() event.Index {
	if len(r.leaves) == 0 {
		return 0
	}
	last := r.leaves[len(r.leaves)-1]
	return event.Index(last.First + last.Count)
}

// sealedTo returns the time of the latest event of the last sealed segment.
func (r *Reader) sealedTo() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.leaves) == 0 {
		return math.MinInt64
	}
	return r.leaves[len(r.leaves)-1].To
}

// find returns the last known position that is not after index.
func (r *Reader) find(index event.Index) mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := sort.Search(len(r.leaves), func(i int) bool { return event.Index(r.leaves[i].First+r.leaves[i].Count) > index })
	if i < len(r.leaves) {
		return mark{index: event.Index(r.leaves[i].First), ordinal: uint64(i)}
	}
	best := mark{index: r.endLocked(), ordinal: uint64(i)}
	for _, m := range r.marks {
		if m.index <= index && m.index >= best.index && m.ordinal >= best.ordinal {
			best = m
		}
	}
	return best
}

// remember keeps a position in an open segment for the next scan.
func (r *Reader) remember(m mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.ordinal < uint64(len(r.leaves)) {
		return
	}
	if len(r.marks) == maxMarks {
		r.marks = append(r.marks[:0], r.marks[1:]...)
	}
	r.marks = append(r.marks, m)
}

func (r *Reader) log() tiles.Reader { return tiles.Reader{Dir: filepath.Join(r.dir, logDir)} }

// checkSealedFile compares the bytes of a sealed file with its digest.
func checkSealedFile(fsys durable.FS, leaf *proof.Leaf) error {
	name := sealedName(leaf.Segment)
	sum, err := hashFile(fsys, name)
	if err == nil && sum != leaf.File {
		err = fmt.Errorf("its SHA-256 is %s, the log says %s", hex.EncodeToString(sum[:]), leaf.File)
	}
	if err != nil {
		return &DamageError{name, err}
	}
	return nil
}
