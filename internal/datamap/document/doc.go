// Package document reads files of many formats and hands on what a person would
// read in them: running text, and tables with named columns.
//
// It finds nothing itself, walks no tree and writes nothing: what is in the text
// is for package element, where files come from for the scans.
//
// Every reader streams. What must be read in another order than it stands in (a
// zip inside a gzip) goes through a spool: memory first, then an anonymous
// temporary file encrypted with a key that only this process has.
//
// What cannot be read is never silent: it is a Trouble at the part's name.
package document

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"

	"sekisho/internal/element"
)

// Sink takes what is in an object. Its methods are called by one goroutine. The
// part names where inside the object something is: "backup.zip/customers.xlsx/顧客";
// it is empty for the object itself.
type Sink interface {
	// Text begins running text in an encoding; Auto lets the engine find out.
	// Close ends it.
	Text(part string, e element.Encoding) io.WriteCloser
	// Table begins rows of cells in UTF-8.
	Table(part string) Table
	// Trouble says that (some of) a part could not be read. Detail is for
	// people, in English, and holds nothing of the content; it may be empty.
	Trouble(part string, t Trouble, detail string)
}

// Table takes rows. Values are valid during the call.
type Table interface {
	// Column returns the number of the column with a header, which may be empty.
	// The same header gives the same number, except the empty one.
	Column(header string) int
	// Cell takes a value of the row. A column may have several in one row.
	Cell(column int, value []byte)
	// EndRow ends the row.
	EndRow()
	Close()
}

// Shared is a Table that wants to know which values are the same string of a file's
// own table of strings: the same number is the same value in all cells of the Table.
// Other values come by Cell.
type Shared interface {
	SharedCell(column, number int, value []byte)
}

// Keyed is a Table that wants to know what rows are called where they come from: by
// an integer key, which says nothing about anybody. Rows without one are counted.
type Keyed interface {
	KeyColumn(name string)
	Key(n int64) // of the row that begins
}

// Trouble is why something could not be read in full.
type Trouble uint8

// The troubles. Numbers are kept in states of scans and never reused.
const (
	Damaged    Trouble = iota + 1 // ends too early, or contradicts its format
	Encrypted                     // needs a password
	Limit                         // larger or deeper than is read: not fully scanned
	Unreadable                    // holds text that cannot be read as characters
	Picture                       // a picture, sound or film: may show personal data
	Denied                        // no permission
	Locked                        // another program has it
	Vanished                      // was there, and is not any more
	Special                       // no regular file: a device, a pipe, a socket
	Failed                        // an error of the disk or the network
	Link                          // a symbolic link, which is not followed
	Foreign                       // a program or a font, read as bytes
	Changed                       // was written to while it was read: what was read may be half of the one and half of the other
	troubleEnd
)

var troubleNames = [...]string{"", "damaged", "encrypted", "limit", "unreadable", "picture", "denied", "locked", "vanished", "special", "failed", "link", "foreign", "changed"}

// String returns the stable name of t.
func (t Trouble) String() string {
	if t >= troubleEnd {
		return fmt.Sprintf("trouble(%d)", uint8(t))
	}
	return troubleNames[t]
}

// Limits bound what one object may cost. Zero fields mean the default.
type Limits struct {
	Depth   int   // archives in archives; 5
	Ratio   int64 // bytes out for one byte in, counted after the first MiB; 200
	Bytes   int64 // bytes out of archives; 4 GiB
	Entries int   // members of archives; 100,000
	Memory  int64 // bytes of tables that a format needs at once; 64 MiB
	// Patience is how long an archive may compute that holds programs, without what its
	// bytes take; 30 s.
	Patience time.Duration
}

func (l Limits) orDefault() Limits {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.Ratio, 200)
	set(&l.Bytes, 4<<30)
	set(&l.Memory, 64<<20)
	if l.Depth == 0 {
		l.Depth = 5
	}
	if l.Patience == 0 {
		l.Patience = 30 * time.Second
	}
	if l.Entries == 0 {
		l.Entries = 100_000
	}
	return l
}

// job is the reading of one object.
type job struct {
	ctx     context.Context
	limits  Limits
	sink    Sink
	temp    string // directory of spools, "" for the system's
	size    int64  // of the object
	out     int64  // bytes unpacked so far
	entries int
	depth   int   // of the archive, message or document whose parts are read
	windows int64 // bytes that open decoders keep
	held    int64 // bytes of PDFs and of workbooks' strings in memory
	asked   int64 // bytes that all decoders asked to keep
}

// errLimit ends the reading of a part that is over a limit.
var errLimit = errors.New("over a limit of the scan")

// Reader reads objects. It is used by one goroutine at a time.
type Reader struct {
	Limits Limits
	// Temp is where spools go that do not fit into memory, "" for the system's
	// directory.
	Temp string
}

// Read hands what is in an object to sink. Name is the file's name, whose ending
// helps where the content does not say what it is. The error is the context's;
// everything else that goes wrong is a Trouble.
func (r *Reader) Read(ctx context.Context, name string, at io.ReaderAt, size int64, sink Sink) error {
	j := &job{ctx: ctx, limits: r.Limits.orDefault(), sink: sink, temp: r.Temp, size: size}
	j.object("", name, source{r: io.NewSectionReader(at, 0, size), at: at, size: size}, 0)
	return ctx.Err()
}

// ReadStream is Read for a stream, read once from the front.
func (r *Reader) ReadStream(ctx context.Context, name string, stream io.Reader, sink Sink) error {
	j := &job{ctx: ctx, limits: r.Limits.orDefault(), sink: sink, temp: r.Temp, size: 1 << 50}
	j.object("", name, source{r: stream, size: -1}, 0)
	return ctx.Err()
}

// source is one part's bytes: a stream, and the same at random where it is known.
type source struct {
	r    io.Reader
	at   io.ReaderAt // nil when there is only the stream
	size int64       // -1 when not known
}

// trouble reports err at part.
func (j *job) trouble(part string, err error) {
	if err == nil || j.ctx.Err() != nil {
		return
	}
	switch {
	case errors.Is(err, errLimit):
		j.sink.Trouble(part, Limit, err.Error())
	case errors.Is(err, errEncrypted):
		j.sink.Trouble(part, Encrypted, "")
	default:
		j.sink.Trouble(part, Damaged, plain(err))
	}
}

var errEncrypted = errors.New("encrypted")

// plain returns the words of an error that can hold nothing of the content: the
// libraries' errors may quote what they read.
func plain(err error) string {
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return "ends too early"
		}
	}
	return "contradicts its format"
}

// stream copies a part to w until its end, the context's or a limit's.
func (j *job) copyTo(w io.Writer, r io.Reader) error {
	buf := make([]byte, 64<<10)
	for {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// join adds a member's name to a part.
func join(part, name string) string {
	name = strings.Trim(path.Clean("/"+strings.ReplaceAll(Name(name), `\`, "/")), "/")
	if len(name) > 400 {
		name = name[:200] + "…" + name[len(name)-190:]
		name = strings.ToValidUTF8(name, "")
	}
	if part == "" {
		return name
	}
	return part + "/" + name
}

// Name returns a file's name as people read it: names that are not UTF-8 are
// taken for Shift_JIS, as Windows writes them into archives and onto shares, and
// control characters are replaced.
func Name(name string) string {
	if !utf8.ValidString(name) {
		if s, err := japanese.ShiftJIS.NewDecoder().String(name); err == nil && !strings.ContainsRune(s, utf8.RuneError) {
			name = s
		} else {
			name = strings.ToValidUTF8(name, "�")
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
			return '�'
		}
		return r
	}, name)
}

// ParseTrouble returns the trouble with the given stable name, Failed for others.
func ParseTrouble(name string) Trouble {
	for i, n := range troubleNames {
		if n == name && i > 0 {
			return Trouble(i)
		}
	}
	return Failed
}

// Troubles returns the stable names of all troubles.
func Troubles() []string { return troubleNames[1:] }
