// Package myclienttest starts a private MariaDB for tests against the real
// thing. It is not a product part and manages nobody's own database.
package myclienttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"sekisho/internal/wire/myclient"
)

// Server is a running MariaDB that ends with the test. Its superuser is root
// with the password Password, over Socket only; TCP is on Address.
type Server struct {
	Address, Socket string
	CA              *x509.CertPool // has signed its certificate, for the name "localhost"
}

// Password is the superuser's.
const Password = "only for tests"

// Start starts a server. Without an installed one the test is skipped.
func Start(t *testing.T) *Server {
	t.Helper()
	daemon := find("mariadbd", "mysqld")
	install := find("mariadb-install-db", "mysql_install_db")
	if daemon == "" || install == "" {
		t.Skip("skipped: no MariaDB is installed (sudo apt-get install -y mariadb-server-core mariadb-client-core)")
	}
	dir, err := os.MkdirTemp("", "sekisho-maria-") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Socket: filepath.Join(dir, "s"), CA: x509.NewCertPool()}
	args := []string{"--no-defaults"}
	if os.Geteuid() == 0 {
		args = append(args, "--user="+owner(t, dir))
	}
	s.certify(t, dir)
	data := filepath.Join(dir, "data")
	if out, err := exec.CommandContext(t.Context(), install, append(args, "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", install, err, out)
	}
	port := freePort(t)
	s.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(daemon, append(args, "--datadir="+data, "--socket="+s.Socket, "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1",
		"--pid-file="+filepath.Join(dir, "pid"), "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
		"--ssl-cert="+filepath.Join(dir, "cert.pem"), "--ssl-key="+filepath.Join(dir, "key.pem"))...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Kill() // nothing in it is wanted any more
		<-ended
	})
	s.await(t, ended, log.Name())
	return s
}

// await waits until the server answers, and gives root its password.
func (s *Server) await(t *testing.T, ended <-chan struct{}, log string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := myclient.Dial(t.Context(), myclient.Config{Address: s.Socket, User: "root"})
		if err == nil {
			if err := c.Exec(t.Context(), "SET PASSWORD FOR root@localhost = PASSWORD('"+Password+"')"); err != nil {
				t.Fatal(err)
			}
			c.Close()
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(err)
		case <-ended:
			text, _ := os.ReadFile(log)
			t.Fatalf("MariaDB ended at its start:\n%s", text)
		}
	}
}

// Exec runs statements as the superuser.
func (s *Server) Exec(t *testing.T, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := myclient.Dial(ctx, myclient.Config{Address: s.Socket, User: "root", Password: Password})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, sql := range statements {
		if err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func find(names ...string) string {
	for _, name := range names {
		for _, dir := range []string{"", "/usr/sbin", "/usr/bin", "/usr/local/bin"} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path
			}
		}
	}
	return ""
}

// owner gives the folder to an account that may run a server: root may not.
func owner(t *testing.T, dir string) string {
	t.Helper()
	for _, name := range []string{"mysql", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.Atoi(u.Uid)
		gid, errG := strconv.Atoi(u.Gid)
		if errU == nil && errG == nil && os.Chown(dir, uid, gid) == nil {
			return name
		}
	}
	t.Skip("skipped: no account may run MariaDB")
	return ""
}

// freePort returns a port that nobody listened on a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// certify writes a certificate for localhost.
func (s *Server) certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	s.CA.AddCert(parsed)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o644); err != nil { // the server's account reads it
			t.Fatal(err)
		}
	}
}
