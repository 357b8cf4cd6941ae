package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"sekisho/internal/event"
)

// ScanEvents is Scan for many events: it decompresses and decodes ahead on all
// processors, and calls fn in order from one goroutine. An event that fn keeps
// keeps some hundred others in memory (event.Decoder.Slabs).
func (r *Reader) ScanEvents(ctx context.Context, from event.Index, fn func(event.Index, *event.Event) error) error {
	return r.scanEvents(ctx, from, decoding{slabs: true}, fn)
}

// ScanEventsOf is ScanEvents for those who need some kinds only and may keep what
// they get: an event of any other kind has a time and no body, and one that fn keeps
// keeps no other.
func (r *Reader) ScanEventsOf(ctx context.Context, from event.Index, wants func(event.Kind) bool, fn func(event.Index, *event.Event) error) error {
	return r.scanEvents(ctx, from, decoding{wants: wants}, fn)
}

func (r *Reader) scanEvents(ctx context.Context, from event.Index, d decoding, fn func(event.Index, *event.Event) error) error {
	end := event.Index(math.MaxUint64)
	if r.live != nil {
		end = r.live.Head()
	}
	if r.live != nil && end < from+fewEvents {
		return r.scanFew(ctx, from, end, &d, fn)
	}
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	d.ordered, d.work, d.free = make(chan *chunk, chunksAhead), make(chan *chunk, 2*workers), make(chan []byte, 4*workers)
	var all sync.WaitGroup
	defer all.Wait() // after cancel: nobody works on
	defer cancel()
	all.Go(func() {
		d.err = d.read(ctx, r, from, end)
		close(d.work)
		close(d.ordered)
	})
	for range workers {
		all.Go(d.decode)
	}
	for c := range d.ordered {
		<-c.done
		for i, e := range c.events {
			if err := fn(c.first+event.Index(i), e); err != nil {
				return err
			}
		}
		if c.err != nil {
			return c.err
		}
	}
	return d.err
}

// fewEvents is when decoding ahead is not worth its goroutines and buffers.
const fewEvents = 1000

func (r *Reader) scanFew(ctx context.Context, from, end event.Index, d *decoding, fn func(event.Index, *event.Event) error) error {
	dec := decoder{wants: d.wants}
	_, err := r.scan(ctx, from, end, func(i event.Index, line []byte) error {
		e, err := dec.parse(line)
		if err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		return fn(i, e)
	})
	return err
}

// chunk is a run of whole lines, then of events.
type chunk struct {
	first  event.Index
	lines  []byte // with line feeds
	count  int
	events []*event.Event
	err    error
	done   chan struct{}
}

// chunkBytes is the size of a chunk: big enough to make handing over cheap,
// small enough to keep all processors busy with a small ledger.
const chunkBytes = 256 << 10

// chunksAhead is how many chunks may be decoded before fn has taken them: some
// 60,000 events, more than a view folds at once, so that decoding goes on while
// it saves; some 60 MB.
const chunksAhead = 96

// decoding hands chunks from one reader to many decoders; ordered has them in
// the order of the ledger. The receiver of ordered cancels read's context when
// it leaves early.
type decoding struct {
	wants         func(event.Kind) bool // nil: all
	slabs         bool
	ordered, work chan *chunk
	free          chan []byte // buffers of decoded chunks
	err           error       // of the reader; read after ordered is closed
}

// read cuts the ledger into chunks.
func (d *decoding) read(ctx context.Context, r *Reader, from, end event.Index) error {
	if err := r.refresh(); err != nil {
		return err
	}
	s := segmentScan{r: r, at: r.find(from), from: from, end: end}
	s.give = func(index event.Index, line []byte) error {
		text := append(bytes.Clone(line), '\n')
		return d.send(ctx, &chunk{first: index, lines: text, count: 1, done: make(chan struct{})})
	}
	s.read = func(ctx context.Context, name string, in io.Reader) error {
		err := s.blocks(in, d.buffer, func(c *chunk) error { return d.send(ctx, c) })
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%s, after event %d: %w", name, s.at.index, err)
		}
		return err
	}
	_, err := r.walk(ctx, &s)
	return err
}

func (d *decoding) send(ctx context.Context, c *chunk) error {
	for _, to := range []chan *chunk{d.work, d.ordered} {
		select {
		case to <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *decoding) buffer() []byte {
	select {
	case b := <-d.free:
		return b
	default:
		return make([]byte, chunkBytes)
	}
}

// blocks gives the whole lines of in to emit, many at a time, and moves the
// mark.
func (s *segmentScan) blocks(in io.Reader, buffer func() []byte, emit func(*chunk) error) error {
	var rest []byte // the beginning of a line
	for s.at.index < s.end {
		buf := buffer()
		n := copy(buf, rest)
		m, err := io.ReadFull(in, buf[n:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		whole := bytes.LastIndexByte(buf[:n+m], '\n') + 1
		if whole == 0 && !last {
			return errors.New("a line longer than any event")
		}
		rest = bytes.Clone(buf[whole : n+m])
		if c := s.trim(buf[:whole]); c.count > 0 {
			if err := emit(c); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
	return nil
}

// trim makes a chunk of the wanted ones of whole lines, and moves the mark.
func (s *segmentScan) trim(lines []byte) *chunk {
	count := bytes.Count(lines, []byte{'\n'})
	s.at.offset += int64(len(lines))
	for ; count > 0 && s.at.index < s.from; count-- {
		lines = lines[bytes.IndexByte(lines, '\n')+1:]
		s.at.index++
	}
	for ; s.at.index+event.Index(count) > s.end; count-- {
		cut := bytes.LastIndexByte(lines[:len(lines)-1], '\n') + 1
		s.at.offset -= int64(len(lines) - cut)
		lines = lines[:cut]
	}
	c := &chunk{first: s.at.index, lines: lines, count: count, done: make(chan struct{})}
	s.at.index += event.Index(count)
	return c
}

// decode decodes chunks until there are none.
func (d *decoding) decode() {
	dec := decoder{wants: d.wants, Decoder: event.Decoder{Slabs: d.slabs}}
	for c := range d.work {
		c.decode(&dec)
		if buf := c.lines[:cap(c.lines)]; len(buf) == chunkBytes {
			select {
			case d.free <- buf:
			default:
			}
		}
		c.lines = nil
		close(c.done)
	}
}

func (c *chunk) decode(dec *decoder) {
	c.events = make([]*event.Event, 0, c.count)
	for rest := c.lines; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n')
		e, err := dec.parse(rest[:n])
		if err != nil {
			c.err = fmt.Errorf("event %d: %w", c.first+event.Index(len(c.events)), err)
			return
		}
		c.events = append(c.events, e)
		rest = rest[n+1:]
	}
}

// decoder decodes what is wanted.
type decoder struct {
	event.Decoder
	wants func(event.Kind) bool
}

func (d *decoder) parse(line []byte) (*event.Event, error) {
	if d.wants != nil {
		h, err := event.ParseHeader(line)
		if err != nil {
			return nil, err
		}
		if !d.wants(h.Kind) {
			return &event.Event{At: event.Time(h.At)}, nil
		}
	}
	return d.Parse(line)
}
