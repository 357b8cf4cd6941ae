package filescan

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sekisho/internal/datamap/document"
)

// Folder is a tree of files as a store. Links are not followed.
type Folder struct {
	Root string
	Skip map[string]bool // directories below Root that are left out
}

// Walk implements document.Store. The error is the context's or visit's.
func (d Folder) Walk(ctx context.Context, visit func(document.Object) error) error {
	s := &scan{root: d.Root, skip: d.Skip}
	return s.walk(ctx, func(e entry) error { return visit(objectOf(d.Root, e)) })
}

// folderOrFile is a Folder whose root may be one file.
type folderOrFile struct{ Folder }

// Walk implements document.Store.
func (d folderOrFile) Walk(ctx context.Context, visit func(document.Object) error) error {
	info, err := os.Lstat(d.Root)
	if err != nil || !info.Mode().IsRegular() {
		return d.Folder.Walk(ctx, visit)
	}
	o := objectOf(d.Root, entry{info: info})
	o.Path = shown(filepath.Base(d.Root))
	return visit(o)
}

func objectOf(root string, e entry) document.Object {
	o := document.Object{Path: shown(e.raw), Raw: e.raw, Trouble: e.trouble, Size: -1}
	if e.info != nil {
		o.Size, o.Modified, o.Public, o.Identity = e.info.Size(), e.info.ModTime().UTC(), public(e.info), identify(e.info)
	}
	if e.trouble == 0 {
		o.Content = &file{name: filepath.Join(root, e.raw), identity: o.Identity}
	}
	return o
}

// Opened returns an open file as an object; raw is its path below a root. The content
// is there even when the file has no name any more. Who opened it closes it.
func Opened(f *os.File, raw string) document.Object {
	o := document.Object{Path: shown(raw), Raw: raw, Size: -1}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		o.Trouble = document.Special
		return o
	}
	o.Size, o.Modified, o.Public, o.Identity = info.Size(), info.ModTime().UTC(), public(info), identify(info)
	o.Content = &file{name: filepath.Base(raw), identity: o.Identity, open: f}
	return o
}

// file is the content of a file.
type file struct {
	name     string
	identity [4]int64
	open     *os.File // nil: by its name
}

// Read implements document.Content. Holes are left out.
func (c *file) Read(ctx context.Context, r *document.Reader, sink document.Sink) (changed bool, err error) {
	f := c.open
	if f == nil {
		if f, err = open(c.name); err != nil {
			sink.Trouble("", troubleOf(err), "")
			return true, nil
		}
		defer f.Close() // of a reader
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		sink.Trouble("", document.Special, "")
		return true, nil
	}
	at := &checked{f: f, size: info.Size()}
	if data := holes(at, f, info.Size()); data != nil {
		err = r.ReadStream(ctx, filepath.Base(c.name), data, sink)
	} else {
		err = r.Read(ctx, filepath.Base(c.name), at, info.Size(), sink)
	}
	if err != nil {
		return true, err
	}
	if at.failed() != nil {
		sink.Trouble("", troubleOf(at.failed()), "")
		return true, nil
	}
	after, err := f.Stat()
	if err != nil || at.short() || rewritten(info, after) {
		sink.Trouble("", document.Changed, "")
		return true, nil
	}
	return identify(after) != c.identity, nil
}

// rewritten reports whether a file was written to otherwise than at its end while it was
// read. What was added at the end is of the next reading.
func rewritten(before, after os.FileInfo) bool {
	return after.Size() < before.Size() || after.Size() == before.Size() && !after.ModTime().Equal(before.ModTime())
}

// sumBytes is how much of a file tells its content from another's, with its size.
const sumBytes = 1 << 30

// Sum implements document.Content: the first GiB and the size.
func (c *file) Sum(ctx context.Context, w io.Writer) (err error) {
	f := c.open
	if f == nil {
		if f, err = open(c.name); err != nil {
			return err
		}
		defer f.Close() // of a reader
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for off := int64(0); off < min(info.Size(), sumBytes); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.ReadAt(buf, off)
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		if off += int64(n); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(w, "%d", info.Size())
	return err
}
