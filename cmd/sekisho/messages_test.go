package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// inbox is where a script's people read: one line in messages.log for every
// message that a server took, "way to case key".
type inbox struct {
	mu  sync.Mutex
	log *os.File
}

// asksFor finds what a call asks to answer.
var asksFor = regexp.MustCompile(`sekisho case ack (\S+) ([^\s。]+)`)

func (b *inbox) took(way, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what := "no call"
	if m := asksFor.FindStringSubmatch(text); m != nil {
		what = m[1] + " " + m[2]
	}
	fmt.Fprintln(b.log, way, what)
}

// messageServers begins a mail server ($MAIL), which bounces whoever is called
// bounce-…, and the chat services ($CHAT/slack, …) of one script.
func messageServers(e *testscript.Env) error {
	f, err := os.OpenFile(filepath.Join(e.WorkDir, "messages.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	in := &inbox{log: f}
	chat := httptest.NewServer(http.HandlerFunc(in.chat))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { in.mail(conn) })
		}
	})
	e.Defer(func() {
		l.Close()
		chat.Close()
		wait.Wait()
		f.Close()
	})
	e.Setenv("MAIL", l.Addr().String())
	e.Setenv("CHAT", chat.URL)
	return nil
}

// chatToken is what the services know their caller by.
const chatToken = "chat-token"

func (b *inbox) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var m struct {
		Text string
		Body struct{ Text string }
	}
	kind := strings.Trim(r.URL.Path, "/")
	if kind == "chatwork" {
		if r.Header.Get("X-ChatWorkToken") != chatToken {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		m.Text = form.Get("body")
	} else if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if kind == "generic" {
		mac := hmac.New(sha256.New, []byte(chatToken))
		mac.Write(body)
		if r.Header.Get("Sekisho-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			http.Error(w, "not signed", http.StatusUnauthorized)
			return
		}
	}
	b.took(kind, m.Text+m.Body.Text)
}

// mail speaks as much SMTP (RFC 5321) as takes messages.
func (b *inbox) mail(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var to []string
	var text strings.Builder
	data := false
	io.WriteString(conn, "220 test ESMTP\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer := "250 ok\r\n"
		switch word := strings.ToUpper(strings.Fields(line + " x")[0]); {
		case data && line == ".\r\n":
			data = false
			for _, who := range to {
				b.took("mail "+who, mailText(text.String()))
			}
			to = nil
			text.Reset()
		case data:
			text.WriteString(line)
			continue
		case word == "DATA":
			data, answer = true, "354 go\r\n"
		case word == "RCPT":
			who := strings.Trim(line[strings.IndexByte(line, ':')+1:], " <>\r\n")
			if strings.HasPrefix(who, "bounce-") {
				answer = "550 no such person\r\n"
			} else {
				to = append(to, who)
			}
		case word == "QUIT":
			io.WriteString(conn, "221 bye\r\n")
			return
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

// mailText returns subject and text of a message as people read it.
func mailText(raw string) string {
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return err.Error()
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err.Error()
	}
	body := m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(m.Body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err.Error()
	}
	return subject + "\n" + string(text)
}
