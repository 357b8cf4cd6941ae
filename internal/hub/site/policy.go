package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sekisho/internal/policy/order"
)

const policyFile = "policy.note"

// Policies is who puts a policy of what leaves in force.
type Policies interface {
	// Compile reads a policy file. put puts it in force and cannot be refused
	// any more.
	Compile(ctx context.Context, generation uint64, file string) (put func(context.Context) error, err error)
}

// readPolicy reads the policy that was taken last.
func (s *Site) readPolicy() error {
	text, err := os.ReadFile(filepath.Join(s.cfg.Dir, policyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var p *order.Policy
		if p, err = order.OpenPolicy(text, s.orders); err == nil {
			s.policy.Store(p)
			return nil
		}
	}
	return fmt.Errorf("%s: %w", policyFile, err)
}

// Policy is the policy file that was taken last, nil before the first. A process
// that starts puts it in force, whatever its own file says.
func (s *Site) Policy() *order.Policy { return s.policy.Load() }

// takePolicy verifies a policy, has it compiled, keeps it, and then puts it in
// force: a crash at any place leaves the old one or the new one. What cannot be
// compiled is not kept, and is no reason to end the stream. What there is no room
// for is tried again and not in force until then. An older one, and the same again,
// change nothing.
func (s *Site) takePolicy(ctx context.Context, text []byte) error {
	p, err := order.OpenPolicy(text, s.orders)
	if err != nil {
		return err
	}
	if p.Tenant != s.member.Tenant {
		return fmt.Errorf("a policy for tenant %q", p.Tenant)
	}
	said := s.unkept.policy != nil
	s.unkept.policy = nil
	old := s.policy.Load()
	if s.cfg.Policies == nil || old != nil && p.Generation <= old.Generation {
		return nil
	}
	put, err := s.cfg.Policies.Compile(ctx, p.Generation, p.Text)
	if err != nil {
		s.cfg.Log.Error("a policy of the hub is not taken; what is in force stays", "code", "SK3706", "generation", p.Generation, "err", err)
		return nil
	}
	if err := s.write(policyFile, text); err != nil {
		if s.unkept.policy = text; !said {
			s.cfg.Log.Error("a policy of the hub waits for room on the disk; what is in force stays", "code", "SK3706", "generation", p.Generation, "err", err)
		}
		return nil
	}
	s.policy.Store(p)
	return put(ctx)
}
