package ledger

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"sekisho/internal/event"
)

// ScanEvents is Scan for many events: it decompresses and decodes ahead on all
// processors, and calls fn in order from one goroutine. The events are the
// caller's to keep.
func (r *Reader) ScanEvents(ctx context.Context, from event.Index, fn func(event.Index, *event.Event) error) error {
	end := event.Index(math.MaxUint64)
	if r.live != nil {
		end = r.live.Head()
	}
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	d := decoding{ordered: make(chan *chunk, 2*workers), work: make(chan *chunk, 2*workers)}
	var all sync.WaitGroup
	defer all.Wait() // after cancel: nobody works on
	defer cancel()
	all.Go(func() { d.err = d.read(ctx, r, from, end) })
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

// chunk is a run of lines, then of events.
type chunk struct {
	first  event.Index
	lines  []byte // with line feeds
	count  int
	events []*event.Event
	err    error
	done   chan struct{}
}

// chunkBytes is when a chunk is full: big enough to make handing over cheap,
// small enough to keep all processors busy with a small ledger.
const chunkBytes = 128 << 10

// decoding hands chunks from one reader to many decoders; ordered has them in
// the order of the ledger.
type decoding struct {
	ordered, work chan *chunk
	err           error // of the reader; read after ordered is closed
}

// read cuts the ledger into chunks.
func (d *decoding) read(ctx context.Context, r *Reader, from, end event.Index) error {
	defer close(d.ordered)
	defer close(d.work)
	c := newChunk(from)
	send := func() error {
		for _, to := range []chan *chunk{d.work, d.ordered} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	_, err := r.scan(ctx, from, end, func(i event.Index, line []byte) error {
		if c.count == 0 {
			c.first = i
		}
		c.lines = append(append(c.lines, line...), '\n')
		c.count++
		if len(c.lines) < chunkBytes {
			return nil
		}
		err := send()
		c = newChunk(i + 1)
		return err
	})
	if c.count > 0 && ctx.Err() == nil {
		if sendErr := send(); err == nil {
			err = sendErr
		}
	}
	return err
}

func newChunk(first event.Index) *chunk {
	return &chunk{first: first, lines: make([]byte, 0, chunkBytes+event.MaxLine), done: make(chan struct{})}
}

// decode decodes chunks until there are none.
func (d *decoding) decode() {
	var dec event.Decoder
	for c := range d.work {
		c.decode(&dec)
		close(c.done)
	}
}

func (c *chunk) decode(dec *event.Decoder) {
	c.events = make([]*event.Event, 0, c.count)
	for rest := c.lines; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n')
		e, err := dec.Parse(rest[:n])
		if err != nil {
			c.err = fmt.Errorf("event %d: %w", c.first+event.Index(len(c.events)), err)
			return
		}
		c.events = append(c.events, e)
		rest = rest[n+1:]
	}
	c.lines = nil
}
