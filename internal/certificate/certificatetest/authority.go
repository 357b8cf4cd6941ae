// Package certificatetest runs Pebble, the test authority of Let's Encrypt, in the
// process of a test. It really connects to the listener that a name is said to be
// at, and issues certificates that nobody else trusts. It is no part of the product.
package certificatetest

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"sync"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// Authority is a running one.
type Authority struct {
	server *httptest.Server

	mu    sync.Mutex     // guards what follows
	down  bool           // it answers 503
	asked map[string]int // requests by the last part of their path
}

// New starts an authority that finds every name at a TLS port of this machine, and
// issues certificates for so many seconds. Without SEKISHO_LONG=1 the test is
// skipped: the authority has deadlines of its own.
func New(t *testing.T, tlsPort int, validity uint64) *Authority {
	t.Helper()
	if os.Getenv("SEKISHO_LONG") != "1" {
		t.Skip("SKIPPED: the authority has deadlines of its own; SEKISHO_LONG=1 asks it")
	}
	back := environment(t, map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
	defer back()
	silent := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(silent, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "short", ValidityPeriod: validity}})
	checker := va.New(silent, 1, tlsPort, false, resolver(t), store)
	front := wfe.New(silent, store, checker, issuer, []string{"authority.invalid"}, false, false, 1, 1)
	a := &Authority{asked: map[string]int{}}
	handler := front.Handler()
	a.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.asked[path.Base(r.URL.Path)]++
		down := a.down
		a.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(a.server.Close)
	return a
}

// environment sets variables, which Pebble reads when it is made, and returns how
// they were before.
func environment(t *testing.T, all map[string]string) (back func()) {
	t.Helper()
	before := map[string]string{}
	for name, value := range all {
		if was, set := os.LookupEnv(name); set {
			before[name] = was
		}
		if err := os.Setenv(name, value); err != nil { // t.Setenv is not for tests with parallel parts
			t.Fatal(err)
		}
	}
	return func() {
		for name := range all {
			err := os.Unsetenv(name)
			if was, set := before[name]; set {
				err = os.Setenv(name, was)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// Directory is the address of its directory (RFC 8555, 7.1.1).
func (a *Authority) Directory() string { return a.server.URL + wfe.DirectoryPath }

// Server is the server that it is asked at.
func (a *Authority) Server() *httptest.Server { return a.server }

// Roots is what its own certificate is checked with, in PEM.
func (a *Authority) Roots() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw})
}

// Answer has it answer, or nothing but 503.
func (a *Authority) Answer(well bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = !well
}

// Accounts and Orders are how often a new account and a new certificate were asked
// for.
func (a *Authority) Accounts() int { return a.count("sign-me-up") }

// Orders is how often a certificate was asked for.
func (a *Authority) Orders() int { return a.count("order-plz") }

func (a *Authority) count(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[what]
}

// resolver says that every name is here.
func resolver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Net: "tcp", Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
			a.Answer = append(a.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)})
		}
		_ = w.WriteMsg(a) // who asked has gone
	})}
	ended := make(chan struct{})
	go func() { _ = s.ActivateAndServe(); close(ended) }()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return l.Addr().String()
}
