// Package certificate obtains the certificates of a web gate from an authority
// that speaks ACME (RFC 8555), proves by the gate's own listener whose the names
// are (TLS-ALPN-01, RFC 8737), keeps them in a private folder and renews them
// when two thirds of their time are over. It listens on nothing and records
// nothing: whoever uses it puts its answer into the TLS of a listener and is told
// what came of each attempt.
package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"go.uber.org/zap"
)

// Authority is the directory that is asked unless another is named.
const Authority = certmagic.LetsEncryptProductionCA

// ChallengeProtocol is what an authority negotiates to see who answers for a
// name (RFC 8737, 6.2). Such a connection ends after its handshake.
const ChallengeProtocol = acmez.ACMETLS1Protocol

// Config says which certificates and from whom.
type Config struct {
	// Dir is the folder for keys, certificates and the account, created with mode
	// 0700; its files have 0600.
	Dir string
	// Directory is the address of the authority's directory, "" for [Authority].
	Directory string
	// Email is told to the authority, "" for none.
	Email string
	// Roots are whom the authority's own certificate is checked with, nil for the
	// system's.
	Roots *x509.CertPool
	// Listen is the address, with its port, that the authority reaches as port 443
	// of every name. It must be open before the first [Keeper.Keep].
	Listen string
	// Told is told what came of each attempt. It must not block.
	Told func(Attempt)
}

// Attempt is one try to obtain or renew a certificate.
type Attempt struct {
	Name    string
	Renewal bool
	Err     error // nil: there is a certificate
}

// Keeper keeps certificates. It is safe for concurrent use; nil keeps none.
type Keeper struct {
	magic *certmagic.Config
	cache *certmagic.Cache

	stop sync.Once

	mu      sync.Mutex // guards what follows
	wanted  map[string]asked
	dropped map[string]bool // names that were wanted before
}

// New returns a keeper that keeps nothing yet. [Keeper.Stop] ends it.
func New(c Config) (*Keeper, error) {
	host, text, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("certificate: %q names no port", c.Listen)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if c.Directory == "" {
		c.Directory = Authority
	}
	log := zap.NewNop() // Told says what there is to say, without names in a log
	k := &Keeper{wanted: map[string]asked{}, dropped: map[string]bool{}}
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return k.magic, nil },
		Logger:           log,
	})
	k.magic = certmagic.New(k.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: c.Dir},
		Logger:  log,
		OCSP:    certmagic.OCSPConfig{DisableStapling: true}, // the gate asks nobody but the authority
		OnEvent: func(ctx context.Context, name string, data map[string]any) error {
			if ctx.Err() == nil { // nobody waits for it any more
				k.tell(c.Told, name, data)
			}
			return nil
		},
	})
	k.magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(k.magic, certmagic.ACMEIssuer{
		CA: c.Directory, Email: c.Email, Agreed: true, TrustedRoots: c.Roots,
		DisableHTTPChallenge: true, ListenHost: host, AltTLSALPNPort: port,
		Logger: log,
	})}
	return k, nil
}

// tell hands on the events that say what came of an attempt (certmagic.Config,
// OnEvent).
func (k *Keeper) tell(told func(Attempt), event string, data map[string]any) {
	if told == nil || event != "cert_obtained" && event != "cert_failed" {
		return
	}
	a := Attempt{}
	a.Name, _ = data["identifier"].(string)
	a.Renewal, _ = data["renewal"].(bool)
	if event == "cert_failed" {
		if a.Err, _ = data["error"].(error); a.Err == nil {
			a.Err = errors.New("no certificate was issued")
		}
	}
	if a.Err != nil && k.gone(a.Name) {
		return // nobody asks for it any more
	}
	told(a)
}

// Keep obtains what is missing of the certificates of names and keeps them
// renewed, until ctx ends or [Keeper.Stop]. It does not wait: what fails is tried
// again, less and less often, for 30 days. It is called again when the names are
// others: those that are missing then are no longer asked for, renewed or told.
// Called again with the same names, which costs little, it begins anew what has
// been given up.
func (k *Keeper) Keep(ctx context.Context, names []string) error {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, name := range names {
		one, known := k.wanted[name]
		if !known {
			one.ctx, one.end = context.WithCancel(ctx)
			k.wanted[name] = one
			delete(k.dropped, name)
		}
		if err := k.magic.ManageAsync(one.ctx, []string{name}); err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
	}
	for name, one := range k.wanted {
		if !slices.Contains(names, name) {
			one.end()
			delete(k.wanted, name)
			k.dropped[name] = true
		}
	}
	for name := range k.dropped { // each time: what was under way may have come since
		k.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: name}})
	}
	return nil
}

// asked is the asking for one name.
type asked struct {
	ctx context.Context //nolint:containedctx // of what certmagic does for the name
	end context.CancelFunc
}

// Certificate answers a handshake: with the certificate of the name, or with what
// the authority asked to see. Without either it returns an error.
func (k *Keeper) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return k.magic.GetCertificate(hello)
}

func (k *Keeper) gone(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dropped[name]
}

// Stop ends asking and renewing. What there is goes on being shown. Once more
// changes nothing.
func (k *Keeper) Stop() {
	if k == nil {
		return
	}
	k.mu.Lock()
	for name, one := range k.wanted {
		one.end()
		delete(k.wanted, name)
	}
	k.mu.Unlock()
	k.stop.Do(k.cache.Stop)
}
