package document

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"path"

	"github.com/nwaples/rardecode/v2"
)

const (
	// rarWindow is what RAR 5 keeps usually; its largest may be twice as much.
	rarWindow = 48 << 20
	// rarVersions is where a RAR archive says its version: RAR 2.9 to 4 may ask for 256 MiB
	// in the middle of a member, so no other large decoder is open beside it.
	rarVersions = 6
)

// rar reads an archive of one file. Members of several volumes are read as far as they
// are in this one.
func (j *job) rar(part string, r io.Reader, depth int) error {
	head, err := readHead(r)
	if err != nil && err != io.EOF {
		return err
	}
	keeps := int64(rarWindow)
	if len(head) > rarVersions && head[rarVersions] == 0 {
		keeps = maxWindow
	}
	release, err := j.window(keeps)
	if err != nil {
		return err
	}
	defer release()
	tail := &tailReader{r: io.MultiReader(bytes.NewReader(head), r)}
	z, err := rardecode.NewReader(tail, rardecode.MaxDictionarySize(maxWindow))
	if err != nil {
		return j.rarError(part, err)
	}
	for {
		h, err := z.Next()
		if err == io.EOF {
			if keeps == maxWindow && !tail.ends() {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err == rardecode.ErrInvalidFileBlock { // the rest of a member that began in another file
			j.rarError(part, err)
			if err := j.member(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return j.rarError(part, err)
		}
		if err := j.member(); err != nil {
			return err
		}
		if h.IsDir {
			continue
		}
		inner := join(part, h.Name)
		if h.Encrypted {
			j.sink.Trouble(inner, Encrypted, "")
			continue
		}
		all := metered{j, z}
		j.object(inner, path.Base(h.Name), source{r: all, size: -1}, depth)
		// What is left of a member is unpacked on the way to the next one, and then it counts.
		io.Copy(io.Discard, all) // an error comes again there
		if j.spent() {
			return errLimit
		}
	}
}

// rarError tells what the library's errors mean, and returns the others.
func (j *job) rarError(part string, err error) error {
	switch {
	case errors.Is(err, rardecode.ErrArchiveEncrypted), errors.Is(err, rardecode.ErrArchivedFileEncrypted):
		return errEncrypted
	case errors.Is(err, rardecode.ErrDictionaryTooLarge):
		return errWindow
	case errors.Is(err, rardecode.ErrMultiVolume), errors.Is(err, rardecode.ErrInvalidFileBlock), errors.Is(err, rardecode.ErrBadVolumeNumber):
		j.sink.Trouble(part, Damaged, "one of several volumes: what begins or ends in another one cannot be read")
		return nil
	}
	return err
}

// tailReader remembers what was read last.
type tailReader struct {
	r    io.Reader
	last []byte
}

// Read implements io.Reader.
func (t *tailReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.last = append(t.last, p[max(0, n-rarTail):n]...)
	t.last = t.last[max(0, len(t.last)-rarTail):]
	return n, err
}

// rarTail is more than the library reads at once.
const rarTail = 8 << 10

// ends reports whether the block that ends an archive of RAR 4 was read. Without it, it
// was cut between two members, which the library takes for the end.
func (t *tailReader) ends() bool {
	for rest := t.last; ; {
		i := bytes.IndexByte(rest, 0x7b)
		if i < 0 {
			return false
		}
		if i >= 2 && i+5 <= len(rest) && rest[i+2]&0x40 != 0 && rest[i+3] >= 7 && rest[i+4] == 0 &&
			i+int(rest[i+3])-2 <= len(rest) && uint16(crc32.ChecksumIEEE(rest[i:i+int(rest[i+3])-2])) == binary.LittleEndian.Uint16(rest[i-2:]) {
			return true
		}
		rest = rest[i+1:]
	}
}
