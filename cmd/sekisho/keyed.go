package main

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/datamap"
	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/sqliteread"
	"sekisho/internal/datamap/tablestore"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/subject"
)

// keyedStore is a database without a gate whose protected tables are read by key.
type keyedStore struct {
	// cfg is its protect section as that of a guarded database, so that its subjects
	// have the names that they would have behind a gate.
	cfg         *config.Database
	every       time.Duration
	dsn         string // secret
	identifiers *subject.Identifiers
	holdings    *datamap.Map
	read        func() // its identifiers were
	scanResults
}

// newKeyed opens the stores that have a protect section. It touches no network.
func (p *process) newKeyed() error {
	for i := range p.cfg.Stores {
		c := &p.cfg.Stores[i]
		if len(c.Protect) == 0 {
			continue
		}
		secret, err := config.ReadSecret(c.PasswordFile)
		if err != nil {
			return err
		}
		k := &keyedStore{cfg: storeBase(c), every: time.Duration(c.Every)}
		if k.dsn, err = storeDSN(c, secret); err == nil {
			k.identifiers, err = p.newIdentifiers()
		}
		if err != nil {
			return err
		}
		k.holdings, err = datamap.New(datamap.Config{
			Database: place(k.cfg), DSN: k.dsn, Tables: scanTables(k.cfg), Recorder: p.ledger.Recorder(scanSource(c.Name+"/keys", c.Site), 0),
			Numbers:     func(src event.SubjectSource) datamap.Numbers { return p.dict.Source(src) },
			Identifiers: k.identifiers, Every: k.every, RowsPerSecond: c.RowsPerSecond, Now: p.now, Progress: k.scanProgress,
		})
		if err != nil {
			return fault.New(fault.DatabaseConnect, "database", c.Name, "address", tablestore.Name(c.Address)).Because(err)
		}
		k.read = p.readOnce()
		p.keyed = append(p.keyed, k)
	}
	return nil
}

// readOnce returns what is to be called when the identifiers of one more database were
// read once in this run.
func (p *process) readOnce() func() {
	read := make(chan struct{})
	p.reading = append(p.reading, read)
	return sync.OnceFunc(func() { close(read) })
}

// identifiersKnown returns what is closed when those of all databases were: files that
// are read before would hold records of nobody known.
func (p *process) identifiersKnown(s *stage) <-chan struct{} {
	known := make(chan struct{})
	s.wait.Go(func() {
		for _, read := range p.reading {
			select {
			case <-read:
			case <-s.ctx.Done():
				return
			}
		}
		close(known)
	})
	return known
}

// storeBase is the protect section of a store as that of a database.
func storeBase(c *config.Store) *config.Database {
	d := &config.Database{Name: c.Name, Site: c.Site, Protect: c.Protect, Plain: c.Plain}
	if u, err := url.Parse(c.Address); err == nil && u.Opaque == "" {
		d.Database = strings.TrimPrefix(u.Path, "/")
	}
	return d
}

// storeDSN is the address of a store with its password.
func storeDSN(c *config.Store, secret config.Secret) (string, error) {
	if _, lite := sqliteread.File(c.Address); lite || secret.Reveal() == "" {
		return c.Address, nil
	}
	u, err := url.Parse(c.Address)
	if err != nil {
		return "", fault.New(fault.DatabaseConnect, "database", c.Name, "address", "").Because(tablestore.ErrAddress)
	}
	u.User = url.UserPassword(u.User.Username(), secret.Reveal())
	return u.String(), nil
}

func (p *process) keyedOf(name string) *keyedStore {
	i := slices.IndexFunc(p.keyed, func(k *keyedStore) bool { return k.cfg.Name == name })
	if i < 0 {
		return nil
	}
	return p.keyed[i]
}

// others is the store without the tables that are read by key.
func (k *keyedStore) others(s document.Store) document.Store {
	o := otherTables{Store: s, keyed: map[string]bool{}}
	for _, t := range k.cfg.Protect {
		o.keyed[t.Table] = true
	}
	return o
}

// forget takes out of what earlier readings held what the readings by key recorded.
func (k *keyedStore) forget(held map[event.Place]map[event.SubjectSource]bool) {
	for _, t := range scanTables(k.cfg) {
		if sources := held[t.Place]; sources != nil {
			held[t.Place] = maps.Clone(sources) // it is the history's
			delete(held[t.Place], t.Source)
			if len(held[t.Place]) == 0 {
				delete(held, t.Place)
			}
		}
	}
}

type otherTables struct {
	document.Store
	keyed map[string]bool
}

// Walk implements document.Store.
func (o otherTables) Walk(ctx context.Context, visit func(document.Object) error) error {
	return o.Store.Walk(ctx, func(f document.Object) error {
		if o.keyed[f.Raw] {
			return nil
		}
		return visit(f)
	})
}
