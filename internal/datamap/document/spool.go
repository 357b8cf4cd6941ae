package document

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
)

// spoolMemory is how much of a spool stays in memory.
const spoolMemory = 8 << 20

// spool keeps a stream for reading at random. What does not fit into memory goes
// to a temporary file that has no name any more (on Windows: that is removed at
// Close), encrypted with AES-CTR under a key of this spool alone: a copy of
// personal data must not outlive the scan, also not after a power cut.
type spool struct {
	mem   []byte
	file  *os.File
	block cipher.Block
	size  int64
}

func newSpool(dir string, r io.Reader, limit int64) (*spool, error) {
	s := &spool{}
	var head bytes.Buffer
	n, err := io.Copy(&head, io.LimitReader(r, min(spoolMemory, limit)))
	s.mem, s.size = head.Bytes(), n
	if err != nil || n < spoolMemory {
		return s, err
	}
	if err := s.open(dir); err != nil {
		return s, err
	}
	buf := make([]byte, 64<<10)
	for s.size < limit {
		n, err := io.ReadFull(r, buf[:min(int64(len(buf)), limit-s.size)])
		s.crypt(buf[:n], s.size)
		if _, werr := s.file.Write(buf[:n]); werr != nil {
			return s, werr
		}
		s.size += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return s, nil
		}
		if err != nil {
			return s, err
		}
	}
	if n, _ := r.Read(buf[:1]); n > 0 {
		return s, errLimit
	}
	return s, nil
}

func (s *spool) open(dir string) error {
	var key [32]byte
	rand.Read(key[:]) // never fails (crypto/rand, Go 1.24)
	var err error
	if s.block, err = aes.NewCipher(key[:]); err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(dir, "sekisho-*"); err != nil {
		return err
	}
	if runtime.GOOS != "windows" {
		return os.Remove(s.file.Name())
	}
	return nil
}

// crypt encrypts or decrypts p, which stands at offset at of the stream. The
// counter is the block's number, so any offset can be read.
func (s *spool) crypt(p []byte, at int64) {
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], uint64(at/aes.BlockSize))
	c := cipher.NewCTR(s.block, iv[:])
	if skip := at % aes.BlockSize; skip > 0 {
		var waste [aes.BlockSize]byte
		c.XORKeyStream(waste[:skip], waste[:skip])
	}
	c.XORKeyStream(p, p)
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	if off < int64(len(s.mem)) {
		n = copy(p, s.mem[off:])
	}
	if n == len(p) {
		return n, nil
	}
	if s.file == nil {
		return n, io.EOF
	}
	at := off + int64(n)
	m, err := s.file.ReadAt(p[n:], at-int64(len(s.mem)))
	s.crypt(p[n:n+m], at)
	return n + m, err
}

// Close forgets everything.
func (s *spool) Close() error {
	clear(s.mem)
	s.mem = nil
	if s.file == nil {
		return nil
	}
	name := s.file.Name()
	err := s.file.Close()
	if runtime.GOOS == "windows" {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// random returns the part at random. Close forgets it.
func (j *job) random(src source) (at io.ReaderAt, size int64, done func(), err error) {
	if src.at != nil {
		return src.at, src.size, func() {}, nil
	}
	s, err := newSpool(j.temp, src.r, j.limits.Bytes)
	return s, s.size, func() { s.Close() }, err
}
