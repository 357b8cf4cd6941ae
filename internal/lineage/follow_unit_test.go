package lineage

import (
	"slices"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// What reaches a relation by a second way counts too, though its elements are the
// same: they are of others.
func TestFollowedByTwoWays(t *testing.T) {
	email := element.MaskOf(element.Email)
	columns := []Attribute{{Num: 1, Name: "x"}}
	protected := func(place event.Place) *Protection {
		return &Protection{Elements: map[int16]element.Mask{1: email}, From: []event.Place{place}}
	}
	key := func(to OID) follow { return follow{to: to, refs: []int16{1}, atts: []int16{1}, onUpdate: 'c'} }
	a := &analyser{cat: &Catalog{Relations: map[OID]*Relation{
		1: {OID: 1, Place: "shop/a", Columns: columns, Protected: protected("shop/a"), follows: []follow{key(3), key(2)}},
		2: {OID: 2, Place: "shop/c", Columns: columns, Protected: protected("shop/c"), follows: []follow{key(3)}},
		3: {OID: 3, Place: "shop/b", Columns: columns, follows: []follow{key(4)}},
		4: {OID: 4, Place: "shop/d", Columns: columns},
	}}}
	a.follow([]carry{{rel: a.cat.Relations[1], atts: []int16{1}, moved: true}})
	var from []event.Place
	for _, w := range a.follows {
		if w.Rel == 4 {
			from = appendPlaces(from, w.From)
		}
	}
	slices.Sort(from)
	if want := []event.Place{"shop/a", "shop/c"}; !slices.Equal(from, want) {
		t.Errorf("the last relation holds data of %v, want %v", from, want)
	}
}
