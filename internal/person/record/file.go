package record

import (
	"fmt"
	"os"
	"unsafe"
)

// RecordBytes is the size of a row in a file. Rows are written as this machine
// keeps them: a file is read by the machine that wrote it, or made anew.
const RecordBytes = int(unsafe.Sizeof(Record{}))

// Layout names the form of rows in files; it changes when Record does, or
// what its hashes are of.
const Layout = "sekisho-person-record-6"

// AppendTo writes rows from first on to f, which holds the earlier ones.
func (t *Table) AppendTo(f *os.File, first int) error {
	for row := first; row < t.n; {
		t.Room.Ease()
		slab := t.slabs[row>>slabBits]
		from := row & (slabSize - 1)
		to := min(slabSize, from+t.n-row)
		if _, err := f.WriteAt(bytesOf(slab[from:to]), int64(row)*int64(RecordBytes)); err != nil {
			return fmt.Errorf("write records: %w", err)
		}
		row += to - from
	}
	return nil
}

// MapTable returns the first n rows of a file. Whole slabs are mapped where
// the system can do that: they are read when they are touched, and what is
// changed in them stays out of the file. close releases them. With a room the
// rows are copied into it, since changed pages of a mapping cannot leave memory;
// more rows lie there too.
func MapTable(f *os.File, n int, room *Room) (t *Table, close func() error, err error) {
	size := n * RecordBytes
	if info, err := f.Stat(); err != nil || info.Size() < int64(size) {
		return nil, nil, fmt.Errorf("read records: %s is shorter than %d rows", f.Name(), n)
	}
	t = &Table{Room: room}
	if room != nil {
		return t, func() error { return nil }, t.readFrom(f, n)
	}
	t.n = n
	whole := n >> slabBits
	data, close, err := mapFile(f, whole<<slabBits*RecordBytes, true)
	if err != nil {
		return nil, nil, fmt.Errorf("read records: %w", err)
	}
	for i := range whole {
		t.slabs, t.place = append(t.slabs, (*[slabSize]Record)(unsafe.Pointer(&data[i<<slabBits*RecordBytes]))), append(t.place, inMemory)
	}
	if rest := n & (slabSize - 1); rest > 0 {
		slab := new([slabSize]Record)
		if _, err := f.ReadAt(bytesOf(slab[:rest]), int64(whole<<slabBits*RecordBytes)); err != nil {
			return nil, nil, fmt.Errorf("read records: %w", err)
		}
		t.slabs, t.place = append(t.slabs, slab), append(t.place, inMemory)
	}
	return t, close, nil
}

// readFrom fills an empty table with n rows of a file.
func (t *Table) readFrom(f *os.File, n int) error {
	t.Grow(n)
	for i, slab := range t.slabs {
		t.Room.Ease()
		rows := slab[:min(slabSize, n-i*slabSize)]
		if _, err := f.ReadAt(bytesOf(rows), int64(i)*int64(slabSize*RecordBytes)); err != nil {
			return fmt.Errorf("read records: %w", err)
		}
	}
	return nil
}

func bytesOf(rows []Record) []byte {
	if len(rows) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&rows[0])), len(rows)*RecordBytes)
}

// MapKeys returns n sorted keys from the beginning of a file, read when they are
// touched where the system can do that. They must not be changed. close releases
// them.
func MapKeys(f *os.File, n int, room *Room) (keys []uint64, close func() error, err error) {
	const size = int(unsafe.Sizeof(keys[0]))
	if info, err := f.Stat(); err != nil || info.Size() < int64(n*size) {
		return nil, nil, fmt.Errorf("read keys: %s is shorter than %d keys", f.Name(), n)
	}
	data, close, err := mapFile(f, n*size, false)
	if err != nil || n == 0 {
		return nil, close, err
	}
	room.lend(data)
	return unsafe.Slice((*uint64)(unsafe.Pointer(&data[0])), n), close, nil
}

// KeyBytes are keys as MapKeys reads them.
func KeyBytes(keys []uint64) []byte {
	if len(keys) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&keys[0])), len(keys)*int(unsafe.Sizeof(keys[0])))
}
