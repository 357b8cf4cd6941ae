package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"unicode"
	"unicode/utf8"

	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
)

// recorder is the event.Recorder of one (source, worker). Its lock covers
// numbering, encoding and the hand-over, so that lines reach the ledger in
// sequence order. Lock order: recorder.mu, Ledger.writeMu, Ledger.mu.
type recorder struct {
	l     *Ledger
	key   segment.Key
	chain *chain
	bad   error // the name cannot be a source's

	mu   sync.Mutex
	head segment.Head // last line handed over
	lead []byte       // what all its lines begin with
	buf  []byte       // reused
	sums [][sha256.Size]byte
}

// Recorder returns the recorder of (source, worker): the same one for the same
// names, continuing the chain that the ledger holds.
func (l *Ledger) Recorder(source event.Source, worker uint16) event.Recorder {
	key := segment.Key{Source: source, Worker: worker}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.recorders[key]
	if r == nil {
		ch := l.chains[key]
		if ch == nil {
			ch = &chain{key: key}
			l.chains[key] = ch
		}
		r = &recorder{l: l, key: key, chain: ch, head: ch.head, bad: checkSource(source),
			lead: event.AppendChain(nil, l.cfg.Tenant, source, worker)}
		l.recorders[key] = r
	}
	return r
}

// maxSource is the longest name of a source, in bytes: a segment's digest,
// which is at most 64 KiB, names every source in it.
const maxSource = 128

func checkSource(source event.Source) error {
	for _, c := range source {
		if unicode.IsControl(c) || c == utf8.RuneError {
			return fmt.Errorf("source %q: a name has no control characters", source)
		}
	}
	if len(source) == 0 || len(source) > maxSource {
		return fmt.Errorf("source %.20q: a name has 1 to %d bytes", source, maxSource)
	}
	return nil
}

// Record implements event.Recorder. When ctx ends first the events may still
// be recorded; the number is returned with the context's error.
func (r *recorder) Record(ctx context.Context, level event.Level, bodies ...event.Body) (event.Seq, error) {
	if level == event.Written {
		return r.Submit(level, nil, bodies...)
	}
	done := make(chan error, 1)
	seq, err := r.Submit(level, func(err error) { done <- err }, bodies...)
	if err != nil {
		return seq, err
	}
	select {
	case err := <-done:
		return seq, err
	case <-ctx.Done():
		return seq, ctx.Err()
	}
}

// Submit implements event.Recorder.
func (r *recorder) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	if len(bodies) == 0 {
		return 0, fmt.Errorf("%s/%d: no event to record", r.key.Source, r.key.Worker)
	}
	if r.bad != nil {
		return 0, r.bad
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	batch, err := r.encode(bodies)
	if err != nil {
		return 0, err
	}
	if err := r.l.take(level, done, batch); err != nil {
		return 0, err
	}
	r.head = batch.head
	return batch.first, nil
}

// batch is a run of encoded lines of one chain.
type batch struct {
	chain *chain
	lines []byte
	sums  [][sha256.Size]byte
	from  int64 // times of the earliest and the latest
	to    int64
	first event.Seq
	head  segment.Head // after the batch
}

func (r *recorder) encode(bodies []event.Body) (batch, error) {
	b := batch{chain: r.chain, first: r.head.Seq + 1, head: r.head}
	e := event.Event{
		Tenant: r.l.cfg.Tenant, Source: r.key.Source, Worker: r.key.Worker,
		At: r.l.cfg.Now(), ClockErr: r.l.cfg.ClockErr(),
	}
	r.buf, r.sums = r.buf[:0], r.sums[:0]
	for _, body := range bodies {
		start := len(r.buf)
		e.Seq, e.Prev, e.Body = b.head.Seq+1, b.head.Digest, body
		r.buf = event.AppendAfter(append(r.buf, r.lead...), &e)
		line := r.buf[start:]
		if len(line) > event.MaxLine {
			return batch{}, fmt.Errorf("%s/%d: event of kind %d has %d bytes, at most %d are allowed: split its set",
				r.key.Source, r.key.Worker, body.Kind(), len(line), event.MaxLine)
		}
		sum := sha256.Sum256(line[:len(line)-1])
		r.sums = append(r.sums, sum)
		b.head = segment.Head{Seq: e.Seq, Digest: event.Digest(sum[:])}
	}
	b.lines, b.sums, b.from, b.to = r.buf, r.sums, e.At.UnixNano(), e.At.UnixNano()
	return b, nil
}
