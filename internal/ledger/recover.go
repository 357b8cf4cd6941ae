package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
)

// Recovery is what Open found and did.
type Recovery struct {
	// Clean says that the previous run ended with Close, or that there was none.
	Clean bool
	// CutBytes is the length of an unfinished last line that was cut off.
	CutBytes int64
	// Lost, when not nil, says that a power cut may have taken events that
	// were acknowledged at level Written: from the last event on disk to the
	// start of this run. The caller records it.
	Lost *event.Gap
}

func (l *Ledger) recover(ctx context.Context) error {
	open, err := l.openOrdinals()
	if err != nil {
		return err
	}
	checker := segment.NewChecker(l.cfg.Tenant, nil)
	for i, ordinal := range open {
		size, cut, err := l.checkOpen(ctx, ordinal, checker)
		if err != nil {
			return err
		}
		if cut > 0 {
			if i != len(open)-1 {
				return fmt.Errorf("%s ends in the middle of a line, and %s follows it", openName(ordinal), openName(open[i+1]))
			}
			if err := l.fs.Truncate(openName(ordinal), size); err != nil {
				return err
			}
			l.recovered.CutBytes = cut
		}
		l.ordinal, l.segmentSize = ordinal, size
	}
	l.next = event.Index(checker.Lines())
	l.durable, l.heads = l.next, checker.Heads()
	return l.openLast(len(open) == 0)
}

func (l *Ledger) openLast(create bool) (err error) {
	if create {
		l.file, err = durable.CreateFile(l.fs, openName(l.ordinal), 0o600)
		return err
	}
	l.file, err = l.fs.Append(openName(l.ordinal))
	if err != nil {
		return err
	}
	return l.file.Sync() // what recovery read may have been in memory only
}

func (l *Ledger) openOrdinals() ([]uint64, error) {
	entries, err := l.fs.ReadDir(openDir)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		var n uint64
		if _, err := fmt.Sscanf(e.Name(), "%08d.jsonl", &n); err != nil || openName(n) != openDir+"/"+e.Name() {
			return nil, fmt.Errorf("%s/%s: not a segment", openDir, e.Name())
		}
		out = append(out, n)
	}
	return out, nil
}

// checkOpen verifies an open segment and returns the size of its whole lines
// and of the unfinished line after them.
func (l *Ledger) checkOpen(ctx context.Context, ordinal uint64, checker *segment.Checker) (size, cut int64, err error) {
	f, err := l.fs.Open(openName(ordinal))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	err = eachLine(ctx, f, func(line []byte) error {
		if line[len(line)-1] != '\n' {
			cut = int64(len(line))
			return nil
		}
		if _, _, err := checker.Line(line[:len(line)-1]); err != nil {
			return fmt.Errorf("%s: %w", openName(ordinal), err)
		}
		size += int64(len(line))
		return nil
	})
	return size, cut, err
}

// eachLine calls fn with every line, line feed included; the last one may lack
// it. The line is valid until fn returns. A line longer than event.MaxLine is
// given in part and ends the reading.
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
