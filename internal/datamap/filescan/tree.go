package filescan

import (
	"context"
	"io"
	"io/fs"
	"path/filepath"

	"sekisho/internal/datamap/document"
)

// File is a file of a tree, or something there that cannot be read.
type File struct {
	Path    string // below the root, with slashes, as people read it
	Full    string // to open it
	Info    fs.FileInfo
	Trouble document.Trouble // 0: a regular file
	// Identity is the same as long as nobody writes to the file or puts another
	// one in its place, as far as the system tells.
	Identity [4]int64
}

// Walk calls visit for every file below root in the order of names, links not
// followed, but for those below a directory in skip. The error is the context's or
// visit's.
func Walk(ctx context.Context, root string, skip map[string]bool, visit func(File) error) error {
	s := &scan{root: root, skip: skip}
	return s.walk(ctx, func(e entry) error {
		f := File{Path: shown(e.raw), Full: filepath.Join(root, e.raw), Info: e.info, Trouble: e.trouble}
		if e.info != nil {
			f.Identity = identify(e.info)
		}
		return visit(f)
	})
}

// Read hands what is in a file to sink; holes in it are left out. What cannot be
// read is a trouble. Changed is set when the file was written to meanwhile, and
// what was read may be half of it. The error is the context's.
func (f *File) Read(ctx context.Context, r *document.Reader, sink document.Sink) (changed bool, err error) {
	file, err := open(f.Full)
	if err != nil {
		sink.Trouble("", troubleOf(err), "")
		return true, nil
	}
	defer file.Close() // of a reader
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		sink.Trouble("", document.Special, "")
		return true, nil
	}
	at := &checked{f: file}
	if data := holes(file, info.Size()); data != nil {
		err = r.ReadStream(ctx, filepath.Base(f.Full), data, sink)
	} else {
		err = r.Read(ctx, filepath.Base(f.Full), at, info.Size(), sink)
	}
	if err != nil {
		return true, err
	}
	if at.failed() != nil {
		sink.Trouble("", troubleOf(at.failed()), "")
		return true, nil
	}
	after, err := file.Stat()
	return err != nil || identify(after) != f.Identity, nil
}

// Sum feeds h with the content of a file, all of it.
func (f *File) Sum(h io.Writer) error {
	file, err := open(f.Full)
	if err != nil {
		return err
	}
	defer file.Close() // of a reader
	_, err = io.Copy(h, struct{ io.Reader }{file})
	return err
}
