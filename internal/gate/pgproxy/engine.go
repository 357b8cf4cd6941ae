package pgproxy

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
	"sekisho/internal/wire/pgwire"
)

// Identity is who is at the client's end, as the gate saw it at login.
type Identity struct {
	User     string
	Database string // as the client named it
	Address  netip.Addr
	Port     uint16
	Label    string // application_name: never narrows anything
	TLS      bool
	// ServerPID and the secret allow a CancelRequest.
	ServerPID uint32
}

// engine is the state machine of one session. It is not safe for concurrent
// use; only acks and wakes come from other goroutines.
type engine struct {
	g       *shared
	ctx     context.Context
	rec     event.Recorder
	session event.Session
	who     Identity
	clock   int64 // UTC ns of the present call

	client, server     pgwire.Scanner
	toClient, toServer sink
	clientHeld         held
	serverHeld         held
	waitClient         waitReason
	waitServer         waitReason

	queue    queue
	skip     bool // the server discards everything until the next Sync
	tx       byte // of the last ReadyForQuery
	sent     uint64
	answered uint64 // ReadyForQuery messages expected and seen
	open     bool   // an extended message was sent since the last Sync
	copyIn   *copyIn
	lost     string // why the queue is no longer trusted; "" when it is
	cutting  *refusal
	discard  bool // the server's rows are thrown away up to ReadyForQuery
	canceled bool // a CancelRequest is under way

	prepared map[string]*prepared
	portals  map[string]*portal
	unnamed  *prepared
	blank    *portal // the unnamed portal
	heldMem  int     // bytes of statement texts held in prepared
	free     []*execution

	env        environ
	age        age
	signal     signal
	holding    holding
	ddl        ddlState
	calmedAt   uint64 // sent, and one, when a message last waited until nobody changed the schema
	turn       uint64 // Settings.Turns before the transaction under way began
	ownDDL     uint64 // how much of the registry's epoch is this session's doing
	writing    writing
	wroteAt    int64   // when a transaction that may have written ended last, UTC ns
	tainting   []Taint // what the transaction under way taints
	fate       fate
	late       late
	laundering int // executions under way that run code nobody knows

	slots     map[*plan]*slot
	lastSlot  *slot
	openSlots []*slot
	unsafe    []*slot
	deadline  int64 // UTC ns when the buckets close; 0: none is open
	armed     int64 // the next tick that the transport was told
	calm      int64 // UTC ns when a lost session counts as at rest; 0: it is not

	awaiting int // durable acks not collected yet
	acked    atomic.Int64
	ackErr   atomic.Pointer[error]
	wake     func() // asks the transport for wake; any goroutine
	cancel   func() // asks the transport for a CancelRequest, then cancelDone
	left     func() // the session has ended, and its process at the server is gone; any goroutine

	fields      []pgwire.Field
	scratch     []byte
	values      [][]byte
	scanner     sqlscan.Scanner
	commands    []command
	lastShape   *shape
	spareQuery  *query
	sparePortal *portal
	asked       int    // how often the message at hand waited for an analysis
	mixed       uint64 // a simple Query was sent into an open pipeline
	dropping    bool   // messages up to Sync are not passed on: their statement was cut

	rows, bytesOut uint64
	streaming      *execution // of a replication connection; nil for others
	carried        *execution // of the statement that ran over an upgrade; nil: none does
	long           *execution // of the row that is passing in pieces; nil: none is
	statements     uint64     // ended well and not counted yet
	limits         sessionLimits

	stray *execution // of rows that belong to no statement; nil: there are none

	fatal error // why the session ends; nil while it goes on
}

// waitReason says what a side waits for.
type waitReason uint8

const (
	waitNothing waitReason = iota
	waitAnalysis
	waitProbe
	waitDurable
	waitCancel
	waitReplies
)

// held is input that waits: one message that was looked at, and what follows.
type held struct {
	msg  pgwire.Message
	has  bool
	rest []byte
}

func (h *held) hold(m *pgwire.Message, rest []byte) {
	raw := append([]byte(nil), m.Raw...)
	h.msg = *m
	h.msg.Raw, h.msg.Body = raw, raw[len(m.Raw)-len(m.Body):]
	h.has = true
	h.rest = append([]byte(nil), rest...)
}

// maxHeldMessage is the largest message that is held as a whole. Larger ones
// pass in pieces; rows keep their key columns, texts become unknown.
const maxHeldMessage = 4 << 20

func newEngine(g *shared, ctx context.Context, rec event.Recorder, session event.Session, who Identity) *engine {
	e := &engine{g: g, ctx: ctx, rec: rec, session: session, who: who, tx: pgwire.TxIdle}
	e.client.Hold, e.server.Hold = 4*maxHeldMessage, maxHeldMessage
	e.prepared, e.portals, e.slots = map[string]*prepared{}, map[string]*portal{}, map[*plan]*slot{}
	e.wake, e.cancel, e.left = func() {}, func() {}, func() {}
	e.env.dirty = true
	if g.Turns != nil {
		e.turn = g.Turns()
	}
	return e
}

func (e *engine) now() int64 { return e.clock }

// ErrProtocol ends a session whose peer does not speak the protocol.
var ErrProtocol = errors.New("peer does not speak the PostgreSQL protocol (SK3001)")

// errLongRow ends a session whose row is too large to be changed.
var errLongRow = errors.New("row is too large to be masked (SK3004)")

// errPortals ends a session that opens portals without end.
var errPortals = errors.New("too many open portals (SK3105)")

// errRecorder ends a session that cannot be recorded.
var errRecorder = errors.New("cannot record (SK3002)")

// fromClient takes the next bytes of the client.
func (e *engine) fromClient(b []byte) {
	if e.streaming != nil {
		e.streamFromClient(b)
		return
	}
	e.stirs()
	e.begins()
	if e.clientHeld.has {
		e.clientHeld.rest = append(e.clientHeld.rest, b...)
		return
	}
	e.clientLoop(b)
}

func (e *engine) clientLoop(b []byte) {
	e.toServer.begin(b)
	whole := len(b)
	for e.fatal == nil {
		m, rest, ok, err := e.client.Next(b)
		if err != nil {
			e.endGarbage(err)
			return
		}
		if !ok {
			return
		}
		e.toServer.at = -1 // the scanner's own memory
		if len(b) > 0 && len(m.Raw) > 0 && &m.Raw[0] == &b[0] {
			e.toServer.at = whole - len(b)
		}
		if !e.clientMessage(&m) {
			e.clientHeld.hold(&m, rest)
			return
		}
		b = rest
	}
}

// fromServer takes the next bytes of the server.
func (e *engine) fromServer(b []byte) {
	if e.streaming != nil {
		e.streamFromServer(b)
		return
	}
	e.calm = 0
	if e.serverHeld.has {
		e.serverHeld.rest = append(e.serverHeld.rest, b...)
		return
	}
	e.serverLoop(b)
	e.afterServer()
}

func (e *engine) serverLoop(b []byte) {
	e.toClient.begin(b)
	whole := len(b)
	for e.fatal == nil {
		m, rest, ok, err := e.server.Next(b)
		if err != nil {
			e.end(fmt.Errorf("server: %w: %w", ErrProtocol, err))
			return
		}
		if !ok {
			return
		}
		e.toClient.at = -1
		if len(b) > 0 && len(m.Raw) > 0 && &m.Raw[0] == &b[0] {
			e.toClient.at = whole - len(b)
		}
		if !e.serverMessage(&m) {
			e.serverHeld.hold(&m, rest)
			return
		}
		b = rest
	}
}

// afterServer lets the client go on when it waited for the server.
func (e *engine) afterServer() {
	if e.clientHeld.has && (e.waitClient == waitProbe || e.waitClient == waitReplies) {
		e.resumeClient()
	}
}

// woken continues what can go on after a wake.
func (e *engine) woken() {
	e.collectAcks()
	e.resumeServer()
	e.resumeClient()
}

func (e *engine) resumeClient() {
	if !e.clientHeld.has || e.fatal != nil {
		return
	}
	h := e.clientHeld
	e.waitClient = waitNothing
	e.toServer.begin(nil)
	if !e.clientMessage(&h.msg) {
		return
	}
	e.clientHeld = held{}
	e.clientLoop(h.rest)
	e.toServer.settle()
}

func (e *engine) resumeServer() {
	if !e.serverHeld.has || e.fatal != nil {
		return
	}
	if e.streaming != nil {
		e.resumeStream()
		return
	}
	h := e.serverHeld
	e.waitServer = waitNothing
	e.toClient.begin(nil)
	if !e.serverMessage(&h.msg) {
		return
	}
	e.serverHeld = held{}
	e.serverLoop(h.rest)
	e.toClient.settle()
	e.afterServer()
}

// nextTick returns when tick has something to do, UTC ns; 0: never.
func (e *engine) nextTick() int64 {
	if e.deadline == 0 || e.calm != 0 && e.calm < e.deadline {
		return e.calm
	}
	return e.deadline
}

// tick closes buckets that are due, and lets a lost session rest.
func (e *engine) tick() {
	if e.calm != 0 && e.clock >= e.calm {
		e.rest()
	}
	if e.deadline != 0 && e.clock >= e.deadline {
		e.closeBuckets(event.OutcomeBucket)
	}
}

// close ends the session's records. It may be called once.
func (e *engine) close(reason string) {
	why := event.OutcomeDone
	if !e.queue.empty() || e.carried != nil || e.fatal != nil {
		why = event.OutcomeCut
	}
	e.halfRow()
	e.closeBuckets(why)
	before, unfinished := e.late, e.unfinished()
	e.endLate()
	e.leavesCode()
	e.goes(before, unfinished)
	e.submit(&event.SessionClose{Session: e.session, Reason: reason, Rows: e.rows, Bytes: e.bytesOut})
}

// end ends the session: nothing more is read, what was put out still leaves.
func (e *engine) end(err error) {
	if e.fatal == nil {
		e.fatal = err
	}
}

// lastWord tells the client why its session ends. In the middle of a message
// that passes in pieces nothing can be said.
func (e *engine) lastWord(code, message string) {
	if e.streaming == nil && (e.server.Idle() || e.server.Partial() > 0) {
		e.toClient.buf = pgwire.AppendError(e.toClient.own(), pgwire.ErrorInfo{Severity: "FATAL", Code: code, Message: message})
	}
}

// endGarbage ends a session whose client sent what is no message.
func (e *engine) endGarbage(cause error) {
	if e.fatal == nil {
		e.lastWord("08P01", "what was sent is no message of the PostgreSQL protocol, version 3 (SK3001)")
	}
	e.end(fmt.Errorf("client: %w: %w", ErrProtocol, cause))
}

// lose stops trusting the queue: every row from now on is bounded over all
// protected tables.
func (e *engine) lose(why string) {
	if e.lost != "" {
		return
	}
	e.lost = why
	e.writesAnything()
	e.g.signals.note(e.who.ServerPID, e.age.first)
	e.g.metrics.Lost.Add(1)
	e.find("SK3102", "the server's answers do not fit the client's messages ("+why+"): the session is bounded")
}

// durable returns the callback of a Submit whose sync rows wait for.
func (e *engine) durable() func(error) {
	e.awaiting++
	return func(err error) {
		if err != nil {
			e.ackErr.CompareAndSwap(nil, &err)
		}
		e.acked.Add(1)
		e.wake()
	}
}

func (e *engine) collectAcks() {
	n := e.acked.Swap(0)
	e.awaiting -= int(n)
	if p := e.ackErr.Load(); p != nil {
		e.recorderFailed(*p)
	}
	if e.awaiting == 0 {
		for _, s := range e.unsafe {
			s.safe = s.open
		}
		e.unsafe = e.unsafe[:0]
	}
}

// submit records a body that nothing waits for.
func (e *engine) submit(b event.Body) {
	level := event.Written
	if e.g.Strict {
		level = event.Durable
	}
	if _, err := e.rec.Submit(level, nil, b); err != nil {
		e.recorderFailed(err)
		return
	}
	e.recorderWorks()
}

// syncPatience bounds how long a strict session, and with it the others of its
// worker, wait for one sync; then recording has failed.
const syncPatience = 10 * time.Second

// submitAhead records what must be known of a statement that is about to be sent,
// also after a power cut when the gate is strict: then it waits for the sync. Only
// statements that write protected data elsewhere, or run unknown code, come here.
func (e *engine) submitAhead(b event.Body) {
	if !e.g.Strict {
		e.submit(b)
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, syncPatience)
	defer cancel()
	if _, err := e.rec.Record(ctx, event.Durable, b); err != nil {
		e.recorderFailed(err)
		return
	}
	e.recorderWorks()
}

// recorderFailed applies the fail mode.
func (e *engine) recorderFailed(err error) {
	e.g.metrics.RecorderFailures.Add(1)
	if e.g.Fail == FailOpen {
		e.g.gapBegins(e.clock)
		return
	}
	e.toServer.shut() // what the statement at hand does could not be told
	if e.fatal == nil {
		e.toClient.buf = pgwire.AppendError(e.toClient.own(), pgwire.ErrorInfo{
			Severity: "FATAL", Code: "58030", Message: "the gate cannot record and refuses to pass data",
			Hint: "tell the operator of the gate (SK3002)"})
		e.end(fmt.Errorf("%w: %w", errRecorder, err))
	}
}

// recorderWorks writes the gap that an open fail mode left.
func (e *engine) recorderWorks() {
	if from := e.g.gapFrom.Load(); from != 0 {
		e.g.gapEnds(e.rec, from, e.clock)
	}
}

// note logs an error that is not the client's business.
func (e *engine) note(op string, err error) {
	e.g.metrics.Errors.Add(1)
	e.g.log(op, err)
}

// find records a Finding, at most one of each code and title a session.
func (e *engine) find(code, title string) {
	if !e.g.firstFinding(e.session, code, title) {
		return
	}
	e.submit(&event.Finding{Code: code, Title: title, Place: e.g.Place})
}
