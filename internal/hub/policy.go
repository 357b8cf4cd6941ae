package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/policy/order"
)

// policyFile holds the policy that remote gates are to have.
const policyFile = "policy.note"

// pushed is the policy of what leaves that remote gates are to have.
type pushed struct {
	mu      sync.Mutex // guards what follows
	text    []byte     // signed; nil: none
	changed chan struct{}
}

// now is the present text and what is closed when there is another.
func (p *pushed) now() ([]byte, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.text, p.changed
}

func (p *pushed) set(text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
	if p.changed != nil {
		close(p.changed)
	}
	p.changed = make(chan struct{})
}

// ErrNotNewer is returned for a policy whose generation is not above that of
// another text that was pushed before.
var ErrNotNewer = errors.New("hub: another policy of this or a later generation was pushed before")

// Push signs a policy file and has every gate take it, those that connect later
// too. It is on disk before a gate hears of it. The same file again is no error
// and changes nothing. What the file says is not looked at: each gate compiles
// it, and keeps what it has when it cannot.
func (s *Server) Push(tenant string, generation uint64, file string, signer note.Signer, verifier note.Verifier) error {
	last, err := os.ReadFile(filepath.Join(s.cfg.Dir, policyFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil {
		old, err := order.OpenPolicy(last, verifier)
		if err != nil {
			return fmt.Errorf("%s: %w", policyFile, err)
		}
		switch {
		case old.Generation == generation && old.Text == file:
			s.policy.set(last)
			return nil
		case old.Generation >= generation:
			return fmt.Errorf("%w: %d", ErrNotNewer, old.Generation)
		}
	}
	p := order.Policy{Tenant: tenant, Generation: generation, At: s.cfg.Now().Round(time.Millisecond), Text: file}
	text, err := p.Sign(signer)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Dir(s.cfg.Dir), policyFile, text, 0o600); err != nil {
		return err
	}
	s.policy.set(text)
	return nil
}
