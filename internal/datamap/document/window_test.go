package document

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// grown is by how much the heap grows while an object is read.
func grown(t *testing.T, name string, data []byte) (lines []string, bytes int64) {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines = read(t, name, data, Limits{})
	runtime.ReadMemStats(&after)
	return lines, int64(after.HeapSys) - int64(before.HeapSys)
}

func xzOf(t *testing.T, check byte, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 20, CheckSum: check, NoCheckSum: check == xz.None}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	return compressed(t, w, &b, []byte(text))
}

// xzAsks is a stream that asks for a dictionary of a code.
func xzAsks(stream []byte, code byte) []byte {
	stream = bytes.Clone(stream)
	head := stream[12:]
	size := (int(head[0]) + 1) * 4
	head[bytes.Index(head[:size], []byte{0x21, 1})+2] = code
	binary.LittleEndian.PutUint32(head[size-4:], crc32.ChecksumIEEE(head[:size-4]))
	return stream
}

// TestXz: streams with every check, one behind the other and with padding between, are
// read as they are written, and a wrong check is told.
func TestXz(t *testing.T) {
	var all []byte
	for _, check := range []byte{xz.CRC32, xz.CRC64, xz.SHA256, xz.None} {
		all = append(append(all, xzOf(t, check, strings.Repeat("関所\n", 7+int(check)))...), 0, 0, 0, 0)
	}
	got := read(t, "a.txt.xz", all, Limits{})
	if n := strings.Count(strings.Join(got, "\n"), "関所"); n != 4*7+1+4+10 || troubled(got) {
		t.Errorf("%d of 43 lines: %q", n, lastOf(got, 2))
	}
	for _, check := range []byte{xz.CRC32, xz.CRC64, xz.SHA256} {
		data := xzOf(t, check, "関所\n")
		size := int(map[byte]int{xz.CRC32: 4, xz.CRC64: 8, xz.SHA256: 32}[check])
		data[len(data)-12-8-size] ^= 1 // of the sum: behind it an index of eight bytes, and the end
		if got := read(t, "a.txt.xz", data, Limits{}); !has(got, "TROUBLE damaged") {
			t.Errorf("check %d: %q", check, got)
		}
	}
}

// TestWindows: a stream that asks for gigabytes to be kept gets none and is told, alone
// and within an archive.
func TestWindows(t *testing.T) {
	stream := xzOf(t, xz.CRC64, "taro@mail.example\n")
	if got := read(t, "a.txt.xz", xzAsks(stream, 28), Limits{}); !has(got, "taro@mail.example") || troubled(got) {
		t.Errorf("64 MiB: %q", got) // as xz -9 writes
	}
	packed, _ := sevenText("list.txt", "taro@mail.example\n", 1)
	seven := func(coders string) []byte {
		sizes := strings.Repeat(string(sevenNumber(uint64(len(packed)))), int(coders[0])-1)
		list := append([]byte{0x01, 0x04}, sevenStreams(0, len(packed), len(packed), "\x01\x00")...)
		list = bytes.Replace(list, []byte("\x07\x0b\x01\x00\x01\x01\x00\x0c"), []byte("\x07\x0b\x01\x00"+coders+"\x0c"+sizes), 1)
		_, whole := sevenText("list.txt", "taro@mail.example\n", 1)
		return sevenArchive(packed, append(list, whole[bytes.Index(whole, []byte("\x08\x0d")):]...))
	}
	if got := read(t, "a.7z", seven("\x01\x01\x00"), Limits{}); !has(got, "taro@mail.example") {
		t.Fatalf("plain: %q", got)
	}
	many := append(bytes.Clone(stream), xzAsks(stream, 40)...)
	var zst bytes.Buffer
	w, err := zstd.NewWriter(&zst, zstd.WithWindowSize(256<<20), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, io.LimitReader(zero{}, 20<<20)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"a.xz":      xzAsks(stream, 40),
		"many.xz":   many,
		"a.zip":     zipped(t, "a.xz", string(xzAsks(stream, 39))),
		"LZMA.7z":   seven("\x01\x23\x03\x01\x01\x05\x5d\xff\xff\xff\xff"),
		"LZMA2.7z":  seven("\x01\x21\x21\x01\x28"),
		"PPMd.7z":   seven("\x01\x23\x03\x04\x01\x05\x06\xff\xff\xff\x7f"),
		"chain.7z":  seven("\x02\x21\x21\x01\x1c\x21\x21\x01\x1c\x00\x01"),
		"a.zst":     zst.Bytes(),
		"packed.7z": sevenArchive(packed, append(append([]byte{0x17}, sevenStreams(0, len(packed), 100, "\x21\x21\x01\x28")...), 0)),
	} {
		got, more := grown(t, name, data)
		if !has(got, "TROUBLE limit") {
			t.Errorf("%s: %q", name, lastOf(got, 3))
		}
		if more > 128<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, more>>20)
		}
	}
	if got := read(t, "a.xz", many, Limits{}); !has(got, "taro@mail.example") {
		t.Errorf("what stands before it is not read: %q", got)
	}
	if n, _ := lzma.DecodeDictCap(40); n < 4<<30-1 {
		t.Fatal("code 40 is 4 GiB")
	}
}

// TestWindow: what is open at once is bounded, and what was asked for in all.
func TestWindow(t *testing.T) {
	j := &job{}
	one, err := j.window(maxWindow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.window(maxWindow); err == nil {
		t.Error("two of the largest at once")
	}
	one()
	for n := int64(1); ; n++ {
		release, err := j.window(maxWindow)
		if err != nil {
			if n != maxAsked/maxWindow {
				t.Errorf("%d one after another", n)
			}
			return
		}
		release()
		if n > maxAsked/maxWindow {
			t.Fatal("no end")
		}
	}
}
