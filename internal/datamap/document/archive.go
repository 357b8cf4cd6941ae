package document

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"path"
	"strings"

	"github.com/bodgit/sevenzip"
	"github.com/klauspost/compress/flate"
)

// metered counts what comes out of an archive against the limits. The ratio is
// taken against the bytes of the whole object: one bomb in a big archive is
// stopped by the limit of bytes instead.
type metered struct {
	j *job
	r io.Reader
}

// Read implements io.Reader.
func (m metered) Read(p []byte) (int, error) {
	if err := m.j.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.j.out += int64(n)
	if m.j.out > m.j.limits.Bytes || m.j.out > 1<<20 && m.j.out/m.j.limits.Ratio > m.j.size {
		return n, errLimit
	}
	return n, err
}

// member counts a member against the limit.
func (j *job) member() error {
	if j.entries++; j.entries > j.limits.Entries {
		return errLimit
	}
	return j.ctx.Err()
}

// spent reports whether a limit of bytes was reached, after which nothing more
// of the object is unpacked.
func (j *job) spent() bool {
	return j.out > j.limits.Bytes || j.out > 1<<20 && j.out/j.limits.Ratio > j.size
}

// archive reads an archive or a compressed stream. Libraries that read what
// strangers wrote may panic: that is a damaged part, not the end of the scan.
func (j *job) archive(f format, part, name string, src source, depth int) {
	defer func(before int) { j.depth = before }(j.depth)
	j.depth = depth // for what is in an office document
	err := guard(func() error {
		switch f {
		case fZip:
			return j.zip(part, name, src, depth)
		case fTar:
			return j.tar(part, src.r, depth)
		case fSevenZip:
			return j.sevenZip(part, src, depth)
		case fRar:
			return j.rar(part, src, depth)
		}
		return j.compressed(f, part, name, src.r, depth)
	})
	j.trouble(part, err)
}

// errBroken stands for a panic of a reader.
var errBroken = errors.New("the reader gave up")

func guard(read func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errBroken
		}
	}()
	return read()
}

// compressed reads a stream of one compressed file.
func (j *job) compressed(f format, part, name string, r io.Reader, depth int) error {
	var inner io.Reader
	var err error
	b := bufio.NewReaderSize(r, 64<<10)
	switch f {
	case fGzip:
		var z *gzipMembers
		if z, err = newGzip(b); err == nil {
			inner = z
			defer func() { j.trouble(part, z.tell(j, part)) }()
		}
	case fBzip2:
		inner = bzip2.NewReader(b)
	case fZstd:
		var done func()
		if inner, done, err = j.zstd(b); err == nil {
			defer done()
		}
	case fXz:
		x := &xzReader{j: j, r: b}
		defer x.Close()
		inner = x
	}
	if err != nil {
		return err
	}
	if err := j.member(); err != nil {
		return err
	}
	name = strings.TrimSuffix(name, path.Ext(name))
	j.object(part, name, source{r: metered{j, inner}, size: -1}, depth)
	return nil
}

// zip reads by the central directory; a file without one (cut in half) is read
// from the front, member by member, and is damaged.
func (j *job) zip(part, name string, src source, depth int) error {
	at, size, done, err := j.random(src)
	defer done()
	if err == errLimit {
		return err
	}
	var z *zip.Reader
	if err == nil {
		list := &directory{at: at, left: maxDirectory}
		if z, err = zip.NewReader(list, size); list.over {
			err = errLimit
		}
		list.left = math.MaxInt64
	}
	if err != nil { // of an archive whose own end is missing, what came
		return errors.Join(err, j.zipFront(part, io.NewSectionReader(at, 0, size), depth))
	}
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser {
		b := bufio.NewReader(r)
		return &zipDeflate{flate.NewReader(b), b}
	})
	// APPNOTE §4.4.5
	z.RegisterDecompressor(12, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	z.RegisterDecompressor(93, j.zipZstd)
	z.RegisterDecompressor(95, func(r io.Reader) io.ReadCloser {
		return &xzMember{xzReader{j: j, r: bufio.NewReader(r)}}
	})
	if read := office(z); read != nil {
		err = read(j, part, z)
	} else {
		err = j.zipMembers(part, z, depth)
	}
	if j.spent() || j.ctx.Err() != nil {
		return err
	}
	return errors.Join(err, j.zipBeside(part, z, at, size, depth))
}

// zipDeflate is a member that is packed by deflate, which says itself where it ends: what
// stands behind it and still belongs to the member is no part of what comes out.
type zipDeflate struct {
	io.ReadCloser
	from *bufio.Reader
}

var errBehind = errors.New("bytes behind what a member is packed into")

// Read implements io.Reader.
func (d *zipDeflate) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err == io.EOF {
		if _, more := d.from.Peek(1); more == nil {
			err = errBehind
		}
	}
	return n, err
}

// maxDirectory bounds what is read for the list of an archive's members, all of which
// are in memory at once: half a million of the shortest, five times Limits.Entries with
// names as people give them.
const maxDirectory = 24 << 20

// directory is an archive of which only so much is read, until its members are.
type directory struct {
	at   io.ReaderAt
	left int64
	over bool
}

// ReadAt implements io.ReaderAt.
func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if d.left -= int64(len(p)); d.left < 0 {
		d.over = true
		return 0, errLimit
	}
	return d.at.ReadAt(p, off)
}

func (j *job) zipMembers(part string, z *zip.Reader, depth int) error {
	for _, m := range z.File {
		if err := j.member(); err != nil {
			return err
		}
		inner := join(part, m.Name)
		if strings.HasSuffix(m.Name, "/") { // a folder, whatever kind it says it is
			if m.UncompressedSize64 > 0 || m.CompressedSize64 > 2 { // two are an end of deflate
				j.sink.Trouble(inner, Damaged, "a folder that has a content")
			}
			continue
		}
		if m.Flags&1 != 0 { // APPNOTE §4.4.4, bit 0
			j.sink.Trouble(inner, Encrypted, "")
			continue
		}
		r, err := m.Open()
		if errors.Is(err, zip.ErrAlgorithm) {
			j.sink.Trouble(inner, Unreadable, "packed in a way that is not read")
			continue
		}
		if err != nil {
			j.trouble(inner, err)
			continue
		}
		j.object(inner, path.Base(m.Name), source{r: metered{j, r}, size: int64(m.UncompressedSize64)}, depth)
		r.Close() // of a reader
		if j.spent() {
			return errLimit
		}
	}
	return nil
}

// zipFront reads the members that stand at the front of a file whose end is
// missing, by their local headers (APPNOTE §4.3.7), until one says no length.
func (j *job) zipFront(part string, r io.Reader, depth int) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		var h [30]byte
		if !seekMember(b) {
			return nil // the damage is reported already
		}
		if _, err := io.ReadFull(b, h[:]); err != nil {
			return nil
		}
		if err := j.member(); err != nil {
			return err
		}
		name := make([]byte, le16(h[26:]))
		if _, err := io.ReadFull(b, name); err != nil {
			return nil
		}
		if _, err := b.Discard(le16(h[28:])); err != nil {
			return nil
		}
		size, flags, method := int64(le16(h[18:]))|int64(le16(h[20:]))<<16, le16(h[6:]), le16(h[8:])
		stream := io.LimitReader(b, size)
		if flags&8 != 0 && size == 0 {
			if method != 8 {
				continue // up to the next member
			}
			stream = b // deflate says where it ends, and reads bytewise from a ByteReader
		}
		inner := join(part, string(name))
		var r io.Reader
		switch {
		case flags&1 != 0:
			j.sink.Trouble(inner, Encrypted, "")
		case method == 0:
			r = stream
		case method == 8:
			r = flate.NewReader(stream)
		}
		if r != nil {
			m := metered{j, r}
			j.object(inner, path.Base(string(name)), source{r: m, size: -1}, depth)
			if _, err := io.Copy(io.Discard, m); err != nil && (j.spent() || j.ctx.Err() != nil) {
				return err
			}
		}
		if flags&8 != 0 {
			skipDescriptor(b)
			if j.spent() {
				return errLimit
			}
			continue
		}
		if _, err := io.Copy(io.Discard, stream); err != nil || j.spent() {
			return nil
		}
	}
}

// seekMember goes on to the next local header.
func seekMember(b *bufio.Reader) bool {
	for {
		p, err := b.Peek(4)
		if err != nil {
			return false
		}
		if string(p) == "PK\x03\x04" {
			return true
		}
		p, _ = b.Peek(b.Buffered())
		i := bytes.Index(p, []byte("PK\x03\x04"))
		if i < 0 {
			i = max(1, len(p)-3)
		}
		b.Discard(i)
	}
}

// skipDescriptor skips the data descriptor behind a member (APPNOTE §4.3.9).
func skipDescriptor(b *bufio.Reader) {
	if sig, err := b.Peek(4); err == nil && string(sig) == "PK\x07\x08" {
		b.Discard(16) // a short end shows at the next header
	} else if err == nil {
		b.Discard(12)
	}
}

func le16(p []byte) int { return int(p[0]) | int(p[1])<<8 }

func (j *job) sevenZip(part string, src source, depth int) error {
	at, size, done, err := j.random(src)
	defer done()
	if err != nil {
		return err
	}
	folders, err := checkSevenZip(at, size)
	if err != nil {
		return err
	}
	z, err := sevenzip.NewReader(at, size)
	if err != nil {
		var locked *sevenzip.ReadError
		if errors.As(err, &locked) && locked.Encrypted {
			return errEncrypted
		}
		return err
	}
	f := sevenFolders{j: j, folders: folders, last: -1}
	defer f.close()
	for _, m := range z.File {
		if err := j.member(); err != nil {
			return err
		}
		if !m.Mode().IsRegular() || m.UncompressedSize == 0 {
			continue
		}
		inner := join(part, m.Name)
		if err := f.open(m.Stream); err != nil {
			j.trouble(inner, err)
			continue
		}
		r, err := m.Open()
		if err != nil {
			var locked *sevenzip.ReadError
			if errors.As(err, &locked) && locked.Encrypted {
				err = errEncrypted
			}
			j.trouble(inner, err)
			continue
		}
		all := metered{j, r}
		j.object(inner, path.Base(m.Name), source{r: all, size: int64(m.UncompressedSize)}, depth)
		// What is left of a member is unpacked on the way to the next one, and then it counts.
		if _, err := io.Copy(io.Discard, all); err != nil {
			f.broken = true
		}
		r.Close() // of a reader
		if j.spent() {
			return errLimit
		}
	}
	return j.gap(join(part, "behind the end"), at, span{min(size, sevenEnd(at)), size}, depth)
}

// sevenEnd returns where an archive ends: behind its list (7zFormat.txt).
func sevenEnd(at io.ReaderAt) int64 {
	var head [32]byte
	at.ReadAt(head[:], 0) // which was read before
	return 32 + int64(binary.LittleEndian.Uint64(head[12:])) + int64(binary.LittleEndian.Uint64(head[20:]))
}

// sevenFolders holds the memory of the stream that is unpacked.
type sevenFolders struct {
	j       *job
	folders []sevenFolder
	last    int
	broken  bool     // the library keeps what it could not read to the end
	held    []func() // for ever, of broken ones
	release func()
}

func (f *sevenFolders) open(n int) (err error) {
	if n == f.last {
		return nil
	}
	if f.release != nil {
		if f.broken {
			f.held = append(f.held, f.release)
		} else {
			f.release()
		}
	}
	f.last, f.broken, f.release = -1, false, nil
	if n < 0 || n >= len(f.folders) {
		return errSevenList
	}
	if f.release, err = f.j.window(f.folders[n].window); err == nil {
		f.last = n
	}
	return err
}

func (f *sevenFolders) close() {
	for _, release := range f.held {
		release()
	}
	if f.release != nil {
		f.release()
	}
}
