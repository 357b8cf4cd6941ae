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
	Root string // the folder, or one file
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
	var err error
	if s.root, err = filepath.Abs(cfg.Root); err != nil {
		return nil, fmt.Errorf("%s %w: %w", cfg.Root, ErrRoot, err)
	}
	_, err = os.Stat(s.root)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", cfg.Root, ErrRoot, err)
	}
	s.begin = s.now()
	s.report = newReport(s.root, s.begin)
	if err := s.leaveOut(); err != nil {
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
	err = s.run(ctx)
	return s.ended(ctx, errors.Join(err, s.state.close()))
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
	if Below(s.cfg.State, s.root) {
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
	return s.each(ctx, func(e entry) error {
		if e.trouble == 0 {
			s.pass.AllFiles++
			s.pass.AllBytes += uint64(e.info.Size())
		}
		s.report.Files, s.report.Bytes = s.pass.AllFiles, s.pass.AllBytes
		return nil
	})
}

// each walks the folder, or visits the one file.
func (s *scan) each(ctx context.Context, visit func(entry) error) error {
	info, err := os.Lstat(s.root)
	if err == nil && info.Mode().IsRegular() {
		return visit(entry{raw: "", info: info})
	}
	return s.walk(ctx, visit)
}

// run reads the files with several workers.
func (s *scan) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan entry)
	workers := s.cfg.Workers
	if workers <= 0 {
		workers = min(runtime.GOMAXPROCS(0), 4)
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			w := &worker{s: s, t: newTally(), reader: document.Reader{Limits: s.cfg.Limits, Temp: s.cfg.State}}
			for e := range queue {
				if err := w.one(ctx, e); err != nil {
					stop(err)
				}
			}
		})
	}
	err := s.each(ctx, func(e entry) error {
		select {
		case queue <- e:
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

// one reads a file, or takes what is known of it. The error ends the scan.
func (w *worker) one(ctx context.Context, e entry) error {
	o := &Object{Path: shown(e.raw), raw: e.raw}
	if e.raw == "" && e.info != nil {
		o.Path = shown(filepath.Base(w.s.root))
	}
	if e.info != nil {
		o.Size, o.Modified, o.Public, o.identity = e.info.Size(), e.info.ModTime().UTC(), public(e.info), identify(e.info)
	}
	if e.trouble != 0 {
		o.Troubles = []Unread{{Trouble: e.trouble, Name: e.trouble.String()}}
		return w.s.add(o, false)
	}
	if known, ok := w.s.state.look(e.raw, o.identity); ok {
		known.Path, known.raw, known.identity = o.Path, o.raw, o.identity
		return w.s.add(known, false)
	}
	if err := w.read(ctx, o, filepath.Join(w.s.root, e.raw)); err != nil {
		return err
	}
	return w.s.add(o, true)
}

// read reads one file into o. The error is the context's.
func (w *worker) read(ctx context.Context, o *Object, name string) error {
	w.t.reset()
	f, err := open(name)
	if err != nil {
		o.Troubles = []Unread{{Trouble: troubleOf(err), Name: troubleOf(err).String()}}
		o.identity = [4]int64{} // to be tried again
		return nil
	}
	defer f.Close() // of a reader
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		o.Troubles = []Unread{{Trouble: document.Special, Name: document.Special.String()}}
		return nil
	}
	o.Size, o.Modified, o.identity = info.Size(), info.ModTime().UTC(), identify(info)
	at := &checked{f: f}
	data := holes(f, o.Size)
	if data != nil {
		err = w.reader.ReadStream(ctx, filepath.Base(name), data, w.t)
	} else {
		err = w.reader.Read(ctx, filepath.Base(name), at, o.Size, w.t)
	}
	if err != nil {
		return err
	}
	w.t.into(o)
	if at.failed() != nil {
		t := troubleOf(at.failed())
		o.Troubles = append(o.Troubles, Unread{Trouble: t, Name: t.String()})
	}
	if after, err := f.Stat(); err != nil || identify(after) != o.identity || at.failed() != nil {
		o.identity = [4]int64{} // it changed under our eyes: to be read again
	}
	if len(o.Elements) > 0 && data == nil {
		return w.digest(ctx, o, f)
	}
	return nil
}

// digest hashes a file in which something was found: the first GiB and the size.
func (w *worker) digest(ctx context.Context, o *Object, f *os.File) error {
	h := w.s.state.digest()
	buf := make([]byte, 256<<10)
	for off := int64(0); off < o.Size && off < 1<<30; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.ReadAt(buf, off)
		h.Write(buf[:n]) // never fails (hash.Hash)
		off += int64(n)
		if err != nil {
			break
		}
	}
	fmt.Fprintf(h, "%d", o.Size)
	o.Digest = hex.EncodeToString(h.Sum(nil)[:16])
	return nil
}

// checked remembers that reading failed, which formats take for a short file.
type checked struct {
	f   *os.File
	mu  sync.Mutex
	err error
}

// ReadAt implements io.ReaderAt.
func (c *checked) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.f.ReadAt(p, off)
	if err != nil && err != io.EOF {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
	}
	return n, err
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
