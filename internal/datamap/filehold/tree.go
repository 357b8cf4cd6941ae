package filehold

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
	"sekisho/internal/event"
)

// Tree keeps the holdings of one tree recorded. Scan and Run are called by one
// goroutine.
type Tree struct {
	cfg    Config
	files  map[event.Place]*state
	closed map[event.Place]bool // what this reading could not look into: nothing below it is gone
	lastID uint64

	snapshots map[event.Place]bool // within the tree, that were told
	said      bool                 // that it is a snapshot
}

// state is what is known of a place.
type state struct {
	identity [4]int64 // zero: to be read again
	sources  map[event.SubjectSource]bool
	sum      [32]byte // of what it held
	copied   string   // what was recorded of its origin
	troubles []document.Trouble
	seen     bool // in this reading
}

// New returns a tree. It reads nothing.
func New(cfg Config) *Tree {
	if cfg.Every == 0 {
		cfg.Every = 6 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Unknown == "" {
		cfg.Unknown = Unknown
	}
	t := &Tree{cfg: cfg, files: map[event.Place]*state{}, snapshots: map[event.Place]bool{}}
	for place, sources := range cfg.Held {
		t.files[place] = &state{sources: maps.Clone(sources)}
	}
	return t
}

// Run reads the tree now and on schedule until ctx ends; then it returns nil. A
// reading that fails is a finding, and is tried again at the next time.
func (t *Tree) Run(ctx context.Context, told func(Result, error)) error {
	if t.cfg.Known != nil {
		if err := t.follow(ctx, t.cfg.Known); err != nil || ctx.Err() != nil {
			return err
		}
	}
	for {
		r, err := t.Scan(ctx)
		if ctx.Err() != nil {
			return nil
		}
		told(r, err)
		if err != nil {
			if _, err := t.cfg.Recorder.Record(ctx, event.Written, &event.Finding{Code: "SK3202", Title: "a folder cannot be read", Place: t.cfg.Tree}); err != nil && ctx.Err() == nil {
				return err
			}
		}
		if err := t.follow(ctx, nil); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// follow takes what the watch sees until it is time to read everything again: on
// schedule, or when due is closed.
func (t *Tree) follow(ctx context.Context, due <-chan struct{}) error {
	timer := time.NewTimer(t.cfg.Every)
	defer timer.Stop()
	var ready <-chan struct{}
	if t.cfg.Watch != nil {
		ready = t.cfg.Watch.Ready()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			return nil
		case <-due:
			return nil
		case <-ready:
			if err := t.Seen(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// errEmpty is returned when a tree in which much rested is not there at all: a
// disk that is not mounted deletes nothing.
var errEmpty = errors.New("the folder is empty or not there, and files in it held personal data before")

// Scan reads the tree once: files that are new, were written to, or hold subjects
// that nobody knew. Each file is recorded when it was read, so that a process that
// is killed repeats one file at most.
func (t *Tree) Scan(ctx context.Context) (Result, error) {
	var out Result
	t.closed = map[event.Place]bool{}
	for _, f := range t.files {
		f.seen = false
	}
	if err := t.snapshot(ctx); err != nil {
		return out, err
	}
	c, reader := t.reading()
	err := t.cfg.Store.Walk(ctx, func(f document.Object) error {
		switch {
		case f.Path == "." && f.Trouble == document.Denied: // not all of it is listed
			t.closed[event.Place(t.cfg.Tree)] = true
			return nil
		case f.Path == "." && f.Trouble != 0: // the folder itself cannot be read
			return errEmpty
		}
		if err := t.Seen(ctx); err != nil { // what the kernel holds open should not wait
			return err
		}
		if f.Trouble == document.Link || f.Trouble == document.Special || f.Trouble == document.Vanished {
			return nil
		}
		if f.Trouble != 0 {
			t.closed[t.place(f.Path, f.Raw)] = true
		}
		out.Files++
		return t.file(ctx, &f, c, reader, &out)
	})
	if err == nil && out.Files == 0 && len(t.files)+len(t.closed) > 0 {
		err = errEmpty
	}
	if err != nil {
		return out, fmt.Errorf("read %s: %w", t.cfg.Name, err)
	}
	return out, t.gone(ctx, &out)
}

func (t *Tree) reading() (*content, *document.Reader) {
	return &content{owners: t.cfg.Owners, hash: t.cfg.Hash, nobody: t.cfg.Unknown}, &document.Reader{Limits: t.cfg.Limits, Temp: t.cfg.Temp}
}

// file brings what is recorded of one file up to date.
func (t *Tree) file(ctx context.Context, f *document.Object, c *content, reader *document.Reader, out *Result) error {
	place := t.place(f.Path, f.Raw)
	s := t.files[place]
	if s == nil {
		s = &state{}
		t.files[place] = s
	}
	s.seen = true
	if f.Trouble == 0 && !f.Volatile && s.identity == f.Identity && s.identity != [4]int64{} && !s.sources[t.cfg.Unknown] {
		return t.count(s, out)
	}
	c.reset()
	from := t.cfg.Now()
	changed := true
	if f.Trouble != 0 {
		c.Trouble("", f.Trouble, "")
	} else {
		var err error
		if changed, err = f.Content.Read(ctx, reader, c); err != nil {
			return err
		}
	}
	out.Read++
	fresh := len(s.sources) == 0
	bodies, err := t.bodies(ctx, place, s, c, from, out)
	if err != nil {
		return err
	}
	if len(bodies) > 0 && len(s.sources) > 0 && f.Content != nil {
		o := &event.Object{Place: place, From: from.UnixNano(), To: t.cfg.Now().UnixNano(), Created: fresh, Size: f.Size}
		if err := t.like(ctx, f, o); err != nil {
			return err
		}
		bodies = append(bodies, o)
	}
	bodies = append(append(bodies, t.copied(ctx, place, s, c)...), s.trouble(place, c)...)
	bodies = append(bodies, t.backup(ctx, f, place, s)...)
	if len(s.sources) > 0 {
		bodies = append(bodies, t.inSnapshot(f.Path, strings.ReplaceAll(f.Raw, string(filepath.Separator), "/"))...)
	}
	if len(bodies) > 0 {
		if _, err := t.cfg.Recorder.Record(ctx, event.Durable, bodies...); err != nil {
			return fmt.Errorf("record holdings of %s: %w", place, err)
		}
	}
	if s.identity = f.Identity; changed {
		s.identity = [4]int64{}
	}
	return t.count(s, out)
}

// trouble returns the finding about what could not be read, once as long as nothing
// changes.
func (s *state) trouble(place event.Place, c *content) []event.Body {
	unread := unreadable(c.troubles)
	if slices.Equal(unread, s.troubles) {
		return nil
	}
	if s.troubles = unread; len(unread) == 0 {
		return nil
	}
	var names []string
	for _, x := range unread {
		names = append(names, x.String())
	}
	return []event.Body{&event.Finding{Code: "SK3201", Title: "a file was not read in full", Place: place, Detail: strings.Join(names, ", ")}}
}

func (t *Tree) count(s *state, out *Result) error {
	if len(s.sources) > 0 {
		out.Holding++
	}
	if len(s.troubles) > 0 {
		out.Troubles++
	}
	return nil
}

// unreadable are the troubles that may hide personal data.
func unreadable(all []document.Trouble) (out []document.Trouble) {
	for _, t := range all {
		switch t {
		case document.Picture, document.Foreign, document.Link, document.Special, document.Vanished:
		default:
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return out
}

// gone records an empty holding for every place whose file is not there any more.
func (t *Tree) gone(ctx context.Context, out *Result) error {
	for _, place := range slices.Sorted(maps.Keys(t.files)) {
		s := t.files[place]
		if s.seen || t.below(place) {
			continue
		}
		var bodies []event.Body
		now := t.cfg.Now()
		for _, source := range slices.Sorted(maps.Keys(s.sources)) {
			bodies = append(bodies, t.empty(place, source, now))
		}
		if len(bodies) > 0 {
			bodies = append(bodies, &event.Object{Place: place, From: now.UnixNano(), To: now.UnixNano(), Gone: true, Size: -1})
			if _, err := t.cfg.Recorder.Record(ctx, event.Durable, bodies...); err != nil {
				return fmt.Errorf("record that %s is gone: %w", place, err)
			}
			out.Gone++
		}
		delete(t.files, place)
		t.cfg.Contents.gone(place)
	}
	return nil
}

func (t *Tree) empty(place event.Place, source event.SubjectSource, at time.Time) *event.HoldingScan {
	return &event.HoldingScan{Scan: t.nextID(at), Part: 1, Parts: 1, Table: place, Source: source, From: at.UnixNano(), To: at.UnixNano()}
}

// nextID names a scan: its time, unless the clock went back or it is the same.
func (t *Tree) nextID(at time.Time) uint64 {
	t.lastID = max(t.lastID+1, uint64(at.UnixNano()))
	return t.lastID
}

// below reports whether a place lies in what this reading could not look into: a folder
// without permission, a disk that fails. A place that is a hash of a long path may.
func (t *Tree) below(place event.Place) bool {
	if len(t.closed) == 0 {
		return false
	}
	for i := len(place) - 1; i >= 0; i-- { // there may be as many folders as places
		if place[i] == '/' && t.closed[place[:i]] {
			return true
		}
	}
	rest := strings.TrimPrefix(string(place), string(t.cfg.Tree)+"/")
	return strings.HasPrefix(rest, "~") && !strings.Contains(rest, "/")
}

// place names a file. A part of its path that holds personal data itself is
// replaced by a keyed hash: the ledger holds no names of persons. A part that is shown
// otherwise than the file system spells it (control characters, Shift_JIS) has a hash of
// its spelling behind it, for two files may be shown alike.
func (t *Tree) place(name, raw string) event.Place {
	parts, spelt := strings.Split(name, "/"), strings.Split(strings.ReplaceAll(raw, string(filepath.Separator), "/"), "/")
	if len(spelt) != len(parts) {
		spelt = parts
	}
	for i, part := range parts {
		found := false
		s := element.NewScanner(element.Options{Encoding: element.UTF8, Kinds: naming, Buffer: 1}, func(*element.Finding) { found = true })
		s.Write([]byte(strings.TrimSuffix(part, path.Ext(part)))) // open until Close
		s.Close()                                                 // the error is of a second Close only
		odd := spelt[i] != part
		if found || odd || len(part) > 200 {
			sum := t.cfg.Hash([]byte("path"), []byte(strings.Join(spelt[:i+1], "/")))
			ext := path.Ext(part)
			begin := strings.TrimSuffix(part, ext)
			if found || len(part) > 200 {
				begin = ""
			}
			parts[i] = begin + "~" + hex.EncodeToString(sum[:8]) + ext
		}
	}
	full := strings.Join(parts, "/")
	if len(full) > 1024 {
		sum := t.cfg.Hash([]byte("path"), []byte(raw))
		full = "~" + hex.EncodeToString(sum[:])
	}
	return t.cfg.Tree + "/" + event.Place(full)
}
