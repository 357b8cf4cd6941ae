package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/fault"
)

// Files is a folder whose files are read.
type Files struct {
	Name   string   `yaml:"name" doc:"Name in events and scopes: letters, digits, - and _. Required, unique, and no database's."`
	Folder string   `yaml:"folder" doc:"The folder, with all below it; links are not followed. Relative to this file. Required."`
	Every  Duration `yaml:"every,omitempty" doc:"Time between readings, at least 1m. Files that did not change are not read again, unless they hold persons that no table knew. Default: 6h."`
	// SnapshotOf is for what a volume manager keeps, such as LVM or ZFS.
	SnapshotOf string `yaml:"snapshot_of,omitempty" doc:"Name of the database, store or folder whose volume this folder shows as it once was: a snapshot (LVM, ZFS, btrfs, VSS) that is mounted. What rests in it is a place of its own, said to be a copy. Default: none."`
	Watch      bool   `yaml:"watch,omitempty" doc:"Linux only: follow files that come, change and go between two readings. With CAP_SYS_ADMIN the kernel keeps each file until it was read; without, what was too late is a finding. Default: false."`

	// Site is the name under which events of it are shipped to a hub; set by who
	// knows, empty when they are not.
	Site string `yaml:"-"`
}

// Store is a database or a bucket that is read as it stands, without a gate.
type Store struct {
	Name          string   `yaml:"name" doc:"Name in events and scopes: letters, digits, - and _. Required, unique, and no database's."`
	Address       string   `yaml:"address" doc:"postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE, sqlite:FILE or s3://BUCKET/PREFIX?endpoint=URL&region=REGION; without a password. Required."`
	AccessKey     string   `yaml:"access_key,omitempty" doc:"For s3: the access key. Default: anonymous."`
	PasswordFile  string   `yaml:"password_file,omitempty" doc:"File with the password, or for s3 the secret key, mode 0600. Default: none."`
	Every         Duration `yaml:"every,omitempty" doc:"Time between readings, at least 1m. Objects of a bucket that did not change are not read again; tables are. Default: 24h."`
	RowsPerSecond int      `yaml:"rows_per_second,omitempty" doc:"Rows that a reading may take from a database in a second, from 100 to 100000000. Default: no bound."`
	Replica       string   `yaml:"replica_of,omitempty" doc:"Name of the database in databases, or of the store with protect, that this is a copy of on a server of the same kind: its protected tables are known here by their keys, and what rests here rests there, too."`
	Protect       []Table  `yaml:"protect,omitempty" doc:"Tables of a database whose rows are known by their key, as in databases; those of MySQL and SQLite are named without a schema. Other tables are read for what is in them."`
	Plain         []string `yaml:"plain,omitempty" doc:"Tables without personal data, for map propose --check. They are read all the same."`

	// Site is the name under which events of it are shipped to a hub; set by who
	// knows, empty when they are not.
	Site string `yaml:"-"`
}

const (
	defaultFilesEvery = 6 * time.Hour
	defaultStoreEvery = 24 * time.Hour
)

// storeProtect checks the tables of a store that are read by key.
func (k *checker) storeProtect(path string, s *Store) {
	if len(s.Protect) == 0 {
		return
	}
	if s.Replica != "" {
		k.add(path+".protect", fault.New(fault.ConfigConflict, "problem", "a replica has the protected tables of its database", "hint", "remove protect or replica_of"))
	}
	if strings.HasPrefix(s.Address, "s3://") {
		k.value(path+".protect", s.Address, "a bucket has no tables", "remove protect")
	}
	schemas := strings.HasPrefix(s.Address, "postgres")
	tables := map[string]string{}
	for i := range s.Protect {
		at := fmt.Sprintf("%s.protect[%d]", path, i)
		if k.require(at+".table", s.Protect[i].Table, "write the name of a table") {
			if schemas {
				k.table(at+".table", s.Protect[i].Table)
			}
			k.unique(at+".table", s.Protect[i].Table, tables)
		}
	}
	for i := range s.Protect {
		k.protect(fmt.Sprintf("%s.protect[%d]", path, i), s.Protect, i, tables)
	}
}

// stores checks databases and buckets without gates.
func (k *checker) stores(all []Store, names map[string]string, databases []Database) {
	for i, s := range all {
		path := fmt.Sprintf("stores[%d]", i)
		k.name(path+".name", s.Name, names)
		k.require(path+".address", s.Address, "write postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE, sqlite:FILE or s3://BUCKET/PREFIX?endpoint=URL")
		k.within(path+".every", s.Every, time.Minute, 366*24*time.Hour)
		if n := s.RowsPerSecond; n != 0 && (n < leastRows || n > mostRows) {
			k.value(path+".rows_per_second", fmt.Sprint(n), fmt.Sprintf("it must be from %d to %d", leastRows, mostRows), "choose a number within these")
		}
		if u, err := url.Parse(s.Address); err == nil {
			if _, has := u.User.Password(); has {
				k.value(path+".address", "", "the address carries a password", "put it into password_file")
			}
		}
		k.storeProtect(path, &all[i])
		if s.Replica == "" {
			continue
		}
		k.replica(path+".replica_of", &s, all, databases)
	}
}

// replica checks that a replica and what it is a copy of are of one kind: tables of
// PostgreSQL have a schema in their names, keys of MySQL and SQLite are read otherwise.
func (k *checker) replica(at string, s *Store, all []Store, databases []Database) {
	of := ""
	if slices.ContainsFunc(databases, func(d Database) bool { return d.Name == s.Replica }) {
		of = "postgres"
	}
	for _, o := range all {
		if o.Name == s.Replica && o.Replica == "" && len(o.Protect) > 0 {
			of = server(o.Address)
		}
	}
	switch {
	case of == "":
		k.add(at, fault.New(fault.ConfigReference, "value", strconv.Quote(s.Replica), "hint", "name one of databases, or of stores with protect"))
	case of != server(s.Address):
		k.value(at, s.Replica, "a replica is on a server of the same kind as what it is a copy of", "leave replica_of out, or write the address of such a server")
	}
}

// server is the kind of server that an address is of.
func server(address string) string {
	scheme, _, _ := strings.Cut(address, ":")
	switch scheme {
	case "postgresql":
		return "postgres"
	case "mariadb":
		return "mysql"
	}
	return scheme
}

// files checks the folders; names are those of databases.
func (k *checker) files(all []Files, names map[string]string) {
	for i, f := range all {
		path := fmt.Sprintf("files[%d]", i)
		k.name(path+".name", f.Name, names)
		k.require(path+".folder", f.Folder, "name the folder, such as /var/www")
		k.within(path+".every", f.Every, time.Minute, 366*24*time.Hour)
	}
}

// snapshots checks what folders are snapshots of; names are those of all places.
func (k *checker) snapshots(all []Files, names map[string]string) {
	for i, f := range all {
		if _, there := names[f.SnapshotOf]; f.SnapshotOf != "" && (!there || f.SnapshotOf == f.Name) {
			k.add(fmt.Sprintf("files[%d].snapshot_of", i), fault.New(fault.ConfigReference, "value", strconv.Quote(f.SnapshotOf), "hint", "name one of databases, stores or files"))
		}
	}
}
