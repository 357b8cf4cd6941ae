package revproxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// frame is one frame of RFC 6455, masked if there is a key.
func frame(opcode byte, last bool, key, payload string) string {
	head := []byte{opcode, 0}
	if last {
		head[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		head[1] = byte(n)
	case n <= 0xffff:
		head[1] = 126
		head = binary.BigEndian.AppendUint16(head, uint16(n))
	default:
		head[1] = 127
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	}
	body := []byte(payload)
	if key != "" {
		head[1] |= 0x80
		head = append(head, key...)
		for i := range body {
			body[i] ^= key[i%4]
		}
	}
	return string(head) + string(body)
}

// overSocket sends frames through a gate to an upstream that answers with frames of
// its own, and returns what each side received before the connection ended.
func overSocket(t *testing.T, mode Mode, up, down []string) (atUpstream, atClient string, w *world) {
	t.Helper()
	got := make(chan string, 1)
	w = newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Error("an extension was offered")
		}
		rw.Header().Set("Connection", "Upgrade")
		rw.Header().Set("Upgrade", "websocket")
		rw.WriteHeader(http.StatusSwitchingProtocols)
		conn, buf, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for _, f := range down {
			_, _ = io.WriteString(conn, f)
		}
		want := len(strings.Join(up, ""))
		room := make([]byte, want)
		n, _ := io.ReadFull(buf, room)
		got <- string(room[:n])
	}, func(c *Config) { c.Hosts[0].Cards = mode })
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: shop.example.jp\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
	in := bufio.NewReader(conn)
	a, err := http.ReadResponse(in, nil)
	if err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, f := range up {
		_, _ = io.WriteString(conn, f) // the gate may have ended the connection
	}
	room := make([]byte, len(strings.Join(down, "")))
	n, _ := io.ReadFull(in, room)
	if n == len(room) && len(down) > 0 && len(up) == 0 {
		_ = conn.Close()
	}
	return <-got, string(room[:n]), w
}

func TestCardOverWebSocket(t *testing.T) {
	const key = "\x11\x22\x33\x44"
	far := strings.Repeat("言葉 ", 30_000)
	for name, c := range map[string]struct{ up, down []string }{
		"a message":             {up: []string{frame(1, true, key, `{"card":"4111111111111111"}`)}},
		"binary":                {up: []string{frame(2, true, key, "\x00\x01"+pan+"\x00")}},
		"in parts":              {up: []string{frame(1, false, key, "4111 1111 "), frame(9, true, key, "ping"), frame(0, false, "\xff\x00\xff\x00", "1111 1"), frame(0, true, key, "111")}},
		"a byte a part":         {up: bytewise(key, pan)},
		"far in a long one":     {up: []string{frame(1, true, key, far+pan+far)}},
		"full width":            {up: []string{frame(1, true, key, "４１１１－１１１１－１１１１－１１１１")}},
		"to the client":         {down: []string{frame(1, true, "", "your card "+pan)}},
		"in a ping":             {up: []string{frame(9, true, key, "41111111"), frame(9, true, key, pan)}},
		"in a pong":             {up: []string{frame(1, false, key, "words "), frame(10, true, key, "card "+pan), frame(0, true, key, "words")}},
		"in a close":            {up: []string{frame(8, true, key, "\x03\xe8"+pan)}},
		"of no known kind":      {up: []string{frame(15, true, key, pan)}},
		"too long a ping":       {up: []string{frame(9, true, key, strings.Repeat("words ", 30)+pan)}},
		"a close to the client": {down: []string{frame(8, true, "", "\x03\xe8"+pan)}},
		"to the client, parts":  {down: []string{frame(1, false, "", "your card 4111111"), frame(10, true, "", ""), frame(0, true, "", "111111111")}},
	} {
		t.Run(name, func(t *testing.T) {
			atUpstream, atClient, w := overSocket(t, Enforce, c.up, c.down)
			if strings.Join(c.up, "") == atUpstream && len(c.up) > 0 || strings.Join(c.down, "") == atClient && len(c.down) > 0 {
				t.Errorf("all of it passed")
			}
			var f frames
			messages, control := f.payload(nil, nil, []byte(atUpstream))
			if g := newGuard(); g.whole(messages) || g.whole(control) || g.whole([]byte(atClient)) {
				t.Error("the card number passed")
			}
			d := w.decisions(t)
			if len(d) != 1 || d[0].Rule != "card" || d[0].Action != "cut" {
				t.Errorf("decisions %+v, want one cut by rule card", d)
			}
			if ends := w.ends(t); len(ends) != 1 || ends[0].Outcome != "cut" || ends[0].Unread != "websocket" {
				t.Errorf("%+v, want that it was cut, and looked at for card numbers alone", *ends[0])
			}
			w.silent(t, "4111")
		})
	}
}

// bytewise is a message of frames of one byte each.
func bytewise(key, text string) (all []string) {
	for i := range len(text) {
		opcode := byte(0)
		if i == 0 {
			opcode = 1
		}
		all = append(all, frame(opcode, i == len(text)-1, key, text[i:i+1]))
	}
	return all
}

// What holds no card number passes as it is, both ways; so does one that is only
// observed.
func TestWebSocketPasses(t *testing.T) {
	const key = "\xde\xad\xbe\xef"
	up := []string{frame(1, true, key, "こんにちは 090-1234-5678"), frame(9, true, key, ""), frame(2, true, key, strings.Repeat("\x00\xff", 40_000)), frame(1, true, key, "4111 1111 1111 1112")}
	down := []string{frame(1, false, "", "注文 20261122"), frame(0, true, "", "000123"), frame(8, true, "", "\x03\xe8bye")}
	for _, c := range []struct {
		mode      Mode
		up        []string
		decisions int
	}{{Enforce, up, 0}, {Observe, append([]string{frame(1, true, key, pan)}, up...), 1}} {
		atUpstream, atClient, w := overSocket(t, c.mode, c.up, down)
		if atUpstream != strings.Join(c.up, "") || atClient != strings.Join(down, "") {
			t.Errorf("%v: %d of %d bytes and %d of %d passed", c.mode, len(atUpstream), len(strings.Join(c.up, "")), len(atClient), len(strings.Join(down, "")))
		}
		if d := w.decisions(t); len(d) != c.decisions {
			t.Errorf("%v: decisions %+v", c.mode, d)
		}
		for _, e := range w.ends(t) {
			if e.Unread != "websocket" || e.Outcome != "done" || e.Received != uint64(len(atUpstream)) || e.Sent != uint64(len(atClient)) {
				t.Errorf("%v: %+v, want a websocket that is done, %d and %d bytes", c.mode, *e, len(atUpstream), len(atClient))
			}
		}
	}
}

// Frames of an extension that nobody agreed on count as not looked into.
func TestFramesOfAnExtension(t *testing.T) {
	_, _, w := overSocket(t, Enforce, []string{frame(0x41, true, "abcd", "\xaa\x56")}, nil)
	if ends := w.ends(t); len(ends) != 1 || ends[0].Unread != "upgrade" {
		t.Errorf("%+v, want that it was not looked into", *ends[0])
	}
}

// A card number behind a response does not pass.
func TestCardInATrailer(t *testing.T) {
	for _, number := range []string{pan, "4111 1111 1111 1112"} {
		w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Trailer", "X-Note")
			rw.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(rw, strings.Repeat("words ", 3000))
			rw.Header().Set("X-Note", number)
		})
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.jp"
		r.Header.Set("User-Agent", "Mozilla/5.0")
		r.Header.Set("Accept", "*/*")
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close()
		passed, decisions := a.Trailer.Get("X-Note") == number, len(w.decisions(t))
		if card := number == pan; passed == card || (err == nil) == card || (decisions == 1) != card {
			t.Errorf("%q: passed %v, %v, %d decisions", number, passed, err, decisions)
		}
	}
}

// FuzzFrames: frames carry the same in one piece and in two, and no more than they
// are long.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(frame(1, true, "abcd", "hello")+frame(9, true, "abcd", "x")+frame(2, false, "", strings.Repeat("y", 200))), 3)
	f.Add([]byte(frame(1, true, "", strings.Repeat("z", 70_000))), 5)
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5}, 9)
	f.Fuzz(func(t *testing.T, stream []byte, at int) {
		var one, two frames
		whole, control := one.payload(nil, nil, stream)
		at = max(0, min(at, len(stream)))
		m, c := two.payload(nil, nil, stream[:at])
		if m, c = two.payload(m, c, stream[at:]); !bytes.Equal(whole, m) || !bytes.Equal(control, c) || one != two {
			t.Fatalf("%q and %q in one piece, %q and %q in two", whole, control, m, c)
		}
		if len(whole)+len(control) > len(stream) {
			t.Fatalf("%d bytes out of %d", len(whole)+len(control), len(stream))
		}
	})
}
