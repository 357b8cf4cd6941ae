package notify

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// smtpServer is a scripted server that takes mail, or bounces every recipient.
func smtpServer(t *testing.T, bounce bool) (addr string, got func() string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			done <- ""
			return
		}
		defer conn.Close()
		var all strings.Builder
		in, data := bufio.NewReader(conn), false
		io.WriteString(conn, "220 test ESMTP\r\n")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				done <- all.String()
				return
			}
			all.WriteString(line)
			answer := "250 ok\r\n"
			switch word := strings.ToUpper(strings.Fields(line + " x")[0]); {
			case data && line == ".\r\n":
				data = false
			case data:
				continue
			case word == "DATA":
				data, answer = true, "354 go\r\n"
			case word == "RCPT" && bounce:
				answer = "550 no such person\r\n"
			case word == "QUIT":
				io.WriteString(conn, "221 bye\r\n")
				done <- all.String()
				return
			}
			io.WriteString(conn, answer)
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), func() string { return <-done }
}

func TestMail(t *testing.T) {
	addr, got := smtpServer(t, false)
	m := Mail{Server: addr, From: "sekisho@example.jp", TLS: "off"}
	if err := m.Send(t.Context(), "sora@example.jp", Message{"c1: 外部への通信", "本文"}); err != nil {
		t.Fatal(err)
	}
	if text := got(); !strings.Contains(text, "RCPT TO:<sora@example.jp>") || !strings.Contains(text, "=?UTF-8?") {
		t.Errorf("the server got\n%s", text)
	}
	addr, _ = smtpServer(t, true)
	m.Server = addr
	if err := m.Send(t.Context(), "sora@example.jp", Message{"s", "t"}); err == nil {
		t.Error("a bounce is no error")
	}
	m.TLS = "" // the server has no STARTTLS
	addr, _ = smtpServer(t, false)
	m.Server = addr
	if err := m.Send(t.Context(), "sora@example.jp", Message{"s", "t"}); err == nil {
		t.Error("mail went out in clear although TLS is required")
	}
}

func TestWebhooks(t *testing.T) {
	for kind, want := range map[string]string{
		"slack":     `{"text":"s\nt"}`,
		"lineworks": `{"body":{"text":"t"},"title":"s"}`,
		"chatwork":  `body=s%0At`,
		"generic":   `{"subject":"s","text":"t"}`,
	} {
		var body, header string
		status := http.StatusOK
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			body, header = string(b), r.Header.Get("X-ChatWorkToken")+r.Header.Get("Sekisho-Signature")
			w.WriteHeader(status)
		}))
		w := Webhook{Kind: kind, URL: srv.URL + "/secret-path", Token: "k"}
		if err := w.Send(t.Context(), Message{"s", "t"}); err != nil || body != want {
			t.Errorf("%s: %v, body %s, want %s", kind, err, body, want)
		}
		if (kind == "chatwork" || kind == "generic") && header == "" {
			t.Errorf("%s: no token", kind)
		}
		status = http.StatusForbidden
		if err := w.Send(t.Context(), Message{"s", "t"}); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: refused and %v", kind, err)
		}
		srv.Close()
		if err := w.Send(t.Context(), Message{"s", "t"}); err == nil || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: error %v, must not hold the address", kind, err)
		}
	}
	if err := (&Webhook{Kind: "pigeon"}).Send(t.Context(), Message{}); err == nil {
		t.Error("an unknown kind was taken")
	}
}
