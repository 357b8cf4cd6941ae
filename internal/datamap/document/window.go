package document

import (
	"bufio"
	"fmt"
	"io"

	"github.com/bodgit/sevenzip"
	"github.com/klauspost/compress/zstd"
)

// What was decoded last is what the next bytes are made of, so a decoder keeps as much
// of it as a stream says that it must: gigabytes, if nobody asks. It is asked here.

const (
	// maxWindow bounds what one decoder keeps: xz -9 and 7z's usual levels ask for as
	// much, zstd --ultra -22 for more.
	maxWindow = 64 << 20
	// maxWindows bounds what all keep that are open at once, archives in archives.
	maxWindows = 96 << 20
	// maxAsked bounds what was asked for in an object beyond what came out of it: a
	// thousand streams of a byte with a large window each are time, not memory.
	maxAsked = 64 << 30
)

var errWindow = fmt.Errorf("%w: it can be unpacked only with more memory than a scan takes", errLimit)

// window takes memory for a decoder, or says that it asks for too much. Release gives
// it back.
func (j *job) window(n int64) (release func(), err error) {
	if n < 0 || n > maxWindow || j.windows+n > maxWindows || j.asked+n > maxAsked+j.out {
		return nil, errWindow
	}
	j.windows += n
	j.asked += n
	return func() { j.windows -= n }, nil
}

// usualZstd is what zstd's usual levels ask for: a window of a later frame may be as
// large even if the first one is smaller.
const usualZstd = 8 << 20

// zstd opens a stream of frames. What comes later may ask for no more than the first
// frame, or what is usual.
func (j *job) zstd(r interface {
	io.Reader
	Peek(int) ([]byte, error)
}) (_ io.Reader, done func(), err error) {
	var h zstd.Header
	head, _ := r.Peek(zstd.HeaderMaxSize)
	if err := h.Decode(head); err != nil {
		return nil, nil, err
	}
	room := max(usualZstd, h.WindowSize)
	if h.SingleSegment {
		room = max(usualZstd, h.FrameContentSize)
	}
	release, err := j.window(int64(min(room, 1<<62)))
	if err != nil {
		return nil, nil, err
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(room))
	if err != nil {
		release()
		return nil, nil, err
	}
	return z, func() { z.Close(); release() }, nil
}

// zipZstd opens a member that is packed by zstd.
func (j *job) zipZstd(r io.Reader) io.ReadCloser {
	z, done, err := j.zstd(bufio.NewReader(r))
	if err != nil {
		return io.NopCloser(stickyReader{err: err})
	}
	return &zstdMember{z, done}
}

type zstdMember struct {
	io.Reader
	done func()
}

// Close implements io.Closer. It may be called again.
func (m *zstdMember) Close() error {
	if m.done != nil {
		m.done()
	}
	m.done = nil
	return nil
}

// xzMember is a member of an archive that is packed by xz.
type xzMember struct{ xzReader }

// Close implements io.Closer.
func (m *xzMember) Close() error { m.xzReader.Close(); return nil }

func init() {
	// The library's own takes windows of half a gigabyte.
	sevenzip.RegisterDecompressor([]byte{0x04, 0xf7, 0x11, 0x01}, func(_ []byte, _ uint64, from []io.ReadCloser) (io.ReadCloser, error) {
		if len(from) != 1 {
			return nil, errSevenList
		}
		z, err := zstd.NewReader(from[0], zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	})
}
