package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// linksKey is where a script keeps its links.
const linksKey = "links"

// letKey is where a script keeps what downloads wait for.
const letKey = "let"

// echoes are two servers that send back what they get, one of them after a change to
// WebSocket: $ECHOPORT and $SOCKETS. This one has a download too, which ends when a script
// lets it.
func echoes(e *testscript.Env) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Defer(func() { _ = l.Close() }) // the test is over
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go sendBack(conn, conn)
		}
	}()
	let := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/download" {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "it begins ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-let:
				_, _ = io.WriteString(w, "it ends")
			case <-r.Context().Done():
			}
			return
		}
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: none\r\n\r\n")
		sendBack(conn, in)
	}))
	e.Defer(server.Close)
	e.Values[linksKey], e.Values[letKey] = map[string]net.Conn{}, let
	_, port, err := net.SplitHostPort(l.Addr().String())
	e.Setenv("ECHOPORT", port)
	e.Setenv("SOCKETS", server.URL)
	e.Setenv("SOCKETSPORT", server.URL[strings.LastIndex(server.URL, ":")+1:])
	return err
}

func sendBack(conn net.Conn, from io.Reader) {
	defer conn.Close()
	_, _ = io.Copy(conn, from) // until the client leaves
}

// link works with connections that stay, at $WEBPORT: "link NAME connect", "link NAME
// socks", "link NAME websocket", "link NAME secure [1.2]" (a WebSocket over TLS), "link
// NAME download", "link NAME fetch" (the same by way of a proxy), "link NAME say TEXT",
// "link NAME finish" (a download), "link NAME gone", "link NAME close".
func link(ts *testscript.TestScript, _ bool, args []string) {
	all := ts.Value(linksKey).(map[string]net.Conn)
	name := args[0]
	switch args[1] {
	case "connect", "socks", "websocket", "secure", "download", "fetch":
		conn, err := newLink(ts, args[1:])
		if err != nil {
			ts.Fatalf("link %s: %v", name, err)
		}
		ts.Defer(func() { _ = conn.Close() })
		all[name] = conn
		return
	case "close":
		ts.Check(all[name].Close())
		return
	}
	conn := all[name]
	ts.Check(conn.SetDeadline(time.Now().Add(time.Minute)))
	switch args[1] {
	case "say":
		ts.Check(sayFrame(conn, args[2]))
	case "finish":
		ts.Value(letKey).(chan struct{}) <- struct{}{}
		ts.Check(readTo(conn, "it ends"))
	case "gone":
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			ts.Fatalf("link %s goes on", name)
		}
	}
}

// sayFrame has a text frame come back (RFC 6455, 5.2), unmasked as nobody minds here.
func sayFrame(conn net.Conn, text string) error {
	frame := append([]byte{0x81, byte(len(text))}, text...)
	if _, err := conn.Write(frame); err != nil {
		return err
	}
	back := make([]byte, len(frame))
	if _, err := io.ReadFull(conn, back); err != nil {
		return err
	}
	if string(back) != string(frame) {
		return fmt.Errorf("%q came back as %q", frame, back)
	}
	return nil
}

func newLink(ts *testscript.TestScript, args []string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+ts.Getenv("WEBPORT"), time.Minute)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	port := ts.Getenv("ECHOPORT")
	switch args[0] {
	case "socks": // RFC 1928: no login, CONNECT to an address
		var to uint16
		if _, err := fmt.Sscan(port, &to); err != nil {
			return nil, err
		}
		if _, err := conn.Write([]byte{5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, byte(to >> 8), byte(to)}); err != nil {
			return nil, err
		}
		said := make([]byte, 2+10)
		if _, err := io.ReadFull(conn, said); err != nil || said[3] != 0 {
			return nil, errors.Join(err, fmt.Errorf("SOCKS: %v", said))
		}
		return conn, nil
	case "connect":
		_, err = fmt.Fprintf(conn, "CONNECT 127.0.0.1:%s HTTP/1.1\r\n\r\n", port)
		return linked(conn, err, http.MethodConnect, "200")
	case "download":
		_, err = io.WriteString(conn, "GET /download HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\n\r\n")
		return conn, errors.Join(err, readTo(conn, "it begins"))
	case "fetch": // by way of a proxy
		_, err = fmt.Fprintf(conn, "GET %s/download HTTP/1.1\r\nHost: %[2]s\r\n\r\n", ts.Getenv("SOCKETS"), strings.TrimPrefix(ts.Getenv("SOCKETS"), "http://"))
		return conn, errors.Join(err, readTo(conn, "it begins"))
	case "secure":
		cfg := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} // a certificate of the test's own
		if len(args) > 1 {
			cfg.MaxVersion = tls.VersionTLS12
		}
		conn = tls.Client(conn, cfg)
	}
	_, err = io.WriteString(conn, "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	return linked(conn, err, http.MethodGet, "101")
}

// readTo reads up to a text.
func readTo(conn net.Conn, text string) error {
	var all strings.Builder
	for one := make([]byte, 1); !strings.HasSuffix(all.String(), text); {
		if _, err := conn.Read(one); err != nil {
			return fmt.Errorf("after %q: %w", all.String(), err)
		}
		all.Write(one)
	}
	return nil
}

// linked reads the head of an answer, byte by byte: what follows belongs to the link.
func linked(conn net.Conn, err error, method, status string) (net.Conn, error) {
	var head strings.Builder
	for one := make([]byte, 1); err == nil && !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		if _, err = conn.Read(one); err == nil {
			head.Write(one)
		}
	}
	if err != nil {
		return nil, err
	}
	a, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head.String())), &http.Request{Method: method})
	if err == nil && !strings.HasPrefix(a.Status, status) {
		err = errors.New(a.Status)
	}
	return conn, err
}
