package ledger

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
)

// The seal of a backup is its last sealSize bytes: a skippable frame of zstd
// (RFC 8878 §3.1.2), which other programs pass over, with the SHA-256 of all
// bytes before it. It tells accidents, such as a bad disk or a transfer that
// broke off; against people the ledger's signatures stand, not the seal.
const (
	sealMagic = 0x184D2A5B // one of the sixteen of RFC 8878
	sealHead  = 8          // bytes: magic and length, little endian
	sealSize  = sealHead + sha256.Size
)

var errBackupDamaged = errors.New("the backup is cut off or damaged: its last bytes are not the digest of the others; take another copy")

func sealOf(sum hash.Hash) []byte {
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, sealSize), sealMagic)
	frame = binary.LittleEndian.AppendUint32(frame, sha256.Size)
	return sum.Sum(frame)
}

// sealWriter passes bytes on until seal ends them.
type sealWriter struct {
	w   io.Writer
	sum hash.Hash
}

func newSealWriter(w io.Writer) *sealWriter { return &sealWriter{w, sha256.New()} }

func (s *sealWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum.Write(p[:n])
	return n, err
}

func (s *sealWriter) seal() error {
	_, err := s.w.Write(sealOf(s.sum))
	return err
}

// sealReader reads what is before the seal.
type sealReader struct {
	r   *bufio.Reader
	sum hash.Hash
}

func newSealReader(r io.Reader) *sealReader {
	return &sealReader{bufio.NewReaderSize(r, 64<<10), sha256.New()}
}

func (s *sealReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	ahead, err := s.r.Peek(min(len(p), s.r.Size()-sealSize) + sealSize)
	n := copy(p, ahead[:max(0, len(ahead)-sealSize)])
	if n == 0 {
		return 0, err // no more than the seal is left, so there is one
	}
	s.sum.Write(p[:n])
	_, err = s.r.Discard(n)
	return n, err
}

// check reads what is left and compares the digest.
func (s *sealReader) check() error {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	end, err := io.ReadAll(s.r)
	if err != nil {
		return err
	}
	if !bytes.Equal(end, sealOf(s.sum)) {
		return errBackupDamaged
	}
	return nil
}
