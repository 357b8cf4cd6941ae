package filehold

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/filescan"
	"sekisho/internal/datamap/filewatch"
	"sekisho/internal/event"
)

// goneUnread is why the content of an object is not known.
const goneUnread = "gone before it was read"

// recordBytes is less than any record takes that says whose it is, in any format that
// is not compressed: it bounds the records of a file that nobody read.
const recordBytes = 4

// Seen records what the watch saw since it was asked last. It is called by the
// goroutine of Scan and Run.
func (t *Tree) Seen(ctx context.Context) error {
	if t.cfg.Watch == nil {
		return nil
	}
	for {
		sights, losses := t.cfg.Watch.Take()
		if len(sights)+len(losses) == 0 {
			return nil
		}
		bodies := t.losses(losses)
		var err error
		for _, s := range sights {
			if err == nil {
				var more []event.Body
				more, err = t.sight(ctx, s)
				bodies = append(bodies, more...)
			}
			if s.File != nil {
				s.File.Close() // of a reader
			}
			if len(bodies) >= 256 && err == nil {
				_, err = t.cfg.Recorder.Record(ctx, event.Durable, bodies...)
				bodies = nil
			}
		}
		if err == nil && len(bodies) > 0 {
			_, err = t.cfg.Recorder.Record(ctx, event.Durable, bodies...)
		}
		if err != nil {
			return fmt.Errorf("record what was seen in %s: %w", t.cfg.Tree, err)
		}
	}
}

// losses returns what is recorded of what the watch lost: a gap at the place, and a
// finding.
func (t *Tree) losses(all []filewatch.Loss) (out []event.Body) {
	for _, l := range all {
		place := t.cfg.Tree
		if l.Path != "" {
			place = t.place(filescan.Shown(l.Path), l.Path)
		}
		out = append(out, &event.Gap{From: l.From.UnixNano(), To: max(l.From.UnixNano(), l.To.UnixNano()), Places: []event.Place{place}, Reason: l.Reason})
		if l.Reason != filewatch.NewFolder {
			out = append(out, &event.Finding{Code: "SK3204", Title: "what happened to files was missed", Place: place, Detail: l.Reason})
		}
	}
	return out
}

// sight returns what is recorded of one sight.
func (t *Tree) sight(ctx context.Context, s *filewatch.Sight) ([]event.Body, error) {
	place := t.place(filescan.Shown(s.Path), s.Path)
	if s.Dir {
		return t.folderGone(place, s.To), nil
	}
	o := &event.Object{Place: place, From: s.From.UnixNano(), To: s.To.UnixNano(), Created: s.Created, Gone: s.Gone, Writes: s.Writes, Size: s.Size}
	if s.Was != "" {
		o.Was = t.place(filescan.Shown(s.Was), s.Was)
	}
	st := t.files[place]
	if st == nil {
		st = &state{}
	} else if !s.Written && s.File == nil && !s.Gone {
		return nil, nil
	}
	st.seen = true
	var bodies []event.Body
	var err error
	if s.File != nil {
		bodies, err = t.content(ctx, s, place, st, o)
	} else if s.Late() || s.Gone && !s.Created && s.MovedTo == "" && !st.known() {
		bodies = t.unread(st, o)
	}
	if err != nil {
		return nil, err
	}
	bodies = append(bodies, o)
	if !s.Gone {
		if t.files[place] = st; s.File == nil {
			st.identity = [4]int64{}
		}
		return bodies, nil
	}
	for _, source := range slices.Sorted(maps.Keys(st.sources)) {
		bodies = append(bodies, t.empty(place, source, s.To))
	}
	delete(t.files, place)
	t.cfg.Contents.gone(place)
	return bodies, nil
}

// known reports whether it is known what a file holds.
func (s *state) known() bool { return s.identity != [4]int64{} || len(s.sources) > 0 }

// content returns the holdings of what was in a file.
func (t *Tree) content(ctx context.Context, s *filewatch.Sight, place event.Place, st *state, o *event.Object) ([]event.Body, error) {
	f := filescan.Opened(s.File, s.Path)
	c, reader := t.reading()
	c.reset()
	changed := true
	if f.Trouble != 0 {
		c.Trouble("", f.Trouble, "")
	} else {
		var err error
		if changed, err = f.Content.Read(ctx, reader, c); err != nil {
			return nil, err
		}
	}
	var out Result
	bodies, err := t.bodies(ctx, place, st, c, s.From, &out)
	if err != nil {
		return nil, err
	}
	for _, b := range bodies { // it rested there as long as it was seen, not as long as it was read
		if h, ok := b.(*event.HoldingScan); ok && s.Gone {
			h.To = max(h.From, s.To.UnixNano())
		}
	}
	if o.Size = f.Size; len(st.sources) > 0 {
		if err := t.like(ctx, &f, o); err != nil {
			return nil, err
		}
	}
	if st.identity = f.Identity; changed {
		st.identity = [4]int64{}
	}
	return append(append(bodies, t.copied(ctx, place, st, c)...), st.trouble(place, c)...), nil
}

// unread returns what is recorded of an object that went before anybody could read it:
// that there may have been as many records of unknown persons as fit.
func (t *Tree) unread(st *state, o *event.Object) []event.Body {
	o.Unread = goneUnread
	n, size := uint64(1), "size not known"
	if o.Size >= 0 {
		n, size = max(1, uint64(o.Size)/recordBytes), fmt.Sprintf("%d bytes", o.Size)
	}
	if st.sources == nil {
		st.sources = map[event.SubjectSource]bool{}
	}
	st.sources[t.cfg.Unknown] = true
	return []event.Body{
		&event.HoldingScan{Scan: t.nextID(time.Unix(0, o.From)), Part: 1, Parts: 1, Table: o.Place, Source: t.cfg.Unknown, Elements: personal, From: o.From, To: o.To, Rows: n, Unknown: n},
		&event.Finding{Code: "SK3203", Title: "a file came and went before it could be read", Place: o.Place, Detail: size},
	}
}

// folderGone returns the end of all files that were in a directory.
func (t *Tree) folderGone(dir event.Place, at time.Time) (out []event.Body) {
	for _, place := range slices.Sorted(maps.Keys(t.files)) {
		if !strings.HasPrefix(string(place), string(dir)+"/") {
			continue
		}
		for _, source := range slices.Sorted(maps.Keys(t.files[place].sources)) {
			out = append(out, t.empty(place, source, at))
		}
		out = append(out, &event.Object{Place: place, From: at.UnixNano(), To: at.UnixNano(), Gone: true, Size: -1})
		delete(t.files, place)
		t.cfg.Contents.gone(place)
	}
	return out
}

var _ document.Store = filescan.Folder{}
