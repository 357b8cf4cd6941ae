package document

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// errXz is of a stream that contradicts the format.
var errXz = errors.New("damaged xz stream")

var xzMagic = []byte("\xfd7zXZ\x00")

// xzReader reads streams of blocks (The .xz File Format 1.1.0), each of which says what
// its decoder must keep: the library's reader takes as much as it says.
type xzReader struct {
	j       *job
	r       *bufio.Reader
	began   bool  // a stream was read
	inside  bool  // of a stream
	read    int64 // bytes, of the block
	block   io.Reader
	check   hash.Hash // of the block, nil for none that is known
	sum     int       // bytes of the check
	release func()
}

// Read implements io.Reader.
func (x *xzReader) Read(p []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := x.block.Read(p)
		if x.check != nil {
			x.check.Write(p[:n])
		}
		if err == io.EOF {
			err = x.endBlock()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close gives back what the block's decoder kept.
func (x *xzReader) Close() {
	if x.release != nil {
		x.release()
	}
	x.release, x.block = nil, nil
}

// counted counts what a block takes.
type counted struct{ x *xzReader }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.x.r.Read(p)
	c.x.read += int64(n)
	return n, err
}

func (c counted) ReadByte() (byte, error) {
	b, err := c.x.r.ReadByte()
	if err == nil {
		c.x.read++
	}
	return b, err
}

// next goes on to a block, over what stands between. At the end it returns io.EOF.
func (x *xzReader) next() error {
	if !x.inside {
		return x.stream()
	}
	size, err := x.r.ReadByte()
	switch {
	case err != nil:
		return short(err)
	case size == 0:
		x.inside = false
		return x.index()
	}
	head := make([]byte, (int(size)+1)*4) // §3.1
	head[0] = size
	if _, err := io.ReadFull(x.r, head[1:]); err != nil {
		return short(err)
	}
	dictionary, err := xzDictionary(head)
	if err != nil {
		return err
	}
	if x.release, err = x.j.window(dictionary); err != nil {
		return err
	}
	x.read = int64(len(head))
	x.block, err = lzma.Reader2Config{DictCap: int(max(dictionary, lzma.MinDictCap))}.NewReader2(counted{x})
	return err
}

// xzDictionary returns what a block's decoder must keep.
func xzDictionary(head []byte) (int64, error) {
	body := head[:len(head)-4]
	if binary.LittleEndian.Uint32(head[len(body):]) != crc32.ChecksumIEEE(body) || body[1]&0x3f != 0 {
		return 0, errXz // damaged, or more filters than one: nobody reads those but xz
	}
	rest := bytes.NewReader(body[2:])
	whole := uint64(1) << 62
	for _, bit := range []byte{0x40, 0x80} { // how large it is packed, and unpacked
		if body[1]&bit != 0 {
			n, err := binary.ReadUvarint(rest)
			if err != nil {
				return 0, errXz
			}
			whole = n
			if bit == 0x40 {
				whole = 1 << 62
			}
		}
	}
	var filter [3]byte // LZMA2, of one byte (§5.3.1)
	if _, err := io.ReadFull(rest, filter[:]); err != nil || filter[0] != 0x21 || filter[1] != 1 {
		return 0, errXz
	}
	n, err := lzma.DecodeDictCap(filter[2])
	if err != nil {
		return 0, errXz
	}
	return int64(min(uint64(n), whole)), nil
}

// endBlock reads what stands behind a block: padding and its check.
func (x *xzReader) endBlock() error {
	x.Close()
	tail := make([]byte, int(-x.read&3)+x.sum)
	if _, err := io.ReadFull(x.r, tail); err != nil {
		return short(err)
	}
	if x.check == nil {
		return nil
	}
	sum := x.check.Sum(nil)
	x.check.Reset()
	if got := tail[len(tail)-x.sum:]; !bytes.Equal(got, sum) {
		return errXz
	}
	return nil
}

// stream reads the head of a stream (§2.1.1) behind padding (§2.2).
func (x *xzReader) stream() error {
	var head [12]byte
	for {
		if _, err := io.ReadFull(x.r, head[:4]); err == io.EOF && x.began {
			return io.EOF
		} else if err != nil {
			return short(err)
		}
		if !x.began || head != [12]byte{} {
			break
		}
	}
	if _, err := io.ReadFull(x.r, head[4:]); err != nil {
		return short(err)
	}
	if !bytes.Equal(head[:6], xzMagic) || binary.LittleEndian.Uint32(head[8:]) != crc32.ChecksumIEEE(head[6:8]) || head[6] != 0 {
		return errXz
	}
	x.began, x.inside, x.check = true, true, nil
	x.sum = [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[head[7]&0xf]
	switch head[7] {
	case 1:
		x.check = littleCRC32{crc32.NewIEEE()}
	case 4:
		x.check = littleCRC64{crc64.New(crc64.MakeTable(crc64.ECMA))}
	case 10:
		x.check = sha256.New()
	}
	return nil
}

// The sums of xz are little-endian.
type (
	littleCRC32 struct{ hash.Hash32 }
	littleCRC64 struct{ hash.Hash64 }
)

func (h littleCRC32) Sum(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, h.Sum32()) }
func (h littleCRC64) Sum(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, h.Sum64()) }

// index skips the list of blocks and the stream's end (§4, §2.1.2): they were read.
func (x *xzReader) index() error {
	x.read = 1
	from := counted{x}
	n, err := binary.ReadUvarint(from)
	for i := uint64(0); i < n && err == nil; i++ {
		if _, err = binary.ReadUvarint(from); err == nil {
			_, err = binary.ReadUvarint(from)
		}
	}
	if err != nil {
		return short(err)
	}
	tail := make([]byte, int(-x.read&3)+4+12)
	if _, err := io.ReadFull(x.r, tail); err != nil {
		return short(err)
	}
	if string(tail[len(tail)-2:]) != "YZ" {
		return errXz
	}
	return nil
}

// short is the error of a stream that ends too early.
func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
