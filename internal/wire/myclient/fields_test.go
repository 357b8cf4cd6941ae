package myclient

import (
	"bytes"
	"testing"
)

// Lengths are read in all their forms, and never past the end.
func TestLengths(t *testing.T) {
	for _, tt := range []struct {
		in   []byte
		want uint64
		null bool
		bad  bool
	}{
		{[]byte{0}, 0, false, false}, {[]byte{0xFA}, 0xFA, false, false}, {[]byte{0xFB}, 0, true, false}, {[]byte{0xFC, 1, 2}, 0x0201, false, false},
		{[]byte{0xFD, 1, 2, 3}, 0x030201, false, false}, {[]byte{0xFE, 1, 0, 0, 0, 0, 0, 0, 1}, 1<<56 | 1, false, false},
		{[]byte{0xFF}, 0, false, true}, {[]byte{0xFC, 1}, 0, false, true}, {nil, 0, false, true},
	} {
		f := fields{rest: tt.in}
		n, null := f.length()
		if f.bad != tt.bad || !tt.bad && (n != tt.want || null != tt.null) {
			t.Errorf("% x: %d, null %v, bad %v; want %+v", tt.in, n, null, f.bad, tt)
		}
	}
	f := fields{rest: append([]byte{0xFE}, bytes.Repeat([]byte{0xFF}, 8)...)}
	if got := f.text(); got != nil || !f.bad {
		t.Errorf("a string longer than its packet: %q", got)
	}
}
