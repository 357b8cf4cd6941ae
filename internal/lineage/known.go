package lineage

import (
	"cmp"
	"slices"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// Known is what is known of one protected relation, by object and attribute
// number, so that a later run knows it under other names.
type Known struct {
	OID          OID
	Schema, Name string
	File         OID
	Source       event.SubjectSource
	Key          int16
	From         []event.Place
	Columns      []KnownColumn
	Presence     Carried
}

// KnownColumn is one column of a Known.
type KnownColumn struct {
	Num      int16
	Name     string
	Version  uint32
	Elements element.Mask // of the row's own subject
	Carried  Carried
}

// Known returns what is known of every protected relation now, by object
// number; the numbers hold within c.System.
func (c *Catalog) Known() (list []Known) {
	for _, r := range c.Relations {
		p := r.Protected
		if p == nil || r.OID < firstUserOID || r.Kind == 'm' { // whose query tells under any name
			continue
		}
		k := Known{OID: r.OID, Schema: r.Schema, Name: r.Name, File: r.File, Source: p.Source, Key: p.Key, From: p.From, Presence: p.Carried[Presence]}
		for _, a := range r.All() {
			if a.Num == xmaxColumn && p.Carried[xmaxColumn].Elements == 0 {
				continue
			}
			k.Columns = append(k.Columns, KnownColumn{Num: a.Num, Name: a.Name, Version: a.Version, Elements: p.own(a.Num), Carried: p.Carried[a.Num]})
		}
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b Known) int { return cmp.Compare(a.OID, b.OID) })
	return list
}

// remembered is the catalogue of an earlier run, as far as keep needs it.
func remembered(place event.Place, list []Known) *Catalog {
	c := &Catalog{Relations: map[OID]*Relation{}}
	for i := range list {
		k := &list[i]
		p := &Protection{Source: k.Source, Key: k.Key, From: k.From, Elements: map[int16]element.Mask{}, Identifiers: map[int16]bool{}}
		r := &Relation{OID: k.OID, Schema: k.Schema, Name: k.Name, File: k.File, Protected: p, past: true,
			Place: place + event.Place("/"+k.Schema+"."+k.Name)}
		for _, col := range k.Columns {
			r.Columns = append(r.Columns, Attribute{Num: col.Num, Name: col.Name, Version: col.Version})
			p.Elements[col.Num] = col.Elements
			if col.Carried.Elements != 0 {
				p.carry(col.Num, col.Carried)
			}
		}
		if k.Presence.Elements != 0 {
			p.carry(Presence, k.Presence)
		}
		c.Relations[k.OID] = r
	}
	return c
}

// Derived is a materialised view that is protected because of its query.
type Derived struct {
	Place event.Place
	Table Table // what it holds, as a configuration would state it; Key is "" when its rows name no subject
	// From are the places that it is made from, without its own; none when its
	// query cannot be read.
	From []event.Place
}

// Derived returns the materialised views that nobody configured and no taint
// names, in order of their places. What rests in them has to be scanned: they
// may hold people who are gone where they came from.
func (c *Catalog) Derived() (list []Derived) {
	for _, r := range c.Relations {
		p := r.Protected
		if r.Kind != 'm' || p == nil || !slices.Contains(p.From, r.Place) {
			continue
		}
		d := Derived{Place: r.Place, Table: r.Table(), From: slices.DeleteFunc(slices.Clone(p.From), func(place event.Place) bool { return place == r.Place })}
		d.Table.From = nil
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Derived) int { return cmp.Compare(a.Place, b.Place) })
	return list
}
