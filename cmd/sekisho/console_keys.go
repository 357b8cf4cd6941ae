package main

import (
	"context"
	"errors"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/exitca"
	"sekisho/internal/fault"
	"sekisho/internal/policy/exit"
)

// Keys implements office.Keeper.
func (c *console) Keys(context.Context) ([]string, error) { return c.ring.IDs(), nil }

// ExitAuthority implements office.Keeper.
func (c *console) ExitAuthority(context.Context) (*consoleoffice.ExitAuthority, error) {
	ca, err := exitca.Open(c.cfg.Keys, c.now)
	if err != nil {
		return nil, noAuthority(c.cfg.Keys, c.file, err)
	}
	return authorityOf(ca, c.exit.Load()), nil
}

// noAuthority says why there is no authority to show.
func noAuthority(keys, file string, err error) error {
	if errors.Is(err, exitca.ErrNone) {
		return fault.New(fault.Usage, "problem", "there is no authority whose certificates clients can be shown", "hint", "sekisho egress ca --make NAME")
	}
	return keysFault(keys, file, err)
}

// authorityOf is an authority as it is told, beside a policy of what leaves, nil for
// none.
func authorityOf(ca *exitca.Authority, in *exit.Policy) *consoleoffice.ExitAuthority {
	v := &consoleoffice.ExitAuthority{Names: ca.Names(), Until: ca.Until(), Fingerprint: ca.Fingerprint(), Uncovered: []string{}, PEM: string(ca.PEM())}
	if in != nil {
		for _, name := range in.Reads() {
			if !ca.Covers(name) {
				v.Uncovered = append(v.Uncovered, name)
			}
		}
	}
	return v
}
