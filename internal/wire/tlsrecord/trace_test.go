package tlsrecord

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"
)

// recorded keeps what an end sends.
type recorded struct {
	*end
	sent []byte
}

func (r *recorded) Write(b []byte) (int, error) {
	r.sent = append(r.sent, b...)
	return r.end.Write(b)
}

// TestNumbersComeOnce: with AES-GCM of TLS 1.2 the nonce of each record stands in it:
// what a Conn sends begins behind what crypto/tls sent, Finished too.
func TestNumbersComeOnce(t *testing.T) {
	for _, before := range []int{0, 3} {
		e, our, _, their := joined(t, true, onlySuite(t, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
		for range before {
			pass(t, our, their, []byte("before"))
		}
		e.trace.Settle()
		r := &recorded{end: e}
		c, err := New(r, e.trace.State())
		must(t, err)
		for range 3 {
			pass(t, c, their, []byte("on"))
		}
		var nonces []byte
		for b := r.sent; len(b) > 0; b = b[headerLen+int(b[4]):] {
			nonces = append(nonces, b[headerLen : headerLen+8][7])
		}
		first := byte(before + 1)
		if !slices.Equal(nonces, []byte{first, first + 1, first + 2}) {
			t.Errorf("after %d records: numbers %d", before, nonces)
		}
		if c.out.next = 1<<64 - 1; c.send(typeData, []byte("x")) != errSpent {
			t.Error("a number would come twice")
		}
	}
}

// handshakes makes an end of TLS 1.2 whose handshake is done by hand.
func handshakes(in, out [][]byte, random, master string) *Trace {
	t := NewTrace(false)
	_, _ = t.Write([]byte("CLIENT_RANDOM " + random + " " + master + "\n"))
	for _, b := range in {
		t.In(b)
	}
	for _, b := range out {
		t.Out(b)
	}
	t.Begin(tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256})
	return t
}

// TestHandshakeOf12: the server's random is found however its ServerHello is cut into
// records; and where anything is not as it is in a handshake, nothing is kept.
func TestHandshakeOf12(t *testing.T) {
	record := func(typ byte, content ...byte) []byte {
		return append([]byte{typ, 3, 3, 0, byte(len(content))}, content...)
	}
	hello := append([]byte{2, 0, 0, 40, 3, 3}, bytes.Repeat([]byte{0x5e}, 32)...)
	hello = append(hello, 0, 0xc0, 0x2f, 0, 0, 0)
	change, finished := record(20, 1), record(22, make([]byte, 40)...)
	var single [][]byte
	for _, b := range hello {
		for _, part := range record(22, b) { // and byte by byte
			single = append(single, []byte{part})
		}
	}
	random, master := string(bytes.Repeat([]byte("c1"), 32)), string(bytes.Repeat([]byte("5a"), 48))
	whole := [][]byte{record(22, hello...), change, finished}
	want := handshakes(whole, [][]byte{change, finished}, random, master)
	if !want.Keepable() {
		t.Fatal("it is not kept")
	}
	if s := want.State(); s.In.Next != 1 || s.Out.Next != 1 || len(s.In.Secret) != 20 || bytes.Equal(s.In.Secret, s.Out.Secret) {
		t.Errorf("numbers %d and %d", s.In.Next, s.Out.Next)
	}
	wrong := bytes.Clone(hello)
	for name, c := range map[string]struct {
		in, out        [][]byte
		random, master string
		keep           bool
	}{
		"in pieces":          {slices.Concat(single, [][]byte{change, finished}), [][]byte{change, finished}, random, master, true},
		"an alert before it": {slices.Concat([][]byte{record(21, 1, 112)}, whole), [][]byte{change, finished}, random, master, true},
		"a ticket":           {[][]byte{record(22, hello...), record(22, 4, 0, 0, 0), change, finished}, [][]byte{change, finished}, random, master, true},

		"no master secret":      {whole, [][]byte{change, finished}, random, "", false},
		"half a master secret":  {whole, [][]byte{change, finished}, random, master[2:], false},
		"half a random":         {whole, [][]byte{change, finished}, random[2:], master, false},
		"no hexadecimal":        {whole, [][]byte{change, finished}, random, "x" + master[1:], false},
		"no hello":              {whole[1:], [][]byte{change, finished}, random, master, false},
		"half a hello":          {[][]byte{record(22, hello[:37]...), change, finished}, [][]byte{change, finished}, random, master, false},
		"another message first": {[][]byte{record(22, append([]byte{0, 0, 0, 0}, hello...)...), change, finished}, [][]byte{change, finished}, random, master, false},
		"another version":       {[][]byte{record(22, append([]byte{2, 0, 0, 40, 3, 2}, wrong[6:]...)...), change, finished}, [][]byte{change, finished}, random, master, false},
		"no change here":        {whole, [][]byte{finished}, random, master, false},
		"no change there":       {[][]byte{whole[0], finished}, [][]byte{change, finished}, random, master, false},
		"two changes":           {whole, [][]byte{change, change, finished}, random, master, false},
		"no Finished":           {whole, [][]byte{change}, random, master, false},
		"more than Finished":    {whole, [][]byte{change, finished, record(22, make([]byte, 24)...)}, random, master, false},
		"a longer Finished":     {whole, [][]byte{change, record(22, make([]byte, 41)...)}, random, master, false},
		"data for Finished":     {[][]byte{whole[0], change, record(23, make([]byte, 40)...)}, [][]byte{change, finished}, random, master, false},
		"half a record":         {slices.Concat(whole, [][]byte{{23, 3}}), [][]byte{change, finished}, random, master, false},
	} {
		got := handshakes(c.in, c.out, c.random, c.master)
		if got.Keepable() != c.keep {
			t.Errorf("%s: keepable %v", name, got.Keepable())
		}
		if c.keep && !bytes.Equal(got.State().In.Secret, want.State().In.Secret) {
			t.Errorf("%s: other keys", name)
		}
		if !c.keep && (got.master != nil || got.client != nil || got.serving != nil) {
			t.Errorf("%s: secrets are left", name)
		}
	}
}

// TestResumedOf12: a session of TLS 1.2 that goes on with one before tells no master
// secret, and is not kept.
func TestResumedOf12(t *testing.T) {
	cache, ticket := tls.NewLRUClientSessionCache(1), [32]byte{1}
	for i := range 2 {
		e, our, _, their := joined(t, false, func(c *tls.Config) {
			c.MaxVersion, c.ClientSessionCache, c.SessionTicketsDisabled, c.ServerName = tls.VersionTLS12, cache, false, "gate"
			c.SetSessionTicketKeys([][32]byte{ticket})
		})
		if resumed := our.ConnectionState().DidResume; resumed != (i == 1) || e.trace.Keepable() == resumed {
			t.Errorf("resumed %v, keepable %v", resumed, e.trace.Keepable())
		}
		pass(t, our, their, []byte("it works as ever"))
	}
}

// TestForgotten: nothing of the handshake's secrets stays behind.
func TestForgotten(t *testing.T) {
	e, _, _, _ := joined(t, true, onlySuite(t, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
	if e.trace.master != nil || e.trace.random != nil || e.trace.in.hello != nil || e.trace.out.hello != nil || e.trace.whole {
		t.Error("it keeps the handshake")
	}
	secrets := [][]byte{e.trace.client, e.trace.serving}
	e.trace.Forget()
	for _, s := range secrets {
		if len(s) != 20 || !bytes.Equal(s, make([]byte, 20)) {
			t.Error("a key is left")
		}
	}
}

// TestDataBeforeSettle: data that crypto/tls has and nobody took yet is no reason to lose
// a session when it is given to a loop.
func TestDataBeforeSettle(t *testing.T) {
	for _, id := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256} {
		e, our, _, their := joined(t, true, onlySuite(t, id))
		if _, err := their.Write([]byte("early")); err != nil {
			t.Fatal(err)
		}
		counted := readCounted{our, e.trace}
		if _, err := counted.Read(make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		if e.trace.Settle(); !e.trace.Keepable() || e.trace.Rests() {
			t.Errorf("%s: keepable %v, rests %v", tls.CipherSuiteName(id), e.trace.Keepable(), e.trace.Rests())
		}
		if _, err := counted.Read(make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		pass(t, their, takeOver(t, e), []byte("and on"))
	}
}

// TestSentNoData: what crypto/tls sends in TLS 1.2 that is no data is seen.
func TestSentNoData(t *testing.T) {
	e, our, _, _ := joined(t, true, onlySuite(t, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
	e.trace.Settle()
	if !e.trace.Rests() {
		t.Fatal("it does not rest")
	}
	must(t, our.CloseWrite())
	if e.trace.Rests() {
		t.Error("it rests after close_notify")
	}
}
