package pgproxy

import (
	"bytes"
	"encoding/gob"
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/sqlscan"
	"sekisho/internal/traceparent"
	"sekisho/internal/wire/pgwire"
)

// Kept is a session between two runs of a gate, in one process or in two
// programs that follow each other in it: nothing of it passes, and what the
// peers send waits in their sockets. It was at rest, so what it knows is small
// and can be written down. Whoever has one closes its sockets or gives it to
// the next gate.
type Kept struct {
	Client, Upstream *netloop.Socket
	State            []byte // keptState as encode writes it; with the server's cancel key
}

// ServerPID is the server's process, at which nothing is under way; 0: that is not known.
func (k *Kept) ServerPID() uint32 {
	var state keptState
	if state.decode(k.State) != nil || state.Cycle != nil || state.Streaming != nil && state.Streaming.SQL { // which may be under way
		return 0
	}
	return state.Who.ServerPID
}

// Close ends the session.
func (k *Kept) Close() {
	_ = k.Client.Close() // nobody is told: the peers see the end
	_ = k.Upstream.Close()
}

// keptSession is one that this gate let go of.
type keptSession struct {
	Kept
	session *session
	state   *keptState // for State
}

// endKept ends those that match, while nobody has taken them up.
func (g *Gate) endKept(match func(*session) bool) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept = slices.DeleteFunc(g.kept, func(k keptSession) bool {
		if !match(k.session) {
			return false
		}
		n++
		k.Close()
		return true
	})
	return n
}

// keptState is what the next gate has to know of a session at rest. What it
// does not hold must be harmless to forget, or be bounded when it is not known.
type keptState struct {
	Server string // where it was, for the next gate to be at the same
	// Encrypted says which of its legs, client and server, speak TLS: a leg that did
	// never goes on in clear.
	Encrypted [2]bool
	Session   event.Session
	Since     time.Time
	Who       Identity
	Key       []byte // for CancelRequests
	Prepared  []keptPrepared
	Unnamed   *keptPrepared

	Temporary, AskTemporary, Plain, Setting bool // environ
	Temporaries                             []string
	Nonstandard, UnsafeEncoding             bool
	Encoding                                string
	Trace                                   traceparent.ID

	First, Began, Remembered int64 // age
	Rows, BytesOut           uint64
	LimitRows                uint64
	LimitSubjects            map[event.SubjectSource]event.Set
	ClientHold, ServerHold   int
	Wrote                    int64 // when it last wrote, UTC ns; 0: not in this run

	Transaction *keptTransaction
	Portals     []keptPortal
	Streaming   *keptStream // a replication connection's
	Cycle       *keptCycle  // of a statement that runs

	// Of the database, when no session sends any more: what sessions before sent
	// may still be on its way to this one.
	Signals map[uint32]int64
	Anyone  int64
	Hour    *keptHour // of its user; with one session of each
}

// encode writes a state down. Names are as the client sent them, in whatever
// encoding, so it must be a form that keeps every byte: two statements whose names
// became one would be taken for each other.
func (k *keptState) encode() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(k)
	return b.Bytes(), err
}

func (k *keptState) decode(b []byte) error { return gob.NewDecoder(bytes.NewReader(b)).Decode(k) }

// keptPrepared is a prepared statement.
type keptPrepared struct {
	Name       string
	Text       []byte
	Known      bool // it was scanned
	Trace      traceparent.ID
	Types      []uint32 // of Parse
	Parameters []uint32 // of the statement
	Scan       sqlscan.Options
	Columns    []string // that the gate added
	Strip      int
	At, Length int // of what was added
}

// atRest says that nothing of the session is under way in any direction or waits
// for an answer of anybody, and that what the engine knows of it can be written
// down. It may be in the middle of a transaction.
func (e *engine) atRest() bool {
	switch {
	case e.streaming != nil:
		return e.streamAtRest()
	case e.fatal != nil, e.lost != "", e.carried != nil, !e.queue.empty(), e.sent != e.answered:
	case e.open, e.skip, e.copyIn != nil, e.discard, e.canceled, e.cutting != nil, e.dropping, e.long != nil, e.stray != nil:
	case e.clientHeld.has, e.serverHeld.has, !e.client.Idle(), !e.server.Idle(), e.awaiting != 0:
	case e.laundering != 0, e.toClient.closed, e.toServer.closed:
	case e.tx == pgwire.TxIdle && e.unsettledAt():
	default:
		return e.portalsAtRest()
	}
	return false
}

// unsettledAt says that something of a transaction is there outside of one.
func (e *engine) unsettledAt() bool {
	return e.ddl.mark != 0 || len(e.tainting) > 0 || e.late.mark != 0 || e.late.prepared != 0 || e.writing.mark != 0 || e.env.opaque != 0
}

// keep returns what the next gate has to know. The session is at rest, and its
// buckets are closed.
func (e *engine) keep() *keptState {
	v := &e.env
	k := &keptState{Session: e.session, Who: e.who,
		Temporary: v.temp, AskTemporary: v.askTemp, Plain: v.plain, Setting: v.setting, Temporaries: v.temps,
		Nonstandard: v.nonstandard, UnsafeEncoding: v.unsafeEncoding, Encoding: v.encoding, Trace: v.trace,
		First: e.age.first, Began: e.age.began, Remembered: e.age.kept, Rows: e.rows, BytesOut: e.bytesOut,
		LimitRows: e.limits.rows, ClientHold: e.client.Hold, ServerHold: e.server.Hold, Wrote: e.wroteAt,
		Transaction: e.keepTransaction(), Portals: e.keepPortals(), Streaming: e.keepStream(), Cycle: e.keepCycle()}
	for _, s := range e.prepared {
		k.Prepared = append(k.Prepared, s.keep())
	}
	if e.unnamed != nil && k.Cycle == nil { // else nobody knows there whether it was parsed
		s := e.unnamed.keep()
		k.Unnamed = &s
	}
	by := map[event.SubjectSource][]uint32{}
	for p := range e.limits.seen {
		by[p.source] = append(by[p.source], p.number)
	}
	for source, numbers := range by {
		if k.LimitSubjects == nil {
			k.LimitSubjects = map[event.SubjectSource]event.Set{}
		}
		k.LimitSubjects[source] = event.SetOf(numbers)
	}
	return k
}

func (s *prepared) keep() keptPrepared {
	k := keptPrepared{Name: s.name, Text: s.text, Known: s.command.st != nil, Trace: s.trace, Types: s.types,
		Parameters: s.command.types, Scan: s.scan, Strip: s.strip, At: s.added.at, Length: s.added.length}
	if s.injection != nil {
		k.Columns = s.injection.Columns
	}
	return k
}

// keepable says that the session can be kept when it comes to rest. Others end
// then: of suites of CBC, and of TLS whose keys have changed, nobody knows enough, and
// what a session that is lost has under way neither.
func (s *session) keepable() bool {
	return s.login.Client.Keepable() && s.login.Upstream.Keepable() && s.e.lost == ""
}

// keepIfAtRest has the loop let go of a session that shall be kept, when that is
// possible now. Until it has let go, cuts still end the session. A replication
// connection waits as who is in the middle of a transaction does: the commits of others
// may wait for what it carries.
func (s *session) keepIfAtRest(p *netloop.Pair) {
	o := s.order.Load()
	if o == nil || !o.keep || s.keeping || s.closed {
		return
	}
	rests := s.e.atRest() && s.keepable()
	inside := !rests && o.inside && s.keepable() && s.e.inside()
	if midway := rests && (s.e.tx != pgwire.TxIdle || s.e.streaming != nil) && !o.midway; s.gate.stays(s, midway) || !rests && !inside {
		return
	}
	if p.Detach() {
		s.keeping = true
		s.e.closeBuckets(event.OutcomeBucket)
		s.keeping = s.e.fatal == nil // else it could not be recorded, and ends
	}
}

var _ netloop.Detacher = (*session)(nil)

// OnDetached implements netloop.Detacher.
func (s *session) OnDetached(_ *netloop.Pair, client, upstream *netloop.Socket) {
	s.closed = true
	s.count()
	state := s.e.keep()
	state.Server, state.Since, state.Key = s.gate.acceptor.Server(), s.since, s.login.Key
	state.Encrypted = [2]bool{client.TLS != nil, upstream.TLS != nil}
	s.gate.hold(keptSession{Kept{Client: client, Upstream: upstream}, s, state})
	s.gate.ended(s)
}

// hold keeps what the loop let go of, unless somebody ordered its end meanwhile.
func (g *Gate) hold(k keptSession) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept = append(g.kept, k)
	if o := k.session.order.Load(); o == nil || !o.keep { // who orders it from now on finds it in the list
		g.kept = g.kept[:len(g.kept)-1]
		k.Close()
		k.session.entry.End()
	}
}

// Kept returns the sessions that wait for another gate, once: those that this
// one kept when it ended, and those that it was given and did not take up. Run
// has returned, or was never called; so has that of every gate of the database.
func (g *Gate) Kept() []Kept {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Kept
	told := map[string]bool{}
	for _, k := range g.kept {
		var err error
		if at := k.state.Who.Database + "\x00" + k.state.Who.User; !told[at] {
			told[at], k.state.Hour = true, k.session.e.g.hours.keep(k.state.Who.User)
		}
		k.state.Signals, k.state.Anyone = k.session.e.g.signals.all()
		if k.State, err = k.state.encode(); err != nil { // nothing in it can fail
			g.log("keep a session", err)
			k.Close()
			k.session.entry.End()
			continue
		}
		list = append(list, k.Kept)
	}
	g.kept = nil
	for _, r := range g.resumes {
		list = append(list, r.kept)
	}
	g.resumes = nil
	return list
}
