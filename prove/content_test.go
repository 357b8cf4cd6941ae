package prove

import (
	"math/rand/v2"
	"testing"

	"sekisho/internal/gate/pgproxy"
)

// TestContentNamesElements: the rung of content names what a bounded result
// holds although no column of a protected table is classified so; without it
// nobody knows.
func TestContentNamesElements(t *testing.T) {
	server := startServer(t)
	for name, off := range map[string]switches{"on": {}, "off": {Switches: pgproxy.Switches{NoClassifier: true}}} {
		t.Run(name, func(t *testing.T) {
			l := &lab{server: server, shop: newShop(rand.New(rand.NewPCG(seeds(t)[0], 5)))}
			base := "content_" + name
			must(t, server.CreateDatabase(t.Context(), base))
			must(t, server.Exec(t.Context(), base, l.shop.schema()))
			must(t, l.fill(t.Context(), base, mutation{}))
			h := startHouse(t, server.DSN("watch", base), server.Addr(), base, off)
			_, err := playFrom(t, l, h, 0, base, one(simple("SELECT mail_of(%s), '4111 1111 1111 1111'", l.shop.key(0))))
			must(t, err)
			must(t, h.finish(t.Context()))
			_, full, err := h.scope(t.Context(), l.shop, clientAddress(0))
			must(t, err)
			if n := full.Reachable.Elements["card.pan"]; (n > 0) != (name == "on") {
				t.Errorf("card numbers of %d subjects are reachable: %v", n, full.Reachable.Elements)
			}
		})
	}
}
