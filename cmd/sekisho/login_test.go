package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	"sekisho/internal/datamap"
	"sekisho/internal/gate/pgproxy/pglogin"
)

// authorityFile writes a certificate of an authority and returns its file.
func authorityFile(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Every word of the configuration that concerns the login arrives there.
func TestLoginConfig(t *testing.T) {
	ca := authorityFile(t)
	passwords := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(passwords, []byte(`"*" "secret" "gate_role"`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[string]pglogin.UpstreamTLS{
		"disable": pglogin.Disable, "prefer": pglogin.Prefer, "require": pglogin.Require,
		"verify-ca": pglogin.VerifyCA, "verify-full": pglogin.VerifyFull,
	} {
		g := &config.Gate{TLS: config.GateTLS{ClientCA: ca}, Login: config.Login{
			Mode: "terminate", Passwords: passwords, Certificates: map[string][]string{"importer": {"shop_import"}}}}
		d := &config.Database{Upstream: "db.example:5432", TLS: config.UpstreamTLS{Mode: mode, CA: ca, ServerName: "db.internal.example"}}
		got, err := loginConfig(g, d)
		if err != nil {
			t.Fatal(err)
		}
		if got.UpstreamTLS != want || got.UpstreamConfig.ServerName != "db.internal.example" || got.UpstreamConfig.RootCAs == nil {
			t.Errorf("%s: TLS %d, server %q, authorities %v; want %d with both", mode, got.UpstreamTLS, got.UpstreamConfig.ServerName, got.UpstreamConfig.RootCAs, want)
		}
		if got.ClientCAs == nil || got.Mode != pglogin.Terminate {
			t.Errorf("%s: clients' authorities %v, mode %d", mode, got.ClientCAs, got.Mode)
		}
		if diff := gocmp.Diff(map[string][]string{"importer": {"shop_import"}}, got.CertUsers); diff != "" {
			t.Errorf("certificates (-want +got):\n%s", diff)
		}
		if _, err := pglogin.New(got); err != nil {
			t.Errorf("%s: the login does not take it: %v", mode, err)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loginConfig(&config.Gate{TLS: config.GateTLS{ClientCA: empty}}, &config.Database{Upstream: "db.example:5432"})
	if err == nil || !strings.Contains(err.Error(), "tls.client_ca") {
		t.Errorf("a file without a certificate: %v, want an error that names tls.client_ca", err)
	}
}

// The control account's connections verify the name that the configuration says.
func TestControlVerifiesServerName(t *testing.T) {
	d := &config.Database{Database: "shop", TLS: config.UpstreamTLS{Mode: "verify-full", ServerName: "db.internal.example"},
		Control: config.Control{User: "sekisho", Address: "10.0.0.5:5432"}}
	cfg, err := parseControl(d)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.TLSConfig == nil || cfg.TLSConfig.ServerName != "db.internal.example" {
		t.Errorf("TLS %+v, want the name db.internal.example", cfg.TLSConfig)
	}
}

func parseControl(d *config.Database) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(controlDSN(d, config.Secret{}))
	if err == nil {
		(&datamap.Control{ServerName: d.TLS.ServerName}).Attach(cfg)
	}
	return cfg, err
}
