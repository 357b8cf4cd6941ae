package filehold

import (
	"context"
	"encoding/binary"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/datamap/document"
	"sekisho/internal/event"
)

// Origin is what a file says of what it was made from.
type Origin struct {
	// How is "pg_dump", "mysqldump", "snapshot" (a copy of a SQLite database) or
	// "base backup".
	How string
	// Database is its name as the file has it, or "". Of a base backup it is the
	// number of the server (pg_control_system().system_identifier).
	Database string
	Tables   []string // schema.table, or the table alone; none of a base backup
	// Holds are the sources of the subjects of protected tables that were found in
	// the file.
	Holds []event.SubjectSource
}

// maxOrigins bounds the dumps in one file that are told apart.
const maxOrigins = 16

// copied returns what is recorded of what a file was made from, when that is new.
func (t *Tree) copied(ctx context.Context, place event.Place, s *state, c *content) (out []event.Body) {
	if t.cfg.Origins == nil {
		return nil
	}
	known := ""
	for _, o := range c.made {
		for source := range s.sources {
			if source != t.cfg.Unknown {
				o.Holds = append(o.Holds, source)
			}
		}
		slices.Sort(o.Holds)
		of := t.cfg.Origins(ctx, place, o)
		if len(of) == 0 {
			continue
		}
		out = append(out, &event.Copied{Place: place, At: t.cfg.Now().UnixNano(), Of: of, How: o.How})
		for _, p := range of {
			known += o.How + "\x00" + string(p) + "\x00"
		}
	}
	if known == s.copied {
		return nil
	}
	s.copied = known
	return out
}

// snapshot records once that the tree is a snapshot, as the configuration says.
func (t *Tree) snapshot(ctx context.Context) error {
	if t.said || t.cfg.SnapshotOf == "" {
		return nil
	}
	t.said = true
	_, err := t.cfg.Recorder.Record(ctx, event.Durable, &event.Copied{Place: t.cfg.Tree, At: t.cfg.Now().UnixNano(), Of: []event.Place{t.cfg.SnapshotOf}, How: "snapshot"})
	return err
}

// snapshotFolder returns the snapshot within a tree that the path lies in, as ZFS
// (.zfs/snapshot/NAME) and snapper and its like on btrfs (.snapshots/NAME) show them, and
// what it was taken of: the folder above. Shares of NetApp call it .snapshot or ~snapshot.
func snapshotFolder(name string) (snapshot, of string, ok bool) {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		n := 0
		switch {
		case part == ".zfs" && i+2 < len(parts) && parts[i+1] == "snapshot":
			n = i + 3
		case part == ".snapshots" || part == ".snapshot" || part == "~snapshot":
			n = i + 2
		}
		if n > 0 && n < len(parts) {
			return strings.Join(parts[:n], "/"), strings.Join(parts[:i], "/"), true
		}
	}
	return "", "", false
}

// inSnapshot returns, once for each snapshot within the tree, that it is a copy of the
// folder that it was taken of.
func (t *Tree) inSnapshot(name, raw string) []event.Body {
	snapshot, of, ok := snapshotFolder(name)
	if !ok {
		return nil
	}
	cut := func(s, like string) string { // as many parts of s as like has
		n := strings.Count(like, "/") + 1
		parts := strings.Split(s, "/")
		return strings.Join(parts[:min(n, len(parts))], "/")
	}
	place := t.place(snapshot, cut(raw, snapshot))
	if t.snapshots[place] {
		return nil
	}
	t.snapshots[place] = true
	from := t.cfg.Tree
	if of != "" {
		from = t.place(of, cut(raw, of))
	}
	return []event.Body{&event.Copied{Place: place, At: t.cfg.Now().UnixNano(), Of: []event.Place{from}, How: "snapshot"}}
}

// controlFile is where a data directory of PostgreSQL, and so a base backup of it, has
// its control file (PostgreSQL manual, 73.1).
const controlFile = "global/pg_control"

// backup recognises the directory around a control file: whose number is in its first
// eight bytes (ControlFileData.system_identifier; src/include/catalog/pg_control.h), in
// the byte order of the machine, which is little-endian on all that we run on.
func (t *Tree) backup(ctx context.Context, f *document.Object, place event.Place, s *state) []event.Body {
	dir, ok := strings.CutSuffix(string(place), "/"+controlFile)
	if !ok || t.cfg.Origins == nil || f.Content == nil || path.Base(f.Path) != "pg_control" {
		return nil
	}
	var head firstBytes
	if err := f.Content.Sum(ctx, &head); err != nil || len(head.got) < len(head.buf) {
		return nil // it is no control file, or cannot be read, which is said elsewhere
	}
	c := &content{made: []Origin{{How: "base backup", Database: strconv.FormatUint(binary.LittleEndian.Uint64(head.got), 10)}}}
	return t.copied(ctx, event.Place(dir), s, c)
}

// firstBytes takes the beginning of what is written.
type firstBytes struct {
	buf [8]byte
	got []byte
}

// Write implements io.Writer.
func (b *firstBytes) Write(p []byte) (int, error) {
	n := copy(b.buf[len(b.got):], p)
	b.got = b.buf[:len(b.got)+n]
	return len(p), nil
}

var _ io.Writer = (*firstBytes)(nil)
