package document

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/ulikunitz/xz/lzma"
)

// The reader of 7z archives makes room for as many members as an archive says that it
// has, and four bytes may say four billion. So the list is looked through before
// (7zFormat.txt, Archive structure), as far as numbers in it ask for memory.

const (
	// maxSevenMembers and maxSevenFolders bound what is in memory of a list: members,
	// and the streams that they are packed in.
	maxSevenMembers = 500_000
	maxSevenFolders = 200_000
	// maxSevenCoders bounds the coders of a stream and what they are connected by.
	// 7-Zip takes as many.
	maxSevenCoders = 64
	// maxSevenSteps bounds the steps in which the reader finds the stream of each member:
	// it counts the streams before it, as often as there are members.
	maxSevenSteps = 6_000_000_000
)

var errSevenList = errors.New("damaged list of members")

// sevenList is a list of members as it is looked through.
type sevenList struct {
	left []byte
	bad  bool // damaged, or at its end too early
	over bool // over a limit

	// Of the streams.
	at      uint64   // of the first packed stream
	packed  []uint64 // sizes
	folders []sevenFolder
	coders  uint64 // of all streams
}

type sevenFolder struct {
	coders, outs, pairs uint64
	id, properties      []byte // of the last coder
	size                uint64 // of the last output
	window              int64  // bytes that its coders keep
	locked              bool
}

// window is what a coder keeps of what it decoded.
func sevenWindow(id, properties []byte) int64 {
	switch string(id) {
	case "\x03\x01\x01", "\x03\x04\x01": // LZMA, PPMd
		if len(properties) == 5 {
			return int64(binary.LittleEndian.Uint32(properties[1:]))
		}
	case "\x21": // LZMA2
		if len(properties) == 1 {
			n, _ := lzma.DecodeDictCap(properties[0])
			return n
		}
	case "\x04\xf7\x11\x01": // zstd, which says it within
		return maxWindow
	case "\x04\xf7\x11\x02": // brotli, at most (RFC 7932 §9.1)
		return 16 << 20
	case "\x04\xf7\x11\x04", "\x04\x02\x02": // lz4, bzip2
		return 8 << 20
	}
	return 0
}

// checkSevenZip returns the streams of an archive, and errLimit for one whose list of
// members takes too much memory or time.
func checkSevenZip(at io.ReaderAt, size int64) ([]sevenFolder, error) {
	var head [32]byte
	if _, err := at.ReadAt(head[:], 0); err != nil {
		return nil, errSevenList
	}
	offset, length := binary.LittleEndian.Uint64(head[12:]), binary.LittleEndian.Uint64(head[20:])
	switch {
	case length > maxDirectory:
		return nil, errLimit
	case offset > uint64(size) || length > uint64(size):
		return nil, errSevenList
	}
	list := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(at, 32+int64(offset), int64(length)), list); err != nil {
		return nil, errSevenList
	}
	l := &sevenList{left: list}
	switch l.byte() {
	case 0x01:
	case 0x17: // the list is packed itself
		l.streams()
		if err := l.err(); err != nil {
			return nil, err
		}
		list, err := l.unpacked(at)
		if err != nil {
			return nil, err
		}
		if l = (&sevenList{left: list}); l.byte() != 0x01 {
			return nil, errSevenList
		}
	default:
		return nil, errSevenList
	}
	l.header()
	return l.folders, l.err()
}

func (l *sevenList) err() error {
	switch {
	case l.over:
		return errLimit
	case l.bad:
		return errSevenList
	}
	return nil
}

// unpacked returns the list that the only stream holds.
func (l *sevenList) unpacked(at io.ReaderAt) ([]byte, error) {
	if len(l.folders) != 1 {
		return nil, errSevenList
	}
	f := &l.folders[0]
	switch {
	case f.locked:
		return nil, errEncrypted
	case f.size > maxDirectory:
		return nil, errLimit
	case f.window > maxWindow:
		return nil, errWindow
	case f.coders != 1 || f.outs != 1 || len(l.packed) != 1 || l.at > math.MaxInt64-32 || l.packed[0] > math.MaxInt64:
		return nil, errSevenList
	}
	var r io.Reader = io.NewSectionReader(at, 32+int64(l.at), int64(l.packed[0]))
	var err error
	switch string(f.id) {
	case "\x00":
	case "\x03\x01\x01":
		if len(f.properties) != 5 {
			return nil, errSevenList
		}
		head := binary.LittleEndian.AppendUint64(bytes.Clone(f.properties), f.size)
		r, err = lzma.ReaderConfig{DictCap: maxWindow}.NewReader(io.MultiReader(bytes.NewReader(head), r))
	case "\x21":
		r, err = lzma.Reader2Config{DictCap: int(max(f.window, lzma.MinDictCap))}.NewReader2(r)
	default: // nobody packs a list so
		return nil, errLimit
	}
	if err != nil {
		return nil, err
	}
	list := make([]byte, f.size)
	if _, err = io.ReadFull(r, list); err != nil {
		return nil, errSevenList
	}
	return list, nil
}

// header looks through what stands behind the first byte of a list.
func (l *sevenList) header() {
	id := l.byte()
	if id == 0x04 {
		l.streams()
		id = l.byte()
	}
	if id == 0x05 {
		l.files()
		id = l.byte()
	}
	l.bad = l.bad || id != 0
}

func (l *sevenList) files() {
	n := l.count(maxSevenMembers)
	empty := uint64(0)
	for !l.bad && !l.over {
		id := l.byte()
		if id == 0 {
			return
		}
		length := l.number()
		switch id {
		case 0x0e: // which have no stream
			empty = l.bits(n)
		case 0x0f: // which of those are files
			l.bits(empty)
		case 0x11: // names
			l.skip(length)
		case 0x12, 0x13, 0x14: // times
			defined := l.defined(n)
			l.skip(1 + 8*defined)
		case 0x15: // attributes
			defined := l.defined(n)
			l.skip(1 + 4*defined)
		case 0x19: // room
			l.skip(length)
		default:
			l.bad = true
		}
	}
}

func (l *sevenList) streams() {
	id := l.byte()
	if id == 0x06 {
		l.packs()
		id = l.byte()
	}
	if id == 0x07 {
		l.unpacks()
		id = l.byte()
	}
	if id == 0x08 {
		l.parts()
		id = l.byte()
	}
	l.bad = l.bad || id != 0
}

func (l *sevenList) packs() {
	l.at = l.number()
	n := l.count(maxSevenFolders * 4)
	id := l.byte()
	if id == 0x09 {
		for range n {
			if l.packed = append(l.packed, l.number()); l.bad {
				return
			}
		}
		id = l.byte()
	}
	if id == 0x0a {
		l.sums(n)
		id = l.byte()
	}
	l.bad = l.bad || id != 0
}

func (l *sevenList) unpacks() {
	l.bad = l.bad || l.byte() != 0x0b
	n := l.count(maxSevenFolders)
	l.bad = l.bad || l.byte() != 0 // elsewhere
	for range n {
		if l.folder(); l.bad || l.over {
			return
		}
	}
	l.bad = l.bad || l.byte() != 0x0c
	for i := range l.folders {
		for range l.folders[i].outs {
			l.folders[i].size = l.number()
		}
	}
	id := l.byte()
	if id == 0x0a {
		l.sums(n)
		id = l.byte()
	}
	l.bad = l.bad || id != 0
}

func (l *sevenList) folder() {
	f := sevenFolder{coders: l.count(maxSevenCoders)}
	if l.coders += f.coders; l.coders > 4*maxSevenFolders {
		l.over = true
		return
	}
	ins := uint64(0)
	for range f.coders {
		how := l.byte()
		f.id = l.take(uint64(how & 0xf))
		in, out := uint64(1), uint64(1)
		if how&0x10 != 0 {
			in, out = l.count(maxSevenCoders), l.count(maxSevenCoders)
		}
		if how&0x20 != 0 {
			f.properties = l.take(l.number())
		} else {
			f.properties = nil
		}
		f.window += sevenWindow(f.id, f.properties)
		ins, f.outs = ins+in, f.outs+out
		f.locked = f.locked || string(f.id) == "\x06\xf1\x07\x01"
	}
	if ins > maxSevenCoders || f.outs > maxSevenCoders {
		l.over = true
	}
	if l.over || f.outs == 0 || ins < f.outs {
		l.bad = true
		return
	}
	f.pairs = f.outs - 1
	for range 2 * f.pairs {
		l.number()
	}
	if packed := ins - f.pairs; packed > 1 {
		for range packed {
			l.number()
		}
	}
	l.folders = append(l.folders, f)
}

// parts looks through what members the streams are parted in.
func (l *sevenList) parts() {
	id := l.byte()
	total, counts := uint64(len(l.folders)), make([]uint64, len(l.folders))
	for i := range counts {
		counts[i] = 1
	}
	if id == 0x0d {
		total = 0
		steps := uint64(0)
		for i := range counts {
			counts[i] = l.number()
			if counts[i] > maxSevenMembers || total+counts[i] > maxSevenMembers {
				l.over = true
				return
			}
			total += counts[i]
			steps += uint64(i) * counts[i]
		}
		if steps > maxSevenSteps {
			l.over = true
			return
		}
		id = l.byte()
	}
	if id == 0x09 {
		for _, n := range counts {
			for k := uint64(1); k < n && !l.bad; k++ {
				l.number()
			}
		}
		id = l.byte()
	}
	if id == 0x0a {
		l.sums(total)
		id = l.byte()
	}
	l.bad = l.bad || id != 0
}

func (l *sevenList) sums(n uint64) { l.skip(4 * l.defined(n)) }

// defined is how many of n there are.
func (l *sevenList) defined(n uint64) uint64 {
	if l.byte() != 0 {
		return n
	}
	return l.bits(n)
}

// bits is how many of n bits are set.
func (l *sevenList) bits(n uint64) (set uint64) {
	all := l.take((n + 7) / 8)
	for i := range min(n, 8*uint64(len(all))) {
		set += uint64(all[i/8] >> (7 - i%8) & 1)
	}
	return set
}

// count is a number that asks for memory.
func (l *sevenList) count(most uint64) uint64 {
	n := l.number()
	if n > most {
		l.over = true
		return 0
	}
	return n
}

// number is a number of 7z: the bits that lead the first byte say how many follow.
func (l *sevenList) number() (v uint64) {
	first := l.byte()
	for i := range 8 {
		mask := byte(0x80) >> i
		if first&mask == 0 {
			return v | uint64(first&(mask-1))<<(8*i)
		}
		v |= uint64(l.byte()) << (8 * i)
	}
	return v
}

func (l *sevenList) byte() byte {
	if b := l.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (l *sevenList) skip(n uint64) { l.take(n) }

// take returns the next bytes, nil when there are not as many.
func (l *sevenList) take(n uint64) []byte {
	if n > uint64(len(l.left)) {
		l.bad, l.left = true, nil
		return nil
	}
	b := l.left[:n]
	l.left = l.left[n:]
	return b
}
