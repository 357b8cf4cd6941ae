package filescan

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"sekisho/internal/datamap/document"
)

// Config says what to scan. The zero value of a field is its default.
type Config struct {
	Root string // the folder, or one file; with Store what people call it
	// Store is what is read instead of a folder: a database, a bucket.
	Store document.Store
	// State is the directory in which the state is kept; it must not lie below
	// Root unless Root holds everything, in which case it is left out.
	State string
	// Fresh forgets what earlier scans found.
	Fresh bool
	// DryRun counts the files and reads none.
	DryRun bool
	// Workers read files at the same time; 0 means one for each processor, at
	// most four: each may need a hundred MiB.
	Workers int
	Limits  document.Limits
	// Progress is told about ten times a second; nil when nobody listens. It is
	// called by one goroutine at a time.
	Progress func(Progress)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Progress is how far a scan is.
type Progress struct {
	Files, AllFiles uint64
	Bytes, AllBytes uint64
	Left            time.Duration // an estimate; 0 when there is none
}

// ErrRoot is returned when the folder cannot be read at all.
var ErrRoot = errors.New("cannot be read")

// scan is one run.
type scan struct {
	cfg   Config
	root  string
	store document.Store
	skip  map[string]bool
	state *state
	now   func() time.Time
	begin time.Time

	mu      sync.Mutex // guards what follows
	report  *Report
	pass    Progress
	told    time.Time
	digests map[string]string // → the first path
	fresh   uint64            // bytes read by this run
}

// Scan looks through a folder. When ctx ends it returns what was found so far
// with Report.Stopped set, and no error: the next scan goes on from there.
func Scan(ctx context.Context, cfg Config) (*Report, error) {
	s := &scan{cfg: cfg, now: cfg.Now, skip: map[string]bool{}, digests: map[string]string{}}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.setRoot(); err != nil {
		return nil, err
	}
	if err := s.count(ctx); err != nil {
		return s.ended(ctx, err)
	}
	if cfg.DryRun {
		s.report.DryRun = true
		return s.ended(ctx, nil)
	}
	if err := s.openState(); err != nil {
		return nil, err
	}
	err := s.run(ctx)
	return s.ended(ctx, errors.Join(err, s.state.close(err == nil && ctx.Err() == nil && s.cfg.Store != nil)))
}

// setRoot finds out what is read.
func (s *scan) setRoot() error {
	s.root, s.store = s.cfg.Root, s.cfg.Store
	s.begin = s.now()
	if s.store == nil {
		var err error
		if s.root, err = filepath.Abs(s.cfg.Root); err != nil {
			return fmt.Errorf("%s %w: %w", s.cfg.Root, ErrRoot, err)
		}
		if _, err = os.Stat(s.root); err != nil {
			return fmt.Errorf("%s %w: %w", s.cfg.Root, ErrRoot, err)
		}
		s.store = folderOrFile{Folder{s.root, s.skip}}
	}
	s.report = newReport(s.root, s.begin)
	return s.leaveOut()
}

// Below reports whether name lies in the folder root, or is it.
func Below(name, root string) bool {
	rel, err := filepath.Rel(root, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// leaveOut keeps our own directory out of what is scanned.
func (s *scan) leaveOut() (err error) {
	if s.cfg.State, err = filepath.Abs(s.cfg.State); err != nil {
		return err
	}
	if s.cfg.Store == nil && Below(s.cfg.State, s.root) {
		s.skip[s.cfg.State] = true
		s.report.LeftOut = append(s.report.LeftOut, s.cfg.State)
	}
	return nil
}

func (s *scan) openState() (err error) {
	if err := os.MkdirAll(s.cfg.State, 0o700); err != nil {
		return err
	}
	s.state, err = openState(filepath.Join(s.cfg.State, stateName(s.root)), s.root, s.cfg.Fresh)
	return err
}

func (s *scan) ended(ctx context.Context, err error) (*Report, error) {
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		s.report.Stopped, err = true, nil
	}
	s.report.finish(s.now())
	return s.report, err
}

// count walks once without reading, for the estimate.
func (s *scan) count(ctx context.Context) error {
	return s.store.Walk(ctx, func(o document.Object) error {
		if o.Path == "." && o.Trouble != 0 && s.cfg.Store != nil && s.pass.AllFiles == 0 {
			return ErrRoot
		}
		if o.Trouble == 0 {
			s.pass.AllFiles++
			s.pass.AllBytes += uint64(max(o.Size, 0))
		}
		s.report.Files, s.report.Bytes = s.pass.AllFiles, s.pass.AllBytes
		return nil
	})
}

// run reads the files with several workers.
func (s *scan) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan document.Object)
	workers := s.cfg.Workers
	if workers <= 0 {
		workers = min(runtime.GOMAXPROCS(0), 4)
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			w := &worker{s: s, t: newTally(), reader: document.Reader{Limits: s.cfg.Limits, Temp: s.cfg.State}}
			defer w.t.recall.forget()
			for e := range queue {
				if err := w.one(ctx, e); err != nil {
					stop(err)
				}
			}
		})
	}
	err := s.store.Walk(ctx, func(o document.Object) error {
		select {
		case queue <- o:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(queue)
	all.Wait()
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	return err
}

// worker reads one file after another.
type worker struct {
	s      *scan
	t      *tally
	reader document.Reader
}

// one reads an object, or takes what is known of it. The error ends the scan.
func (w *worker) one(ctx context.Context, d document.Object) error {
	o := &Object{Path: d.Path, raw: d.Raw, Size: max(d.Size, 0), Modified: d.Modified, Public: d.Public, identity: d.Identity, volatile: d.Volatile}
	if d.Trouble != 0 {
		o.Troubles = []Unread{{Trouble: d.Trouble, Name: d.Trouble.String()}}
		return w.s.add(o, false)
	}
	if known, ok := w.s.state.look(d.Raw, d.Identity, d.Volatile); ok {
		known.Path, known.raw, known.identity = o.Path, o.raw, o.identity
		return w.s.add(known, false)
	}
	w.t.reset()
	changed, err := d.Content.Read(ctx, &w.reader, w.t)
	if err != nil {
		return err
	}
	w.t.into(o)
	if changed {
		o.identity = [4]int64{} // to be read again
	}
	if len(o.Elements) > 0 {
		h := w.s.state.digest()
		if d.Content.Sum(ctx, h) == nil {
			o.Digest = hex.EncodeToString(h.Sum(nil)[:16])
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return w.s.add(o, true)
}

// checked remembers that reading failed, or that the file was shorter than it was when
// it was opened: formats take both for a short file.
type checked struct {
	f    *os.File
	size int64
	mu   sync.Mutex
	err  error
	cut  bool
}

// ReadAt implements io.ReaderAt.
func (c *checked) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.f.ReadAt(p, off)
	if err != nil && (err != io.EOF || off+int64(n) < c.size) {
		c.mu.Lock()
		if err != io.EOF {
			c.err = err
		} else {
			c.cut = true
		}
		c.mu.Unlock()
	}
	return n, err
}

func (c *checked) short() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

func (c *checked) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// add enters what was found of a file.
func (s *scan) add(o *Object, keep bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if keep {
		if err := s.state.keep(o); err != nil {
			return fmt.Errorf("keep the scan's state: %w", err)
		}
		s.fresh += uint64(o.Size)
	}
	o.CopyOf = ""
	if o.Digest != "" {
		if first, ok := s.digests[o.Digest]; ok {
			o.CopyOf = first
		} else {
			s.digests[o.Digest] = o.Path
		}
	}
	s.report.add(o, s.begin)
	s.pass.Files++
	s.pass.Bytes += uint64(o.Size)
	s.tell()
	return nil
}

func (s *scan) tell() {
	now := time.Now()
	if s.cfg.Progress == nil || now.Sub(s.told) < 100*time.Millisecond {
		return
	}
	s.told = now
	p := s.pass
	if spent := s.now().Sub(s.begin); spent > time.Second && s.fresh > 0 && p.AllBytes > p.Bytes {
		p.Left = time.Duration(float64(spent) * float64(p.AllBytes-p.Bytes) / float64(s.fresh))
	}
	s.cfg.Progress(p)
}
