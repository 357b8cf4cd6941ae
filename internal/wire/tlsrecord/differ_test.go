package tlsrecord

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
func compare(t testing.TB, only func(*tls.Config), make func(*Conn) (stream []byte, ended bool)) (ref, got heard) {
	t.Helper()
	e, our, f, _ := joined(t, true, only)
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
	if back.suite.old { // where a warning would be passed over
		_ = back.fill(headerLen) // or there is less
		if len(back.raw) < headerLen {
			return -1
		}
		must(t, back.fill(headerLen+int(back.raw[4])))
		content, _, ok := back.in.open(back.raw[:headerLen], back.raw[headerLen:])
		if !ok || back.raw[0] != typeAlert || len(content) != 2 {
			t.Fatalf("what was sent back: type %d, %d bytes", back.raw[0], len(content))
		}
		return int(content[1])
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
		of    uint16 // version; 0: both
	}{
		{"data", func(c *Conn) []byte { return append(c.seal([]byte("one\x17")), c.seal([]byte("two\x17"))...) }, false, "open", -1, 0},
		{"of maximum length", func(c *Conn) []byte { return c.seal(append(data(maxPlain), typeData)) }, false, "open", -1, 0},
		{"too long", func(c *Conn) []byte { return c.seal(append(data(maxPlain+1), typeData)) }, false, "refused", 22, 0},
		{"padded to maximum length", func(c *Conn) []byte { return c.seal(append(append(data(9), typeData), make([]byte, maxPlain-9)...)) }, false, "open", -1, tls.VersionTLS13},
		{"padded beyond", func(c *Conn) []byte { return c.seal(append(append(data(9), typeData), make([]byte, maxPlain-8)...)) }, false, "refused", 22, tls.VersionTLS13},
		{"longer than a record may be", func(*Conn) []byte { return append([]byte{23, 3, 3, 0x41, 1}, data(0x4101)...) }, false, "refused", 22, tls.VersionTLS13},
		{"only padding", func(c *Conn) []byte { return c.seal(make([]byte, 20)) }, false, "refused", 10, tls.VersionTLS13},
		{"shorter than its tag", func(*Conn) []byte { return append([]byte{23, 3, 3, 0, 15}, data(15)...) }, false, "refused", 20, 0},
		{"tampered", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[len(b)-1] ^= 1; return b }, false, "refused", 20, 0},
		{"tampered text", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[5] ^= 1; return b }, false, "refused", 20, 0},
		{"tampered version", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[2] = 1; return b }, false, "refused", 70, 0},
		{"out of turn", func(c *Conn) []byte { c.out.next++; return c.seal([]byte("x\x17")) }, false, "refused", 20, 0},
		{"twice", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); return append(b, b...) }, false, "refused", 20, 0},
		{"under the next key without a word", func(c *Conn) []byte { _ = c.out.update(); return c.seal([]byte("x\x17")) }, false, "refused", 20, tls.VersionTLS13},
		{"a handshake record in clear", func(*Conn) []byte { return []byte{22, 3, 3, 0, 5, 24, 0, 0, 1, 0} }, false, "refused", -2, 0},
		{"an alert in clear", func(*Conn) []byte { return []byte{21, 3, 3, 0, 2, 1, 0} }, false, "refused", -2, 0},
		{"an unknown type", func(c *Conn) []byte { return c.seal([]byte("x\x63")) }, false, "refused", 10, 0},
		{"close_notify", func(c *Conn) []byte { return c.seal([]byte{1, 0, 21}) }, false, "eof", -1, 0},
		{"an alert", func(c *Conn) []byte { return c.seal([]byte{2, 40, 21}) }, false, "alert", -1, 0},
		{"a long alert", func(c *Conn) []byte { return c.seal([]byte{2, 40, 0, 21}) }, false, "refused", -2, 0},
		{"truncated between records", func(c *Conn) []byte { return c.seal([]byte("x\x17")) }, true, "eof", -1, 0},
		{"truncated in a header", func(c *Conn) []byte { return c.seal([]byte("x\x17"))[:3] }, true, "cut", -1, 0},
		{"truncated in a record", func(c *Conn) []byte { return c.seal([]byte("x\x17"))[:9] }, true, "cut", -1, 0},
		{"key update", func(c *Conn) []byte {
			b := c.seal([]byte{24, 0, 0, 1, 0, 22})
			_ = c.out.update()
			return append(b, c.seal([]byte("x\x17"))...)
		}, false, "open", -1, tls.VersionTLS13},
		{"key update in pieces", func(c *Conn) []byte {
			b := append(c.seal([]byte{24, 0, 0, 22}), c.seal([]byte{1, 1, 22})...)
			_ = c.out.update()
			return append(b, c.seal([]byte("x\x17"))...)
		}, false, "open", -1, tls.VersionTLS13},
		{"key update with something behind it", func(c *Conn) []byte { return c.seal([]byte{24, 0, 0, 1, 0, 24, 22}) }, false, "refused", 10, tls.VersionTLS13},
		{"key update that is none", func(c *Conn) []byte { return c.seal([]byte{24, 0, 0, 1, 2, 22}) }, false, "refused", -2, tls.VersionTLS13},
		{"key update of two bytes", func(c *Conn) []byte { return c.seal([]byte{24, 0, 0, 2, 0, 0, 22}) }, false, "refused", -2, tls.VersionTLS13},
		{"data within a message", func(c *Conn) []byte { return append(c.seal([]byte{24, 0, 22}), c.seal([]byte("x\x17"))...) }, false, "refused", 10, tls.VersionTLS13},
		{"a ticket for a server", func(c *Conn) []byte { return c.seal([]byte{4, 0, 0, 0, 22}) }, false, "refused", -2, 0},
		{"a hello", func(c *Conn) []byte { return c.seal([]byte{1, 0, 0, 0, 22}) }, false, "refused", -2, 0},
		{"an endless message", func(c *Conn) []byte { return c.seal([]byte{24, 1, 0, 1, 22}) }, false, "refused", -2, 0},
		{"an empty handshake record", func(c *Conn) []byte { return c.seal([]byte{22}) }, false, "refused", 10, 0},
		{"many empty records", func(c *Conn) []byte { return c.many(16, []byte{23}) }, false, "open", -1, 0},
		{"too many empty records", func(c *Conn) []byte { return c.many(17, []byte{23}) }, false, "refused", 10, 0},
		{"many alerts that say nothing", func(c *Conn) []byte { return c.many(17, []byte{1, 90, 21}) }, false, "refused", 10, 0},

		{"longer than a record may be", func(*Conn) []byte { return append([]byte{23, 3, 3, 0x48, 1}, data(0x4801)...) }, false, "refused", 22, tls.VersionTLS12},
		{"long, and nobody's", func(*Conn) []byte { return append([]byte{23, 3, 3, 0x48, 0}, data(0x4800)...) }, false, "refused", 20, tls.VersionTLS12},
		{"without anything", func(*Conn) []byte { return []byte{23, 3, 3, 0, 0} }, false, "refused", 20, 0},
		{"shorter than its nonce", func(*Conn) []byte { return []byte{23, 3, 3, 0, 3, 1, 2, 3} }, false, "refused", 20, 0},
		{"of another type", func(c *Conn) []byte { b := c.seal([]byte("x\x17")); b[0] = 21; return b }, false, "refused", 20, tls.VersionTLS12},
		{"a warning", func(c *Conn) []byte { return append(c.seal([]byte{1, 41, 21}), c.seal([]byte("x\x17"))...) }, false, "open", -1, tls.VersionTLS12},
		{"an alert of no level", func(c *Conn) []byte { return c.seal([]byte{3, 40, 21}) }, false, "refused", 10, tls.VersionTLS12},
		{"change cipher spec", func(c *Conn) []byte { return c.seal([]byte{1, 20}) }, false, "refused", 10, tls.VersionTLS12},
		{"another handshake", func(c *Conn) []byte { return c.seal([]byte{0, 0, 0, 0, 22}) }, false, "refused", 100, tls.VersionTLS12},
		{"another handshake in pieces", func(c *Conn) []byte {
			return append(append(c.seal([]byte{0, 0, 22}), c.seal([]byte{1, 41, 21})...), c.seal([]byte{0, 0, 22})...)
		}, false, "refused", 100, tls.VersionTLS12},
		{"half of one", func(c *Conn) []byte { return append(c.seal([]byte{0, 0, 22}), c.seal([]byte{23})...) }, false, "open", -1, tls.VersionTLS12},
		{"another handshake that is none", func(c *Conn) []byte { return c.seal([]byte{0, 0, 0, 1, 9, 22}) }, false, "refused", -2, tls.VersionTLS12},
		{"close_notify within a message", func(c *Conn) []byte { return append(c.seal([]byte{0, 22}), c.seal([]byte{1, 0, 21})...) }, false, "eof", -1, tls.VersionTLS12},
	}
	for id := range suites {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) {
			only := onlySuite(t, id)
			for _, c := range tests {
				if c.of != 0 && c.of != suites[id].version() {
					continue
				}
				ref, got := compare(t, only, func(p *Conn) ([]byte, bool) { return c.make(p), c.ended })
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
		ref, got := compare(t, nil, func(p *Conn) ([]byte, bool) { return make(p), false })
		if got.end != "refused" || got.alert != int(UnexpectedMessage) {
			t.Errorf("%s: %s, alert %d", name, got.end, got.alert)
		}
		if ref.end != "open" {
			t.Errorf("%s: crypto/tls says %s: say so in the documents", name, ref.end)
		}
	}
	// In TLS 1.2 both refuse data within a handshake message, and only one says it. Another
	// handshake behind data and a warning is for crypto/tls one when the next record comes.
	for name, c := range map[string]struct {
		make  func(*Conn) []byte
		end   string
		alert int
	}{
		"data within a message": {func(c *Conn) []byte { return append(c.seal([]byte{0, 0, 22}), c.seal([]byte("x\x17"))...) }, "refused", int(UnexpectedMessage)},
		"a handshake behind data and more": {func(c *Conn) []byte {
			return append(append(c.seal([]byte("x\x17")), c.seal([]byte{1, 41, 21})...), c.seal([]byte{0, 0, 0, 0, 22})...)
		}, "open", int(NoRenegotiation)},
	} {
		ref, got := compare(t, onlySuite(t, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), func(p *Conn) ([]byte, bool) { return c.make(p), false })
		if ref.end != c.end || ref.alert >= 0 || got.end != "refused" || got.alert != c.alert || !bytes.Equal(ref.data, got.data) {
			t.Errorf("%s: %v, crypto/tls %v", name, got, ref)
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

// FuzzAsCryptoTLS: streams of records of all kinds, whole and broken, of TLS 1.3.
func FuzzAsCryptoTLS(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, ops []byte) { fuzzed(t, 0, ops) })
}

// FuzzAsCryptoTLS12: the same of TLS 1.2.
func FuzzAsCryptoTLS12(f *testing.F) {
	seeds(f)
	f.Add([]byte{6, 2, 11, 0, 4, 9, 0, 3})
	f.Add([]byte{6, 2, 0, 4, 3})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) == 0 {
			return
		}
		fuzzed(t, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}[ops[0]%3], ops[1:])
	})
}

func seeds(f *testing.F) {
	f.Add([]byte{0, 5, 1, 0, 0, 7, 2, 1, 0, 9, 3, 3})
	f.Add([]byte{2, 0, 2, 1, 2, 0, 0, 200, 4, 8})
	f.Add([]byte{5, 1, 6, 2, 0, 3, 7, 7})
	f.Add([]byte{8, 0, 0, 1, 8, 1, 9, 4, 0, 9})
}

func fuzzed(t *testing.T, id uint16, ops []byte) {
	var only func(*tls.Config)
	if id != 0 {
		only = onlySuite(t, id)
	}
	ref, got := compare(t, only, func(c *Conn) ([]byte, bool) { return stream(c, ops), len(ops)%2 == 1 })
	told := (ref.alert < 0) == (got.alert < 0) || id != 0 && ref.end == "refused" && got.alert == int(UnexpectedMessage) // TestStricter
	if !bytes.Equal(ref.data, got.data) || ref.end != got.end || !told {
		t.Errorf("crypto/tls: %s, alert %d, %q\nwe: %s, alert %d, %q", ref.end, ref.alert, ref.data, got.end, got.alert, got.data)
	}
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
			if !c.suite.old {
				_ = c.out.update()
			}
		case 3: // any inner text
			out = append(out, c.seal(text)...)
		case 4: // an alert, mostly one that says nothing
			if c.suite.old { // not right behind data: TestStricter
				out = append(out, c.seal([]byte{typeData})...)
			}
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
