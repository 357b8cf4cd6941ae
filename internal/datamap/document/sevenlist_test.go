package document

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ulikunitz/xz/lzma"
)

// sevenNumber is a number as 7z writes it, in nine bytes.
func sevenNumber(n uint64) []byte { return binary.LittleEndian.AppendUint64([]byte{0xff}, n) }

// sevenArchive is an archive of what is packed and a list.
func sevenArchive(packed, list []byte) []byte {
	start := binary.LittleEndian.AppendUint64(nil, uint64(len(packed)))
	start = binary.LittleEndian.AppendUint64(start, uint64(len(list)))
	start = binary.LittleEndian.AppendUint32(start, crc32.ChecksumIEEE(list))
	data := binary.LittleEndian.AppendUint32([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), crc32.ChecksumIEEE(start))
	return append(append(append(data, start...), packed...), list...)
}

// sevenStreams are one stream, packed at a place by one coder.
func sevenStreams(at, packed, size int, coder string) []byte {
	b := append([]byte{0x06}, sevenNumber(uint64(at))...)
	b = append(append(append(b, 1, 0x09), sevenNumber(uint64(packed))...), 0)
	b = append(append(b, 0x07, 0x0b, 1, 0, 1), coder...)
	b = append(b, 0x0c)
	return append(append(b, sevenNumber(uint64(size))...), 0)
}

// sevenText is an archive of texts, each of one length, that are not compressed.
func sevenText(name, text string, members int, more ...byte) (packed, list []byte) {
	packed = bytes.Repeat([]byte(text), members)
	list = append([]byte{0x01, 0x04}, sevenStreams(0, len(packed), len(packed), "\x01\x00")...)
	list = append(append(list, 0x08, 0x0d), sevenNumber(uint64(members))...)
	list = append(list, 0x09)
	for range members - 1 {
		list = append(list, sevenNumber(uint64(len(text)))...)
	}
	list = append(append(list, 0, 0, 0x05), sevenNumber(uint64(members))...)
	names := []byte{0}
	for range members {
		for _, u := range utf16.Encode([]rune(name + "\x00")) {
			names = binary.LittleEndian.AppendUint16(names, u)
		}
	}
	list = append(append(append(list, 0x11), sevenNumber(uint64(len(names)))...), names...)
	return packed, append(append(list, more...), 0, 0)
}

// sevenPacked is an archive whose list is packed itself.
func sevenPacked(t *testing.T, packed, list []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := lzma.WriterConfig{DictCap: 1 << 20, Size: int64(len(list)), SizeInHeader: true}.NewWriter(&b)
	if err == nil {
		_, err = w.Write(list)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	stream := b.Bytes()[13:] // behind the properties and the length
	outer := append([]byte{0x17}, sevenStreams(len(packed), len(stream), len(list), "\x23\x03\x01\x01\x05"+string(b.Bytes()[:5]))...)
	return sevenArchive(append(bytes.Clone(packed), stream...), append(outer, 0))
}

// TestSevenZipList: an archive that says of more members than are to be in memory is
// told, whatever it says, before room is made for them.
func TestSevenZipList(t *testing.T) {
	packed, list := sevenText("list.txt", "taro@mail.example\n", 3)
	for name, data := range map[string][]byte{"plain": sevenArchive(packed, list), "packed": sevenPacked(t, packed, list)} {
		got := strings.Join(read(t, "a.7z", data, Limits{}), "\n")
		if n := strings.Count(got, "taro@mail.example"); n != 3 || strings.Contains(got, "TROUBLE") {
			t.Errorf("%s: %d of 3 in %.300q", name, n, got)
		}
	}
	if got := strings.Join(read(t, "a.7z", append(sevenArchive(packed, list), "hanako@mail.example\n"...), Limits{}), "\n"); strings.Contains(got, "TROUBLE") || !strings.Contains(got, "behind the end: hanako@mail.example") {
		t.Errorf("behind the end: %.300q", got)
	}
	const many = 1<<32 - 1
	files := append([]byte{0x01, 0x05}, sevenNumber(many)...)
	parted := append(append([]byte{0x01, 0x04}, sevenStreams(0, 1, 1, "\x01\x00")...), 0x08, 0x0d)
	parted = append(append(parted, sevenNumber(many)...), 0x09)
	coders := append([]byte{0x01, 0x04, 0x07, 0x0b, 1, 0}, sevenNumber(many)...)
	streams := append(append([]byte{0x01, 0x04, 0x07, 0x0b, 1, 0, 1, 0x11, 0x00}, sevenNumber(many)...), 1)
	long := make([]byte, maxDirectory+1)
	long[0] = 0x01
	for name, data := range map[string][]byte{
		"members": sevenArchive(nil, files), "members, packed": sevenPacked(t, nil, files), "parts": sevenArchive(nil, parted),
		"coders": sevenArchive(nil, coders), "streams": sevenArchive(nil, streams), "long": sevenPacked(t, nil, long),
	} {
		if got := read(t, "a.7z", data, Limits{}); len(got) != 1 || !has(got, "TROUBLE limit") {
			t.Errorf("%s: %.300q", name, got)
		}
	}
	for _, cut := range []int{1, 5, len(list) / 2, len(list) - 1} { // half a list is damaged, and no panic
		if got := read(t, "a.7z", sevenArchive(packed, list[:cut]), Limits{}); !has(got, "TROUBLE damaged") {
			t.Errorf("cut at %d: %.300q", cut, got)
		}
	}
}
