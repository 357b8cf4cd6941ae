package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/fault"
	"sekisho/internal/setup"
)

// configAccountCmd prints the SQL that makes the account with which a database is read,
// or mends it: the password is that of the configuration's file, and is made where that
// file is missing or empty.
type configAccountCmd struct {
	Database string `arg:"" help:"help_config_account_database"`
}

// Run prints SQL for an administrator; it asks no database.
func (c configAccountCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(l.Databases, func(d config.Database) bool { return d.Name == c.Database })
	if at < 0 {
		return fault.New(fault.Usage, "problem", a.say.Text("config_account_unknown", "database", c.Database), "hint", a.say.Text("config_account_hint", "file", a.config))
	}
	d := &l.Databases[at]
	made, verifier := false, ""
	if d.Control.PasswordFile != "" {
		if made, err = makeSecret(d.Control.PasswordFile); err != nil {
			return err
		}
		password, err := config.ReadSecret(d.Control.PasswordFile)
		if err != nil {
			return err
		}
		salt := make([]byte, 16)
		rand.Read(salt) // never fails (crypto/rand)
		if verifier, err = setup.Verifier(password.Reveal(), salt); err != nil {
			return err
		}
	}
	text := setup.AccountSQL(d.Control.User, d.Database, schemasOf(d), verifier, setupWords(a))
	if made {
		fmt.Fprintln(a.env.stderr, a.say.Text("config_account_password", "file", d.Control.PasswordFile))
	}
	return a.out(map[string]string{"sql": text}, func() { fmt.Fprint(a.env.stdout, text) })
}

// schemasOf are the schemas of all tables that the configuration names.
func schemasOf(d *config.Database) []string {
	tables := slices.Clone(d.Plain)
	for _, t := range d.Protect {
		tables = append(tables, t.Table)
	}
	var out []string
	for _, t := range tables {
		schema, _, _ := strings.Cut(t, ".")
		out = append(out, schema)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// newPassword is a password that nobody guesses, in printable ASCII.
func newPassword() string {
	secret := make([]byte, passwordBytes)
	rand.Read(secret) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// makeSecret writes a new password into a file that is missing or empty, and leaves
// every other one alone.
func makeSecret(name string) (made bool, err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fault.New(fault.SetupWrite, "file", name).Because(err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil && fault.Faults(err)[0].Code == fault.Internal {
			err = fault.New(fault.SetupWrite, "file", name).Because(err)
		}
	}()
	if info, err := f.Stat(); err != nil || info.Size() > 0 {
		return false, err
	}
	_, err = f.WriteString(newPassword() + "\n")
	return true, errors.Join(err, f.Sync())
}
