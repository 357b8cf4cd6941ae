package document

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// What a zip holds beside its members: comments, fields of others, and bytes that its
// list does not name. Members that were deleted or replaced are still there, and
// anything may stand before the first one, between two, or behind the end.

// span is a range of bytes.
type span struct{ from, to int64 }

// zipBeside reads what is in no member.
func (j *job) zipBeside(part string, z *zip.Reader, at io.ReaderAt, size int64, depth int) error {
	if err := j.zipNotes(part, z, at); err != nil {
		return err
	}
	last := int64(0)
	for _, s := range append(zipSpans(z, at, size), span{size, size}) {
		if s.from > last {
			if err := j.gap(join(part, "beside the members"), at, span{last, s.from}, depth); err != nil {
				return err
			}
		}
		last = max(last, s.to)
	}
	return nil
}

// gap reads bytes that nobody says what they are: as what they look like and, from the
// first header of a member on, as members.
func (j *job) gap(part string, at io.ReaderAt, s span, depth int) error {
	r := bufio.NewReaderSize(io.NewSectionReader(at, s.from, s.to-s.from), 32<<10)
	members := int64(-1)
	blank := true
	for off := s.from; members < 0; {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		p, err := r.Peek(len("PK\x03\x04"))
		if len(p) == 0 {
			if err != nil && err != io.EOF {
				return err
			}
			break
		}
		p, _ = r.Peek(r.Buffered())
		n := bytes.Index(p, []byte("PK\x03\x04"))
		if n >= 0 {
			members = off + int64(n)
		} else if n = len(p) - len("PK\x03\x04") + 1; n <= 0 {
			n = len(p)
		}
		blank = blank && len(bytes.TrimLeft(p[:n], "\x00")) == 0
		off += int64(n)
		r.Discard(n)
	}
	if !blank {
		if err := j.member(); err != nil {
			return err
		}
		size := s.to - s.from
		if members >= 0 {
			size = members - s.from
		}
		in := io.NewSectionReader(at, s.from, size)
		j.object(part, "", source{r: in, at: in, size: size}, depth)
	}
	if members < 0 {
		return nil
	}
	j.sink.Trouble(part, Damaged, "members that the archive's list does not name")
	return j.zipFront(part, io.NewSectionReader(at, members, s.to-members), depth)
}

// zipSpans returns what belongs to members, the list and the end, in order (APPNOTE
// §4.3).
func zipSpans(z *zip.Reader, at io.ReaderAt, size int64) []span {
	var spans []span
	list := int64(0)
	for _, m := range z.File {
		list += int64(46 + len(m.Name) + len(m.Extra) + len(m.Comment))
		body, err := m.DataOffset()
		if err != nil { // told when it was opened
			continue
		}
		from, _ := zipHeader(m, at, body)
		to := body + int64(min(m.CompressedSize64, uint64(max(0, size-body))))
		spans = append(spans, span{from, to + zipDescriptor(m, at, to)})
	}
	spans = append(spans, zipEnd(at, size, list)...)
	slices.SortFunc(spans, func(a, b span) int { return int(min(1, max(-1, a.from-b.from))) })
	return spans
}

// zipHeader returns where the header before a member's body begins, and its extra
// fields.
func zipHeader(m *zip.File, at io.ReaderAt, body int64) (from int64, extra []byte) {
	const fixed = 30
	b := make([]byte, min(body, int64(fixed+len(m.Name)+1<<10)))
	if _, err := at.ReadAt(b, body-int64(len(b))); err != nil && err != io.EOF {
		return body, nil
	}
	for i := len(b) - fixed; i >= 0; i-- {
		if string(b[i:i+4]) == "PK\x03\x04" && i+fixed+le16(b[i+26:])+le16(b[i+28:]) == len(b) {
			return body - int64(len(b)-i), b[i+fixed+le16(b[i+26:]):]
		}
	}
	return body, nil
}

// zipDescriptor returns the size of what says behind a member how long it was (§4.3.9).
func zipDescriptor(m *zip.File, at io.ReaderAt, end int64) int64 {
	if m.Flags&8 == 0 {
		return 0
	}
	var b [24]byte
	n, _ := at.ReadAt(b[:], end)
	le := binary.LittleEndian
	for _, signed := range []int{4, 0} {
		if signed > 0 && string(b[:4]) != "PK\x07\x08" {
			continue
		}
		d := b[signed:]
		if le.Uint32(d) != m.CRC32 {
			continue
		}
		switch {
		case n >= signed+20 && le.Uint64(d[4:]) == m.CompressedSize64 && le.Uint64(d[12:]) == m.UncompressedSize64:
			return int64(signed + 20)
		case n >= signed+12 && le.Uint32(d[4:]) == uint32(m.CompressedSize64) && le.Uint32(d[8:]) == uint32(m.UncompressedSize64):
			return int64(signed + 12)
		}
	}
	return 0
}

// zipEnd returns where the list of the given size stands, and what is behind it: the
// ends of both kinds (§4.3.14–16). The end is looked for as the library does.
func zipEnd(at io.ReaderAt, size, list int64) (spans []span) {
	const short = 22
	b := make([]byte, min(size, 65<<10))
	at.ReadAt(b, size-int64(len(b))) // the library read it
	i := len(b) - short
	for i >= 0 && string(b[max(i, 0):i+4]) != "PK\x05\x06" {
		i--
	}
	if i < 0 {
		return nil
	}
	le := binary.LittleEndian
	end := size - int64(len(b)-i)
	spans = append(spans, span{end, end + short + int64(le16(b[i+20:]))})
	length, offset := int64(le.Uint32(b[i+12:])), int64(le.Uint32(b[i+16:]))
	if le16(b[i+10:]) == 0xffff || length == 0xffff || length == 1<<32-1 || offset == 1<<32-1 {
		var locator [20]byte
		at.ReadAt(locator[:], max(0, end-20))
		var long [56]byte
		from := int64(le.Uint64(locator[8:]))
		if string(locator[:4]) == "PK\x06\x07" && from >= 0 && from <= size-int64(len(long)) {
			at.ReadAt(long[:], from)
		}
		if string(long[:4]) == "PK\x06\x06" {
			spans = append(spans, span{end - 20, end}, span{from, from + int64(len(long))})
			end, length, offset = from, int64(le.Uint64(long[40:])), int64(le.Uint64(long[48:]))
		}
	}
	for _, from := range []int64{offset, end - length} {
		var sig [4]byte
		if from < 0 || from > size {
			continue
		}
		if at.ReadAt(sig[:], from); string(sig[:]) == "PK\x01\x02" {
			return append(spans, span{from, min(size, from+list)})
		}
	}
	return spans
}

// zipNotes reads the comments of an archive and of its members, and the fields that are
// no numbers.
func (j *job) zipNotes(part string, z *zip.Reader, at io.ReaderAt) error {
	t := &lateText{j: j, part: join(part, "comments")}
	_, err := io.WriteString(t, written(z.Comment)+"\n")
	for _, m := range z.File {
		if err != nil || j.ctx.Err() != nil {
			break
		}
		var extra []byte
		if body, berr := m.DataOffset(); berr == nil {
			_, extra = zipHeader(m, at, body)
		}
		for _, s := range []string{written(m.Comment), zipFields(m.Extra), zipFields(extra)} {
			if s != "" && err == nil {
				_, err = io.WriteString(t, s+"\n")
			}
		}
	}
	if cerr := t.close(); err == nil {
		err = cerr
	}
	return err
}

// zipFields returns what a person could read in the extra fields of a member (§4.5).
func zipFields(extra []byte) (text string) {
	for len(extra) >= 4 {
		n := min(le16(extra[2:]), len(extra)-4)
		switch le16(extra) {
		case 0x0001, 0x000a, 0x5455, 0x5855, 0x7855, 0x7875, 0x9901, 0xcafe, 0x7075: // sizes, times, owners by number, keys; the name once more
		default:
			text += readable(extra[4 : 4+n])
		}
		extra = extra[4+n:]
	}
	return text + readable(extra)
}

// readable returns the readable runs of a few bytes, each on a line.
func readable(p []byte) string {
	if len(p) < minRun {
		return ""
	}
	var b bytes.Buffer
	f := &runs{w: bufio.NewWriter(&b)}
	f.Write(p)
	f.end()
	f.w.Flush() // into memory
	return b.String()
}
