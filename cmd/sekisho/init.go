package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
)

// ledgerDir and viewDir are where things are below the data directory.
func ledgerDir(c *config.Config) string { return filepath.Join(c.Data, "ledger") }
func viewDir(c *config.Config) string   { return filepath.Join(c.Data, "views") }

// ledgerConfig is the ledger's part of the configuration.
func ledgerConfig(c *config.Config) ledger.Config {
	clockErr := time.Duration(c.Ledger.ClockErr)
	cfg := ledger.Config{
		Dir: ledgerDir(c), Tenant: event.Tenant(c.Tenant), Origin: c.Ledger.Origin,
		ClockErr:     func() time.Duration { return clockErr },
		SyncInterval: time.Duration(c.Ledger.Sync),
		SegmentBytes: int64(c.Ledger.Segment.Bytes), SegmentAge: time.Duration(c.Ledger.Segment.Age),
	}
	for _, w := range c.Ledger.Witnesses {
		cfg.Witnesses = append(cfg.Witnesses, ledger.Witness{Key: w.Key, URL: w.URL})
	}
	return cfg
}

type initCmd struct{}

// Run creates the keys and an empty ledger. It is the only command that does:
// a mistyped directory must never look like an empty past.
func (initCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	if _, err := ledger.ReadIdentity(ledgerDir(l.Config)); err == nil {
		return fault.New(fault.LedgerExists, "dir", ledgerDir(l.Config))
	}
	if err := initKeys(l.Config); err != nil {
		return err
	}
	if err := os.MkdirAll(viewDir(l.Config), 0o700); err != nil {
		return fault.New(fault.LedgerOpen, "dir", l.Data).Because(err)
	}
	if err := ledger.Init(a.ctx, ledgerConfig(l.Config)); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(l.Config)).Because(err)
	}
	id, err := ledger.ReadIdentity(ledgerDir(l.Config))
	if err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(l.Config)).Because(err)
	}
	return a.out(id, func() {
		a.print("init_done", "dir", ledgerDir(l.Config), "keys", l.Keys)
		a.print("init_key", "key", id.Key)
	})
}

// initKeys makes the keyring with the tenant's first keys; a ring that is there
// keeps its keys and gets those that are missing.
func initKeys(c *config.Config) error {
	ring, err := keyring.Open(c.Keys)
	if errors.Is(err, keyring.ErrNoRing) {
		if err = keyring.Init(c.Keys); err == nil {
			ring, err = keyring.Open(c.Keys)
		}
	}
	if err != nil {
		return fault.New(fault.KeysOpen, "dir", c.Keys).Because(err)
	}
	for _, purpose := range []keyring.Purpose{keyring.Dictionary, keyring.Identifier} {
		_, err := ring.Current(event.Tenant(c.Tenant), purpose)
		if errors.Is(err, keyring.ErrUnknown) {
			_, err = ring.Create(event.Tenant(c.Tenant), purpose)
		}
		if err != nil {
			return fault.New(fault.KeysOpen, "dir", c.Keys).Because(err)
		}
	}
	return nil
}
