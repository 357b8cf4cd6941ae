package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/certificate/certificatetest"
)

// authorityKey is where a script keeps its authority.
const authorityKey = "authority"

// TestACME runs the process before Let's Encrypt's own test authority; see
// testdata/acme. It takes some minutes: SEKISHO_LONG=1. Certificates hold so many
// seconds: two thirds of it must pass before one is due.
func TestACME(t *testing.T) {
	t.Run("names", func(t *testing.T) { runACME(t, "testdata/acme/names.txtar", 90*24*60*60) })
	t.Run("renewal", func(t *testing.T) { runACME(t, "testdata/acme/renewal.txtar", 60) })
}

func runACME(t *testing.T, script string, seconds uint64) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	ca := certificatetest.New(t, number, seconds)
	testscript.Run(t, testscript.Params{
		Files: []string{script},
		Setup: func(e *testscript.Env) error {
			e.Values[authorityKey] = ca
			for _, kv := range [][2]string{{"WEBPORT", port}, {"DIRECTORY", ca.Directory()}, {"SLOW", newSlowSite(e).server.URL}, {"USER", "ayame"}, {"LANG", "C.UTF-8"}} {
				e.Setenv(kv[0], kv[1])
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "roots.pem"), ca.Roots(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"awaitup": awaitUp, "awaitevent": awaitEvent, "expand": expand, "shown": shownCertificate, "authority": steerAuthority, "awaitdue": awaitDue},
	})
}

// steerAuthority has the authority answer ("up") or not ("down"), or tells how often
// an account and a certificate were asked for ("asked").
func steerAuthority(ts *testscript.TestScript, _ bool, args []string) {
	a := ts.Value(authorityKey).(*certificatetest.Authority)
	if args[0] == "asked" {
		fmt.Fprintf(ts.Stdout(), "accounts %d, certificates %d\n", a.Accounts(), a.Orders())
		return
	}
	a.Answer(args[0] == "up")
}

// shownCertificate waits until a name is shown a certificate of its own, and tells
// its number ("shown PORT NAME"), or until it is another than that ("shown PORT NAME
// NUMBER"). With ! it checks that none is shown.
func shownCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		if c, err := handshake(args[0], args[1]); err == nil {
			ts.Fatalf("%s has a certificate: %s", args[1], c.SerialNumber)
		}
		return
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-tick.C {
		c, err := handshake(args[0], args[1])
		if err == nil && (len(args) == 2 || c.SerialNumber.String() != args[2]) {
			fmt.Fprintln(ts.Stdout(), c.SerialNumber)
			ts.Setenv("SERIAL", c.SerialNumber.String())
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is shown no other certificate: %v", args[1], err)
		}
	}
}

// handshake returns the certificate that a name is shown.
func handshake(port, name string) (*x509.Certificate, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} // who issued it is not what is asked
	conn, err := d.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return nil, err
	}
	c := conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	return c, errors.Join(c.VerifyHostname(name), conn.Close())
}

// awaitDue waits until the certificate of a name is to be renewed: two thirds of its
// time are over.
func awaitDue(ts *testscript.TestScript, _ bool, args []string) {
	c, err := handshake(args[0], args[1])
	ts.Check(err)
	due := c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3)
	<-time.After(time.Until(due) + time.Second)
}
