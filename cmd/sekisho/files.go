package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/datamap/filehold"
	"sekisho/internal/datamap/filescan"
	"sekisho/internal/datamap/filewatch"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub/frame"
	"sekisho/internal/keyring"
	"sekisho/internal/subject"
	"sekisho/proof/scope"
)

// startFiles keeps the holdings of the configured folders recorded. The gates are
// open by then: no gate stands before a file, so nobody waits for it.
func (p *process) startFiles(s *stage) error {
	if len(p.cfg.Files)+len(p.cfg.Stores) == 0 {
		return nil
	}
	key, err := p.ring.Current(event.Tenant(p.cfg.Tenant), keyring.Identifier)
	if err != nil {
		return keysFault(p.cfg.Keys, p.file, err)
	}
	sum := key.Hasher().Sum([]byte("contents"))
	contents := filehold.NewContents(sum[:])
	for _, o := range p.past.objects {
		contents.Apply(o)
	}
	if err := p.newKeyed(); err != nil { // before any reading asks whose an identifier is
		return err
	}
	known := p.identifiersKnown(s)
	for i := range p.cfg.Files {
		f := &p.cfg.Files[i]
		cfg := p.filesConfig(f, key)
		cfg.Contents, cfg.Known = contents, known
		if f.Watch {
			if err := p.watchFiles(s, f, &cfg); err != nil {
				return err
			}
		}
		tree := filehold.New(cfg)
		s.run("files of "+f.Name, func(ctx context.Context) error {
			return tree.Run(ctx, p.toldOf(f.Name, "a folder cannot be read", "files read"))
		})
	}
	return p.startStores(s, contents, func(c *config.Store) filehold.Config {
		cfg := p.treeConfig(c.Name, c.Site, key)
		cfg.Known = known
		return cfg
	})
}

// watchFiles begins to watch a folder. What came and went since the last run is a gap.
func (p *process) watchFiles(s *stage, f *config.Files, cfg *filehold.Config) error {
	folder := cfg.Store.(filescan.Folder)
	rec := cfg.Recorder
	watch, err := filewatch.New(filewatch.Config{Root: folder.Root, Skip: folder.Skip, Now: p.now})
	now := p.now().UnixNano()
	var bodies []event.Body
	if p.past.last > 0 && p.past.last < now {
		bodies = append(bodies, &event.Gap{From: p.past.last, To: now, Places: []event.Place{cfg.Tree}, Reason: "nobody watched the folder"})
	}
	if err != nil {
		p.log.Warn("a folder cannot be watched", "files", f.Name, "err", err)
		bodies = append(bodies, &event.Finding{Code: "SK3205", Title: "a folder cannot be watched", Place: cfg.Tree})
	} else {
		cfg.Watch = watch
		s.run("watch of "+f.Name, watch.Run)
		p.log.Info("folder watched", "files", f.Name, "kept_until_read", watch.Holds())
	}
	if len(bodies) == 0 {
		return nil
	}
	if _, err := rec.Record(s.ctx, event.Durable, bodies...); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}

func (p *process) filesConfig(f *config.Files, key *keyring.Key) filehold.Config {
	skip := map[string]bool{}
	for _, dir := range []string{p.cfg.Data, p.cfg.Keys} {
		if abs, err := filepath.Abs(dir); err == nil {
			skip[abs] = true
		}
	}
	root, err := filepath.Abs(f.Folder)
	if err != nil { // only without a working directory
		root = f.Folder
	}
	cfg := p.treeConfig(f.Name, f.Site, key)
	cfg.SnapshotOf = placeNamed(p.cfg.Config, f.SnapshotOf)
	cfg.Name, cfg.Store, cfg.Every = f.Folder, filescan.Folder{Root: root, Skip: skip}, time.Duration(f.Every)
	return cfg
}

// placeNamed is the place of a database, store or folder by its name in the
// configuration; "" for none. Each may be shipped or not: a process that joined
// before folders and stores were shipped ships its databases only.
func placeNamed(c *config.Config, name string) event.Place {
	for i := range c.Databases {
		if c.Databases[i].Name == name {
			return place(&c.Databases[i])
		}
	}
	for i := range c.Files {
		if c.Files[i].Name == name {
			return event.Place(frame.Of(name, c.Files[i].Site))
		}
	}
	for i := range c.Stores {
		if c.Stores[i].Name == name {
			return event.Place(frame.Of(name, c.Stores[i].Site))
		}
	}
	return ""
}

// scanSource names a reading in events: that of what is shipped has its site's name.
func scanSource(name, site string) event.Source {
	return event.Source("scan/" + frame.Of(name, site))
}

// treeConfig is what the readings of all folders and stores have in common. Those
// whose events are shipped have the site's name, and so have the persons that are in
// files only: the hub has such persons of its own.
func (p *process) treeConfig(name, site string, key *keyring.Key) filehold.Config {
	hasher := key.Hasher()
	tree, unknown := event.Place(frame.Of(name, site)), filehold.Unknown
	if first, rest, ok := strings.Cut(string(unknown), "."); ok {
		unknown = event.SubjectSource(frame.Of(first, site) + "." + rest)
	}
	held := map[event.Place]map[event.SubjectSource]bool{}
	for place, sources := range p.past.held {
		if scope.Covers(string(tree), string(place)) && place != tree && len(sources) > 0 {
			held[place] = sources
		}
	}
	return filehold.Config{
		Tree: tree, Held: held, Now: p.now,
		Recorder: p.ledger.Recorder(scanSource(name, site), 0),
		Numbers:  p.dict.Source(unknown), Unknown: unknown,
		Owners:  p.ownersOf,
		Origins: p.originsOf,
		Hash: func(parts ...[]byte) (sum [16]byte) {
			full := hasher.Sum(append([][]byte{[]byte("files")}, parts...)...)
			copy(sum[:], full[:])
			return sum
		},
	}
}

// ownersOf appends the subjects of protected tables to whom an identifier belongs
// for certain. While the direct way to a database is open, nothing in it is.
func (p *process) ownersOf(dst []filehold.Subject, k element.Kind, value []byte) []filehold.Subject {
	for _, b := range p.bases {
		if !p.bypassOpen(b) {
			dst = ownersIn(dst, b.cfg, b.identifiers, k, value)
		}
	}
	for _, b := range p.keyed {
		dst = ownersIn(dst, b.cfg, b.identifiers, k, value)
	}
	return dst
}

// ownersIn is ownersOf for the protected tables of one database.
func ownersIn(dst []filehold.Subject, d *config.Database, identifiers *subject.Identifiers, k element.Kind, value []byte) []filehold.Subject {
	for i := range d.Protect {
		t := &d.Protect[i]
		known := k == subject.NameBirth || slices.ContainsFunc(t.Identifiers, func(column string) bool {
			kind, _ := element.ParseKind(t.Columns[column])
			return kind == k
		})
		if !known {
			continue
		}
		if n, owner := identifiers.Lookup(subject.Space{Table: placeOf(d, t.Table), Element: k}, value); owner == subject.One {
			dst = append(dst, filehold.Subject{Source: sourceOf(d, t.Of), Number: n})
		}
	}
	return dst
}

func (p *process) bypassOpen(b *base) bool {
	for _, g := range p.gates {
		if g.base == b && g.bypass.open.Load() {
			return true
		}
	}
	return false
}
