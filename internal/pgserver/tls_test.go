package pgserver_test

import (
	"testing"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

func TestTLS(t *testing.T) {
	cert, key, err := pgservertest.Localhost()
	if err != nil {
		t.Fatal(err)
	}
	s := pgservertest.Start(t, pgserver.Config{CertPEM: cert, KeyPEM: key, ClientCAPEM: cert})
	const encrypted = "SELECT ssl::text || ' ' || version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
	if got := query(t, s.DSN(pgserver.Superuser, "postgres"), encrypted); got != "true TLSv1.3" {
		t.Errorf("session over %q, want TLS 1.3", got)
	}
	if got := query(t, s.DSN(pgserver.Superuser, "postgres"), "SHOW ssl_ca_file"); got != "clients.crt" {
		t.Errorf("authority of client certificates: %q", got)
	}
}
