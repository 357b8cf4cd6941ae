package main

import (
	"sync"

	"sekisho/internal/config"
	"sekisho/internal/gate/egress"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/gate/revproxy"
)

// together are the gates of a run that ends. Tunnels and WebSockets, which have
// nothing to come to rest, go on until nothing else is left of any.
type together struct{ left sync.WaitGroup }

// one is a gate that begins. It says once that nothing else is left of it, or that it
// has ended.
func (t *together) one() func() {
	t.left.Add(1)
	return sync.OnceFunc(t.left.Done)
}

// wait waits for all. No gate begins any more.
func (t *together) wait() { t.left.Wait() }

// Tunnels of the gates for what leaves wait as sessions do, under names that no gate
// of a database has.

func tunnelsOf(gate string) string { return "egress/" + gate }

// exitEntryOf is entryOf of a gate for what leaves. Its policy is no part of it: what
// begins under another is judged anew, also between two runs.
func exitEntryOf(c *config.EgressGate) (string, error) {
	return entryDigest(struct {
		Users    string
		TLS      config.EgressTLS
		Upstream config.EgressUpstream
	}{c.Users, c.TLS, c.Upstream}, c.Users, c.TLS.ClientCA)
}

// tunnels takes those of a gate out.
func (p *process) tunnels(c *config.EgressGate, entry string) (list []egress.Kept) {
	kept, closed := p.waiting.of(tunnelsOf(c.Name), entry)
	if closed > 0 {
		p.log.Warn("tunnels were ended: who enters the gate has changed", "gate", c.Name, "tunnels", closed)
	}
	for _, k := range kept {
		list = append(list, egress.Kept(k))
	}
	return list
}

// WebSockets of the web gates wait in the same way.

func socketsOf(gate string) string { return "web/" + gate }

// webEntryOf is entryOf of a web gate. Which site and which server of it have a
// connection stands in its state.
func webEntryOf(c *config.Web) (string, error) {
	return entryDigest(c.TLS.Cert != "" || c.TLS.ACME != nil)
}

// webSockets takes those of a gate out.
func (p *process) webSockets(c *config.Web, entry string) (list []revproxy.Kept) {
	kept, closed := p.waiting.of(socketsOf(c.Name), entry)
	if closed > 0 {
		p.log.Warn("WebSockets were ended: who enters the gate has changed", "gate", c.Name, "connections", closed)
	}
	for _, k := range kept {
		list = append(list, revproxy.Kept(k))
	}
	return list
}

// addSockets takes what a gate kept.
func (w *waiting) addSockets(g *webGate) {
	for _, k := range g.server.Kept() {
		if w == nil {
			k.Close()
			continue
		}
		w.all = append(w.all, waitingSession{socketsOf(g.label), g.entry, pgproxy.Kept(k)})
	}
}

// addTunnels takes what a gate kept.
func (w *waiting) addTunnels(g *exitGate) {
	for _, k := range g.server.Kept() {
		if w == nil {
			k.Close()
			continue
		}
		w.all = append(w.all, waitingSession{tunnelsOf(g.cfg.Name), g.entry, pgproxy.Kept(k)})
	}
}
