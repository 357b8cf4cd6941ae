package document

import (
	"context"
	"io"
	"time"
)

// Object is one thing of a store: a file, an object of a bucket, a table of a database.
type Object struct {
	Path     string // below the root, with slashes, as people read it
	Raw      string // the same as the store spells it
	Size     int64  // bytes, -1 when the store does not say
	Modified time.Time
	// Identity is the same as long as nobody changes the object or puts another one in
	// its place, as far as the store tells; zero when it does not tell.
	Identity [4]int64
	// Volatile says that Identity tells only which object it is, not whether it changed:
	// what is known of it holds within one scan, which may have been interrupted.
	Volatile bool
	Public   bool    // everybody who reaches the store may read it
	Trouble  Trouble // 0: it can be read
	Content  Content // nil with a trouble
}

// Content is what is in an object. It is read by one goroutine at a time.
type Content interface {
	// Read hands it to sink. What cannot be read is a trouble. Changed is set when it
	// was written to meanwhile, and what was read may be half of it. The error is the
	// context's.
	Read(ctx context.Context, r *Reader, sink Sink) (changed bool, err error)
	// Sum writes what tells one content from another to w.
	Sum(ctx context.Context, w io.Writer) error
}

// Store is what a scan reads.
type Store interface {
	// Walk calls visit for every object, in the order of their names. An object with
	// the path "." stands for a store that cannot be read at all. The error is the
	// context's or visit's.
	Walk(ctx context.Context, visit func(Object) error) error
}
