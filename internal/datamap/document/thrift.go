package document

import "encoding/binary"

// The reader of Parquet files makes room for as many things as a list says that it has,
// and goes as deep as they are in each other: five bytes may ask for 400 GB. So what it
// reads is looked through before (Thrift compact protocol), as far as that goes.

const (
	thriftDepth = 64
	// thriftStruct is what a struct takes in memory, at most about.
	thriftStruct = 512
	// thriftRoom bounds what all take.
	thriftRoom = 128 << 20
)

// The types of fields.
const (
	thriftTrue   = 1
	thriftByte   = 3
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftRecord = 12
)

// thriftWalk goes through values and keeps none.
type thriftWalk struct {
	left []byte
	bad  bool  // contradicts the format, or ends too early
	over bool  // over a limit
	took int64 // memory
}

func (t *thriftWalk) stop() bool { return t.bad || t.over }

func (t *thriftWalk) err() error {
	switch {
	case t.over:
		return errLimit
	case t.bad:
		return errBroken
	}
	return nil
}

func (t *thriftWalk) byte() byte {
	if len(t.left) == 0 {
		t.bad = true
		return 0
	}
	b := t.left[0]
	t.left = t.left[1:]
	return b
}

func (t *thriftWalk) varint() uint64 {
	v, n := binary.Uvarint(t.left)
	if n <= 0 {
		t.bad, t.left = true, nil
		return 0
	}
	t.left = t.left[n:]
	return v
}

// number is a number of a field.
func (t *thriftWalk) number() int64 {
	v := t.varint()
	return int64(v>>1) ^ -int64(v&1)
}

// record goes through the fields of a struct. Field is called with what each is, and
// takes it.
func (t *thriftWalk) record(field func(id int64, is byte)) {
	for id := int64(0); !t.stop(); {
		head := t.byte()
		if head == 0 {
			return
		}
		if id += int64(head >> 4); head>>4 == 0 {
			id = t.number()
		}
		field(id, head&0xf)
	}
}

// list returns how many values of what there are in a list.
func (t *thriftWalk) list() (n uint64, is byte) {
	head := t.byte()
	if n, is = uint64(head>>4), head&0xf; n == 15 {
		n = t.varint()
	}
	t.room(n, is)
	return n, is
}

// room takes memory for values.
func (t *thriftWalk) room(n uint64, is byte) {
	if n > uint64(len(t.left)) { // each has a byte
		t.bad = true
		return
	}
	each := int64(32)
	if is == thriftRecord {
		each = thriftStruct
	}
	if t.took += int64(n) * each; t.took > thriftRoom {
		t.over = true
	}
}

// skip goes through a value.
func (t *thriftWalk) skip(is byte, depth int, inList bool) {
	if depth > thriftDepth {
		t.over = true
	}
	if t.stop() {
		return
	}
	switch is {
	case thriftTrue, thriftTrue + 1: // in a field its type is its value
		if inList {
			t.byte()
		}
	case thriftByte:
		t.byte()
	case thriftByte + 1, thriftByte + 2, thriftI64:
		t.varint()
	case thriftDouble:
		t.take(8)
	case thriftBinary:
		t.take(t.varint())
	case thriftList, thriftSet:
		n, of := t.list()
		for ; n > 0 && !t.stop(); n-- {
			t.skip(of, depth+1, true)
		}
	case thriftMap:
		n := t.varint()
		if n == 0 {
			return
		}
		of := t.byte()
		t.room(n, thriftRecord)
		for ; n > 0 && !t.stop(); n-- {
			t.skip(of>>4, depth+1, true)
			t.skip(of&0xf, depth+1, true)
		}
	case thriftRecord:
		t.record(func(_ int64, is byte) { t.skip(is, depth+1, false) })
	default:
		t.bad = true
	}
}

func (t *thriftWalk) take(n uint64) {
	if n > uint64(len(t.left)) {
		t.bad, t.left = true, nil
		return
	}
	t.left = t.left[n:]
}
