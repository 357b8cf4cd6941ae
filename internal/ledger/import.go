package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"

	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
)

// Chains returns the ends of the chains that pick chooses, as they were taken.
func (l *Ledger) Chains(pick func(source event.Source) bool) segment.Heads {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := segment.Heads{}
	for key, ch := range l.chains {
		if ch.head.Seq > 0 && pick(key.Source) {
			out[key] = ch.head
		}
	}
	return out
}

// Import appends lines that another ledger of the tenant holds, byte for byte,
// and returns when they are on disk. Each must continue its chain: the number
// that is due, chained to the line that this ledger has last. Lines that it has
// already are left out, so that the same may be sent again; whether they are the
// same is known when a line after them, or the last one, comes. What does not
// continue a chain is a *segment.Fault, whose Line counts from 1 in lines; what
// came before it is taken. Nobody else may write to these chains meanwhile.
func (l *Ledger) Import(ctx context.Context, lines [][]byte) error {
	var last chan error // answers come in order, and after a failure there is no success
	for at := 0; at < len(lines); {
		h, err := event.ParseHeader(bytes.TrimSuffix(lines[at], []byte{'\n'}))
		if err != nil {
			return &segment.Fault{Line: uint64(at) + 1, Reason: segment.Malformed}
		}
		r := l.Recorder(event.Source(h.Source), h.Worker).(*recorder)
		if r.bad != nil {
			return r.bad
		}
		done := make(chan error, 1)
		n, took, fault, err := r.importRun(lines[at:], func(err error) { done <- err })
		if err != nil {
			return err
		}
		if took {
			last = done
		}
		if fault != nil {
			fault.Line += uint64(at)
			return fault
		}
		at += n
	}
	if last == nil { // all are known, and may be on their way to the disk
		taken := l.Taken()
		return l.await(ctx, func() bool { return l.durable >= taken })
	}
	select {
	case err := <-last:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// importRun takes the lines at the beginning that are of the recorder's chain,
// and reports how many they are and whether tell will be called. On a fault
// what came before it is taken.
func (r *recorder) importRun(lines [][]byte, tell func(error)) (n int, took bool, fault *segment.Fault, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := batch{chain: r.chain, first: r.head.Seq + 1, head: r.head}
	r.buf, r.sums = r.buf[:0], r.sums[:0]
	for ; n < len(lines); n++ {
		line := bytes.TrimSuffix(lines[n], []byte{'\n'})
		h, bad := event.ParseHeader(line)
		if bad == nil && (string(h.Source) != string(r.key.Source) || h.Worker != r.key.Worker) {
			break
		}
		sum := sha256.Sum256(line)
		if f := r.follows(&b, &h, bad, len(line), sum); f != nil {
			f.Line, fault = uint64(n)+1, f
			break
		}
		if h.Seq <= b.head.Seq {
			continue // known
		}
		if len(r.sums) == 0 {
			b.from, b.to = h.At, h.At
		}
		b.from, b.to = min(b.from, h.At), max(b.to, h.At)
		r.buf = append(append(r.buf, line...), '\n')
		r.sums = append(r.sums, sum)
		b.head = segment.Head{Seq: h.Seq, Digest: event.Digest(sum[:])}
	}
	if len(r.sums) == 0 {
		return n, false, fault, nil
	}
	b.lines, b.sums = r.buf, r.sums
	if err := r.l.take(event.Durable, tell, b); err != nil {
		return n, false, nil, err
	}
	r.head = b.head
	return n, true, fault, nil
}

// follows says what is wrong with a line after the batch so far.
func (r *recorder) follows(b *batch, h *event.Header, malformed error, size int, sum [sha256.Size]byte) *segment.Fault {
	f := &segment.Fault{Key: r.key, Seq: h.Seq, Due: b.head.Seq + 1}
	switch {
	case malformed != nil:
		f.Reason = segment.Malformed
	case size+1 > event.MaxLine:
		f.Reason = segment.TooLong
	case string(h.Tenant) != string(r.l.cfg.Tenant):
		f.Reason = segment.WrongTenant
	case h.Seq > f.Due:
		f.Reason = segment.Missing
	case h.Seq == f.Due && h.Prev != b.head.Digest, h.Seq == b.head.Seq && event.Digest(sum[:]) != b.head.Digest:
		f.Reason = segment.Changed
	default:
		return nil
	}
	return f
}
