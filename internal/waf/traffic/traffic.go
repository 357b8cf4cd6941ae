// Package traffic has requests of ordinary programs, as they were recorded, for
// the tests and the evaluation of the web application firewall: browsers, tools
// and libraries that search, log in, order, upload and write to a shop. It holds
// no rule, no judge and no attack, and it records nothing itself.
//
// "bench-web record" (bench/web) recorded them on 2026-11-22: it starts a small
// shop on this machine, has each program use it, and writes down what arrives,
// byte by byte. Only the shop's address was changed, to shop.example. A file is
// one request in HTTP/1.1; its name says which program sent it, the how manieth
// of this program it was, method and path. Programs and versions are in the
// User-Agent of their requests, but for node's http module (Node.js 20.20.2) and
// Python's http.client (3.11.7), which send none. Nobody in it exists, no
// telephone number is given to anybody, and there is no card number.
package traffic

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"io"
	"net/http/httputil"
	"slices"
	"strings"

	"sekisho/internal/waf"
)

//go:embed recorded/*.http
var recorded embed.FS

// Recording is one recorded request.
type Recording struct {
	// Name is that of its file without the ending: "curl-03-post-contact".
	Name string
	// Request has the header fields in the order and the letters in which they
	// were sent, and the body without the chunks that carried it.
	Request *waf.Request
}

// Client is the program that sent it: "curl".
func (r *Recording) Client() string {
	client, _, _ := strings.Cut(r.Name, "-")
	return client
}

// Recordings returns all of them, by name.
func Recordings() ([]Recording, error) {
	files, err := recorded.ReadDir("recorded")
	if err != nil {
		return nil, err
	}
	var all []Recording
	for _, f := range files {
		raw, err := recorded.ReadFile("recorded/" + f.Name())
		if err != nil {
			return nil, err
		}
		r := Recording{Name: strings.TrimSuffix(f.Name(), ".http")}
		if r.Request, err = parse(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		all = append(all, r)
	}
	return all, nil
}

// parse reads a request that a server has understood before.
func parse(raw []byte) (*waf.Request, error) {
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	words := strings.Split(lines[0], " ")
	if !ok || len(words) != 3 {
		return nil, fmt.Errorf("no request in HTTP/1.1: line ends have to be CR LF")
	}
	r := &waf.Request{Method: words[0], URI: words[1], Protocol: words[2], Client: "192.0.2.7"}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("header line %q has no colon", line)
		}
		r.Headers = append(r.Headers, waf.Header{Name: name, Value: strings.TrimSpace(value)})
	}
	if r.Body = body; !slices.ContainsFunc(r.Headers, chunked) {
		return r, nil
	}
	var err error
	r.Body, err = io.ReadAll(httputil.NewChunkedReader(bufio.NewReader(bytes.NewReader(body))))
	return r, err
}

func chunked(h waf.Header) bool {
	return strings.EqualFold(h.Name, "Transfer-Encoding") && strings.EqualFold(h.Value, "chunked")
}
