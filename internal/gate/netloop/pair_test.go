package netloop

import (
	"bytes"
	"testing"
	"time"
)

// still is a carrier that does nothing.
type still struct{ lend []byte }

func (still) wake(*Pair)      {}
func (still) wakeAll([]*Pair) {}
func (still) detaches() bool  { return false }
func (still) resumed(*Pair)   {}
func (still) armed(*Pair)     {}
func (still) buffer() []byte  { return nil }
func (still) release([]byte)  {}
func (c still) lendable(b []byte) bool {
	return c.lend != nil && &b[:cap(b)][cap(b)-1] == &c.lend[len(c.lend)-1]
}

func stillPair(lend []byte) *Pair {
	cfg := Config{}.withDefaults()
	return &Pair{d: still{lend}, cfg: &cfg, now: time.Now()}
}

// TestQueueThatNeverEmpties: memory follows what waits, not what has passed.
func TestQueueThatNeverEmpties(t *testing.T) {
	p := stillPair(nil)
	e := &p.ends[Client]
	st := &Stream{loop: true}
	piece := make([]byte, 1000)
	for range 100_000 { // 100 MB pass, 10 to 11 kB wait
		p.Write(Client, piece)
		_, _ = st.Write(piece)
		if len(e.out)-e.outOff > 10_000 {
			e.outOff += 1000
			st.outOff += 1000
		}
	}
	if cap(e.out) > 64<<10 || cap(st.out) > 64<<10 {
		t.Errorf("11 kB wait in %d and %d bytes", cap(e.out), cap(st.out))
	}
}

// TestLentPieces: adjacent parts of the read buffer leave as one piece without a copy; everything else is copied, in
// order.
func TestLentPieces(t *testing.T) {
	buf := []byte("0123456789abcdef")
	tests := []struct {
		name   string
		pieces [][]byte
		lent   string
		copied string
	}{
		{"whole", [][]byte{buf}, "0123456789abcdef", ""},
		{"adjacent", [][]byte{buf[:4], buf[4:8], buf[8:]}, "0123456789abcdef", ""},
		{"a gap", [][]byte{buf[:4], buf[5:]}, "", "012356789abcdef"},
		{"backwards", [][]byte{buf[8:], buf[:8]}, "", "89abcdef01234567"},
		{"own bytes between", [][]byte{buf[:4], []byte("own"), buf[4:]}, "", "0123own456789abcdef"},
		{"own bytes first", [][]byte{[]byte("own"), buf[:4]}, "", "own0123"},
		{"a part that cannot grow", [][]byte{buf[:4:4], buf[4:8:8]}, "", "01234567"},
		{"nothing", [][]byte{nil, {}}, "", ""},
	}
	for _, tt := range tests {
		p := stillPair(buf)
		for _, b := range tt.pieces {
			p.Write(Upstream, b)
		}
		e := &p.ends[Upstream]
		if string(e.lent) != tt.lent || string(e.out) != tt.copied {
			t.Errorf("%s: lent %q and copied %q, want %q and %q", tt.name, e.lent, e.out, tt.lent, tt.copied)
		}
		if got := p.Buffered(Upstream); got != len(tt.lent)+len(tt.copied) {
			t.Errorf("%s: Buffered is %d", tt.name, got)
		}
	}
}

// TestTickSurvivesTheWallClock: a deadline made of a number of nanoseconds is counted from the monotonic clock.
func TestTickSurvivesTheWallClock(t *testing.T) {
	p := stillPair(nil)
	p.ArmTick(time.Unix(0, p.now.UnixNano()+int64(time.Second)))
	if d := p.tickAt.Sub(p.now); d != time.Second || !bytes.Contains([]byte(p.tickAt.String()), []byte("m=")) {
		t.Errorf("armed %v later, %v", d, p.tickAt)
	}
}
