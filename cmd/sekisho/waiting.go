package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"sekisho/internal/config"
	"sekisho/internal/fault"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/wire/tlsrecord"
)

// waiting are the sessions that the gates of one run kept, for those of the same
// name in the next, in this process or in the program that follows in it. It is
// used by one goroutine at a time. A nil *waiting has none and takes none.
type waiting struct{ all []waitingSession }

// waitingSession is one of them.
type waitingSession struct {
	gate  string
	entry string // entryOf its gate
	pgproxy.Kept
}

// handedSession is one as the next program is told of it. Descriptors are the
// process's.
type handedSession struct {
	Gate     string `json:"gate"`
	Entry    string `json:"entry"`
	Client   int    `json:"client"`
	Upstream int    `json:"upstream"`
	// From where TLS goes on, on each side; nil: in clear.
	ClientTLS   *tlsrecord.State `json:"client_tls,omitempty"`
	UpstreamTLS *tlsrecord.State `json:"upstream_tls,omitempty"`

	State []byte `json:"state"`
}

// keepsSessions is the form in which a program writes sessions down for the
// next, and the only one that it reads. 0: it keeps none.
const keepsSessions = 7

// entryOf is a digest of what says who enters a gate, and to which server: what
// it lets in is kept for a gate of which that is still true. Policies are no
// part of it: they are asked again.
func entryOf(g *config.Gate, d *config.Database) (string, error) {
	return entryDigest(struct {
		Login, TLS, Server any
		Address, Database  string
	}{g.Login, g.TLS, d.TLS, d.Upstream, d.Database}, g.Login.Verifiers, g.Login.Passwords, g.TLS.ClientCA, d.TLS.CA)
}

// entryDigest is a digest of settings and of the files that they name.
func entryDigest(settings any, files ...string) (string, error) {
	of := struct {
		Settings any
		Files    [][]byte
	}{Settings: settings}
	for _, name := range files {
		var text []byte
		if name != "" {
			var err error
			if text, err = os.ReadFile(name); err != nil {
				return "", err
			}
		}
		of.Files = append(of.Files, text)
	}
	text, err := json.Marshal(of)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// served returns what says of a process of the server that it serves one of them:
// nothing is under way there, and if the session ends nothing of it is committed.
func (w *waiting) served() func(pid uint32) bool {
	pids := map[uint32]bool{}
	if w != nil {
		for i := range w.all {
			pids[w.all[i].ServerPID()] = true
		}
	}
	return func(pid uint32) bool { return pids[pid] }
}

// of takes the sessions of a gate out, and closes those of another entry.
func (w *waiting) of(gate, entry string) (list []pgproxy.Kept, closed int) {
	if w == nil {
		return nil, 0
	}
	rest := w.all[:0]
	for _, s := range w.all {
		switch {
		case s.gate != gate:
			rest = append(rest, s)
		case s.entry != entry:
			s.Close()
			closed++
		default:
			list = append(list, s.Kept)
		}
	}
	w.all = rest
	return list, closed
}

// add takes what a gate kept.
func (w *waiting) add(g *gate) {
	for _, k := range g.server.Kept() {
		if w == nil {
			k.Close()
			continue
		}
		w.all = append(w.all, waitingSession{g.cfg.Name, g.entry, k})
	}
}

// close ends those that no gate took, and returns how many.
func (w *waiting) close() (n int) {
	if w == nil {
		return 0
	}
	for i := range w.all {
		w.all[i].Close()
	}
	n = len(w.all)
	w.all = nil
	return n
}

// write puts them where the next program reads them, and returns the descriptor
// of the text and those of the sockets.
func (w *waiting) write() (text int, sockets []int, err error) {
	if w == nil || len(w.all) == 0 {
		return 0, nil, nil
	}
	list := make([]handedSession, len(w.all))
	for i := range w.all {
		s := &w.all[i]
		list[i] = handedSession{s.gate, s.entry, s.Client.Descriptor(), s.Upstream.Descriptor(), s.Client.TLS, s.Upstream.TLS, s.State}
		sockets = append(sockets, list[i].Client, list[i].Upstream)
	}
	out, err := handedText(sockets, list)
	if err != nil {
		return 0, nil, err
	}
	text, err = keepText(out)
	clear(out) // it holds keys
	return text, sockets, err
}

// handedText is a line with the sockets, and then the sessions: who cannot read these
// knows what to close.
func handedText(sockets []int, list []handedSession) ([]byte, error) {
	first, err := json.Marshal(sockets)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	defer clear(rest)
	return append(append(first, '\n'), rest...), nil
}

// readWaiting takes what write left. Sockets of sessions that it cannot read are
// closed: their peers would wait for ever.
func readWaiting(fd int) (*waiting, error) {
	w := &waiting{}
	if fd == 0 {
		return w, nil
	}
	text, err := keptText(fd)
	if err != nil {
		return w, err
	}
	defer clear(text)
	forgetText(fd)
	var sockets []int
	var list []handedSession
	first, rest, _ := bytes.Cut(text, []byte{'\n'})
	err = json.Unmarshal(first, &sockets)
	if err == nil {
		err = json.Unmarshal(rest, &list)
	}
	if err != nil {
		for _, fd := range sockets {
			closeSocket(fd)
		}
		return w, fault.New(fault.Internal).Because(fmt.Errorf("sessions of the program before: %w", err))
	}
	var all []error
	for _, h := range list {
		keepPrivate(h.Client)
		keepPrivate(h.Upstream)
		client, err := netloop.Adopt(h.Client, h.ClientTLS)
		upstream, other := netloop.Adopt(h.Upstream, h.UpstreamTLS)
		if err = errors.Join(err, other); err != nil {
			closeSocket(h.Client)
			closeSocket(h.Upstream)
			all = append(all, err)
			continue
		}
		w.all = append(w.all, waitingSession{h.Gate, h.Entry, pgproxy.Kept{Client: client, Upstream: upstream, State: h.State}})
	}
	return w, errors.Join(all...)
}

// keepSessions says that another run takes the sessions up: another program that can,
// or this one when that cannot start.
func (p *process) keepSessions() bool { return p.waiting != nil && p.keeping.Load() }

// collect gathers what the gates kept. They have ended, or were never begun.
func (p *process) collect() {
	for _, g := range p.gates {
		p.waiting.add(g)
	}
	for _, g := range p.exits {
		p.waiting.addTunnels(g)
	}
	for _, g := range p.webs {
		p.waiting.addSockets(g)
	}
}

// settleSessions ends what no gate of this run took.
func (p *process) settleSessions() {
	if n := p.waiting.close(); n > 0 {
		p.log.Warn("sessions of a gate that is there no more were ended", "sessions", n)
	}
}
