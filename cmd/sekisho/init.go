package main

import (
	"errors"
	"io/fs"
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

// initCmd makes what must be there before the first start. Without a
// configuration it writes that too, from flags or from answers.
type initCmd struct {
	Database   string `placeholder:"URL" help:"help_init_database"`
	Ask        bool   `help:"help_init_ask"`
	Name       string `help:"help_init_name"`
	Listen     string `placeholder:"ADDRESS" help:"help_init_listen"`
	Console    string `placeholder:"ADDRESS" help:"help_init_console"`
	Upstream   string `placeholder:"ADDRESS" help:"help_init_upstream"`
	Account    string `default:"sekisho" help:"help_init_account"`
	Create     bool   `name:"create-account" help:"help_init_create"`
	Data       string `placeholder:"DIR" help:"help_init_data"`
	Keys       string `placeholder:"DIR" help:"help_init_keys"`
	Company    string `help:"help_init_company"`
	Duty       string `help:"help_init_duty"`
	Phone      string `help:"help_init_phone"`
	Mail       string `placeholder:"ADDRESS" help:"help_init_mail"`
	MailServer string `placeholder:"HOST:PORT" help:"help_init_mail_server"`
	MailFrom   string `placeholder:"ADDRESS" help:"help_init_mail_from"`
	LineWorks  string `name:"lineworks" placeholder:"FILE" help:"help_init_lineworks"`

	hook string // address that was typed
}

// given reports whether a flag asks for a new configuration.
func (c *initCmd) given() bool { return c.Ask || c.Database != "" }

// Run creates the keys and an empty ledger, and the configuration where there
// is none. It is the only command that does: a mistyped directory must never
// look like an empty past.
func (c *initCmd) Run(a *app) error {
	_, err := os.Lstat(a.config)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case !missing && c.given():
		return fault.New(fault.SetupExists, "file", a.config)
	case missing && (c.given() || isTerminal(a.env.stdin)):
		if err := c.configure(a); err != nil {
			return err
		}
	}
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
		if missing {
			a.print("init_next", "command", a.self("doctor"), "up", a.self("up"))
		}
	})
}

// self is a command line of this program with the configuration that is in use.
func (a *app) self(words string) string {
	if a.config == defaultConfig {
		return "sekisho " + words
	}
	return "sekisho -c " + shellWord(a.config) + " " + words
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
