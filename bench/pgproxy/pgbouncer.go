package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// startPgbouncer starts the peer: session pooling, TLS on both legs or none.
func (l *lab) startPgbouncer(ctx context.Context, tls bool) (*proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	client, server := "disable", "disable"
	if tls {
		client, server = "require", "require"
	}
	ini := fmt.Sprintf(`[databases]
%s = host=127.0.0.1 port=%d dbname=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = session
max_client_conn = 200
default_pool_size = 100
log_connections = 0
log_disconnections = 0
server_check_delay = 3600
ignore_startup_parameters = extra_float_digits
client_tls_sslmode = %s
client_tls_cert_file = %s
client_tls_key_file = %s
server_tls_sslmode = %s
`, benchDatabase, l.server.Port(), benchDatabase, port, filepath.Join(l.dir, "users.txt"), client, l.cert, l.key, server)
	files := map[string]string{"pgbouncer.ini": ini, "users.txt": fmt.Sprintf("%q \"\"\n", benchUser)}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, "pgbouncer", filepath.Join(l.dir, "pgbouncer.ini"))
	if os.Getuid() == 0 { // pgbouncer refuses to be root
		if err := l.giveToNobody(cmd); err != nil {
			return nil, err
		}
	}
	p, err := l.start(ctx, port, cmd)
	if err != nil {
		return nil, err
	}
	p.tls = tls
	return p, nil
}

const nobody = 65534

func (l *lab) giveToNobody(cmd *exec.Cmd) error {
	if err := os.Chmod(l.dir, 0o755); err != nil {
		return err
	}
	for _, path := range []string{l.key, l.cert} {
		if err := os.Chown(path, nobody, nobody); err != nil {
			return err
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return nil
}

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate() (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}
