package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
)

// TestBypassOfSharedDatabase: a database to which the direct way of another gate is
// open can be reached unseen, whatever the gate does that shuts.
func TestBypassOfSharedDatabase(t *testing.T) {
	shop, hr := &base{cfg: &config.Database{Name: "shop"}}, &base{cfg: &config.Database{Name: "hr"}}
	p := &process{}
	for name, b := range map[string]*base{"first": shop, "second": shop, "hr": hr} {
		p.gates = append(p.gates, &gate{cfg: &config.Gate{Name: name}, base: b, bypass: &bypass{}})
	}
	named := func(name string) *gate {
		for _, g := range p.gates {
			if g.cfg.Name == name {
				return g
			}
		}
		return nil
	}
	first, second := named("first"), named("second")
	second.bypass.open.Store(true)
	for _, c := range []struct {
		what  string
		gates []*gate
		open  bool
		want  []event.Body
	}{
		{"one of two is shut", []*gate{first}, false, []event.Body{&event.Bypass{Places: []event.Place{"shop"}, Open: true, By: "ren", Reason: "r"}}},
		{"another is shut with it", []*gate{first, named("hr")}, false, []event.Body{
			&event.Bypass{Places: []event.Place{"hr"}, By: "ren", Reason: "r"}, &event.Bypass{Places: []event.Place{"shop"}, Open: true, By: "ren", Reason: "r"}}},
		{"all are opened", []*gate{first, second, named("hr")}, true, []event.Body{&event.Bypass{Places: []event.Place{"shop", "hr"}, Open: true, By: "ren", Reason: "r"}}},
	} {
		got := p.bypassBodies(c.gates, nil, control.BypassRequest{Open: c.open, By: "ren", Reason: "r"})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	second.bypass.open.Store(false)
	got := p.bypassBodies([]*gate{first, second}, nil, control.BypassRequest{By: "ren", Reason: "r"})
	if diff := cmp.Diff([]event.Body{&event.Bypass{Places: []event.Place{"shop"}, By: "ren", Reason: "r"}}, got); diff != "" {
		t.Errorf("both are shut (-want +got):\n%s", diff)
	}
}
