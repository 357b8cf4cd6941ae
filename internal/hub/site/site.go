// Package site is a remote gate's side of the hub: it joins with a token, keeps
// a stream open, takes orders into force at the gates of its process and
// answers with receipts, takes the policy of what leaves, and renews its
// certificate.
//
// A site works on without the hub for as long as it must: the order it has
// stays in force, also over a restart. It keeps its own ledger and ships what its
// gates recorded whenever the hub is there: from what the hub has, in order, once
// each. It makes no orders and takes none that the hub's key did not sign or that
// is older than the one in force.
package site

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/frame"
	"sekisho/internal/hub/pki"
	"sekisho/internal/policy/order"
)

const (
	siteFile     = File
	identityFile = "identity.pem" // certificate and key in one file, so that they change together
	orderFile    = "order.note"
)

// File is the name of the file in a site's directory that says whose it is.
const File = "site.json"

// Membership is what a site knows of its hub.
type Membership struct {
	Site   string `json:"site"`
	Hub    string `json:"hub"`
	Tenant string `json:"tenant"`
	Root   string `json:"root"`   // PEM
	Orders string `json:"orders"` // verifies orders
	// Whole says that everything the process guards is recorded under its name at
	// the hub and shipped; else only what leaves is.
	Whole bool `json:"whole,omitempty"`
	// Stored says so of what rests in its folders and stores. Processes that joined
	// before these were shipped recorded them without the site's name, and still do.
	Stored bool `json:"stored,omitempty"`
}

// NameOf is the name that a token gives.
func NameOf(token string) (string, error) {
	t, err := frame.ParseToken(token)
	if err != nil {
		return "", err
	}
	return t.Site, nil
}

// Read reads what Join wrote.
func Read(dir string) (*Membership, error) {
	text, err := os.ReadFile(filepath.Join(dir, siteFile))
	if err != nil {
		return nil, err
	}
	m := new(Membership)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", siteFile, err)
	}
	return m, nil
}

// ErrMember is returned by Join when the directory belongs to a hub already.
var ErrMember = errors.New("this process has joined a hub before")

// Join spends a token: it makes a key, gets a certificate and writes both to
// dir, which must exist. receipts verifies the receipts of this process; whole is
// Membership.Whole and Stored.
func Join(ctx context.Context, text, dir, receipts string, whole bool) (*Membership, error) {
	token, err := frame.ParseToken(text)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, siteFile)); err == nil {
		return nil, ErrMember
	}
	key, keyText, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	request, err := pki.Request(key)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: pinned(token)}}
	defer client.CloseIdleConnections()
	var j frame.Joined
	if err := call(ctx, client, http.MethodPost, token.Hub+"/v1/join",
		frame.Join{Site: token.Site, Secret: token.Secret, Request: string(request), Key: receipts}, &j); err != nil {
		return nil, err
	}
	m := &Membership{Site: token.Site, Hub: token.Hub, Tenant: j.Tenant, Root: j.Root, Orders: j.Orders, Whole: whole, Stored: whole}
	if root, err := pki.ParseCert([]byte(m.Root)); err != nil || pki.Fingerprint(root.Raw) != token.Root {
		return nil, errors.New("the hub sent another root than the token names")
	}
	member, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	fsys := durable.Dir(dir)
	if err := durable.WriteFile(fsys, identityFile, append([]byte(j.Cert), keyText...), 0o600); err != nil {
		return nil, err
	}
	return m, durable.WriteFile(fsys, siteFile, member, 0o600)
}

// pinned trusts the root that the token names and nobody else.
func pinned(t *frame.Token) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // verified below
		VerifyConnection: func(s tls.ConnectionState) error {
			for _, c := range s.PeerCertificates {
				if pki.Fingerprint(c.Raw) != t.Root {
					continue
				}
				roots := x509.NewCertPool()
				roots.AddCert(c)
				u, err := url.Parse(t.Hub)
				if err == nil {
					_, err = s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: u.Hostname()})
				}
				return err
			}
			return errors.New("this is not the hub that made the token")
		}}
}

// Config is what a Site needs.
type Config struct {
	Dir string // where Join wrote
	// Files are those below Dir, as they are written; nil: the real ones.
	Files durable.FS
	Gates *answer.Gates
	// Policies takes the hub's policy of what leaves; nil: nobody does.
	Policies Policies
	// Lines is the ledger whose events of sources that Ships chooses are shipped;
	// nil: none are.
	Lines Lines
	Ships func(source string) bool
	Now   func() time.Time
	Log   *slog.Logger
	// Retry is the first wait after a failed connection; it doubles up to 16
	// times that. Default 500 ms.
	Retry time.Duration
}

// Site is a member of a hub.
type Site struct {
	cfg    Config
	member *Membership
	orders note.Verifier
	ready  chan struct{}
	once   sync.Once
	policy atomic.Pointer[order.Policy] // that was taken last
	kept   atomic.Uint64                // position.Index
	// position is ship's.
	position shipped
	order    []byte // in force, nil for none; of follow alone
	// What there was no room for is tried again; of follow alone.
	unkept struct {
		order, policy []byte
		identity      []byte    // a new certificate and its key; of the renewal alone, as is what follows
		renew         time.Time // when to try again; zero: at once
	}

	mu       sync.Mutex // guards identity
	identity *tls.Certificate
}

// Open reads what Join wrote and puts the last order in force: call it before
// any gate forwards anything.
func Open(ctx context.Context, cfg Config) (*Site, error) {
	if cfg.Retry == 0 {
		cfg.Retry = 500 * time.Millisecond
	}
	if cfg.Files == nil {
		cfg.Files = durable.Dir(cfg.Dir)
	}
	s := &Site{cfg: cfg, ready: make(chan struct{})}
	var err error
	if s.member, err = Read(cfg.Dir); err != nil {
		return nil, err
	}
	if s.orders, err = note.NewVerifier(s.member.Orders); err != nil {
		return nil, fmt.Errorf("%s: %w", siteFile, err)
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("%s: %w", identityFile, err)
	}
	if err := s.readPolicy(); err != nil {
		return nil, err
	}
	if err := s.readShipped(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(cfg.Dir, orderFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		_, err = s.take(ctx, text, false)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", orderFile, err)
	}
	return s, nil
}

// Member is what the site knows of its hub.
func (s *Site) Member() Membership { return *s.member }

// Ready is closed when the hub's order of now is in force, or when the hub
// could not be reached: gates may open then.
func (s *Site) Ready() <-chan struct{} { return s.ready }

func (s *Site) load() error {
	text, err := os.ReadFile(filepath.Join(s.cfg.Dir, identityFile))
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identity = &pair
	return nil
}

func (s *Site) current() *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// client makes connections of its own, so that a new certificate counts.
func (s *Site) client() (*http.Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(s.member.Root)) {
		return nil, errors.New("no root of the hub")
	}
	return &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: frame.Silence, IdleConnTimeout: time.Minute,
		HTTP2: &http.HTTP2Config{SendPingTimeout: frame.Beat, PingTimeout: frame.Silence},
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Time: s.cfg.Now,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.current(), nil }}}}, nil
}

// Run keeps the stream, and ships, until ctx ends. It does not end when the hub
// is away.
func (s *Site) Run(ctx context.Context) error {
	if s.cfg.Lines != nil {
		var all sync.WaitGroup
		all.Go(func() { s.ship(ctx) })
		defer all.Wait()
	}
	defer s.keep(context.WithoutCancel(ctx)) // a run also ends when there is room again
	retry := s.cfg.Retry
	for ctx.Err() == nil {
		begin := s.cfg.Now()
		err := s.follow(ctx)
		s.keep(ctx)
		s.once.Do(func() { close(s.ready) }) // the hub is away: what was in force stays
		if ctx.Err() != nil {
			break
		}
		if s.cfg.Now().Sub(begin) > frame.Silence {
			retry = s.cfg.Retry
		}
		if err == nil { // a new certificate
			retry = s.cfg.Retry
			continue
		}
		s.cfg.Log.Warn("the hub is away; what is in force stays", "hub", s.member.Hub, "again_in", retry, "err", err)
		if !pause(ctx, retry) {
			break
		}
		retry = min(2*retry, 16*s.cfg.Retry)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// follow holds one stream until it ends.
func (s *Site) follow(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return s.followOver(ctx, client)
}

// followOver is follow over the connections of a client.
func (s *Site) followOver(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithCancelCause(ctx)
	fresh := &renewal{s: s, client: client, done: cancel}
	defer fresh.wait.Wait()
	defer cancel(nil)
	silence := time.AfterFunc(frame.Silence, func() { cancel(errSilent) })
	defer silence.Stop()
	fresh.begin(ctx)
	err := s.listen(ctx, client, func() {
		silence.Reset(frame.Silence)
		fresh.begin(ctx)
	})
	if errors.Is(context.Cause(ctx), errRenewed) {
		return nil // and come back with the new certificate
	}
	return err
}

// errSilent ends a stream of which nothing comes.
var errSilent = errors.New("nothing comes from the hub")

// listen takes what one stream brings until it ends; beat is called for each frame.
func (s *Site) listen(ctx context.Context, client *http.Client, beat func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.member.Hub+"/v1/stream", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problem(resp)
	}
	frames := json.NewDecoder(resp.Body)
	for first := true; ; first = false {
		var f frame.Frame
		if err := frames.Decode(&f); err != nil {
			return err
		}
		beat()
		if first && f.Generation <= s.cfg.Gates.Generation() {
			s.once.Do(func() { close(s.ready) })
		}
		if first && s.order != nil {
			if err := s.remind(ctx, client); err != nil {
				return err
			}
		}
		if f.Policy != "" {
			if err := s.takePolicy(ctx, []byte(f.Policy)); err != nil {
				return err
			}
		}
		if f.Order == "" {
			s.keep(ctx)
			continue
		}
		r, err := s.take(ctx, []byte(f.Order), true)
		if errors.Is(err, errTwo) {
			if err := s.remind(ctx, client); err != nil { // and get one that holds what both say
				return err
			}
			continue
		}
		if errors.Is(err, answer.ErrOlder) { // what is in force stays, and newer ones are heard
			s.cfg.Log.Warn("an older order of the hub is not taken", "err", err)
			continue
		}
		if err != nil {
			return err
		}
		s.once.Do(func() { close(s.ready) })
		if err := call(ctx, client, http.MethodPost, s.member.Hub+"/v1/receipts", r, &struct{}{}); err != nil {
			return err
		}
	}
}

// call asks and decodes the answer.
func call(ctx context.Context, client *http.Client, method, address string, q, a any) error {
	text, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return send(ctx, client, method, address, text, a)
}

func send(ctx context.Context, client *http.Client, method, address string, body []byte, a any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problem(resp)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, frame.MaxBody)).Decode(a)
}

// statusError is what the hub says that is no answer.
type statusError struct {
	code int
	text string
}

// Error implements error.
func (e *statusError) Error() string { return "the hub says " + e.text }

func problem(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 500))
	return errors.Join(&statusError{resp.StatusCode, resp.Status + ": " + string(bytes.TrimSpace(text))}, err)
}
