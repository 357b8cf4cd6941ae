package ledger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
	"sekisho/internal/ledger/tiles"
	"sekisho/proof"
)

// Recovery is what Open found and did.
type Recovery struct {
	// Clean says that the previous run ended with Close, or that there was none.
	Clean bool
	// CutBytes is the length of an unfinished end that was cut off: bytes of
	// events that were not acknowledged, or only at level Written before a
	// power cut.
	CutBytes int64
	// Lost, when not nil, says that a power cut may have taken events that
	// were acknowledged at level Written: from the last event on disk to the
	// start of this run, at Places the caller knows. The caller records it.
	Lost *event.Gap
}

// DamageError says where the ledger is not what was recorded. Open repairs
// nothing then.
type DamageError struct {
	Place string // file, and line or leaf
	Err   error
}

func (e *DamageError) Error() string { return "ledger damaged at " + e.Place + ": " + e.Err.Error() }

// Unwrap returns the cause, a *segment.Fault where a line is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

func (l *Ledger) recover(ctx context.Context) error {
	last, err := readRun(l.fs)
	if err != nil {
		return err
	}
	published, err := readHeads(l.fs, l.id.Key)
	if err != nil {
		return err
	}
	if err := l.openLog(ctx); err != nil {
		return err
	}
	err = l.recoverSegments(ctx, last, published)
	if err == nil {
		err = writeRun(l.fs, run{Boot: l.cfg.BootID, Started: l.cfg.Now().UnixNano()})
	}
	if err != nil {
		return errors.Join(err, l.closeLog(ctx))
	}
	return nil
}

func (l *Ledger) closeLog(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := l.log.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // only the last checkpoint is late
	}
	return err
}

// openLog verifies the log up to its checkpoint, then opens it.
func (l *Ledger) openLog(ctx context.Context) (err error) {
	if err := checkLog(ctx, l.cfg.logDir(), proof.Keys{Log: l.id.Key}); err != nil {
		return err
	}
	l.log, err = tiles.Open(ctx, tiles.Config{Dir: l.cfg.logDir(), Signer: l.signer, Witnesses: l.cfg.Witnesses})
	return err
}

// checkLog verifies the published checkpoint and every file below it.
func checkLog(ctx context.Context, dir string, keys proof.Keys) error {
	reader := tiles.Reader{Dir: dir}
	text, err := reader.Checkpoint()
	if err != nil {
		return &DamageError{logDir + "/checkpoint", err}
	}
	cp, err := proof.ParseCheckpoint(text, keys)
	if err != nil {
		return &DamageError{logDir + "/checkpoint", err}
	}
	_, root, err := reader.Check(ctx, cp.Size)
	if file := (*tiles.FileError)(nil); errors.As(err, &file) {
		return &DamageError{path.Join(logDir, file.Name), file.Err}
	}
	if err == nil && root != cp.Root {
		err = &DamageError{logDir + "/checkpoint", fmt.Errorf("its root is not that of the %d leaves", cp.Size)}
	}
	return err
}

// readHeads returns the last published heads, or none of a new ledger.
func readHeads(fsys durable.FS, key string) (*Heads, error) {
	text, err := durable.ReadFile(fsys, headsName)
	if errors.Is(err, fs.ErrNotExist) {
		return &Heads{}, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := ParseHeads(text, key)
	if err != nil {
		return nil, &DamageError{headsName, err}
	}
	return h, nil
}

func (l *Ledger) recoverSegments(ctx context.Context, last run, published *Heads) error {
	size, err := l.log.Size(ctx)
	if err != nil {
		return err
	}
	leaves, heads, err := readLeaves(ctx, l.log.Reader, size, l.cfg.Tenant)
	if err != nil {
		return err
	}
	if err := l.Reader.setLeaves(leaves); err != nil {
		return err
	}
	l.sealed, l.sealHeads = size, heads
	open, err := l.openOrdinals(leaves)
	if err != nil {
		return err
	}
	tail := tail{
		Ledger: l, first: open[0], next: l.Reader.sealedEnd(), heads: heads,
		published: published, powerCut: !last.Clean && (last.Boot == "" || last.Boot != l.cfg.BootID),
	}
	if err := tail.recover(ctx, open); err != nil {
		return err
	}
	l.recovered.Clean = last.Clean
	if tail.powerCut {
		l.recovered.Lost = &event.Gap{From: tail.lastAt(last) - int64(l.cfg.SyncInterval), To: l.cfg.Now().UnixNano(), Reason: "power cut"}
	}
	return nil
}

// readLeaves returns the digests of all sealed segments and the heads after
// them.
func readLeaves(ctx context.Context, log tiles.Reader, size uint64, tenant event.Tenant) ([]*proof.Leaf, segment.Heads, error) {
	texts, err := log.Leaves(ctx, size)
	if err != nil {
		return nil, nil, &DamageError{logDir, err}
	}
	heads := make(segment.Heads)
	leaves := make([]*proof.Leaf, len(texts))
	var next uint64
	for i, text := range texts {
		place := fmt.Sprintf("%s, leaf %d", logDir, i)
		leaf, err := proof.ParseLeaf(text)
		if err != nil {
			return nil, nil, &DamageError{place, err}
		}
		if leaf.Segment != uint64(i) || leaf.First != next || leaf.Tenant != string(tenant) || leaf.Count == 0 {
			return nil, nil, &DamageError{place, fmt.Errorf("it is the digest of segment %d of %s from event %d", leaf.Segment, leaf.Tenant, leaf.First)}
		}
		if err := heads.Follow(leaf); err != nil {
			return nil, nil, &DamageError{place, err}
		}
		leaves[i], next = leaf, leaf.First+leaf.Count
	}
	return leaves, heads, nil
}

// openOrdinals lists the open segments after the sealed ones. What is left of
// a segment that is already in the log is removed, once its sealed file is
// seen to be whole.
func (l *Ledger) openOrdinals(leaves []*proof.Leaf) ([]uint64, error) {
	entries, err := l.fs.ReadDir(openDir)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		n, ok := parseOpenName(e.Name())
		if !ok {
			return nil, &DamageError{path.Join(openDir, e.Name()), errors.New("it is not a segment")}
		}
		if n < uint64(len(leaves)) {
			if err := checkSealedFile(l.fs, leaves[n]); err != nil {
				return nil, err
			}
			if err := l.removeOpen(n); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, n)
	}
	slices.Sort(out)
	for i, n := range out {
		if n != uint64(len(leaves)+i) {
			return nil, &DamageError{openName(uint64(len(leaves) + i)), errors.New("it is missing")}
		}
	}
	if len(out) == 0 {
		return nil, &DamageError{openName(uint64(len(leaves))), errors.New("it is missing")}
	}
	return out, nil
}

func parseOpenName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".jsonl")
	var n uint64
	if _, err := fmt.Sscanf(digits, "%d", &n); !ok || err != nil || openName(n) != path.Join(openDir, name) {
		return 0, false
	}
	return n, true
}

// eachLine calls fn with every line, line feed included; the last one may lack
// it. The line is valid until fn returns. A line longer than any event is given
// in part and ends the reading.
func eachLine(ctx context.Context, r io.Reader, fn func(line []byte) error) error {
	in := bufio.NewReaderSize(r, 2*event.MaxLine)
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			if err := fn(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
			return nil
		}
		if err != nil {
			return err
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// exists tells whether a file is there.
func exists(fsys durable.FS, name string) (bool, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// tail recovers the segments that are not in the log yet.
type tail struct {
	*Ledger
	first     uint64
	next      event.Index // after the good lines so far
	heads     segment.Heads
	published *Heads
	powerCut  bool  // a power cut may have been since the last run
	at        int64 // of the last good line

	growing *growing         // the last segment
	last    *segment.Checker // of it
}

func (t *tail) recover(ctx context.Context, open []uint64) error {
	if err := t.checkPublished(t.heads); err != nil {
		return err
	}
	for i, ordinal := range open {
		good, size, err := t.check(ctx, ordinal)
		if err != nil {
			return err
		}
		if good < size {
			if err := t.cut(ordinal, good, size, open[i+1:]); err != nil {
				return err
			}
		}
	}
	if t.next < t.published.Next {
		return &DamageError{openName(open[len(open)-1]), fmt.Errorf(
			"the ledger ends after event %d, but %d were on disk at %s: the tail was cut (first missing of each chain: %s)",
			t.next, t.published.Next, event.Time(t.published.At).Format("2006-01-02 15:04:05Z07:00"), t.missing())}
	}
	return t.resume(open)
}

// resume makes the state of the ledger that of the good lines.
func (t *tail) resume(open []uint64) (err error) {
	l := t.Ledger
	l.ordinal = open[len(open)-1]
	l.rotated, l.next, l.durable = l.ordinal, t.next, t.next
	l.growing = t.growing
	for key, head := range t.heads {
		ch := &chain{key: key, head: head}
		if first, prev, ok := t.last.Begun(key); ok {
			ch.segment, ch.first, ch.prev = l.ordinal+1, first, prev
		}
		l.chains[key] = ch
	}
	for _, ordinal := range open {
		// What recovery read may have been in memory only.
		if l.file, err = l.fs.Append(openName(ordinal)); err != nil {
			return err
		}
		if err := l.file.Sync(); err != nil {
			return errors.Join(err, l.file.Close())
		}
		if ordinal != l.ordinal {
			if err := l.file.Close(); err != nil {
				return err
			}
		}
	}
	return l.fs.SyncDir(openDir)
}

// check verifies the lines of an open segment. It returns the size of the good
// lines and of the file. What does not follow from them is an error unless it
// may be cut off.
func (t *tail) check(ctx context.Context, ordinal uint64) (good, size int64, err error) {
	f, err := t.fs.Open(openName(ordinal))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	checker := segment.NewChecker(t.cfg.Tenant, t.heads)
	g := newGrowing(ordinal, t.next)
	err = eachLine(ctx, f, func(line []byte) error {
		if !bytes.HasSuffix(line, []byte{'\n'}) {
			return errUnfinished
		}
		h, sum, err := checker.Line(line[:len(line)-1])
		if err != nil {
			return err
		}
		t.next++
		t.at = h.At
		good = checker.Size()
		g.sums = append(g.sums, sum)
		g.from, g.to = min(g.from, h.At), max(g.to, h.At)
		g.wrote(line)
		return t.checkHead(h, sum[:], ordinal, checker.Lines())
	})
	t.heads = checker.Heads()
	g.chains = checker.Chains()
	t.growing, t.last = g, checker
	fault := (*segment.Fault)(nil)
	switch {
	case err == nil || errors.Is(err, errUnfinished):
		return good, info.Size(), nil
	case errors.As(err, &fault) && fault.Reason == segment.Malformed && t.powerCut:
		loose, tailErr := noLineAfter(ctx, f, good)
		if tailErr != nil {
			return 0, 0, tailErr
		}
		if loose {
			return good, info.Size(), nil
		}
	}
	if damage := (*DamageError)(nil); errors.As(err, &damage) || fault == nil {
		return 0, 0, err
	}
	return 0, 0, &DamageError{openName(ordinal), err}
}

var errUnfinished = errors.New("unfinished line")

// noLineAfter tells whether nothing from the offset on is an event: what a
// power cut leaves of pages that were never synced.
func noLineAfter(ctx context.Context, f durable.Reader, offset int64) (bool, error) {
	loose := true
	err := eachLine(ctx, io.NewSectionReader(f, offset, math.MaxInt64-offset), func(line []byte) error {
		if _, err := event.ParseHeader(line); err == nil {
			loose = false
		}
		return nil
	})
	return loose, err
}

// checkHead compares a line with the published heads, where they name it.
func (t *tail) checkHead(h event.Header, sum []byte, ordinal, line uint64) error {
	want, ok := t.published.Chains[segment.Key{Source: event.Source(h.Source), Worker: h.Worker}]
	if !ok || want.Seq != h.Seq || bytes.Equal(want.Digest[:], sum[:len(want.Digest)]) {
		return nil
	}
	return &DamageError{openName(ordinal), fmt.Errorf("line %d: %s/%d/%d is not the event whose digest was published at %s",
		line, h.Source, h.Worker, h.Seq, event.Time(t.published.At).Format("2006-01-02 15:04:05Z07:00"))}
}

// checkPublished compares the ends of the sealed chains with the published
// heads, where they are at the same number.
func (t *tail) checkPublished(heads segment.Heads) error {
	for key, want := range t.published.Chains {
		if have := heads[key]; have.Seq == want.Seq && have.Digest != want.Digest {
			return &DamageError{headsName, fmt.Errorf("%s/%d/%d has another digest in the log", key.Source, key.Worker, want.Seq)}
		}
	}
	return nil
}

// missing names, for each chain, the first published event that is not there.
func (t *tail) missing() string {
	var out []string
	for _, key := range t.published.Chains.Keys() {
		if have := t.heads[key].Seq; have < t.published.Chains[key].Seq {
			out = append(out, fmt.Sprintf("%s/%d/%d", key.Source, key.Worker, have+1))
		}
	}
	return strings.Join(out, ", ")
}

// cut removes an unfinished end. It was never acknowledged at level Durable:
// lines are acknowledged whole, in order, after a sync; and nothing follows.
func (t *tail) cut(ordinal uint64, good, size int64, later []uint64) error {
	for _, n := range later {
		text, err := durable.ReadFile(t.fs, openName(n))
		if err != nil {
			return err
		}
		if len(text) > 0 {
			return &DamageError{openName(ordinal), fmt.Errorf("byte %d: it ends in the middle of a line, and %s goes on", good, openName(n))}
		}
	}
	if t.next < t.published.Next {
		return &DamageError{openName(ordinal), fmt.Errorf("byte %d: event %d is not whole, but was on disk at %s",
			good, t.next, event.Time(t.published.At).Format("2006-01-02 15:04:05Z07:00"))}
	}
	if err := t.fs.Truncate(openName(ordinal), good); err != nil {
		return err
	}
	t.recovered.CutBytes += size - good
	return nil
}

// lastAt is the time of the last event on disk, or of the last start.
func (t *tail) lastAt(last run) int64 {
	return max(t.at, t.Reader.sealedTo(), last.Started)
}
