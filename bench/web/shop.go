package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"unicode/utf16"
)

// shop is a server that keeps what it is sent, byte by byte.
type shop struct {
	address  string
	listener net.Listener
	page     string
	done     chan struct{} // somebody came to /done

	mu      sync.Mutex
	visits  []visit // of the program that is at it
	written []visit // named
	ended   sync.Once
}

type visit struct {
	name string
	raw  []byte
}

// step is what a browser does on one page.
type step struct {
	Enter  string `json:"enter"`
	Method string `json:"method"`
	Next   string `json:"next"`
	Upload bool   `json:"upload"`
	API    bool   `json:"api"`
	set    string // of characters; "" for UTF-8
}

// pages by path. What is posted to a page leads to the next one.
var pages = map[string]step{
	"/":            {Enter: "search", Method: "get", Next: "/search"},
	"/search":      {Enter: "login", Method: "post", Next: "/login"},
	"/cart":        {API: true, Next: "/contact"},
	"/contact":     {Enter: "contact", Method: "post", Next: "/contact", Upload: true},
	"/sjis/":       {Enter: "search", Method: "get", Next: "/sjis/search", set: "shift_jis"},
	"/sjis/search": {Enter: "contact", Method: "post", Next: "/sjis/contact", set: "shift_jis"},
	"/euc/contact": {Enter: "contact", Method: "post", Next: "/euc/contact", set: "euc-jp"},
	"/done":        {},
}

var onwards = map[string]string{"/login": "/cart", "/contact": "/sjis/", "/sjis/contact": "/euc/contact", "/euc/contact": "/done"}

func openShop(files fs.FS, photo []byte) (*shop, error) {
	s := &shop{done: make(chan struct{})}
	text, err := fs.ReadFile(files, "page.html")
	if err != nil {
		return nil, err
	}
	story, err := fs.ReadFile(files, "story.json")
	if err != nil {
		return nil, err
	}
	s.page = strings.NewReplacer("STORY", plain(string(story)), "IMAGE", base64.StdEncoding.EncodeToString(photo)).Replace(string(text))
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.address = s.listener.Addr().String()
	go func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return // closed
			}
			go s.serve(c)
		}
	}()
	return s, nil
}

func (s *shop) close() { s.listener.Close() }

// plain writes JSON so that it reads alike in a page of any character set.
func plain(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		if unit < 0x80 {
			b.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// serve answers one connection until it ends or sends what is no request.
func (s *shop) serve(c net.Conn) {
	defer c.Close()
	var seen bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &seen))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		s.keep(r, bytes.Clone(seen.Next(seen.Len()-in.Buffered())))
		if err := s.answer(r).Write(c); err != nil {
			return
		}
		if r.URL.Path == "/done" {
			s.ended.Do(func() { close(s.done) })
		}
	}
}

func (s *shop) answer(r *http.Request) *http.Response {
	a := &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r}
	body := "{}"
	a.Header.Set("Content-Type", "application/json")
	p, known := pages[r.URL.Path]
	switch to := onwards[r.URL.Path]; {
	case r.Method == http.MethodPost && to != "":
		a.StatusCode = http.StatusSeeOther
		a.Header.Set("Location", to)
		if r.URL.Path == "/login" {
			a.Header.Add("Set-Cookie", "session=8f14e45fceea167a5a36dedd4bea2543; Path=/; HttpOnly")
			a.Header.Add("Set-Cookie", "recent=TEA-0042%2CCUP-7; Path=/")
		}
	case known:
		if p.set == "" {
			p.set = "utf-8"
		}
		a.Header.Set("Content-Type", "text/html; charset="+p.set)
		does, err := json.Marshal(p)
		if err != nil {
			panic(err) // strings and truths
		}
		body = strings.Replace(s.page, "PAGE", string(does), 1)
	case strings.HasPrefix(r.URL.Path, "/favicon"):
		a.StatusCode = http.StatusNotFound
	}
	a.ContentLength, a.Body = int64(len(body)), io.NopCloser(strings.NewReader(body))
	return a
}

var noLetters = regexp.MustCompile(`[^a-z0-9]+`)

func (s *shop) keep(r *http.Request, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.Trim(noLetters.ReplaceAllString(strings.ToLower(r.Method+"-"+r.URL.Path), "-"), "-")
	s.visits = append(s.visits, visit{fmt.Sprintf("%02d-%s", len(s.visits)+1, path), raw})
}

// served says that a program is done: what came was from it.
func (s *shop) served(program string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.visits {
		s.written = append(s.written, visit{program + "-" + v.name, v.raw})
	}
	s.visits = nil
}

// write puts what was recorded in place of what is in a folder. The shop is
// shop.example there, and nothing tells of the machine.
func (s *shop) write(into string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(into, "*.http"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	size := 0
	for _, v := range s.written {
		head, body, _ := bytes.Cut(v.raw, []byte("\r\n\r\n"))
		head = bytes.ReplaceAll(head, []byte(s.address), []byte("shop.example"))
		raw := bytes.Join([][]byte{head, body}, []byte("\r\n\r\n"))
		for _, own := range []string{host, os.TempDir() + "/", "127.0.0.1"} {
			if bytes.Contains(raw, []byte(own)) {
				return fmt.Errorf("%s tells of this machine: %q", v.name, own)
			}
		}
		if err := os.WriteFile(filepath.Join(into, v.name+".http"), raw, 0o644); err != nil {
			return err
		}
		size += len(raw)
	}
	fmt.Printf("%d requests, %d bytes in %s\n", len(s.written), size, into)
	return nil
}
