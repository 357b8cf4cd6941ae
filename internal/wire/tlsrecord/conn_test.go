package tlsrecord

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
	_ "unsafe" // for the suites of crypto/tls, which has no setting for TLS 1.3
)

//go:linkname suitesOfTLS crypto/tls.defaultCipherSuitesTLS13
var suitesOfTLS []uint16

//go:linkname suitesOfTLSNoAES crypto/tls.defaultCipherSuitesTLS13NoAES
var suitesOfTLSNoAES []uint16

// onlySuite has crypto/tls know one suite. The function is for joined.
func onlySuite(t testing.TB, id uint16) func(*tls.Config) {
	if suites[id].old {
		return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{id} }
	}
	a, b := suitesOfTLS, suitesOfTLSNoAES
	t.Cleanup(func() { suitesOfTLS, suitesOfTLSNoAES = a, b })
	suitesOfTLS, suitesOfTLSNoAES = []uint16{id}, []uint16{id}
	return nil
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return certificateOf(key)
})

// certificateRSA is for the suites of TLS 1.2 that want one.
var certificateRSA = sync.OnceValue(func() tls.Certificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return certificateOf(key)
})

func certificateOf(key crypto.Signer) tls.Certificate {
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"gate"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// none is the error of a wire that is empty.
type none struct{}

func (none) Error() string   { return "nothing yet" }
func (none) Timeout() bool   { return true }
func (none) Temporary() bool { return true }

// wire is one direction: a buffer that never ends before it is told to.
type wire struct {
	mu     sync.Mutex
	cond   *sync.Cond
	b      []byte
	ended  bool
	blocks bool // an empty one is waited for; else a read says none
	most   int  // bytes a read; 0: any
}

func newWire() *wire {
	w := &wire{blocks: true}
	w.cond = sync.NewCond(&w.mu)
	return w
}

func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.b) == 0 && w.blocks && !w.ended {
		w.cond.Wait()
	}
	switch {
	case len(w.b) > 0:
	case w.ended:
		return 0, io.EOF
	default:
		return 0, none{}
	}
	n := copy(b, w.b)
	if w.most > 0 {
		n = min(n, w.most)
	}
	w.b = w.b[n:]
	return n, nil
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, b...)
	w.cond.Broadcast()
	return len(b), nil
}

// set ends the waiting, and the wire itself.
func (w *wire) set(blocks, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocks, w.ended = blocks, ended
	w.cond.Broadcast()
}

// end is one end of two wires; as a net.Conn for crypto/tls, with a Trace.
type end struct {
	net.Conn // nil
	in, out  *wire
	trace    *Trace
}

func (e *end) Read(b []byte) (int, error) {
	n, err := e.in.Read(b[:e.trace.Most(len(b))])
	e.trace.In(b[:n])
	return n, err
}

func (e *end) Write(b []byte) (int, error) {
	e.trace.Out(b)
	return e.out.Write(b)
}

func (e *end) Close() error                     { return nil }
func (e *end) SetDeadline(time.Time) error      { return nil }
func (e *end) SetWriteDeadline(time.Time) error { return nil }

// joined makes a connection: our end with a Trace, and theirs. Afterwards no read
// blocks.
func joined(t testing.TB, weServe bool, change func(*tls.Config)) (*end, *tls.Conn, *end, *tls.Conn) {
	t.Helper()
	a, b := newWire(), newWire()
	ours, theirs := &end{in: a, out: b, trace: NewTrace(weServe)}, &end{in: b, out: a, trace: NewTrace(!weServe)}
	conn := func(e *end, serves bool) *tls.Conn {
		cfg := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: e.trace, SessionTicketsDisabled: true, Certificates: []tls.Certificate{certificate(), certificateRSA()}}
		if change != nil {
			change(cfg)
		}
		if serves {
			return tls.Server(e, cfg)
		}
		return tls.Client(e, cfg)
	}
	our, their := conn(ours, weServe), conn(theirs, !weServe)
	done := make(chan error, 1)
	go func() { done <- their.Handshake() }()
	if err := errors.Join(our.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	ours.trace.Begin(our.ConnectionState())
	theirs.trace.Begin(their.ConnectionState())
	a.set(false, false)
	b.set(false, false)
	return ours, our, theirs, their
}

// pass writes on one end and reads on the other.
func pass(t testing.TB, from io.Writer, to io.Reader, text []byte) {
	t.Helper()
	if _, err := from.Write(text); err != nil {
		t.Fatalf("write: %v", err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(to, got); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("%d bytes became others (%v)", len(text), err)
	}
}

// takeOver goes on with an end of crypto/tls.
func takeOver(t testing.TB, e *end) *Conn {
	t.Helper()
	e.trace.Settle()
	e.trace.Drained()
	if !e.trace.Rests() {
		t.Fatal("the connection does not rest")
	}
	c, err := New(e, e.trace.State())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func eachSuite(t *testing.T, do func(t *testing.T, s *suite, weServe bool, only func(*tls.Config))) {
	for id := range suites {
		for _, weServe := range []bool{true, false} {
			t.Run(tls.CipherSuiteName(id)+map[bool]string{true: "/server", false: "/client"}[weServe], func(t *testing.T) {
				do(t, suites[id], weServe, onlySuite(t, id))
			})
		}
	}
}

// TestGoesOn: after records of crypto/tls in both directions a Conn goes on, and
// another after it, also over changes of keys; crypto/tls at the other end sees
// nothing of that.
func TestGoesOn(t *testing.T) {
	eachSuite(t, func(t *testing.T, s *suite, weServe bool, only func(*tls.Config)) {
		e, our, _, their := joined(t, weServe, only)
		counted := readCounted{our, e.trace}
		long := bytes.Repeat([]byte("0123456789abcdef"), 40<<10/16)
		for _, text := range [][]byte{[]byte("a"), long, []byte("b")} {
			pass(t, our, their, text)
			pass(t, their, counted, text)
		}
		c := takeOver(t, e)
		for range 3 {
			for _, text := range [][]byte{[]byte("c"), long, make([]byte, maxPlain), make([]byte, maxPlain+1)} {
				pass(t, c, their, text)
				pass(t, their, c, text)
			}
			if !s.old {
				must(t, c.askKeyUpdate(1)) // they change theirs too
				pass(t, c, their, []byte("under a new key"))
				pass(t, their, c, []byte("also"))
				must(t, c.askKeyUpdate(0)) // they do not
				pass(t, c, their, []byte("only one"))
			}
			if !c.Rests() {
				t.Fatal("it does not rest")
			}
			next, err := New(e, c.State())
			if err != nil {
				t.Fatal(err)
			}
			c.Forget()
			if _, err := c.Write([]byte("x")); err == nil {
				t.Error("a connection that was handed on writes")
			}
			c = next
		}
		if err := their.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF || c.Rests() {
			t.Errorf("after close_notify: %d, %v", n, err)
		}
		pass(t, c, their, []byte("the other direction goes on"))
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := their.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("they hear %v", err)
		}
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("written after close_notify")
		}
	})
}

// askKeyUpdate changes our key, and with 1 asks for theirs.
func (c *Conn) askKeyUpdate(asks byte) error {
	if err := c.send(typeHandshake, []byte{messageKeyUpdate, 0, 0, 1, asks}); err != nil {
		return err
	}
	return c.out.update()
}

// readCounted tells the trace what came out, as who reads a traced connection does.
type readCounted struct {
	*tls.Conn
	trace *Trace
}

func (r readCounted) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.trace.Took(n)
	return n, err
}

// TestPeerAsks: the peer changes keys and asks for ours, in any mix.
func TestPeerAsks(t *testing.T) {
	eachSuite(t, func(t *testing.T, s *suite, weServe bool, only func(*tls.Config)) {
		if s.old {
			return // it has no such thing
		}
		e, _, f, _ := joined(t, weServe, only)
		c, d := takeOver(t, e), takeOver(t, f)
		for i := range 40 {
			from, to := c, d
			if i%3 == 0 {
				from, to = d, c
			}
			if i%5 != 1 {
				if err := from.askKeyUpdate(byte(i % 2)); err != nil {
					t.Fatal(err)
				}
			}
			pass(t, from, to, []byte("one"))
			pass(t, to, from, []byte("two"))
		}
	})
}

// TestPieces: bytes that come one by one, with nothing between them.
func TestPieces(t *testing.T) {
	for _, id := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256} {
		t.Run(tls.CipherSuiteName(id), func(t *testing.T) { testPieces(t, onlySuite(t, id)) })
	}
}

func testPieces(t *testing.T, only func(*tls.Config)) {
	e, _, _, their := joined(t, true, only)
	c := takeOver(t, e)
	if _, err := their.Write([]byte("slowly")); err != nil {
		t.Fatal(err)
	}
	all := e.in.b
	e.in.b = nil
	b := make([]byte, 16)
	for i, one := range all {
		if n, err := c.Read(b); n != 0 || !temporary(err) {
			t.Fatalf("after %d bytes: %d, %v", i, n, err)
		}
		if c.Rests() != (i == 0) {
			t.Fatalf("after %d bytes: rests %v", i, c.Rests())
		}
		_, _ = e.in.Write([]byte{one})
	}
	if n, err := c.Read(b); err != nil || string(b[:n]) != "slowly" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	if !c.Rests() {
		t.Error("it does not rest")
	}
	// Truncated within a record, and between two.
	if _, err := their.Write([]byte("never")); err != nil {
		t.Fatal(err)
	}
	e.in.b = e.in.b[:7]
	e.in.set(false, true)
	if _, err := c.Read(b); err != io.ErrUnexpectedEOF {
		t.Errorf("in a record: %v", err)
	}
}

// TestTraceKnowsWhenItDoesNot: whatever crypto/tls does that is no data is noticed,
// or known.
func TestTraceKnowsWhenItDoesNot(t *testing.T) {
	t.Run("CBC", func(t *testing.T) {
		e, _, _, _ := joined(t, true, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		})
		if e.trace.Settle(); e.trace.Keepable() {
			t.Error("keepable")
		}
	})
	for name, c := range map[string]struct {
		send func(t *testing.T, d *Conn)
		keep bool
		old  bool
	}{
		"key update":                 {func(t *testing.T, d *Conn) { must(t, d.askKeyUpdate(0)) }, false, false},
		"key update that asks":       {func(t *testing.T, d *Conn) { must(t, d.askKeyUpdate(1)) }, false, false},
		"padding":                    {func(t *testing.T, d *Conn) { must(t, d.sendPadded(typeData, []byte("p"), 9)) }, false, false},
		"an alert that says nothing": {func(t *testing.T, d *Conn) { must(t, d.send(typeAlert, []byte{1, byte(UserCanceled)})) }, false, false},
		"an empty record":            {func(t *testing.T, d *Conn) { must(t, d.send(typeData, nil)) }, true, false},
		"change cipher spec":         {func(t *testing.T, d *Conn) { _, _ = d.below.Write([]byte{20, 3, 3, 0, 1, 1}) }, false, false},
		"data":                       {func(*testing.T, *Conn) {}, true, false},

		"a warning of TLS 1.2":         {func(t *testing.T, d *Conn) { must(t, d.send(typeAlert, []byte{levelWarning, 41})) }, false, true},
		"an empty record of TLS 1.2":   {func(t *testing.T, d *Conn) { must(t, d.send(typeData, nil)) }, true, true},
		"half a handshake of TLS 1.2":  {func(t *testing.T, d *Conn) { must(t, d.send(typeHandshake, []byte{1})) }, false, true},
		"another handshake of TLS 1.2": {func(t *testing.T, d *Conn) { must(t, d.send(typeHandshake, []byte{0, 0, 0, 0})) }, false, true},
		"data of TLS 1.2":              {func(*testing.T, *Conn) {}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			var only func(*tls.Config)
			if c.old {
				only = onlySuite(t, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
			}
			e, our, f, _ := joined(t, true, only)
			d := takeOver(t, f)
			e.trace.Settle()
			counted := readCounted{our, e.trace}
			pass(t, d, counted, []byte("before"))
			c.send(t, d)
			if _, err := d.Write([]byte("after")); err != nil {
				t.Fatal(err)
			}
			for {
				if _, err := counted.Read(make([]byte, 64)); err != nil {
					break
				}
			}
			e.trace.Drained()
			if e.trace.Keepable() != c.keep || e.trace.Rests() != c.keep {
				t.Fatalf("keepable %v, rests %v; want %v", e.trace.Keepable(), e.trace.Rests(), c.keep)
			}
			if !c.keep {
				return
			}
			next, err := New(e, e.trace.State())
			if err != nil {
				t.Fatal(err)
			}
			pass(t, next, d, []byte("here"))
			pass(t, d, next, []byte("there"))
		})
	}
	t.Run("data that is not out yet", func(t *testing.T) {
		e, our, _, their := joined(t, true, nil)
		e.trace.Settle()
		if _, err := their.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		counted := readCounted{our, e.trace}
		if _, err := counted.Read(make([]byte, 1)); err != nil || e.trace.Rests() || !e.trace.Keepable() {
			t.Errorf("rests %v with data in crypto/tls, %v", e.trace.Rests(), err)
		}
		if _, err := counted.Read(make([]byte, 2)); err != nil || !e.trace.Rests() {
			t.Errorf("does not rest, %v", err)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTickets: those that a server sends after the handshake are looked up.
func TestTickets(t *testing.T) {
	// As a server of crypto/tls sends its own within the handshake, d sends them here.
	e, our, f, _ := joined(t, false, nil)
	d := takeOver(t, f)
	ticket := []byte{messageTicket, 0, 0, 14, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 1, 7, 0, 0}
	must(t, d.send(typeHandshake, append(append([]byte(nil), ticket...), ticket[:5]...)))
	must(t, d.send(typeHandshake, ticket[5:]))
	counted := readCounted{our, e.trace}
	pass(t, d, counted, []byte("first"))
	c := takeOver(t, e)
	pass(t, d, c, []byte("on"))
	pass(t, c, d, []byte("and back"))
	must(t, d.send(typeHandshake, ticket)) // a late one is thrown away
	pass(t, d, c, []byte("on"))

	e, our, f, _ = joined(t, false, nil)
	d = takeOver(t, f)
	must(t, d.askKeyUpdate(0))
	pass(t, d, readCounted{our, e.trace}, []byte("first"))
	if e.trace.Settle(); e.trace.Keepable() {
		t.Error("a change of keys among the first records was taken for a ticket")
	}
}

// sendPadded is send with padding.
func (c *Conn) sendPadded(typ byte, content []byte, pad int) error {
	return c.sendInner(append(append(append([]byte(nil), content...), typ), make([]byte, pad)...))
}

// sendInner sends any TLSInnerPlaintext.
func (c *Conn) sendInner(inner []byte) error {
	_, err := c.below.Write(c.seal(inner))
	return err
}

// seal makes a record of a TLSInnerPlaintext; in TLS 1.2 its last byte, the type, comes first.
func (c *Conn) seal(inner []byte) []byte {
	typ := byte(typeData)
	if c.suite.old {
		typ, inner = inner[len(inner)-1], inner[:len(inner)-1]
	}
	b, _ := c.out.protect(nil, typ, inner)
	return b
}
