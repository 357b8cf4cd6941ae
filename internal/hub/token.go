package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// siteRule is what a remote gate may be called.
var siteRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// ErrName is wrapped when a gate cannot be called so.
var ErrName = errors.New("a gate's name has small letters, digits, - and _, at most 63")

// tokenLife is how long a token waits.
const tokenLife = time.Hour

// keptToken is a token as the hub keeps it, in a file named for the site.
type keptToken struct {
	Hash  string    `json:"sha256"` // of the secret
	Until time.Time `json:"until"`
	By    string    `json:"by"`
}

// Token makes a token for a gate, once that is recorded; an older one of the same
// gate is void.
func (s *Server) Token(ctx context.Context, site, by string) (string, time.Time, error) {
	if !siteRule.MatchString(site) {
		return "", time.Time{}, fmt.Errorf("%q: %w", site, ErrName)
	}
	secret := rand.Text()
	kept := keptToken{Hash: hash(secret), Until: s.cfg.Now().Add(tokenLife).UTC(), By: by}
	text, err := json.Marshal(kept)
	if err != nil {
		return "", kept.Until, err
	}
	c := s.cfg.Cuts
	c.joining.Lock()
	defer c.joining.Unlock()
	if err := c.cfg.Record(ctx, &event.GateEnrolled{Gate: site, Step: "invited", By: by}); err != nil {
		return "", kept.Until, err
	}
	if err := durable.WriteFile(durable.Dir(s.cfg.Dir), tokenFile(site), text, 0o600); err != nil {
		return "", kept.Until, err
	}
	c.invite(site, true)
	t := frame.Token{Hub: s.cfg.URL, Site: site, Secret: secret, Root: s.cfg.Authority.Fingerprint()}
	return t.String(), kept.Until, nil
}

func tokenFile(site string) string { return "token-" + site + ".json" }

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// enrol takes a token away and lets its gate in, with the certificate that it gets
// and who made the token. Nobody revokes the gate between the two.
func (s *Server) enrol(ctx context.Context, q *frame.Join) (cert []byte, by string, err error) {
	c := s.cfg.Cuts
	c.joining.Lock()
	defer c.joining.Unlock()
	if by, err = s.spend(q.Site, q.Secret); err != nil {
		return nil, "", err
	}
	if cert, err = s.cfg.Authority.Client([]byte(q.Request), q.Site); err != nil {
		return nil, "", err
	}
	return cert, by, c.enrol(ctx, q.Site, q.Key, fingerprint(cert), by)
}

// spend takes a token away, so that it is good once, and says who made it. A token
// that the ledger knows to be spent or revoked is no good, whatever its file says.
// Cuts.joining is held.
func (s *Server) spend(site, secret string) (by string, err error) {
	bad := errors.New("the token is unknown, used, revoked or over")
	if !siteRule.MatchString(site) || !s.cfg.Cuts.expects(site) {
		return "", bad
	}
	text, err := os.ReadFile(filepath.Join(s.cfg.Dir, tokenFile(site)))
	if err != nil {
		return "", bad
	}
	var kept keptToken
	if err := json.Unmarshal(text, &kept); err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(kept.Hash), []byte(hash(secret))) != 1 || !s.cfg.Now().Before(kept.Until) {
		return "", bad
	}
	if err := forget(s.cfg.Dir, site); err != nil {
		return "", err
	}
	s.cfg.Cuts.invite(site, false)
	return kept.By, nil
}

// forget takes a token's file away, if there is one.
func forget(dir, site string) error {
	files := durable.Dir(dir)
	if err := files.Remove(tokenFile(site)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return files.SyncDir(".")
}

func (c *Cuts) invite(site string, expected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if expected {
		c.invited[site] = true
	} else {
		delete(c.invited, site)
	}
}

// expects reports whether a token for the gate is out.
func (c *Cuts) expects(site string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.invited[site]
}
