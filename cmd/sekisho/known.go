package main

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// maxRelationColumns bounds the columns of one event, which has a length.
const maxRelationColumns = 400

// relations are what the ledger says of the relations of a database: by System
// and object number.
type relations map[relationKey]*event.Relation

type relationKey struct {
	system string
	oid    uint32
}

// fold takes an event; columns that it does not name stay.
func (m relations) fold(b *event.Relation) {
	key := relationKey{b.System, b.OID}
	next := *b
	if old := m[key]; old != nil {
		for _, c := range old.Columns {
			if !slices.ContainsFunc(b.Columns, func(n event.RelationColumn) bool { return n.Num == c.Num }) {
				next.Columns = append(slices.Clone(next.Columns), c)
			}
		}
	}
	m[key] = &next
}

// known is what the lineage reader gets of an earlier run.
func (m relations) known(system string) (list []lineage.Known) {
	for key, b := range m {
		if key.system != system {
			continue
		}
		_, name, _ := strings.Cut(string(b.Table), "/")
		schema, name, _ := strings.Cut(name, ".")
		k := lineage.Known{OID: lineage.OID(b.OID), Schema: schema, Name: name, File: lineage.OID(b.File), Source: b.Source, Key: b.Key, From: b.From,
			Presence: lineage.Carried{Elements: b.Rows, From: b.RowsFrom}}
		for _, c := range b.Columns {
			k.Columns = append(k.Columns, lineage.KnownColumn{Num: c.Num, Name: c.Name, Version: c.Version, Elements: c.Elements,
				Carried: lineage.Carried{Elements: c.Carried, From: c.From}})
		}
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b lineage.Known) int { return cmp.Compare(a.OID, b.OID) })
	return list
}

// remember records what the catalogue knows and the ledger does not.
func (b *base) remember(ctx context.Context) error {
	b.remembering.Lock()
	defer b.remembering.Unlock()
	cat, err := b.lineage.Catalog(ctx)
	if err != nil || cat.System == "" || cat == b.remembered {
		return err
	}
	for _, k := range cat.Known() {
		body := relationOf(place(b.cfg), cat.System, &k)
		old := b.relations[relationKey{cat.System, body.OID}]
		if old != nil && sameRelation(old, body) {
			continue
		}
		parts := slices.Collect(slices.Chunk(body.Columns, maxRelationColumns))
		if len(parts) == 0 { // a sequence
			parts = append(parts, nil)
		}
		for _, part := range parts {
			next := *body
			next.Columns = part
			if _, err := b.rec.Record(ctx, event.Durable, &next); err != nil {
				return err
			}
			b.relations.fold(&next)
		}
	}
	b.remembered = cat
	return nil
}

// sameRelation compares what is known; columns that are gone do not count.
func sameRelation(old, now *event.Relation) bool {
	o := *old
	o.Columns = slices.DeleteFunc(slices.Clone(o.Columns), func(c event.RelationColumn) bool {
		return !slices.ContainsFunc(now.Columns, func(n event.RelationColumn) bool { return n.Num == c.Num })
	})
	slices.SortFunc(o.Columns, func(a, b event.RelationColumn) int { return cmp.Compare(a.Num, b.Num) })
	return reflect.DeepEqual(&o, now)
}

func relationOf(db event.Place, system string, k *lineage.Known) *event.Relation {
	out := &event.Relation{Database: db, System: system, OID: uint32(k.OID), Table: db + event.Place("/"+k.Schema+"."+k.Name), File: uint32(k.File),
		Source: k.Source, Key: k.Key, From: k.From, Rows: k.Presence.Elements, RowsFrom: k.Presence.From}
	for _, c := range k.Columns {
		out.Columns = append(out.Columns, event.RelationColumn{Num: c.Num, Name: c.Name, Version: c.Version, Elements: c.Elements,
			Carried: c.Carried.Elements, From: c.Carried.From})
	}
	return out
}
