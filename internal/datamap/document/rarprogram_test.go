package document

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bitWriter writes what the decoder of RAR 2.9 reads, highest bits first.
type bitWriter struct {
	b    []byte
	free int // bits of the last byte
}

func (w *bitWriter) bits(n int, v uint64) *bitWriter {
	for n--; n >= 0; n-- {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		w.free--
		w.b[len(w.b)-1] |= byte(v>>n&1) << w.free
	}
	return w
}

// number writes a number of the programs' form.
func (w *bitWriter) number(v uint64) *bitWriter {
	if v < 16 {
		return w.bits(2, 0).bits(4, v)
	}
	return w.bits(2, 2).bits(16, v)
}

// rarProgram is packed data of RAR 2.9 with a program of its own that runs times, before
// the text.
func rarProgram(program []byte, times int, text string) string {
	sum := byte(0)
	for _, c := range program {
		sum ^= c
	}
	program = append([]byte{sum}, program...)
	w := &bitWriter{}
	w.bits(2, 0) // no PPM, new tables
	for i := range 20 {
		w.bits(4, map[int]uint64{0: 1, 10: 2, 1: 2}[i]) // lengths of the codes for 0, 1 and 10
	}
	// codes: 0 → 0, 1 → 10, 10 → 11
	for symbol := range 404 {
		switch {
		case symbol == 257:
			w.bits(2, 2)
		case symbol >= 32 && symbol < 127 || symbol == 256 || symbol == '\n':
			w.bits(2, 3)
		default:
			w.bits(1, 0)
		}
	}
	// main codes: 257 → 0; the others of ten bits in order, behind it
	code := map[byte]uint64{}
	next := uint64(1) << 9
	for symbol := range 257 {
		if symbol >= 32 && symbol < 127 || symbol == 256 || symbol == '\n' {
			code[byte(symbol)] = next
			next++
		}
	}
	end := next - 1
	// the program, for one byte, then again and again
	w.bits(1, 0)
	in := (&bitWriter{}).number(0).number(0).number(1).number(uint64(len(program)))
	for _, c := range program {
		in.bits(8, uint64(c))
	}
	w.bits(8, 0x80|0x20|7).bits(16, uint64(len(in.b)))
	for _, c := range in.b {
		w.bits(8, uint64(c))
	}
	for range times - 1 {
		w.bits(1, 0).bits(8, 0).bits(8, 0)
	}
	for _, c := range []byte(text) {
		w.bits(10, code[c])
	}
	w.bits(10, end).bits(2, 0)
	return string(append(w.b, 0, 0))
}

// forever is a program that jumps to its own beginning.
var forever = (&bitWriter{}).bits(1, 0).bits(6, 0b100000).bits(2, 0).bits(2, 2).bits(16, 256).b

// TestRarPrograms: an archive whose members compute on and on is not waited for and told;
// what was read before is kept, no other is begun meanwhile, and one that computes little
// is read to its end.
func TestRarPrograms(t *testing.T) {
	const text = "xtaro@mail.example\n"
	one := rarFile{name: "one.txt", data: "hanako@mail.example\n"}
	busy := func(name string, times int) rarFile {
		return rarFile{name: name, data: rarProgram(forever, times, text), packing: 3, size: len(text)}
	}
	stops := (&bitWriter{}).bits(1, 0).bits(6, 0b101110).b // ret
	whole := rarFour(0, 0, one)
	for _, c := range []struct {
		name string
		data []byte
		want []string // parts of lines, read
		told string
	}{
		{"a program that ends", rarFour(0, 0, rarFile{name: "a.txt", data: rarProgram(stops, 20, text), packing: 3, size: len(text)}, one), []string{"taro@", "hanako@"}, "damaged"}, // no sum
		{"one that does not", rarFour(0, 0, one, busy("b.txt", 3)), []string{"hanako@"}, "limit"},
		{"within another archive", zipped(t, "one.txt", "saburo@mail.example", "in.rar", string(rarFour(0, 0, busy("b.txt", 3)))), []string{"saburo@"}, "limit"},
		{"passed over", rarFour(8, 0, busy("a.jpg", 3), one), nil, "limit"}, // the next member needs it
	} {
		limits := Limits{}
		if c.told == "limit" {
			limits.Patience = 100 * time.Millisecond // each of three runs takes several times as long
		}
		got := strings.Join(read(t, "a.rar", c.data, limits), "\n")
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not read: %q", c.name, want, got)
			}
		}
		if !strings.Contains(got, "TROUBLE "+c.told) {
			t.Errorf("%s: %q is not told to be of kind %s", c.name, got, c.told)
		}
		if c.told == "limit" {
			if got := read(t, "b.rar", whole, Limits{}); astray.Load() > 0 && !strings.Contains(got[0], "TROUBLE limit") {
				t.Errorf("%s: while it computes another one is read: %q", c.name, got)
			}
		}
		for astray.Load() > 0 { // it ends by itself
			runtime.Gosched()
		}
		if got := read(t, "b.rar", whole, Limits{}); troubled(got) || !strings.Contains(got[0], "hanako@") {
			t.Errorf("after %s: %q", c.name, got)
		}
	}
}

// TestPatience: a decoder that was left reads nothing more, and may write where it was
// asked to.
func TestPatience(t *testing.T) {
	go1, ended := make(chan struct{}), make(chan error, 1)
	in := &reins{r: strings.NewReader("0123456789")}
	until := make(chan struct{})
	p := &patience{left: time.Hour, until: until}
	r := &patient{p: p, r: readerFunc(func(b []byte) (int, error) {
		close(until)
		<-go1
		n, err := in.Read(b)
		b[0] = 'x'
		ended <- err
		return n, err
	})}
	b := []byte("abc")
	if n, err := r.Read(b); n != 0 || err != errLeft || string(b) != "abc" {
		t.Errorf("%d bytes, %v, %q", n, err, b)
	}
	in.Close()
	close(go1)
	if err := <-ended; err != errPatience {
		t.Errorf("what it read after it was left: %v", err)
	}
	if n, err := r.Read(b); n != 0 || err != errLeft {
		t.Errorf("asked again: %d bytes, %v", n, err)
	}
	// one that panics is no end of the process, and one that gives much is waited for longer
	p = &patience{left: time.Hour}
	if err := p.wait(func() error { panic("x") }); err != errBroken {
		t.Errorf("a decoder that panics: %v", err)
	}
	before := p.left
	r = &patient{p: p, r: io.LimitReader(readerFunc(func(b []byte) (int, error) { return len(b), nil }), 64<<20)}
	if n, err := io.Copy(io.Discard, r); n != 64<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if p.left < before+30*time.Second {
		t.Errorf("%v are left of %v", p.left, before)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
