package tls13

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
)

// heard is what one end made of a stream of records.
type heard struct {
	data  []byte
	end   string // "open", "eof", "cut", "alert", "refused"
	alert int    // what it sent; -1: none
}

// drain reads until nothing comes.
func drain(r io.Reader) (h heard) {
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		h.data = append(h.data, b[:n]...)
		var remote *RemoteError
		var op *net.OpError
		switch {
		case err == nil:
			continue
		case temporary(err):
			h.end = "open"
		case err == io.EOF:
			h.end = "eof"
		case errors.Is(err, io.ErrUnexpectedEOF):
			h.end = "cut"
		case errors.As(err, &remote), errors.As(err, &op) && op.Op == "remote error":
			h.end = "alert"
		default:
			h.end = "refused"
		}
		return h
	}
}

// compare shows a stream of records to crypto/tls and to a Conn that took over the
// same end, and returns what both made of it.
func compare(t testing.TB, make func(*Conn) (stream []byte, ended bool)) (ref, got heard) {
	t.Helper()
	e, our, f, _ := joined(t, true, nil)
	e.trace.Settle()
	from := e.trace.State()
	peer := takeOver(t, f)
	stream, ended := make(peer)

	e.in.b = bytes.Clone(stream)
	e.in.set(false, ended)
	ref = drain(our)
	ref.alert = sent(t, f, from)

	mine := &end{in: newWire(), out: newWire()}
	mine.in.b = bytes.Clone(stream)
	mine.in.set(false, ended)
	c, err := New(mine, from)
	if err != nil {
		t.Fatal(err)
	}
	got = drain(c)
	mine.out.set(false, false)
	got.alert = sent(t, &end{in: mine.out, out: newWire()}, from)
	return ref, got
}

// sent reads what the end that was tried sent back: the alert, after changes of keys.
func sent(t testing.TB, from *end, s *State) int {
	t.Helper()
	back, err := New(from, &State{Suite: s.Suite, In: s.Out, Out: s.In})
	if err != nil {
		t.Fatal(err)
	}
	switch _, err := back.Read(make([]byte, 1)); e := err.(type) {
	case *RemoteError:
		return int(e.Alert)
	default:
		if !temporary(err) {
			t.Errorf("what was sent back: %v", err)
		}
		return -1
	}
}

// TestAsCryptoTLS: what crypto/tls refuses is refused, with the same alert where
// RFC 8446 names one, and what it takes is taken, byte for byte.
func TestAsCryptoTLS(t *testing.T) {
	data := func(n int) []byte { return bytes.Repeat([]byte{'d'}, n) }
	tests := []struct {
		name  string
		make  func(*Conn) []byte
		ended bool
		end   string
		alert int
	}{
		{"data", func(c *Conn) []byte { return append(c.seal([]byte("one\x17")), c.seal([]byte("two\x17"))...) }, false, "open", -1},
		{"of maximum length", func(c *Conn) []byte { return c.seal(append(data(maxPlain), typeData)) }, false, "open", -1},
		{"too long", func(c *Conn) []byte { return c.seal(append(data(maxPlain+1), typeData)) }, false, "refused", 22},
		{"padded to maximum length", func(c *Conn) []byte { return c.seal(append(append(data(9), typeData), make([]byte, maxPlain-9)...)) }, false, "open", -1},
		{"padded beyond", func(c *Conn) []byte { return c.seal(append(append(data(9), typeData), make([]byte, maxPlain-8)...)) }, false, "refused", 22},
		{"longer than a record may be", func(*Conn) []byte { return append([]byte{23, 3, 3, 0x41, 1}, data(0x4101)...) }, false, "refused", 22},
		{"only padding", func(c *Conn) []byte { return c.seal(make([]byte, 20)) }, false, "refused", 10},
		{"shorter than its tag", func(*Conn) []byte { return append([]byte{23, 3, 3, 0, 15}, data(15)...) }, false, "refused", 20},
		{"tampered", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[len(b)-1] ^= 1; return b }, false, "refused", 20},
		{"tampered text", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[5] ^= 1; return b }, false, "refused", 20},
		{"tampered version", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[2] = 1; return b }, false, "refused", 70},
		{"out of turn", func(c *Conn) []byte { c.out.next++; return c.seal([]byte("x\x17")) }, false, "refused", 20},
		{"twice", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); return append(b, b...) }, false, "refused", 20},
		{"under the next key without a word", func(c *Conn) []byte { _ = c.out.update(); return c.seal([]byte("x\x17")) }, false, "refused", 20},
		{"a handshake record in clear", func(*Conn) []byte { return []byte{22, 3, 3, 0, 5, 24, 0, 0, 1, 0} }, false, "refused", -2},
		{"an alert in clear", func(*Conn) []byte { return []byte{21, 3, 3, 0, 2, 1, 0} }, false, "refused", -2},
		{"an unknown type", func(c *Conn) []byte { return c.seal([]byte("x\x63")) }, false, "refused", 10},
		{"close_notify", func(c *Conn) []byte { return c.seal([]byte{1, 0, 21}) }, false, "eof", -1},
		{"an alert", func(c *Conn) []byte { return c.seal([]byte{2, 40, 21}) }, false, "alert", -1},
		{"a long alert", func(c *Conn) []byte { return c.seal([]byte{2, 40, 0, 21}) }, false, "refused", -2},
		{"truncated between records", func(c *Conn) []byte { return c.seal([]byte("x\x17")) }, true, "eof", -1},
		{"truncated in a header", func(c *Conn) []byte { return c.seal([]byte("x\x17"))[:3] }, true, "cut", -1},
		{"truncated in a record", func(c *Conn) []byte { return c.seal([]byte("x\x17"))[:9] }, true, "cut", -1},
		{"key update", func(c *Conn) []byte {
			b := c.seal([]byte{24, 0, 0, 1, 0, 22})
			_ = c.out.update()
			return append(b, c.seal([]byte("x\x17"))...)
		}, false, "open", -1},
		{"key update in pieces", func(c *Conn) []byte {
			b := append(c.seal([]byte{24, 0, 0, 22}), c.seal([]byte{1, 1, 22})...)
			_ = c.out.update()
			return append(b, c.seal([]byte("x\x17"))...)
		}, false, "open", -1},
		{"key update with something behind it", func(c *Conn) []byte { return c.seal([]byte{24, 0, 0, 1, 0, 24, 22}) }, false, "refused", 10},
		{"key update that is none", func(c *Conn) []byte { return c.seal([]byte{24, 0, 0, 1, 2, 22}) }, false, "refused", -2},
		{"key update of two bytes", func(c *Conn) []byte { return c.seal([]byte{24, 0, 0, 2, 0, 0, 22}) }, false, "refused", -2},
		{"data within a message", func(c *Conn) []byte { return append(c.seal([]byte{24, 0, 22}), c.seal([]byte("x\x17"))...) }, false, "refused", 10},
		{"a ticket for a server", func(c *Conn) []byte { return c.seal([]byte{4, 0, 0, 0, 22}) }, false, "refused", -2},
		{"a hello", func(c *Conn) []byte { return c.seal([]byte{1, 0, 0, 0, 22}) }, false, "refused", -2},
		{"an endless message", func(c *Conn) []byte { return c.seal([]byte{24, 1, 0, 1, 22}) }, false, "refused", -2},
		{"an empty handshake record", func(c *Conn) []byte { return c.seal([]byte{22}) }, false, "refused", 10},
		{"many empty records", func(c *Conn) []byte { return c.many(16, []byte{23}) }, false, "open", -1},
		{"too many empty records", func(c *Conn) []byte { return c.many(17, []byte{23}) }, false, "refused", 10},
		{"many alerts that say nothing", func(c *Conn) []byte { return c.many(17, []byte{1, 90, 21}) }, false, "refused", 10},
	}
	for id := range suites {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			onlySuite(t, id)
			for _, c := range tests {
				ref, got := compare(t, func(p *Conn) ([]byte, bool) { return c.make(p), c.ended })
				if !bytes.Equal(ref.data, got.data) || ref.end != got.end || got.end != c.end {
					t.Errorf("%s: crypto/tls says %s after %d bytes, we say %s after %d, want %s", c.name, ref.end, len(ref.data), got.end, len(got.data), c.end)
				}
				if c.alert != -2 && (got.alert != c.alert || ref.alert != c.alert) || c.alert == -2 && (got.alert < 0 || ref.alert < 0) {
					t.Errorf("%s: alert %d, of crypto/tls %d, want %d", c.name, got.alert, ref.alert, c.alert)
				}
			}
		})
	}
}

// TestStricter: RFC 8446 has these refused, and crypto/tls lets them pass.
func TestStricter(t *testing.T) {
	for name, make := range map[string]func(*Conn) []byte{
		"change cipher spec after the handshake (5)": func(*Conn) []byte { return []byte{20, 3, 3, 0, 1, 1} },
		"the same, protected (5)":                    func(c *Conn) []byte { return c.seal([]byte{1, 20}) },
		"a record without a type (5.4)":              func(c *Conn) []byte { return c.seal(nil) },
	} {
		ref, got := compare(t, func(p *Conn) ([]byte, bool) { return make(p), false })
		if got.end != "refused" || got.alert != int(UnexpectedMessage) {
			t.Errorf("%s: %s, alert %d", name, got.end, got.alert)
		}
		if ref.end != "open" {
			t.Errorf("%s: crypto/tls says %s: say so in the documents", name, ref.end)
		}
	}
}

// many seals the same content n times.
func (c *Conn) many(n int, inner []byte) (b []byte) {
	for range n {
		b = append(b, c.seal(inner)...)
	}
	return b
}

// FuzzAsCryptoTLS: streams of records of all kinds, whole and broken.
func FuzzAsCryptoTLS(f *testing.F) {
	f.Add([]byte{0, 5, 1, 0, 0, 7, 2, 1, 0, 9, 3, 3})
	f.Add([]byte{2, 0, 2, 1, 2, 0, 0, 200, 4, 8})
	f.Add([]byte{5, 1, 6, 2, 0, 3, 7, 7})
	f.Add([]byte{8, 0, 0, 1, 8, 1, 9, 4, 0, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		ref, got := compare(t, func(c *Conn) ([]byte, bool) { return stream(c, ops), len(ops)%2 == 1 })
		if !bytes.Equal(ref.data, got.data) || ref.end != got.end || (ref.alert < 0) != (got.alert < 0) {
			t.Errorf("crypto/tls: %s, alert %d, %q\nwe: %s, alert %d, %q", ref.end, ref.alert, ref.data, got.end, got.alert, got.data)
		}
	})
}

// stream makes records of pairs of bytes: what, and how much.
func stream(c *Conn, ops []byte) (out []byte) {
	for i := 0; i+1 < len(ops) && i < 80; i += 2 {
		what, n := ops[i]%12, int(ops[i+1])
		text := fmt.Appendf(nil, "%0*d", n, i)
		switch what {
		case 0:
			out = append(out, c.seal(append(text, typeData))...)
		case 1: // padded
			out = append(out, c.seal(append(append(text, typeData), make([]byte, n*64)...))...)
		case 2: // key update
			out = append(out, c.seal([]byte{24, 0, 0, 1, byte(n % 2), 22})...)
			_ = c.out.update()
		case 3: // any inner text
			out = append(out, c.seal(text)...)
		case 4: // an alert, mostly one that says nothing
			out = append(out, c.seal([]byte{1, byte(90 + n/64), 21})...)
		case 5: // tampered
			b := c.seal(append(text, typeData))
			b[n%len(b)] ^= byte(n | 1)
			if b[0] == 20 { // crypto/tls ignores these also after the handshake, RFC 8446 does not
				b[0] = 21
			}
			out = append(out, b...)
		case 6: // pieces of handshake messages
			out = append(out, c.seal(append(ops[i:min(len(ops), i+n%7)], 22))...)
		case 7: // cut
			b := c.seal(append(text, typeData))
			out = append(out, b[:n%len(b)]...)
		case 8: // lost, so that the next is out of turn
			_ = c.seal(text)
		case 9: // any type, but for the one in which they differ
			if n == 20 {
				n = 0
			}
			out = append(out, c.seal([]byte{'t', byte(n)})...)
		case 10: // long ones
			out = append(out, c.seal(append(bytes.Repeat([]byte{'l'}, n*70), typeData))...)
		case 11:
			out = append(out, c.seal([]byte{byte(n%2 + 22)})...)
		}
	}
	return out
}
