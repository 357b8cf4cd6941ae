package main

import (
	"context"
	"os"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/datamap"
	"sekisho/internal/datamap/bucket"
	"sekisho/internal/datamap/document"
	"sekisho/internal/datamap/filehold"
	"sekisho/internal/datamap/tablestore"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// access is what opens a store besides its address.
type access struct {
	key, secret, token string
	rowsPerSecond      int
}

// openStore returns the database or bucket at an address. It touches no network.
func openStore(address string, a access) (document.Store, error) {
	if tablestore.Is(address) {
		return tablestore.Database{Config: tablestore.Config{Address: address, Password: a.secret, RowsPerSecond: a.rowsPerSecond}}, nil
	}
	cfg, err := bucket.Parse(address)
	if err != nil {
		return nil, err
	}
	if a.key != "" {
		cfg.Access, cfg.Secret, cfg.Token = a.key, a.secret, a.token
	}
	return bucket.New(cfg)
}

// isStore reports whether what is to be scanned is no folder.
func isStore(name string) bool { return tablestore.Is(name) || strings.HasPrefix(name, "s3://") }

// accessFromEnvironment is the access that the tools of each store take from the environment, too.
func accessFromEnvironment(address string) access {
	switch {
	case strings.HasPrefix(address, "s3://"):
		return access{key: os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), token: os.Getenv("AWS_SESSION_TOKEN")}
	case strings.HasPrefix(address, "mysql://"), strings.HasPrefix(address, "mariadb://"):
		return access{secret: os.Getenv("MYSQL_PWD")}
	}
	return access{} // PostgreSQL's own library reads PGPASSWORD and ~/.pgpass
}

// startStores keeps the holdings of the configured databases and buckets recorded.
func (p *process) startStores(s *stage, contents *filehold.Contents, template func(*config.Store) filehold.Config) error {
	for i := range p.cfg.Stores {
		c := &p.cfg.Stores[i]
		secret, err := config.ReadSecret(c.PasswordFile)
		if err != nil {
			return err
		}
		if c.Replica != "" {
			if err := p.startReplica(s, c, secret); err != nil {
				return err
			}
			continue
		}
		store, err := openStore(c.Address, access{key: c.AccessKey, secret: secret.Reveal(), rowsPerSecond: c.RowsPerSecond})
		if err != nil {
			return fault.New(fault.DatabaseConnect, "database", c.Name, "address", tablestore.Name(c.Address)).Because(err)
		}
		cfg := template(c)
		if k := p.keyedOf(c.Name); k != nil {
			s.run("holdings of "+c.Name, func(ctx context.Context) error { return k.holdings.RunFirst(ctx, k.read) })
			store = k.others(store)
			k.forget(cfg.Held)
		}
		cfg.Name, cfg.Store, cfg.Every, cfg.Contents = tablestore.Name(c.Address), store, time.Duration(c.Every), contents
		tree := filehold.New(cfg)
		s.run("store "+c.Name, func(ctx context.Context) error {
			return tree.Run(ctx, p.toldOf(c.Name, "a store cannot be read", "store read"))
		})
	}
	return nil
}

// toldOf logs what a reading came to.
func (p *process) toldOf(name, bad, good string) func(filehold.Result, error) {
	return func(r filehold.Result, err error) {
		if err != nil {
			p.log.Warn(bad, "files", name, "err", err)
			return
		}
		p.log.Info(good, "files", name, "there", r.Files, "read", r.Read, "holding", r.Holding, "gone", r.Gone, "not_in_full", r.Troubles)
	}
}

// startReplica reads the protected tables of a guarded database, or of a store, at another
// server: the same subjects at another place.
func (p *process) startReplica(s *stage, c *config.Store, secret config.Secret) error {
	var tables []datamap.Table
	for i := range p.cfg.Databases {
		if d := &p.cfg.Databases[i]; d.Name == c.Replica {
			tables = scanTables(d)
		}
	}
	for i := range p.cfg.Stores {
		if o := &p.cfg.Stores[i]; o.Name == c.Replica {
			tables = scanTables(storeBase(o))
		}
	}
	at := place(storeBase(c))
	for i := range tables {
		t := &tables[i]
		t.Place, t.Identifiers = at+event.Place("/"+t.Name), nil
		if t.Schema != "" {
			t.Place = at + event.Place("/"+t.Schema+"."+t.Name)
		}
	}
	dsn, err := storeDSN(c, secret)
	if err != nil {
		return err
	}
	m, err := datamap.New(datamap.Config{
		Database: at, DSN: dsn, Tables: tables, Recorder: p.ledger.Recorder(scanSource(c.Name, c.Site), 0),
		Numbers: func(src event.SubjectSource) datamap.Numbers { return p.dict.Source(src) },
		Every:   time.Duration(c.Every), RowsPerSecond: c.RowsPerSecond, Now: p.now,
	})
	if err != nil {
		return fault.New(fault.DatabaseConnect, "database", c.Name, "address", tablestore.Name(c.Address)).Because(err)
	}
	s.run("replica "+c.Name, m.Run)
	return nil
}
