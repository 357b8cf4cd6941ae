package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
	"sekisho/proof"
)

// sealed checks one sealed segment against its leaf in the log. A problem ends
// the segment, not the verification: the next one continues the heads that the
// leaf gives.
func (v *verifier) sealed(ctx context.Context, ordinal uint64, text []byte) error {
	leaf, err := proof.ParseLeaf(text)
	if err != nil {
		v.bad(Problem{Place: logDir, Segment: ordinal, Index: v.next, Text: fmt.Sprintf("leaf %d: %v", ordinal, err)})
		return nil
	}
	before := maps.Clone(v.heads)
	v.checkLeaf(ordinal, leaf)
	if side, err := durable.ReadFile(v.fs, leafName(ordinal)); err != nil || !bytes.Equal(side, text) {
		why := "it is not the digest in the log"
		if err != nil {
			why = reason(err)
		}
		v.bad(Problem{Place: leafName(ordinal), Segment: ordinal, Index: event.Index(leaf.First), Text: why})
	}
	v.leaves = append(v.leaves, leaf)
	v.next = event.Index(leaf.First + leaf.Count)
	sum, err := hashFile(v.fs, sealedName(ordinal))
	switch {
	case errors.Is(err, fs.ErrNotExist) && v.dropped == ordinal:
		v.dropped++
		return v.checkKept(leaf)
	case errors.Is(err, fs.ErrNotExist):
		v.bad(v.segmentProblem(leaf, "missing: the segment was deleted"))
		return nil
	case err != nil:
		return err
	}
	problem, err := v.checkLines(ctx, leaf, before)
	if err != nil {
		return err
	}
	if problem == nil && sum != leaf.File {
		p := v.segmentProblem(leaf, fmt.Sprintf("the file was changed, its lines were not (SHA-256 %s, the log says %s)", sum, leaf.File))
		problem = &p
	}
	if problem != nil {
		v.bad(*problem)
	}
	return nil
}

func (v *verifier) segmentProblem(leaf *proof.Leaf, text string) Problem {
	return Problem{Place: sealedName(leaf.Segment), Segment: leaf.Segment, Index: event.Index(leaf.First), Text: text}
}

// checkKept checks what was kept of a dropped segment.
func (v *verifier) checkKept(leaf *proof.Leaf) error {
	k, err := readKept(v.fs, leaf)
	if errors.Is(err, ErrDropped) {
		return nil // checkDropped judges whether it was dropped at all
	}
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		v.bad(Problem{Place: damage.Place, Segment: leaf.Segment, Index: event.Index(leaf.First), Text: damage.Err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	for i, line := range k.Lines {
		var p Problem
		h, err := event.ParseHeader([]byte(line))
		if err != nil || v.noteLine(&p, k.Members[i]+1, segment.Checked{Header: h, Sum: sha256.Sum256([]byte(line))}, []byte(line)) != nil {
			v.bad(Problem{Place: keptName(leaf.Segment), Segment: leaf.Segment, Index: event.Index(leaf.First + k.Members[i]), Text: "a kept line is not an event: " + p.Text})
		}
	}
	return nil
}

// checkLeaf checks that a leaf continues the leaves before it.
func (v *verifier) checkLeaf(ordinal uint64, leaf *proof.Leaf) {
	p := Problem{Place: logDir, Segment: ordinal, Index: v.next}
	if leaf.Segment != ordinal || event.Index(leaf.First) != v.next || leaf.Tenant != string(v.id.Tenant) {
		p.Text = fmt.Sprintf("leaf %d is the digest of segment %d of tenant %s from event %d", ordinal, leaf.Segment, leaf.Tenant, leaf.First)
		v.bad(p)
	}
	if err := v.heads.Follow(leaf); err != nil {
		if f := (*segment.Fault)(nil); errors.As(err, &f) {
			p.Source, p.Worker, p.Seq = f.Key.Source, f.Key.Worker, f.Due
		}
		p.Text = fmt.Sprintf("leaf %d: %v", ordinal, err)
		v.bad(p)
	}
}

// checkLines checks the lines of a sealed segment.
func (v *verifier) checkLines(ctx context.Context, leaf *proof.Leaf, heads segment.Heads) (*Problem, error) {
	p := v.segmentProblem(leaf, "")
	f, err := openSealed(v.fs, leaf.Segment)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := segment.NewSummary(leaf.Version, v.id.Tenant, heads)
	err = eachLine(ctx, f, func(line []byte) error { return v.line(&p, sum, line) })
	p.Index = event.Index(leaf.First)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case p.Text != "":
		p.Index += event.Index(p.Line - 1)
		return &p, nil
	case err != nil:
		p.Line = sum.Lines() + 1
		p.Index += event.Index(sum.Lines())
		p.Text = fmt.Sprintf("line %d cannot be read: %s", p.Line, reason(err))
		return &p, nil
	}
	return v.compareLeaf(p, leaf, sum.Leaf(leaf.Segment, event.Index(leaf.First))), nil
}

// errLine ends the reading of a segment whose problem is filled in.
var errLine = errors.New("bad line")

// line checks a line and fills in the problem when it is wrong.
func (v *verifier) line(p *Problem, sum *segment.Summary, line []byte) error {
	n := sum.Lines() + 1
	if !bytes.HasSuffix(line, []byte{'\n'}) {
		p.Line, p.Text = n, fmt.Sprintf("line %d is not whole", n)
		return errLine
	}
	err := sum.Add(line)
	if f := (*segment.Fault)(nil); errors.As(err, &f) {
		p.Line, p.Text = f.Line, f.Error()
		p.Source, p.Worker, p.Seq = f.Key.Source, f.Key.Worker, f.Seq
		if f.Reason == segment.Missing {
			p.Seq = f.Due
		}
		return errLine
	}
	if err != nil {
		return err
	}
	return v.noteLine(p, n, sum.Last(), line)
}

// noteLine compares a good line with held heads and remembers retentions.
func (v *verifier) noteLine(p *Problem, n uint64, last segment.Checked, line []byte) error {
	h := last.Header
	if why := v.checkHeld(h, last.Sum); why != "" {
		p.Line, p.Text = n, fmt.Sprintf("line %d: %s", n, why)
		p.Source, p.Worker, p.Seq = event.Source(h.Source), h.Worker, h.Seq
		return errLine
	}
	if h.Kind == event.KindRetention {
		e, err := event.Parse(line)
		if err != nil {
			p.Line, p.Text = n, fmt.Sprintf("line %d: %v", n, err)
			return errLine
		}
		if r, ok := e.Body.(*event.Retention); ok {
			v.retained = append(v.retained, *r)
		}
	}
	return nil
}

// compareLeaf compares the digest of the lines with the log's and names the
// record that differs, as far as that can be told.
func (v *verifier) compareLeaf(p Problem, want, got *proof.Leaf) *Problem {
	if got.Lines == want.Lines && got.Root == want.Root && got.Count == want.Count && got.Bytes == want.Bytes {
		return nil
	}
	for i, run := range want.Sources {
		p.Source, p.Worker = event.Source(run.Source), run.Worker
		if i >= len(got.Sources) || got.Sources[i].Source != run.Source || got.Sources[i].Worker != run.Worker {
			p.Seq = event.Seq(run.First)
			p.Text = fmt.Sprintf("%s/%d/%d to %d are missing", run.Source, run.Worker, run.First, run.Last)
			return &p
		}
		have := got.Sources[i]
		if have.Last < run.Last {
			p.Seq = event.Seq(have.Last + 1)
			p.Text = fmt.Sprintf("the end was cut: %s/%d/%d to %d are missing", run.Source, run.Worker, have.Last+1, run.Last)
			return &p
		}
		if have.Head != run.Head {
			p.Seq = event.Seq(run.Last)
			p.Text = fmt.Sprintf("%s/%d/%d was changed", run.Source, run.Worker, run.Last)
			return &p
		}
	}
	p.Source, p.Worker = "", 0
	p.Text = "lines of different chains changed places"
	return &p
}

// open checks the segments that no checkpoint covers: sealed ones whose
// checkpoint waits for a witness, then open ones.
func (v *verifier) open(ctx context.Context) error {
	for ordinal := uint64(len(v.leaves)); ; ordinal++ {
		f, err := v.fs.Open(openName(ordinal))
		if errors.Is(err, fs.ErrNotExist) {
			more, err := v.uncovered(ctx, ordinal)
			if err != nil || !more {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		v.report.Open++
		ok, err := v.openLines(ctx, ordinal, f)
		if err := errors.Join(err, f.Close()); err != nil || !ok {
			return err
		}
	}
}

// uncovered checks a segment that is sealed, but in no checkpoint, by the
// digest beside it. It tells whether there was one.
func (v *verifier) uncovered(ctx context.Context, ordinal uint64) (bool, error) {
	text, err := durable.ReadFile(v.fs, leafName(ordinal))
	switch {
	case err == nil && v.report.Open == 0:
		v.note("unsigned", "segment %d is sealed, but no checkpoint covers it yet: the signed heads vouch for it, if they do", ordinal)
		return true, v.sealed(ctx, ordinal, text)
	case err == nil:
		v.bad(Problem{Place: openName(ordinal), Segment: ordinal, Index: v.next, Text: "missing: the open segment was deleted"})
		return false, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if v.report.Open == 0 {
		v.bad(Problem{Place: openName(ordinal), Segment: ordinal, Index: v.next, Text: "missing: the open segment was deleted"})
	}
	return false, nil
}

// openLines checks an open segment and tells whether its lines are good.
func (v *verifier) openLines(ctx context.Context, ordinal uint64, f io.Reader) (ok bool, err error) {
	p := Problem{Place: openName(ordinal), Segment: ordinal}
	first := v.next
	sum := segment.NewSummary(proof.LeafVersion, v.id.Tenant, v.heads)
	unfinished := 0
	err = eachLine(ctx, f, func(line []byte) error {
		if !bytes.HasSuffix(line, []byte{'\n'}) {
			unfinished = len(line)
			return nil
		}
		return v.line(&p, sum, line)
	})
	if p.Text == "" {
		v.next, v.heads = first+event.Index(sum.Lines()), sum.Heads()
	} else {
		p.Index = first + event.Index(p.Line-1)
		v.next = p.Index
		v.bad(p)
	}
	if err != nil && !errors.Is(err, errLine) {
		return false, err
	}
	if unfinished > 0 {
		v.note("unfinished", "%s ends with %d bytes of a line that is not whole: a writer is at work, or it was never acknowledged", p.Place, unfinished)
	}
	return p.Text == "", nil
}
