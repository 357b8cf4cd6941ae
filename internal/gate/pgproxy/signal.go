package pgproxy

import (
	"maps"
	"sync"

	"sekisho/internal/sqlscan"
)

// A notification tells what it carries, and that it came: who sends it if a
// condition over protected columns holds, or in a transaction that goes wrong if
// one does not, tells of them without a payload. And what it tells is as old as
// what its sender saw. So the gates of a database remember which server
// processes may have sent such ones, and since when what they tell may have
// rested.

// signals are the notifications that may tell something protected.
type signals struct {
	mu     sync.Mutex
	by     map[uint32]int64 // server process → from when on what it tells may have rested, UTC ns
	anyone int64            // the same, of every process; 0: nothing
}

// maxSignals bounds the processes that are told apart; then one stands for all.
const maxSignals = 10_000

func (s *signals) note(pid uint32, rested int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.by[pid]; ok && old <= rested {
		return
	}
	if s.by == nil {
		s.by = map[uint32]int64{}
	}
	s.by[pid] = rested
	if len(s.by) <= maxSignals {
		return
	}
	for _, rested := range s.by {
		s.every(rested)
	}
	s.by = nil
}

func (s *signals) every(rested int64) {
	if s.anyone == 0 || rested < s.anyone {
		s.anyone = rested
	}
}

// toldApart bounds the processes that all tells apart: each session that is kept
// takes them along.
const toldApart = 64

// all returns what is known, for add.
func (s *signals) all() (by map[uint32]int64, anyone int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) <= toldApart {
		return maps.Clone(s.by), s.anyone
	}
	one := signals{anyone: s.anyone}
	for _, rested := range s.by {
		one.every(rested)
	}
	return nil, one.anyone
}

// add notes what another run knew.
func (s *signals) add(by map[uint32]int64, anyone int64) {
	for pid, rested := range by {
		s.note(pid, rested)
	}
	if anyone != 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.every(anyone)
	}
}

// of returns since when what a notification of a process tells may have rested;
// false when nothing protected had a part in it.
func (s *signals) of(pid uint32) (rested int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rested, ok = s.by[pid]
	if s.anyone != 0 && (!ok || s.anyone < rested) {
		return s.anyone, true
	}
	return rested, ok
}

// signal is when the session last read something protected, and last sent a
// notification, UTC ns.
type signal struct{ read, sent int64 }

// signals notes that a command is about to be sent that may notify, or read.
func (e *engine) signals(c *command, p *plan, k *knownCode) {
	s := &e.signal
	if p != nil && p.crosses() || e.env.setting {
		s.read = e.clock
	}
	switch a := p.lineage(); {
	case k != nil && k.code.Protected:
		s.read = e.clock
	case k == nil && c.runsCode(p):
		s.read, s.sent = e.clock, e.clock
	case a == nil && p != nil && p.opaque != "" && hasWord(c.st.Canon, "pg_notify"):
		s.sent = e.clock
	}
	if a := p.lineage(); a != nil && a.Notifies || k != nil && k.code.Notifies || c.st.Kind == sqlscan.Notify {
		s.sent = e.clock
	}
	if s.read >= e.age.began && s.sent >= e.age.began && s.sent != 0 {
		e.g.signals.note(e.who.ServerPID, e.oldest())
	}
}

// codeOfRun is what is known of the code that c runs; nil when it runs none, or
// nobody knows.
func (e *engine) codeOfRun(c *command, p *plan) *knownCode {
	if !c.runsCode(p) {
		return nil
	}
	return e.codeOf(c)
}
