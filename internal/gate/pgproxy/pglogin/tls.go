package pglogin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"sekisho/internal/wire/tlsrecord"
)

// alpn is the protocol name of PostgreSQL (PG_ALPN_PROTOCOL in src/include/libpq/pqcomm.h).
const alpn = "postgresql"

// TLSFacts are what a handshake settled.
type TLSFacts struct {
	Version  uint16 // tls.VersionTLS13 …
	Cipher   uint16
	Direct   bool   // without SSLRequest
	PeerName string // common name of the peer's verified certificate; "" if it has none or is not verified

	leaf []byte // DER of the certificate that the serving side of this leg showed
	hash []byte // tls-server-end-point of it; nil if its signature algorithm has none
}

// clientTLS makes the handshake with a client. b are bytes that were read already (direct TLS).
func (a *Acceptor) clientTLS(ctx context.Context, l *link, direct bool) error {
	if direct {
		l.stream.Unread(l.rest())
	} else if len(l.rest()) > 0 {
		return errEarlyBytes
	}
	l.buf, l.from = nil, 0
	certificate, err := a.cfg.Certificate()
	if err != nil {
		return fmt.Errorf("the gate's certificate: %w", err)
	}
	if len(certificate.Certificate) == 0 {
		return errors.New("the gate's certificate is empty")
	}
	cfg := &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		Certificates:                []tls.Certificate{*certificate},
		NextProtos:                  []string{alpn},
		SessionTicketsDisabled:      true, // as PostgreSQL (be-secure-openssl.c)
		DynamicRecordSizingDisabled: true, // full records: half the cost of large results
	}
	if a.cfg.ClientCAs != nil {
		cfg.ClientAuth, cfg.ClientCAs = tls.VerifyClientCertIfGiven, a.cfg.ClientCAs
	}
	if a.cfg.Keepable { // it counts on that no ticket is sent
		l.stream.Trace = tlsrecord.NewTrace(true)
		cfg.KeyLogWriter = l.stream.Trace
	}
	conn := tls.Server(l.stream, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	state := conn.ConnectionState()
	l.stream.Trace.Begin(state)
	if direct && state.NegotiatedProtocol != alpn {
		return errors.New(`direct TLS without the ALPN protocol "postgresql"`)
	}
	l.tls = conn
	l.facts = &TLSFacts{Version: state.Version, Cipher: state.CipherSuite, Direct: direct}
	if len(state.VerifiedChains) > 0 {
		l.facts.PeerName = state.PeerCertificates[0].Subject.CommonName
	}
	l.facts.bind(certificate.Certificate[0])
	return nil
}

// bind notes the certificate that channel binding is about.
func (f *TLSFacts) bind(der []byte) {
	f.leaf = der
	if cert, err := x509.ParseCertificate(der); err == nil {
		f.hash = endPointHash(cert)
	}
}

// upstreamTLSConfig builds what New needs once.
func upstreamTLSConfig(c *Config) (*tls.Config, error) {
	cfg := &tls.Config{}
	if c.UpstreamConfig != nil {
		cfg = c.UpstreamConfig.Clone()
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.NextProtos = []string{alpn}
	cfg.DynamicRecordSizingDisabled = true
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(c.Address)
		if err != nil {
			return nil, fmt.Errorf("pglogin: upstream address %q: %w", c.Address, err)
		}
		cfg.ServerName = host
	}
	switch c.UpstreamTLS {
	case VerifyFull:
		cfg.InsecureSkipVerify = false
	case VerifyCA:
		// crypto/tls verifies chain and name together or nothing: verify the chain here.
		roots := cfg.RootCAs
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, roots) }
	default:
		cfg.InsecureSkipVerify = true // sslmode prefer and require, as libpq
	}
	return cfg, nil
}

func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// upstreamTLS makes the handshake with the server.
func (a *Acceptor) upstreamTLS(ctx context.Context, l *link) error {
	cfg := a.upstreamTLSCfg
	if a.cfg.Keepable {
		l.stream.Trace = tlsrecord.NewTrace(false)
		cfg = cfg.Clone()
		cfg.KeyLogWriter = l.stream.Trace
	}
	conn := tls.Client(l.stream, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	state := conn.ConnectionState()
	l.stream.Trace.Begin(state)
	if a.cfg.Direct && state.NegotiatedProtocol != alpn {
		return errors.New(`the server's direct TLS does not choose the ALPN protocol "postgresql"`)
	}
	l.tls = conn
	l.facts = &TLSFacts{Version: state.Version, Cipher: state.CipherSuite, Direct: a.cfg.Direct}
	leaf := state.PeerCertificates[0]
	if a.cfg.UpstreamTLS >= VerifyCA {
		l.facts.PeerName = leaf.Subject.CommonName
	}
	l.facts.leaf, l.facts.hash = leaf.Raw, endPointHash(leaf)
	return nil
}
