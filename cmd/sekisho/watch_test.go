package main

import (
	"testing"

	"sekisho/internal/datamap"
	"sekisho/internal/gate/pgproxy"
)

// What goes a direct way is unclear while the way is open and once it was shut.
func TestCarriedChangesWhileDirect(t *testing.T) {
	b := &bypass{pairs: map[*unseen]bool{}}
	c := &carried{gates: []*gate{{server: &pgproxy.Gate{}, bypass: b}}, database: "shop"}
	if got := c.Changes("shop/public.customers"); got != (datamap.Changes{}) {
		t.Errorf("nothing was carried: %+v", got)
	}
	b.opened.Add(1)
	b.open.Store(true)
	open := c.Changes("shop/public.customers")
	if open.InFlight == 0 {
		t.Errorf("the way is open: %+v, want something in flight", open)
	}
	b.opened.Add(1)
	b.pairs[&unseen{}] = true
	b.open.Store(false)
	if got := c.Changes("shop"); got.InFlight == 0 {
		t.Errorf("a session is being ended: %+v, want something in flight", got)
	}
	clear(b.pairs)
	shut := c.Changes("shop/public.customers")
	if shut.InFlight != 0 || shut.Unclear == open.Unclear || shut.Unclear == 0 {
		t.Errorf("the way was shut: %+v after %+v", shut, open)
	}
}
