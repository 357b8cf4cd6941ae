package document

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Made is a Sink that wants to know what an object was made from: a dump of tables, a
// copy of a database. It is told at most once a part, when the part was read.
type Made interface {
	// Made says how ("pg_dump", "mysqldump", "snapshot"), the database as the object
	// names it ("" when it does not), and the tables, at most maxMade of them.
	Made(part, how, database string, tables []string)
}

// maxMade bounds the tables that Made is told of.
const maxMade = 10_000

func (j *job) made(part, how, database string, tables []string) {
	if m, ok := j.sink.(Made); ok && len(tables) > 0 {
		m.Made(part, how, database, tables)
	}
}

// Versions of the archive format (PostgreSQL 17, src/bin/pg_dump/pg_backup_archiver.h,
// K_VERS_*), major, minor and revision in a byte each.
const (
	archive1_10 = 0x010a00 // PostgreSQL 8.4; older ones are not read
	archive1_11 = 0x010b00
	archive1_14 = 0x010e00
	archive1_15 = 0x010f00
	archive1_16 = 0x011000
	archive1_17 = 0x011100 // not known yet
)

// archive is a dump of pg_dump -Fc, or the toc.dat of -Fd and -Ft (ArchiveFormat 1, 5
// and 3): a head, a table of contents, and of -Fc the data.
type archive struct {
	r           *bufio.Reader
	version     int
	intSize     int
	offSize     int
	format      byte
	compression byte // 0 none, 1 gzip, 2 LZ4, 3 Zstandard
	database    string
	kept        int            // bytes of what follows
	begin       map[int]string // by dump id, what stands before the data: COPY, or the table's definition
	defined     map[string]string
	tables      []string
}

var errArchive = errors.New("a dump of pg_dump of a version that is not known")

// maxArchiveText bounds a text of the table of contents.
const maxArchiveText = 16 << 20

// maxArchiveKept bounds what of it is kept at once.
const maxArchiveKept = 64 << 20

// pgDump reads a dump of pg_dump in its own format.
func (j *job) pgDump(part string, r io.Reader) error {
	a := &archive{r: bufio.NewReaderSize(r, 64<<10), begin: map[int]string{}, defined: map[string]string{}}
	err := a.head()
	if err == nil {
		err = a.contents()
	}
	j.made(part, "pg_dump", a.database, a.tables)
	if err != nil {
		j.sink.Trouble(part, Unreadable, "a dump of pg_dump; write it out with pg_restore -f")
		return errors.Join(ignoreArchive(err), j.raw(part, a.r))
	}
	if a.format != 1 { // what is in the tables is in files beside this one
		return nil
	}
	return j.archiveData(part, a)
}

func ignoreArchive(err error) error {
	if errors.Is(err, errArchive) {
		return nil
	}
	return err
}

func (a *archive) head() error {
	var b [10]byte
	if _, err := io.ReadFull(a.r, b[:]); err != nil { // PGDMP, three of the version, two sizes
		return err
	}
	a.version = int(b[5])<<16 | int(b[6])<<8 | int(b[7])
	a.intSize, a.offSize = int(b[8]), int(b[9])
	if a.version < archive1_10 || a.version >= archive1_17 || a.intSize < 1 || a.intSize > 8 || a.offSize < 1 || a.offSize > 16 {
		return errArchive
	}
	var err error
	if a.format, err = a.r.ReadByte(); err != nil {
		return err
	}
	if a.version >= archive1_15 {
		if a.compression, err = a.r.ReadByte(); err != nil {
			return err
		}
	} else if level, err := a.int(); err != nil {
		return err
	} else if level != 0 {
		a.compression = 1
	}
	for range 7 { // the time
		if _, err := a.int(); err != nil {
			return err
		}
	}
	if a.database, _, err = a.text(); err != nil {
		return err
	}
	for range 2 { // versions of server and pg_dump
		if _, _, err := a.text(); err != nil {
			return err
		}
	}
	return nil
}

// int reads a sign and intSize bytes, the lowest first (ReadInt).
func (a *archive) int() (int, error) {
	sign, err := a.r.ReadByte()
	n := 0
	for i := range a.intSize {
		b, berr := a.r.ReadByte()
		if err = errors.Join(err, berr); err != nil {
			return 0, err
		}
		n |= int(b) << (8 * i)
	}
	if sign != 0 {
		n = -n
	}
	return n, nil
}

// text reads a length and as many bytes (ReadStr); a negative length is NULL.
func (a *archive) text() (s string, null bool, err error) {
	n, err := a.int()
	if err != nil || n < 0 {
		return "", n < 0, err
	}
	if n > maxArchiveText {
		return "", false, errArchive
	}
	var b strings.Builder
	if _, err := io.CopyN(&b, a.r, int64(n)); err != nil {
		return "", false, err
	}
	return b.String(), false, nil
}

// contents reads the table of contents (ReadToc, with _ReadExtraToc of the format).
func (a *archive) contents() error {
	n, err := a.int()
	if err != nil {
		return err
	}
	for range n {
		if err := a.entry(); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) entry() error {
	var err error
	number := func() (n int) {
		if err == nil {
			n, err = a.int()
		}
		return n
	}
	text := func() (s string) {
		if err == nil {
			s, _, err = a.text()
		}
		return s
	}
	id := number()
	number() // had a dumper
	text()   // catalogue table
	text()   // object id
	tag, desc := text(), text()
	if a.version >= archive1_11 {
		number() // section
	}
	definition := text()
	text() // drop statement
	copyStatement, namespace := text(), text()
	text() // tablespace
	if a.version >= archive1_14 {
		text() // access method
	}
	if a.version >= archive1_16 {
		number() // kind of relation
	}
	text() // owner
	text() // with OIDs
	for null := false; err == nil && !null; {
		_, null, err = a.text() // what it depends on
	}
	if err != nil {
		return err
	}
	if a.format == 1 {
		_, err = io.CopyN(io.Discard, a.r, int64(1+a.offSize)) // where the data is
	} else {
		text() // the file
	}
	name := namespace + "." + tag
	if a.kept += len(name); desc == "TABLE" {
		a.defined[name] = definition
		a.kept += len(definition)
	} else if desc == "TABLE DATA" {
		if copyStatement == "" { // --inserts
			copyStatement = a.defined[name]
		}
		a.begin[id] = copyStatement
		a.kept += len(copyStatement)
		if len(a.tables) < maxMade {
			a.tables = append(a.tables, name)
		}
	}
	if a.kept > maxArchiveKept {
		err = errors.Join(err, errArchive)
	}
	return err
}

// archiveData reads the blocks behind the table of contents: rows of tables as those of
// a plain dump, large objects as any other content.
func (j *job) archiveData(part string, a *archive) error {
	for {
		kind, err := a.r.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		id, err := a.int()
		if err != nil {
			return err
		}
		switch kind {
		case 1: // BLK_DATA
			err = j.archiveBlock(a, func(r io.Reader) error { return j.sql(part, io.MultiReader(strings.NewReader(a.begin[id]), r)) })
		case 3: // BLK_BLOBS
			err = j.archiveBlobs(part, a)
		default:
			return fmt.Errorf("block of kind %d: %w", kind, errors.ErrUnsupported)
		}
		if err != nil {
			return err
		}
	}
}

func (j *job) archiveBlobs(part string, a *archive) error {
	for {
		oid, err := a.int()
		if err != nil || oid == 0 {
			return err
		}
		if err := j.archiveBlock(a, func(r io.Reader) error { return j.raw(join(part, fmt.Sprint(oid)), r) }); err != nil {
			return err
		}
	}
}

// archiveBlock hands on what is in one block and leaves the reader behind it.
func (j *job) archiveBlock(a *archive, read func(io.Reader) error) error {
	pieces := &chunkReader{a: a}
	err := j.unpacked(a, pieces, read)
	_, rest := io.Copy(io.Discard, pieces)
	return errors.Join(err, rest)
}

func (j *job) unpacked(a *archive, pieces io.Reader, read func(io.Reader) error) error {
	first := bufio.NewReader(pieces)
	if _, err := first.Peek(1); err == io.EOF {
		return nil // nothing in it, not even of the compression
	}
	switch a.compression {
	case 0:
		return read(first)
	case 1:
		z, err := zlib.NewReader(first)
		if err != nil {
			return err
		}
		defer z.Close() // of a reader
		return read(z)
	case 3:
		z, err := zstd.NewReader(first, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return err
		}
		defer z.Close()
		return read(z)
	}
	j.sink.Trouble("", Unreadable, "a dump of pg_dump compressed with LZ4; write it out with pg_restore -f")
	return nil
}

// chunkReader reads the chunks of a block: a length and as many bytes, until the length
// is 0.
type chunkReader struct {
	a    *archive
	left int
	end  bool
}

// Read implements io.Reader.
func (c *chunkReader) Read(p []byte) (int, error) {
	for c.left == 0 {
		if c.end {
			return 0, io.EOF
		}
		n, err := c.a.int()
		if err != nil {
			return 0, unexpected(err)
		}
		if n < 0 {
			return 0, errors.New("a chunk of negative length")
		}
		c.left, c.end = n, n == 0
	}
	n, err := c.a.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, unexpected(err)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// madeBy says which program wrote a dump, by its first lines, and of which database when
// it says so; "" for other files of statements.
func madeBy(head []byte) (how, database string) {
	if bytes.Contains(head, []byte("-- PostgreSQL database dump")) {
		return "pg_dump", ""
	}
	if !bytes.Contains(head, []byte("-- MySQL dump ")) && !bytes.Contains(head, []byte("-- MariaDB dump ")) {
		return "", ""
	}
	for line := range bytes.Lines(head) {
		if _, name, ok := bytes.Cut(line, []byte("    Database: ")); ok && bytes.HasPrefix(line, []byte("-- Host: ")) {
			database = string(bytes.TrimSpace(name))
		}
	}
	return "mysqldump", database
}
