package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/exitca"
)

// outsideTLS is a server somewhere outside that takes whatever it is sent, as
// localhost; its authority is outside/egress-ca.pem. It returns its port.
func outsideTLS(e *testscript.Env) (string, error) {
	dir := filepath.Join(e.WorkDir, "outside")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	ca, err := exitca.Make(dir, []string{"localhost"}, time.Now)
	if err != nil {
		return "", err
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, "taken", err)
	}))
	s.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return ca.Leaf(h.ServerName) }}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	e.Defer(s.Close)
	return s.URL[strings.LastIndexByte(s.URL, ':')+1:], nil
}

// upload sends a file to a path of outsideTLS through a proxy, trusting the
// authorities in a PEM file: upload [PROXYHOST:]PROXYPORT PEM PORT/PATH FILE. It asks for the
// server by its address, and calls it localhost inside TLS.
func upload(ts *testscript.TestScript, neg bool, args []string) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ts.ReadFile(args[1]))) {
		ts.Fatalf("%s holds no certificate", args[1])
	}
	gate := args[0]
	if !strings.Contains(gate, ":") {
		gate = "127.0.0.1:" + gate
	}
	tr := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: gate}), TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequest(http.MethodPost, "https://127.0.0.1:"+args[2], strings.NewReader(ts.ReadFile(args[3])))
	ts.Check(err)
	r.Host = "localhost:" + r.URL.Port()
	r.Header.Set("Content-Type", "text/csv")
	a, err := (&http.Client{Transport: tr, Timeout: time.Minute}).Do(r)
	if neg && err != nil {
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	ts.Check(err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	ts.Check(err)
	if neg == (a.StatusCode == http.StatusOK) {
		ts.Fatalf("%s: %s", a.Status, text)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n%s", a.Status, text)
}
