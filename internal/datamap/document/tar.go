package document

import (
	"archive/tar"
	"bufio"
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// tarBlock is what a tar archive is made of (POSIX.1-2024, pax).
const tarBlock = 512

// tar reads an archive, and those that stand behind it: tar -A and cat join archives
// without taking out the end of the first.
func (j *job) tar(part string, r io.Reader, depth int) error {
	b := bufio.NewReaderSize(r, 32<<10)
	for {
		if err := j.tarOne(part, b, depth); err != nil {
			return err
		}
		if err := skipZeros(j, b); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		head, _ := b.Peek(tarBlock)
		if _, err := tar.NewReader(bytes.NewReader(head)).Next(); err != nil && err != io.ErrUnexpectedEOF && err != io.EOF || len(head) < tarBlock {
			j.object(join(part, "behind the end"), "", source{r: b, size: -1}, depth)
			return nil
		}
	}
}

// skipZeros skips what fills an archive up. The error is why there is nothing behind.
func skipZeros(j *job, b *bufio.Reader) error {
	for {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		if _, err := b.Peek(1); err != nil {
			return err
		}
		p, _ := b.Peek(b.Buffered())
		n := len(p) - len(bytes.TrimLeft(p, "\x00"))
		b.Discard(n)
		if n < len(p) {
			return nil
		}
	}
}

// tarReader knows how much was read, and how many zeros came last.
type tarReader struct {
	r        io.Reader
	n, zeros int64
}

// Read implements io.Reader.
func (c *tarReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if k := int64(len(p[:n]) - len(bytes.TrimRight(p[:n], "\x00"))); k == int64(n) {
		c.zeros += k
	} else {
		c.zeros = k
	}
	return n, err
}

// isSparse reports whether a member has holes, which are not in the archive.
func isSparse(h *tar.Header) bool {
	for name := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}

// tarNotes hands on the records of a member that are no part of the archive's format
// (POSIX.1-2024, pax extended header).
func (j *job) tarNotes(part string, h *tar.Header) error {
	t := &lateText{j: j, part: part}
	for _, name := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		switch name {
		case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "atime", "mtime", "ctime", "charset", "hdrcharset":
		default:
			if !strings.HasPrefix(name, "GNU.sparse.") {
				io.WriteString(t, readable([]byte(h.PAXRecords[name]))) // an error comes again at the end
			}
		}
	}
	return t.close()
}

// tarOne reads up to the end of an archive, two blocks of zeros. Without one it was cut
// between two members.
func (j *job) tarOne(part string, r io.Reader, depth int) error {
	c := &tarReader{r: r}
	t := tar.NewReader(c)
	for {
		before := c.n
		h, err := t.Next()
		if err == io.EOF {
			if c.n-before < tarBlock || c.zeros < tarBlock {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err == nil {
			err = j.member()
		}
		if err != nil {
			return err
		}
		if err := j.tarNotes(join(part, "comments"), h); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo, tar.TypeXGlobalHeader:
			continue
		case 'M': // GNU tar -M
			j.sink.Trouble(join(part, h.Name), Damaged, "the rest of a file that begins in another volume")
		}
		j.object(join(part, h.Name), path.Base(h.Name), source{r: metered{j, t}, size: h.Size}, depth)
		if j.spent() {
			return errLimit
		}
		if !isSparse(h) { // what is left of it would look like more of the archive
			if err := j.copyTo(io.Discard, t); err != nil {
				return err
			}
		}
	}
}
