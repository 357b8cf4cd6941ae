package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"sekisho/internal/config"
	"sekisho/internal/datamap/filehold"
	"sekisho/internal/datamap/sqliteread"
	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// originsOf returns the protected tables that a dump or a copy was made from, or the
// database of a base backup. The names of tables alone are no evidence, for many programs
// have a table of users: the dump must name the database, or hold subjects of it.
func (p *process) originsOf(ctx context.Context, at event.Place, o filehold.Origin) (of []event.Place) {
	for _, b := range p.bases {
		switch o.How {
		case "base backup":
			cat, err := b.lineage.Catalog(ctx)
			if err != nil {
				continue // said by who follows the catalogue
			}
			if system, _, ok := strings.Cut(cat.System, "/"); ok && system == o.Database {
				of = append(of, place(b.cfg))
			}
		case "pg_dump":
			of = append(of, tablesIn(b.cfg, &o)...)
		}
	}
	for _, k := range p.keyed {
		file, lite := sqliteread.File(k.dsn)
		switch {
		case o.How == "snapshot" && lite && !p.isFile(at, file), o.How == "mysqldump" && strings.HasPrefix(k.dsn, "m"), o.How == "pg_dump" && strings.HasPrefix(k.dsn, "postgres"):
			of = append(of, tablesIn(k.cfg, &o)...)
		}
	}
	return of
}

// tablesIn are the protected tables of d that an origin names, if there is evidence that
// it is of d.
func tablesIn(d *config.Database, o *filehold.Origin) (of []event.Place) {
	evident := o.Database != "" && o.Database == d.Database
	for i := range d.Protect {
		t := &d.Protect[i]
		if slices.Contains(o.Tables, t.Table) {
			of = append(of, placeOf(d, t.Table))
			evident = evident || slices.Contains(o.Holds, sourceOf(d, t.Of))
		}
	}
	if !evident {
		return nil
	}
	return of
}

// isFile reports whether a place is that file: the database itself and no copy of it.
func (p *process) isFile(place event.Place, file string) bool {
	for i := range p.cfg.Files {
		f := &p.cfg.Files[i]
		rel, ok := strings.CutPrefix(string(place), frame.Of(f.Name, f.Site)+"/")
		if !ok {
			continue
		}
		a, aerr := filepath.Abs(filepath.Join(f.Folder, filepath.FromSlash(rel)))
		b, berr := filepath.Abs(file)
		return aerr == nil && berr == nil && a == b
	}
	return false
}
