package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
	"sekisho/internal/ledger/tiles"
	"sekisho/proof"
)

// VerifyOptions is what the verifier holds from elsewhere. The more it holds,
// the less whoever owns the directory can have changed unseen.
type VerifyOptions struct {
	// Keys are the keys to believe. An empty Log key means the one in
	// ledger.json, which proves nothing against somebody who can write there.
	Keys proof.Keys
	// Checkpoints and Heads are signed notes that were held elsewhere: the
	// ledger must still hold all that they say.
	Checkpoints [][]byte
	Heads       [][]byte
	// Progress, when not nil, is called after each segment.
	Progress func(done, of int)
}

// Problem is a place where the ledger is not what was recorded.
type Problem struct {
	Place   string       `json:"place"` // file below the ledger's directory
	Segment uint64       `json:"segment"`
	Line    uint64       `json:"line,omitempty"` // counted from 1; 0 when no line can be named
	Index   event.Index  `json:"index"`          // of that line in the ledger, or of the segment's first
	Source  event.Source `json:"source,omitempty"`
	Worker  uint16       `json:"worker,omitempty"`
	Seq     event.Seq    `json:"seq,omitempty"`
	Text    string       `json:"text"`
}

func (p Problem) String() string { return p.Place + ": " + p.Text }

// Report is what Verify found. Problems are in the order of the ledger: the
// first is the first bad record.
type Report struct {
	Identity   Identity    `json:"identity"`
	Checkpoint uint64      `json:"checkpoint"` // sealed segments that the checkpoint covers
	Witnesses  []string    `json:"witnesses,omitempty"`
	Sealed     uint64      `json:"sealed"`  // segments in the log
	Dropped    uint64      `json:"dropped"` // of them, by retention
	Open       int         `json:"open"`
	Events     event.Index `json:"events"` // ever recorded
	Chains     int         `json:"chains"`
	Problems   []Problem   `json:"problems"`
	Notes      []string    `json:"notes,omitempty"` // not wrong, but worth knowing
	// Noted are the notes for other languages.
	Noted []Note `json:"-"`
}

// OK tells whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "ledger of %s, %s\n", r.Identity.Tenant, r.Identity.Key)
	fmt.Fprintf(&b, "%d events of %d chains in %d sealed and %d open segments; the checkpoint covers %d",
		r.Events, r.Chains, r.Sealed, r.Open, r.Checkpoint)
	if len(r.Witnesses) > 0 {
		fmt.Fprintf(&b, ", cosigned by %q", r.Witnesses)
	}
	b.WriteByte('\n')
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "note  %s\n", note)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "BAD   %s\n", p)
	}
	if r.OK() {
		b.WriteString("whole: nothing is missing, changed, repeated or out of order\n")
	} else {
		fmt.Fprintf(&b, "NOT WHOLE: first bad place %s\n", r.Problems[0].Place)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Verify checks a ledger's directory offline, changing nothing. Its error says
// that checking was not possible; what is wrong with the ledger is in the
// report. A ledger that is being written to may be verified: what was recorded
// before the call is checked.
func Verify(ctx context.Context, dir string, opts VerifyOptions) (*Report, error) {
	for try := 0; ; try++ {
		v := verifier{fs: durable.Dir(dir), dir: dir, opts: opts}
		if err := v.run(ctx); err != nil {
			return nil, err
		}
		// A writer that sealed a segment meanwhile moves files under our feet.
		if v.report.OK() || try == maxVerifyTries || !v.moved() {
			return &v.report, nil
		}
		select {
		case <-time.After(verifyPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// verifyPause is longer than a writer takes to publish a checkpoint.
const verifyPause = 500 * time.Millisecond

const maxVerifyTries = 3

type verifier struct {
	fs     durable.FS
	dir    string
	opts   VerifyOptions
	id     Identity
	keys   proof.Keys
	report Report

	checkpoint []byte
	leaves     []*proof.Leaf
	heads      segment.Heads // before the next segment
	next       event.Index
	held       []*Heads
	retained   []event.Retention // found in the ledger
	dropped    uint64            // segments from the beginning whose file is not there
}

func (v *verifier) moved() bool {
	now, err := tiles.Reader{Dir: filepath.Join(v.dir, logDir)}.Checkpoint()
	return err == nil && !bytes.Equal(now, v.checkpoint)
}

func (v *verifier) run(ctx context.Context) (err error) {
	if v.id, err = readIdentity(v.fs, v.dir); err != nil {
		return err
	}
	v.report = Report{Identity: v.id, Problems: []Problem{}}
	v.keys = v.opts.Keys
	if v.keys.Log == "" {
		v.keys.Log = v.id.Key
		v.note("own-key", "the key is the ledger's own; give the one you hold to be sure of the signatures")
	} else if v.keys.Log != v.id.Key {
		v.bad(Problem{Place: identityName, Text: "its key is not the one that you hold"})
	}
	v.heads = make(segment.Heads)
	v.readHeld() // before the lines: a writer may add to both
	leaves := v.checkLog(ctx)
	total := len(leaves)
	for i, text := range leaves {
		if err := v.sealed(ctx, uint64(i), text); err != nil {
			return err
		}
		if v.opts.Progress != nil {
			v.opts.Progress(i+1, total)
		}
	}
	if err := v.open(ctx); err != nil {
		return err
	}
	v.checkHeldEnds()
	v.checkDropped()
	v.report.Sealed, v.report.Events, v.report.Chains = uint64(len(v.leaves)), v.next, len(v.heads)
	v.report.Dropped = v.dropped
	return nil
}

func (v *verifier) bad(p Problem) { v.report.Problems = append(v.report.Problems, p) }

// Note is something worth knowing: a stable word and what goes into its text.
type Note struct {
	Key  string // own-key, no-heads, dropped, unsigned, unfinished
	Args []any  // the values of its English text, in their order
}

func (v *verifier) note(key, format string, args ...any) {
	v.report.Notes = append(v.report.Notes, fmt.Sprintf(format, args...))
	v.report.Noted = append(v.report.Noted, Note{key, args})
}

// checkLog checks the checkpoint, the tiles and the held checkpoints, and
// returns the leaves that could be read.
func (v *verifier) checkLog(ctx context.Context) [][]byte {
	reader := tiles.Reader{Dir: filepath.Join(v.dir, logDir)}
	place := path.Join(logDir, "checkpoint")
	text, err := reader.Checkpoint()
	if err != nil {
		v.bad(Problem{Place: place, Text: reason(err)})
		return nil
	}
	v.checkpoint = text
	cp, err := proof.ParseCheckpoint(text, v.keys)
	if err != nil {
		v.bad(Problem{Place: place, Text: err.Error()})
		return nil
	}
	v.report.Checkpoint, v.report.Witnesses = cp.Size, cp.Witnesses
	leaves, root, err := reader.Check(ctx, cp.Size)
	if file := (*tiles.FileError)(nil); errors.As(err, &file) {
		v.bad(Problem{Place: path.Join(logDir, file.Name), Text: reason(file.Err)})
	} else if root != cp.Root {
		v.bad(Problem{Place: place, Text: fmt.Sprintf("its root is not that of the %d leaves", cp.Size)})
	}
	v.checkHeldCheckpoints(leaves)
	return leaves
}

// checkHeldCheckpoints checks that the log still begins with the trees that
// were seen elsewhere.
func (v *verifier) checkHeldCheckpoints(leaves [][]byte) {
	for i, text := range v.opts.Checkpoints {
		place := fmt.Sprintf("held checkpoint %d", i+1)
		cp, err := proof.ParseCheckpoint(text, proof.Keys{Log: v.keys.Log})
		if err != nil {
			v.bad(Problem{Place: place, Text: err.Error()})
			continue
		}
		if cp.Size > uint64(len(leaves)) {
			v.bad(Problem{Place: logDir, Segment: uint64(len(leaves)), Text: fmt.Sprintf(
				"the log has %d leaves, a checkpoint that you hold has %d: the end was cut", len(leaves), cp.Size)})
			continue
		}
		var tree proof.Tree
		for _, leaf := range leaves[:cp.Size] {
			tree.Add(proof.LeafHash(leaf))
		}
		if tree.Root() != cp.Root {
			v.bad(Problem{Place: logDir, Text: fmt.Sprintf("the log is not the one of the checkpoint of %d leaves that you hold: it was rewritten", cp.Size)})
		}
	}
}

// readHeld reads the published heads, the ledger's own and those held.
func (v *verifier) readHeld() {
	own, err := durable.ReadFile(v.fs, headsName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.note("no-heads", "no heads were published yet")
	case err != nil:
		v.bad(Problem{Place: headsName, Text: reason(err)})
	default:
		v.addHeld(headsName, own)
	}
	for i, text := range v.opts.Heads {
		v.addHeld(fmt.Sprintf("held heads %d", i+1), text)
	}
}

func (v *verifier) addHeld(place string, text []byte) {
	h, err := ParseHeads(text, v.keys.Log)
	if err != nil {
		v.bad(Problem{Place: place, Text: err.Error()})
		return
	}
	v.held = append(v.held, h)
}

// checkHeld compares a line with the heads that name it.
func (v *verifier) checkHeld(h event.Header, sum [32]byte) string {
	for _, held := range v.held {
		want, ok := held.Chains[segment.Key{Source: event.Source(h.Source), Worker: h.Worker}]
		if ok && want.Seq == h.Seq && !bytes.Equal(want.Digest[:], sum[:len(want.Digest)]) {
			return fmt.Sprintf("%s/%d/%d is not the event whose digest was published at %s", h.Source, h.Worker, h.Seq, clock(held.At))
		}
	}
	return ""
}

// checkHeldEnds checks that no chain ends before the heads.
func (v *verifier) checkHeldEnds() {
	for _, held := range v.held {
		for _, key := range held.Chains.Keys() {
			want, have := held.Chains[key], v.heads[key]
			if have.Seq < want.Seq {
				v.bad(Problem{Place: openDir, Segment: uint64(len(v.leaves)), Index: v.next, Source: key.Source, Worker: key.Worker, Seq: have.Seq + 1,
					Text: fmt.Sprintf("the tail was cut: %s/%d/%d to %d were on disk at %s and are missing",
						key.Source, key.Worker, have.Seq+1, want.Seq, clock(held.At))})
			}
		}
	}
}

// checkDropped checks that what is not there was dropped on the record.
func (v *verifier) checkDropped() {
	if v.dropped == 0 {
		return
	}
	last := v.leaves[v.dropped-1]
	end := event.Index(last.First + last.Count)
	for _, r := range v.retained {
		if r.First == 0 && r.Last+1 >= end {
			v.note("dropped", "segments 0 to %d (events 0 to %d) were dropped by retention; their digests are in the log", v.dropped-1, end-1)
			return
		}
	}
	v.bad(Problem{Place: sealedName(v.dropped - 1), Segment: v.dropped - 1, Index: event.Index(last.First),
		Text: fmt.Sprintf("missing, and no retention of events 0 to %d is on record", end-1)})
}

// reason leaves the machine's path out of a file error.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func clock(ns int64) string { return event.Time(ns).Format("2006-01-02 15:04:05Z07:00") }
