package egress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
)

// socks speaks SOCKS 5 and returns the reply.
func (w *world) socks(t testing.TB, login string, command byte, address []byte) (net.Conn, byte) {
	t.Helper()
	conn, err := net.Dial("tcp", w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	deadline(t, conn)
	say := func(b []byte, answer int) []byte {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, answer)
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatalf("after %x: %v", b, err)
		}
		return got
	}
	if login == "" {
		say([]byte{5, 1, 0}, 2)
	} else if got := say([]byte{5, 2, 0, 2}, 2); got[1] != 2 {
		t.Fatalf("method %x", got)
	} else {
		user, password, _ := strings.Cut(login, ":")
		b := append([]byte{1, byte(len(user))}, user...)
		b = append(append(b, byte(len(password))), password...)
		if got := say(b, 2); got[1] != 0 {
			return conn, 0xfe
		}
	}
	return conn, say(append([]byte{5, command, 0}, address...), 10)[1]
}

func socksAddressOf(t testing.TB, address string) []byte {
	t.Helper()
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	p := netip.MustParseAddrPort("0.0.0.0:" + number).Port()
	b := append([]byte{3, byte(len(host))}, host...)
	if a, err := netip.ParseAddr(host); err == nil {
		b = append([]byte{map[int]byte{32: 1, 128: 4}[a.BitLen()]}, a.AsSlice()...)
	}
	return append(b, byte(p>>8), byte(p))
}

func TestSOCKS(t *testing.T) {
	w := newWorld(t, rules)
	to := port(echo(t, ""))
	conn, reply := w.socks(t, "ren:secret of ren", 1, socksAddressOf(t, "www.here.example:"+to))
	if reply != 0 {
		t.Fatalf("reply %d", reply)
	}
	fmt.Fprintln(conn, "x")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "x\n" {
		t.Fatalf("%q, %v", line, err)
	}
	conn.Close()
	if f, e := w.one(t); f.Protocol != "socks" || f.User != "ren" || f.Host != "www.here.example" || e == nil || e.Sent != 2 {
		t.Errorf("%+v %+v", f, e)
	}
}

func TestSOCKSRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		login   string
		command byte
		address []byte
		reply   byte
		step    string
	}{
		"not in the policy": {"", 1, socksAddressOf(t, "www.example.jp:443"), 2, "deny"},
		"metadata":          {"", 1, socksAddressOf(t, "169.254.169.254:80"), 2, "address"},
		"mapped":            {"", 1, socksAddressOf(t, "[::ffff:10.0.0.1]:80"), 2, "address"},
		"decimal":           {"", 1, socksAddressOf(t, "2130706433:80"), 2, "form"},
		"bind":              {"", 2, socksAddressOf(t, "127.0.0.1:80"), 7, "form"},
		"udp":               {"", 3, socksAddressOf(t, "127.0.0.1:80"), 7, "form"},
		"address type":      {"", 1, []byte{9, 0, 0, 0, 0, 0, 0}, 8, "form"},
		"port":              {"", 1, []byte{1, 127, 0, 0, 1, 0, 0}, 2, "form"},
		"password":          {"ren:wrong", 1, nil, 0xfe, "form"},
		"no name":           {"", 1, []byte{3, 0, 0, 80}, 2, "form"},
	} {
		w := newWorld(t, rules)
		_, reply := w.socks(t, c.login, c.command, c.address)
		if f, e := w.one(t); reply != c.reply || f.Step != c.step || f.Action != "refuse" || e != nil {
			t.Errorf("%s: reply %d, %+v %+v", name, reply, f, e)
		}
	}
}

// TestTransparent plays the network: the test says where connections went.
func TestTransparent(t *testing.T) {
	l := listen(t)
	to := make(chan string, 1)
	w := newWorld(t, rules, func(c *Config) {
		c.Listener, c.Transparent = nil, l
		c.original = func(net.Conn) (netip.AddrPort, error) { return netip.ParseAddrPort(<-to) }
	})
	server, cfg := tlsServer(t)
	plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "plain "+r.Host+r.URL.Path) }))
	t.Cleanup(plain.Close)
	dial := func(original string) net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		deadline(t, conn)
		to <- original
		return conn
	}
	// The client's own address (of nobody) does not count: the name does.
	if body, err := https(dial("198.51.100.9:"+port(server.Listener.Addr().String())), cfg, "www.here.example"); err != nil || body != "hello www.here.example" {
		t.Fatalf("%q, %v", body, err)
	}
	conn := dial("198.51.100.9:" + port(plain.Listener.Addr().String()))
	fmt.Fprint(conn, "GET /x HTTP/1.1\r\nHost: a.here.example:"+port(plain.Listener.Addr().String())+"\r\n\r\n")
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(a.Body); !strings.HasPrefix(string(body), "plain a.here.example") {
		t.Errorf("%q", body)
	}
	fmt.Fprint(conn, "GET /x HTTP/1.1\r\nHost: www.example.jp\r\n\r\n") // each request is judged
	if a, err = http.ReadResponse(in, nil); err != nil || a.StatusCode != 403 {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := https(dial("127.0.0.1:443"), cfg, "evil.example"); err == nil || !strings.Contains(err.Error(), "access denied") {
		t.Errorf("a refused server name: %v", err)
	}
	conn = dial("8.8.8.8:22")
	fmt.Fprint(conn, "SSH-2.0-x\r\n")
	if rest, _ := io.ReadAll(conn); len(rest) != 0 {
		t.Errorf("%q", rest)
	}
	dial(l.Addr().String()) // called itself
	flows, _ := w.flowsAfter(t, 6)
	var told []string
	for _, f := range flows {
		told = append(told, f.Protocol+" "+f.Host+" "+f.Action+" "+f.Step)
	}
	want := "sni www.here.example allow allow; host a.here.example allow allow; host www.example.jp refuse deny; sni evil.example refuse deny; raw 8.8.8.8 refuse deny; sni  refuse form"
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// flowsAfter waits for n flows before it stops the gate.
func (w *world) flowsAfter(t testing.TB, n int) ([]*event.Flow, []*event.FlowEnd) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := 1; len(eventtest.Of[*event.Flow](w.rec)) < n; i++ {
		if _, err := w.rec.Await(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	return w.flows(t)
}

func TestUpstream(t *testing.T) {
	for _, byName := range []bool{false, true} {
		asked := make(chan string, 1)
		l := listen(t)
		t.Cleanup(func() { l.Close() })
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			line, _ := in.ReadString('\n')
			for rest := line; rest != "\r\n"; rest, _ = in.ReadString('\n') {
			}
			asked <- line
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n220 first\r\n")
			_, _ = io.Copy(io.Discard, in)
		}()
		w := newWorld(t, rules, func(c *Config) { c.Upstream = &Upstream{Address: l.Addr().String(), ByName: byName} })
		conn, in, a := w.connect(t, "www.here.example:443", "Proxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n")
		if a.StatusCode != 200 {
			t.Fatal(a.Status)
		}
		if line, err := in.ReadString('\n'); err != nil || line != "220 first\r\n" {
			t.Errorf("%q, %v", line, err)
		}
		conn.Close()
		want := "CONNECT 127.0.0.1:443 HTTP/1.1\r\n"
		if byName {
			want = "CONNECT www.here.example:443 HTTP/1.1\r\n"
		}
		if got := <-asked; got != want {
			t.Errorf("the upstream proxy was asked %q, want %q", got, want)
		}
	}
}

// certificate makes a certificate that ca signs; nil: itself.
func certificate(t testing.TB, name string, ca *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	parent, signer := c, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestClientCertificate: the gate speaks TLS, and the certificate's name is
// the client.
func TestClientCertificate(t *testing.T) {
	ca := certificate(t, "ca", nil)
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	w := newWorld(t, strings.Replace(rules, "users: [ren]", "users: [ren]\n    certificates: [results-server]", 1), func(c *Config) {
		c.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate(t, "gate", ca)}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven}
	})
	conn, err := tls.Dial("tcp", w.proxy, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{*certificate(t, "results-server", ca)}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	deadline(t, conn)
	fmt.Fprintf(conn, "CONNECT www.here.example:%s HTTP/1.1\r\n\r\nx", port(echo(t, "")))
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, &http.Request{Method: "CONNECT"})
	if err != nil || a.StatusCode != 200 {
		t.Fatal(a, err)
	}
	if b, err := in.ReadByte(); err != nil || b != 'x' { // what came with the request
		t.Fatalf("%q, %v", b, err)
	}
	conn.Close()
	if f, e := w.one(t); f.Role != "loose" || f.By != "certificate" || f.User != "results-server" || e == nil || e.Sent != 1 || e.Received != 1 {
		t.Errorf("%+v %+v", f, e)
	}
}

// TestConnectAfterRequests: a connection that asked for pages asks for a tunnel.
func TestConnectAfterRequests(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	w := newWorld(t, rules)
	s := &session{host: server.Listener.Addr().String()}
	var err error
	if s.conn, err = net.Dial("tcp", w.proxy); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	deadline(t, s.conn)
	s.in = bufio.NewReader(s.conn)
	if b, err := s.Ask("/"); err != nil || !bytes.HasPrefix(b, []byte("404")) {
		t.Fatalf("%q, %v", b, err)
	}
	tlsTo, cfg := tlsServer(t)
	fmt.Fprintf(s.conn, "CONNECT www.here.example:%s HTTP/1.1\r\nHost: x\r\n\r\n", port(tlsTo.Listener.Addr().String()))
	a, err := http.ReadResponse(s.in, &http.Request{Method: "CONNECT"})
	if err != nil || a.StatusCode != 200 {
		t.Fatalf("%v, %v", a, err)
	}
	if body, err := https(s.conn, cfg, "www.here.example"); err != nil || body != "hello www.here.example" {
		t.Errorf("%q, %v", body, err)
	}
}
