package pgproxy

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/roll"
)

// Config is what a Gate needs. It does not change after New; rules do, by
// SetRules.
type Config struct {
	// Listener takes the clients. The gate closes it.
	Listener net.Listener
	// Login is how sessions are brought through authentication. HoldReady,
	// NewID and Admit are the gate's own.
	Login pglogin.Config
	// Loop sets the limits of the connections.
	Loop netloop.Config
	// Databases are the configured databases, by the name that clients ask
	// for. Sessions of other databases pass unattributed, with a Finding.
	Databases map[string]Settings
	// Elsewhere names other databases in events; nil: by the name that clients ask for.
	Elsewhere func(database string) event.Place
	// Recorders take the events, sessions in turn; each is of one worker of
	// this gate's source. At least one.
	Recorders []event.Recorder
	// Start counts the runs of this source: session numbers begin with it.
	Start uint32
	// Rules are the policy in force at first; nil: allow and observe.
	Rules *Rules
	// DrainTimeout bounds how long Run waits for open transactions when it
	// ends. 0: 10 seconds.
	DrainTimeout time.Duration
	// Keep, asked when Run ends, says that another gate follows in this process:
	// sessions at rest are kept for it (Kept), those that come to rest within
	// DrainTimeout too. nil: all end. Only the epoll carrier can do it.
	Keep func() bool
	// Resume are sessions that another gate kept. They are this gate's from New on;
	// without an error of New, Run takes them up or Kept gives them back.
	Resume []Kept
	// Began is when the record of what rests in the databases begins, UTC ns; 0 stands
	// for ever. Replication may stream what rested at any time since.
	Began int64
	// Say puts the gate's own words to clients into the operator's language;
	// nil: English. It is asked for sessions whose client_encoding is UTF8,
	// others get English, which has the same bytes in all encodings.
	Say func(text string) string
	// Log takes diagnostics, never data; nil: none.
	Log *slog.Logger
}

// Gate carries sessions to one PostgreSQL server.
type Gate struct {
	cfg      Config
	acceptor *pglogin.Acceptor
	loop     netloop.Loop
	metrics  Metrics
	rules    atomic.Pointer[Rules]

	work sync.WaitGroup // goroutines of analyses, logins, cancels

	roll   roll.Roll // what the server may have counted
	cuts   cutting.Flows
	ending ending
	quiet  atomic.Uint32 // Quiet

	mu        sync.Mutex // guards what follows
	databases map[string]*shared
	sessions  map[event.Session]*session
	next      uint32
	drains
	kept    []keptSession
	resumes []resumed
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Gate, error) {
	switch {
	case cfg.Listener == nil:
		return nil, errors.New("pgproxy: no listener")
	case len(cfg.Recorders) == 0:
		return nil, errors.New("pgproxy: no recorder: a gate that cannot record passes nothing")
	}
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gate{cfg: cfg, sessions: map[event.Session]*session{}, databases: map[string]*shared{}, drains: drains{idle: make(chan struct{}), wait: make(chan struct{}, 1)}}
	cfg.Login.HoldReady, cfg.Login.NewID, cfg.Login.Admit = true, newID, g.admit
	cfg.Login.Keepable = cfg.Keep != nil && cfg.Loop.Native()
	var err error
	if g.acceptor, err = pglogin.New(cfg.Login); err != nil {
		return nil, err
	}
	if g.loop, err = netloop.New(cfg.Loop); err != nil {
		return nil, err
	}
	if cfg.Rules != nil {
		g.rules.Store(cfg.Rules)
	}
	g.cfg.Databases = maps.Clone(cfg.Databases)
	for name, s := range g.cfg.Databases {
		if s.Common == nil {
			s.Common = new(Common)
			g.cfg.Databases[name] = s
		}
	}
	g.takeUp()
	return g, nil
}

// newID returns a fresh event id: 80 random bits, without meaning.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base32.StdEncoding.EncodeToString(b[:])
}

// Run carries sessions until ctx ends, then drains: idle sessions end at once, or
// are kept (Config.Keep), open transactions within Config.DrainTimeout. It returns nil after a clean
// stop, when every goroutine is gone. It must be called once.
func (g *Gate) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	g.openDatabases(work)
	loopDone := make(chan error, 1)
	loopCtx, stopLoop := context.WithCancel(work)
	go func() { loopDone <- g.loop.Run(loopCtx) }()
	g.resume(work)
	acceptDone := make(chan error, 1)
	go func() { acceptDone <- g.accept(work) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-acceptDone:
		acceptDone <- nil
	case err = <-loopDone:
		loopDone <- nil
	}
	closeErr := g.cfg.Listener.Close()
	<-acceptDone
	g.drain()
	stopLoop()
	loopErr := <-loopDone // no session calls any more, so no new work begins
	stopWork()
	g.work.Wait()
	if errors.Is(closeErr, net.ErrClosed) {
		closeErr = nil
	}
	return errors.Join(err, loopErr, closeErr)
}

func (g *Gate) openDatabases(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, s := range g.cfg.Databases {
		g.databases[name] = g.share(ctx, s)
	}
}

func (g *Gate) share(ctx context.Context, s Settings) *shared {
	if s.NewID == nil {
		s.NewID = newID
	}
	sh := newShared(ctx, s, g.rules.Load(), g.work.Go, g.log)
	sh.metrics, sh.say = &g.metrics, g.cfg.Say
	return sh
}

func (g *Gate) log(op string, err error) { g.cfg.Log.Warn("gate", "op", op, "err", err) }

// accept takes clients until the listener closes.
func (g *Gate) accept(ctx context.Context) error {
	for {
		conn, err := g.cfg.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			var timeout interface{ Timeout() bool }
			if errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, errTooManyFiles) {
				g.log("accept", err)
				if !pause(ctx) {
					return nil
				}
				continue
			}
			return fmt.Errorf("accept: %w", err)
		}
		g.entering(1)
		g.work.Go(func() {
			defer g.entering(-1)
			g.serve(ctx, conn)
		})
	}
}

// pause waits a little before the listener is tried again.
func pause(ctx context.Context) bool {
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// serve brings a client through its login and gives it to the loop.
func (g *Gate) serve(ctx context.Context, conn net.Conn) {
	if g.closed() {
		_ = conn.Close()
		return
	}
	entry := g.roll.Begin()
	login, err := g.acceptor.Accept(ctx, conn)
	if err != nil {
		if begun := (*pglogin.Begun)(nil); errors.As(err, &begun) {
			entry.Establish(begun.PID)
		}
		entry.End()
		if !errors.Is(err, pglogin.ErrCancel) && !errors.Is(err, pglogin.ErrLeft) {
			g.metrics.LoginFailures.Add(1)
			g.log("login", err)
		}
		return
	}
	if physical(login) {
		entry.Uncounted(login.PID)
	} else {
		entry.Establish(login.PID)
	}
	if err := g.open(ctx, login, entry); err != nil {
		entry.End()
		g.log("session", err)
		login.Refuse(sessionRefusal(err))
	}
}

// sessionRefusal is what a client hears whose login was in order and whose session the gate cannot carry.
func sessionRefusal(err error) pglogin.Refusal {
	r := pglogin.Refusal{ID: newID(), Cause: err}
	switch {
	case errors.Is(err, netloop.ErrFull):
		r.Code, r.Message, r.Hint = "53300", "too many sessions at the gate", "Close sessions that are not used, or ask the operator of the gate for more."
	case errors.Is(err, errForbidden):
		r.Code, r.Message, r.Hint = "57P01", "this access is cut", "Ask the operator of the gate."
	case errors.Is(err, ErrCut), errors.Is(err, netloop.ErrStopped):
		r.Code, r.Message = "57P01", "the gate is being stopped"
	default:
		r.Code, r.Message, r.Hint = "58030", "the gate cannot record this session", "Ask the operator of the gate: it passes nothing that it cannot record."
	}
	return r
}

// open records the session and gives it to the loop.
func (g *Gate) open(ctx context.Context, login *pglogin.Login, entry *roll.Entry) error {
	s := &session{gate: g, login: login, entry: entry, since: time.Now(), gone: make(chan struct{})}
	who := Identity{User: login.Role, Database: login.Database, Label: login.Application, TLS: login.ClientTLS != nil, ServerPID: login.PID}
	if a, err := netip.ParseAddrPort(login.Address.String()); err == nil {
		who.Address, who.Port = a.Addr().Unmap(), a.Port()
	}
	sh, rec, id := g.assign(ctx, login)
	g.engage(ctx, s, newEngine(sh, ctx, rec, id, who))
	for name, value := range login.Parameters {
		s.e.env.reported(name, value)
	}
	if login.Replication {
		s.e.stream(g.cfg.Began)
	}
	return g.begin(ctx, s, rec)
}

// engage gives a session its engine.
func (g *Gate) engage(ctx context.Context, s *session, e *engine) {
	s.e = e
	e.wake = func() {
		if p := s.pair.Load(); p != nil {
			p.Wake()
		}
	}
	e.cancel = func() { s.cancelServer(ctx) }
	e.left = s.entry.End
}

// begin records that the session is open, asks the cuts, and gives it to the loop.
func (g *Gate) begin(ctx context.Context, s *session, rec event.Recorder) error {
	sh := s.e.g
	if _, err := rec.Record(ctx, event.Written, s.openEvent()); err != nil {
		sh.gapBegins(time.Now().UnixNano())
		if sh.Fail != FailOpen {
			return fmt.Errorf("record session: %w", err)
		}
	}
	if err := g.enter(ctx, rec, s); err != nil {
		s.notBegun()
		return err
	}
	if !g.register(s) {
		s.leave()
		s.notBegun()
		return ErrCut
	}
	if _, err := g.loop.Add(s.login.Client, s.login.Upstream, s); err != nil {
		s.notBegun()
		g.ended(s)
		return err
	}
	g.metrics.Sessions.Add(1)
	return nil
}

// notBegun lets go of what a session that was refused counts for. Who refuses one
// that another gate kept does so when its process is gone.
func (s *session) notBegun() {
	if !s.again {
		s.e.leaves()
	}
}

// database returns what a database's sessions share. g.mu is held.
func (g *Gate) database(ctx context.Context, name string) *shared {
	sh := g.databases[name]
	if sh == nil {
		place := event.Place(name)
		if g.cfg.Elsewhere != nil {
			place = g.cfg.Elsewhere(name)
		}
		sh = g.share(ctx, Settings{Place: place, Database: name, NewID: newID})
		g.databases[name] = sh
	}
	return sh
}

// assign finds the database's shared part, a recorder and a number.
func (g *Gate) assign(ctx context.Context, login *pglogin.Login) (*shared, event.Recorder, event.Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sh := g.database(ctx, login.Database)
	if login.Replication {
		sh = g.streamed(ctx, login.Database)
	}
	g.next++
	return sh, g.cfg.Recorders[int(g.next)%len(g.cfg.Recorders)], event.Session(uint64(g.cfg.Start)<<32 | uint64(g.next))
}

// ended forgets a session. Whoever waits for its end goes on last, when it is
// in no list any more.
func (g *Gate) ended(s *session) {
	defer s.leave()
	s.e.g.forgetFindings(s.e.session)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sessions[s.e.session] == nil {
		return
	}
	delete(g.sessions, s.e.session)
	if s.stays {
		s.stays = false
		g.midway--
	}
	g.rests()
}

// orderAll gives an order to the sessions that match and returns how many.
func (g *Gate) orderAll(o *order, match func(*session) bool) (n int) {
	g.mu.Lock()
	var list []*session
	for _, s := range g.sessions {
		if match(s) {
			list = append(list, s)
		}
	}
	g.mu.Unlock()
	for _, s := range list {
		s.give(o)
	}
	return len(list)
}

// Session is a session as an operator sees it.
type Session struct {
	ID        event.Session
	User      string
	Database  string
	Address   netip.Addr
	Label     string // what the client calls itself
	ServerPID uint32
	Since     time.Time
	Rows      uint64
}

// seen is a session as an operator sees it.
func (s *session) seen() Session {
	w := &s.e.who
	return Session{s.e.session, w.User, w.Database, w.Address, w.Label, w.ServerPID, s.since, s.rows.Load()}
}

// Sessions returns the sessions that are open, by number.
func (g *Gate) Sessions() []Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Session, 0, len(g.sessions))
	for _, s := range g.sessions {
		out = append(out, s.seen())
	}
	slices.SortFunc(out, func(a, b Session) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return out
}

// End ends the sessions that match, with SQLSTATE 57P01, and returns how many
// were told. It does not wait for their end.
func (g *Gate) End(match func(Session) bool) int {
	o := &order{code: "57P01", message: "the gate ended this session"}
	told := func(s *session) bool { return match(s.seen()) }
	return g.orderAll(o, told) + g.endKept(told)
}

// SetRules puts a policy in force for every decision from now on, in sessions
// that are open too.
func (g *Gate) SetRules(r *Rules) {
	g.rules.Store(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, sh := range g.databases {
		sh.current.Store(r)
	}
}

// Carried returns how many sessions the server has confirmed through the gate,
// and the logins under way.
func (g *Gate) Carried() roll.Count { return g.roll.Count() }

// Presence says whether pid serves one of the open sessions, or has just done.
func (g *Gate) Presence(pid uint32) roll.Presence { return g.roll.Presence(pid) }

// DDL returns a number that rises when a statement that may change a database's
// catalogue is sent through the gate, and again when its transaction ended.
func (g *Gate) DDL(database string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sh := g.databases[database]; sh != nil {
		return sh.reg.passed.Load()
	}
	return 0
}

// Metrics returns the counters. They may be read at any time.
func (g *Gate) Metrics() *Metrics { return &g.metrics }

// SchemaChanged says that the schema of a database changed, perhaps by another
// way than through this gate: analyses are made anew, and what the statements
// under way deliver from now on is bounded.
func (g *Gate) SchemaChanged(database string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sh := g.databases[database]; sh != nil {
		sh.reg.epoch.Add(1)
		sh.reg.around.Add(1)
	}
}

var _ netloop.Opener = (*session)(nil)
