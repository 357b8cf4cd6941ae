package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

const common = "Host: shop.example.jp\r\nUser-Agent: x\r\n"

const three = "POST /1 HTTP/1.1\r\n" + common + "Content-Length: 3\r\n\r\nabc" +
	"POST /2 HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
	"GET /3 HTTP/1.1\r\n" + common + "\r\n"

// In whatever pieces bytes come, they are the same requests.
func TestPieces(t *testing.T) {
	for size := 1; size <= len(three); size++ {
		f := New(4096)
		for rest := three; rest != ""; {
			n := min(size, len(rest))
			if got, v := f.See([]byte(rest[:n])); got != n || v != nil {
				t.Fatalf("in pieces of %d: %d of %d before %q: %v", size, got, n, rest, v)
			}
			rest = rest[n:]
		}
		if !f.Between() {
			t.Errorf("in pieces of %d: something is missing", size)
		}
	}
}

// What is in order before a violation is handed on, and what follows never.
func TestViolation(t *testing.T) {
	for _, c := range []struct {
		text, rule string
		body       bool
	}{
		{"GET / HTTP/1.1\nHost: a\n\n", "bare-lf", false},
		{"GET / HTTP/1.1\r\n" + common + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "length-and-chunks", false},
		{"GET / HTTP/1.1\r\n" + common + "Transfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n", "chunk-extension", true},
		{"GET /" + strings.Repeat("a", 5000), "target too long", false},
		{"GET / HTTP/1.1\r\n" + common + strings.Repeat("X: y\r\n", 1000), "too many fields", false},
		{"GET / HTTP/1.1\r\n" + common + "X: " + strings.Repeat("y", 9000), "header too long", false},
	} {
		f := New(4096)
		n, v := f.See([]byte(three + c.text))
		if v == nil || v.Rule != c.rule || v.Body != c.body || n < len(three) || n == len(three+c.text) {
			t.Errorf("%.60q: %d, %+v, want %s", c.text, n, v, c.rule)
			continue
		}
		if again, w := f.See([]byte(three)); again != 0 || w != v {
			t.Errorf("%.60q: it goes on: %d, %+v", c.text, again, w)
		}
	}
}

// What is in order is what net/http reads, and ends where it ends.
func FuzzSee(f *testing.F) {
	f.Add([]byte(three))
	f.Add([]byte("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"))
	f.Add([]byte("GET / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fr := New(4096)
		n, v := fr.See(text)
		if n > len(text) || v == nil && n != len(text) {
			t.Fatalf("%d of %d without a violation", n, len(text))
		}
		if v != nil || !fr.Between() {
			return
		}
		for in := bufio.NewReader(bytes.NewReader(text)); ; {
			r, err := http.ReadRequest(in)
			if err == io.EOF {
				return
			}
			if err != nil {
				if strings.Contains(err.Error(), "parse ") || strings.Contains(err.Error(), "malformed Host") {
					return // a target that it refuses itself
				}
				t.Fatalf("net/http: %v", err)
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Fatalf("net/http reads another body: %v", err)
			}
		}
	})
}
