package document

import (
	"bufio"
	"encoding/binary"
	"io"
)

// sqliteFree reads the pages that no table has any more (SQLite "Database File Format"
// §1.5): what was deleted stays in them until they are used again.
func (j *job) sqliteFree(part string, at io.ReaderAt, size int64) (err error) {
	be := binary.BigEndian
	var head [40]byte
	if _, err := at.ReadAt(head[:], 0); err != nil {
		return err
	}
	length := int64(be.Uint16(head[16:]))
	if length == 1 {
		length = 64 << 10
	}
	if length < 512 || length&(length-1) != 0 {
		return errBroken
	}
	t := &lateText{j: j, part: join(part, "free pages")}
	f := &runs{w: bufio.NewWriterSize(t, 32<<10)}
	left := size / length // pages: those that lead back to each other end
	read := func(number uint32, page []byte) error {
		if left--; number == 0 || left < 0 || int64(number) > size/length {
			return errBroken
		}
		if err := j.ctx.Err(); err != nil {
			return err
		}
		_, err := io.ReadFull(io.NewSectionReader(at, int64(number-1)*length, length), page)
		return err
	}
	list, page := make([]byte, length), make([]byte, length)
	for next := be.Uint32(head[32:]); next != 0 && err == nil; next = be.Uint32(list) {
		if err = read(next, list); err != nil {
			break
		}
		n := int64(be.Uint32(list[4:]))
		if n > length/4-2 {
			err = errBroken
			break
		}
		for i := int64(0); i < n && err == nil; i++ {
			if err = read(be.Uint32(list[8+4*i:]), page); err == nil {
				f.Write(page)
				f.end()
			}
		}
		f.Write(list[8+4*n:])
		f.end()
	}
	if ferr := f.w.Flush(); err == nil {
		err = ferr
	}
	if cerr := t.close(); err == nil {
		err = cerr
	}
	return err
}
