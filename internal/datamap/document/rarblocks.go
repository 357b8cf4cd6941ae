package document

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// The library passes over the blocks of an archive that are no members: comments, other
// streams of a file, signatures. So they are gone through here, and what is behind the
// end (RAR 5.0 technote; technote of RAR 3, which RAR 4 keeps).

// rarBlock is a block that is no member.
type rarBlock struct {
	name   string
	data   span
	packed bool // not as it is
	locked bool
}

// rarBlocks is what an archive holds beside its members.
type rarBlocks struct {
	at     io.ReaderAt
	size   int64
	beside []rarBlock
	most   int   // blocks
	end    int64 // behind the block that ends the archive, 0 when there is none
}

var errRarBlocks = errors.New("blocks that contradict the format of the archive")

// maxRarHeader is more than the library reads of a header.
const maxRarHeader = 2 << 20

// walk goes through the blocks. Where they break off, the library does, too: then there
// is no end.
func (b *rarBlocks) walk(five bool) {
	at, next := int64(7), b.four
	if five {
		at, next = 8, b.five
	}
	for b.end == 0 && b.most > 0 && at < b.size {
		b.most--
		to, err := next(at)
		if err != nil || to <= at {
			return
		}
		at = to
	}
}

// head reads the beginning of a block.
func (b *rarBlocks) head(at int64, n int64) []byte {
	p := make([]byte, max(0, min(n, b.size-at)))
	k, _ := b.at.ReadAt(p, at)
	return p[:k]
}

// four reads a block of RAR 1.5 to 4 and returns where the next one begins.
func (b *rarBlocks) four(at int64) (next int64, err error) {
	le := binary.LittleEndian
	h := b.head(at, 64)
	if len(h) < 7 {
		return 0, io.ErrUnexpectedEOF
	}
	kind, flags, size := h[2], le.Uint16(h[3:]), int64(le.Uint16(h[5:]))
	if size < 7 {
		return 0, errRarBlocks
	}
	body := at + size
	next = body
	if flags&0x8000 != 0 && len(h) >= 11 {
		next += int64(le.Uint32(h[7:]))
		if (kind == 0x74 || kind == 0x7a) && flags&0x100 != 0 && len(h) >= 36 {
			next += int64(le.Uint32(h[32:])) << 32
		}
	}
	data := span{body, min(next, b.size)}
	if data.from > data.to {
		return 0, io.ErrUnexpectedEOF
	}
	switch kind {
	case 0x7b:
		b.end = next
	case 0x73:
		if flags&0x80 != 0 { // what follows is encrypted
			return 0, errEncrypted
		}
		if flags&2 != 0 && size > 13 { // a comment within it, in old ones
			return at + 13, nil
		}
	case 0x74:
		if flags&8 != 0 { // the same of a member
			b.add(rarBlock{name: "comments", data: span{at, body}, packed: true})
		}
	case 0x75:
		b.add(rarBlock{name: "comments", data: span{min(at+13, body), body}, packed: len(h) > 10 && h[10] != 0x30})
	case 0x7a:
		r := rarBlock{name: "beside the members", data: data, locked: flags&4 != 0}
		if len(h) >= 36 {
			r.packed = h[25] != 0x30
			if name := string(h[32:min(len(h), 32+int(le.Uint16(h[26:])))]); name == "RR" { // parity
				break
			} else if name == "CMT" {
				r.name = "comments"
			}
		}
		b.add(r)
	case 0x78: // parity
	default:
		b.add(rarBlock{name: "beside the members", data: span{at, data.to}})
	}
	return next, nil
}

// five reads a block of RAR 5.0.
func (b *rarBlocks) five(at int64) (next int64, err error) {
	h := b.head(at, 16)
	if len(h) < 7 {
		return 0, io.ErrUnexpectedEOF
	}
	sum := binary.LittleEndian.Uint32(h)
	size, n := binary.Uvarint(h[4:])
	if n <= 0 || size == 0 || size > maxRarHeader {
		return 0, errRarBlocks
	}
	from := at + 4 + int64(n)
	body := from + int64(size)
	if h = b.head(at+4, body-at-4); int64(len(h)) < body-at-4 {
		return 0, io.ErrUnexpectedEOF
	}
	if crc32.ChecksumIEEE(h) != sum {
		return 0, errRarBlocks
	}
	h = h[n:]
	number := func() (v uint64) {
		v, n := binary.Uvarint(h)
		if n <= 0 {
			err, n = errRarBlocks, 0
		}
		h = h[n:]
		return v
	}
	kind, flags, extra, length := number(), number(), uint64(0), uint64(0)
	if flags&1 != 0 {
		extra = number()
	}
	if flags&2 != 0 {
		length = number()
	}
	if err != nil || extra > uint64(len(h)) || length > uint64(b.size) {
		return 0, errRarBlocks
	}
	records := h[len(h)-int(extra):]
	h = h[:len(h)-int(extra)]
	next = body + int64(length)
	data := span{body, min(next, b.size)}
	switch kind {
	case 1, 2: // the archive, a member
	case 4: // what follows is encrypted
		return 0, errEncrypted
	case 5:
		b.end = next
	case 3:
		r := rarBlock{name: "beside the members", data: data}
		how := number() // of the file
		number()
		number()
		if how&2 != 0 && len(h) >= 4 {
			h = h[4:]
		}
		if how&4 != 0 && len(h) >= 4 {
			h = h[4:]
		}
		r.packed = number()>>7&7 != 0
		number()
		n := number()
		name := string(h[:min(n, uint64(len(h)))])
		for h = records; len(h) > 0 && err == nil; {
			size := number()
			rest := h
			r.locked = r.locked || number() == 1
			h = rest[min(size, uint64(len(rest))):]
		}
		if err = nil; name == "RR" || name == "QO" { // parity, a copy of the list
			break
		} else if name == "CMT" {
			r.name = "comments"
		}
		b.add(r)
	default:
		b.add(rarBlock{name: "beside the members", data: span{from, data.to}})
	}
	return next, nil
}

func (b *rarBlocks) add(r rarBlock) {
	if r.data.from < r.data.to {
		b.beside = append(b.beside, r)
	}
}

// rarBeside reads what is in no member.
func (j *job) rarBeside(part string, b *rarBlocks, depth int) error {
	for _, r := range b.beside {
		if err := j.member(); err != nil {
			return err
		}
		name := join(part, r.name)
		switch in := io.NewSectionReader(b.at, r.data.from, r.data.to-r.data.from); {
		case r.locked:
			j.sink.Trouble(name, Encrypted, "")
		case r.packed:
			j.sink.Trouble(name, Unreadable, "packed in a way that is not read")
		default:
			j.object(name, "", source{r: in, at: in, size: in.Size()}, depth)
		}
	}
	if b.end == 0 || b.end >= b.size {
		return nil
	}
	return j.gap(join(part, "behind the end"), b.at, span{b.end, b.size}, depth)
}
