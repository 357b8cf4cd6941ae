package tlshello

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// record wraps a handshake message in records of at most size bytes.
func record(message []byte, size int) []byte {
	var out []byte
	for len(message) > 0 {
		n := min(size, len(message))
		out = append(out, 22, 3, 1, byte(n>>8), byte(n))
		out = append(out, message[:n]...)
		message = message[n:]
	}
	return out
}

func vector(bytes int, b []byte) []byte {
	out := make([]byte, bytes, bytes+len(b))
	for i := range bytes {
		out[i] = byte(len(b) >> (8 * (bytes - 1 - i)))
	}
	return append(out, b...)
}

func message(extensions []byte) []byte {
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0x13, 1, 1, 0)
	if extensions != nil {
		body = append(body, vector(2, extensions)...)
	}
	return append([]byte{1}, vector(3, body)...)
}

func extension(kind int, data []byte) []byte {
	return append([]byte{byte(kind >> 8), byte(kind)}, vector(2, data)...)
}

func serverName(name string) []byte {
	return extension(0, vector(2, append([]byte{0}, vector(2, []byte(name))...)))
}

// golden is the hello of crypto/tls.
func golden(t testing.TB, cfg *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	go func() { _ = tls.Client(client, cfg).HandshakeContext(ctx); client.Close() }()
	defer server.Close()
	header := make([]byte, recordHeader)
	if _, err := io.ReadFull(server, header); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(header[3])<<8|int(header[4]))
	if _, err := io.ReadFull(server, body); err != nil {
		t.Fatal(err)
	}
	return append(header, body...)
}

func TestRealHello(t *testing.T) {
	b := golden(t, &tls.Config{ServerName: "WWW.Example.jp", NextProtos: []string{"h2", "http/1.1"}})
	h, err := Parse(append(b, "what follows"...))
	if err != nil || h.ServerName != "www.example.jp" || strings.Join(h.Protocols, " ") != "h2 http/1.1" || h.ECH {
		t.Fatalf("%+v, %v", h, err)
	}
	for i := range b { // every beginning is short
		if _, err := Parse(b[:i]); !errors.Is(err, ErrShort) {
			t.Fatalf("%d of %d bytes: %v", i, len(b), err)
		}
	}
	for _, size := range []int{1, 7, 100, 1000} { // in any number of records
		got, err := Parse(record(b[recordHeader:], size))
		if err != nil || got.ServerName != h.ServerName {
			t.Errorf("records of %d bytes: %+v, %v", size, got, err)
		}
	}
	if h, err := Parse(golden(t, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})); err != nil || h.ServerName != "" {
		t.Errorf("without a name: %+v, %v", h, err)
	}
}

func TestForms(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want error // nil: it is a hello
		sni  string
	}{
		"no extensions":       {record(message(nil), 1<<14), nil, ""},
		"a name":              {record(message(serverName("a.example")), 1<<14), nil, "a.example"},
		"ECH":                 {record(message(append(serverName("a.example"), extension(0xfe0d, []byte{1})...)), 1<<14), nil, "a.example"},
		"HTTP":                {[]byte("GET / HTTP/1.1\r\n"), ErrNotTLS, ""},
		"SSL 2":               {[]byte{0x80, 0x2e, 1, 3, 1}, ErrNotTLS, ""},
		"SSH":                 {[]byte("SSH-2.0-x\r\n"), ErrNotTLS, ""},
		"nothing":             {nil, ErrShort, ""},
		"another version":     {[]byte{22, 2, 0, 0, 1}, ErrNotTLS, ""},
		"an empty record":     {[]byte{22, 3, 1, 0, 0}, ErrMalformed, ""},
		"a server's hello":    {record([]byte{2, 0, 0, 0}, 9), ErrMalformed, ""},
		"an alert within":     {append(record(message(nil), 10)[:15], 21, 3, 1, 0, 2, 1, 0), ErrMalformed, ""},
		"two names":           {record(message(extension(0, vector(2, bytes.Repeat(append([]byte{0}, vector(2, []byte("a"))...), 2)))), 1<<14), ErrMalformed, ""},
		"two extensions":      {record(message(bytes.Repeat(serverName("a"), 2)), 1<<14), ErrMalformed, ""},
		"an empty name":       {record(message(serverName("")), 1<<14), ErrMalformed, ""},
		"a long name":         {record(message(serverName(strings.Repeat("a", 256))), 1<<14), ErrMalformed, ""},
		"a name of 1 MiB":     {record([]byte{1, 0x10, 0, 0}, 1<<14), ErrTooLong, ""},
		"records without end": {bytes.Repeat(record([]byte{1}, 1), 4000), ErrTooLong, ""},
		"bytes after":         {record(append([]byte{1}, vector(3, append(message(serverName("a"))[4:], 0))...), 1<<14), ErrMalformed, ""},
	} {
		h, err := Parse(c.in)
		if !errors.Is(err, c.want) || h.ServerName != c.sni || (name == "ECH") != h.ECH {
			t.Errorf("%s: %+v, %v; want %v", name, h, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(golden(f, &tls.Config{ServerName: "www.example.jp", NextProtos: []string{"h2"}}))
	f.Add(record(message(append(serverName("a.example"), extension(0xfe0d, []byte{1})...)), 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrShort) && !errors.Is(err, ErrNotTLS) && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again, err := Parse(append(b[:len(b):len(b)], "more"...)); err != nil || again.ServerName != h.ServerName {
			t.Fatalf("with more bytes: %+v, %v", again, err)
		}
		// crypto/tls agrees about the name where it takes the hello at all.
		if name, taken := stdlib(b); taken && !strings.EqualFold(strings.TrimSuffix(name, "."), strings.TrimSuffix(h.ServerName, ".")) {
			t.Fatalf("crypto/tls reads %q, this %q", name, h.ServerName)
		}
	})
}

// stdlib is the server name as crypto/tls reads it.
func stdlib(b []byte) (name string, taken bool) {
	_ = tls.Server(&onlyReads{Reader: bytes.NewReader(b)}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name, taken = h.ServerName, true
		return nil, errors.New("enough")
	}}).Handshake()
	return name, taken
}

type onlyReads struct {
	io.Reader
	net.Conn
}

func (o *onlyReads) Read(b []byte) (int, error)       { return o.Reader.Read(b) }
func (o *onlyReads) Write(b []byte) (int, error)      { return len(b), nil }
func (o *onlyReads) SetDeadline(time.Time) error      { return nil }
func (o *onlyReads) SetWriteDeadline(time.Time) error { return nil }
func (o *onlyReads) Close() error                     { return nil }
