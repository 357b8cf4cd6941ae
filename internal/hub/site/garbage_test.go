package site

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestGarbage asks the hub as somebody who has no certificate of it: nothing of
// it is believed, and little is read.
func TestGarbage(t *testing.T) {
	w := newWorld(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for _, c := range []struct {
		method, path string
		body         io.Reader
		want         int
	}{
		{"POST", "/v1/join", strings.NewReader("\x00\xffgarbage"), 400},
		{"POST", "/v1/join", strings.NewReader(`{"site":"` + strings.Repeat("x", 1<<20)), 400},
		{"POST", "/v1/join", strings.NewReader(`{"site":"osaka","secret":"none"}`), 400},
		{"POST", "/v1/lines", strings.NewReader(strings.Repeat("x", 1<<20)), 401},
		{"POST", "/v1/renew", nil, 401},
		{"POST", "/v1/receipts", nil, 401},
		{"GET", "/v1/stream", nil, 401},
		{"GET", "/v1/heads", nil, 401},
		{"GET", "/v1/seen", nil, 401},
		{"GET", "/nowhere", nil, 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "https://"+w.listen+c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.Body.Close() != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
		if resp.StatusCode != c.want || len(text) > 200 {
			t.Errorf("%s %s: %s, want %d: %.200s", c.method, c.path, resp.Status, c.want, text)
		}
	}
	if _, err := tls.Dial("tcp", w.listen, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 was taken")
	}
	for what, bytes := range map[string]string{"no TLS": "POST /v1/join HTTP/1.1\r\nHost: x\r\n\r\n", "garbage": strings.Repeat("\x00\xff", 1<<16), "half a handshake": "\x16\x03\x01\x40\x00\x01"} {
		conn, err := net.Dial("tcp", w.listen)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, bytes)   // the hub may have ended it already
		_ = conn.(*net.TCPConn).CloseWrite() // it may be gone
		answer, _ := io.ReadAll(conn)        // an alert, a word in plain HTTP, or a reset
		if len(answer) > 200 || conn.Close() != nil {
			t.Errorf("%s: %d bytes came back", what, len(answer))
		}
	}
}
