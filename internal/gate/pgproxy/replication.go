package pgproxy

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/policy"
	"sekisho/internal/wire/pgwire"
)

// A replication connection streams the write-ahead log, or what a plugin makes
// of it: rows of every table, without a word of whose they are. The policy
// decides at the login (channel replication). What it lets through passes
// unread, and every byte that the server sends is bounded over all protected
// tables of the database.

// admit decides about replication connections; every other start-up is the
// server's business.
func (g *Gate) admit(ctx context.Context, a pglogin.Attempt) error {
	if !a.Replication {
		return nil
	}
	if _, configured := g.cfg.Databases[a.Database]; !configured && len(g.cfg.Databases) > 1 {
		return &pglogin.Refusal{Code: "28000", Message: "the whole server's log does not pass a gate of several databases",
			Hint: "Use a gate of its own for each database, or name one."}
	}
	g.mu.Lock()
	sh := g.streamed(ctx, a.Database)
	g.mu.Unlock()
	r := sh.current.Load()
	q := policy.Request{User: a.User, Database: sh.Database, Mode: r.Mode, Channel: policy.Replication,
		Statement: policy.Select, Now: sh.Now().UTC(), Grants: r.Grants}
	if addr, err := netip.ParseAddrPort(a.Address.String()); err == nil {
		q.Address = addr.Addr().Unmap()
	}
	d := r.Policy.Decide(q)
	if d.Action == policy.Allow {
		return nil
	}
	ev := &event.Decision{Action: d.Action.String(), Rule: d.Rule, Reason: d.Reason, Policy: string(d.Digest), Code: d.Code, ID: sh.NewID()}
	if _, err := g.cfg.Recorders[0].Record(ctx, event.Written, ev); err != nil {
		sh.gapBegins(time.Now().UnixNano())
		if sh.Fail != FailOpen {
			refusal := sessionRefusal(err)
			refusal.ID = ev.ID
			return &refusal
		}
	}
	if d.Action != policy.Refuse {
		return nil
	}
	g.metrics.Refused.Add(1)
	return &pglogin.Refusal{Code: d.Code, ID: ev.ID, Message: "the gate's policy refuses replication connections",
		Hint: "Rows in a replication stream cannot be attributed; ask the operator of the gate."}
}

// streamed is the database whose holdings a replication connection may stream:
// the one it names, or, for the whole server's log, the gate's own. g.mu is held.
func (g *Gate) streamed(ctx context.Context, database string) *shared {
	return g.database(ctx, g.streamedName(database))
}

func (g *Gate) streamedName(database string) string {
	if _, configured := g.cfg.Databases[database]; !configured {
		for only := range g.cfg.Databases { // admit refuses where there are more
			return only
		}
	}
	return database
}

// stream makes e the engine of a replication connection. A slot may have held the
// log back for any time: whose rows were deleted long ago may be in it.
func (e *engine) stream(began int64) {
	began = max(began, 1)
	e.age = age{first: began, began: began}
	if len(e.g.Protected) > 0 {
		e.streaming = e.channelExecution(e.g.streamShape, "replication")
	} else {
		e.streaming = &execution{}
	}
}

// streamFromClient passes the client's bytes on. SQL, which a logical
// connection may carry too, may do anything, and nobody looks at it.
func (e *engine) streamFromClient(b []byte) {
	for rest := b; e.fatal == nil && e.streaming != nil; {
		m, more, ok, err := e.client.Next(rest)
		if err != nil {
			e.end(ErrProtocol)
			return
		}
		if !ok {
			break
		}
		if m.Type == pgwire.TypeQuery && !replicationCommand(m.Body) && !bytes.Equal(m.Body, securesPath) || m.Type == pgwire.TypeParse || m.Type == pgwire.TypeFunction {
			e.streamsSQL()
		}
		rest = more
	}
	e.toServer.begin(b)
	e.toServer.at = 0
	e.toServer.pass(b)
}

// streamsSQL notes that anything may be written, copied and changed, from now
// to the end of the session.
func (e *engine) streamsSQL() {
	if e.writing.mark != 0 {
		return
	}
	e.writesAnything()
	e.launder(launderStream)
	e.beginDDL()
	e.ddl.mark = ^uint64(0)
	e.find("SK3109", "SQL over a replication connection: nobody looks at it, and what it may have copied counts as laundered")
}

// securesPath is what PostgreSQL's own clients, pg_recvlogical and a subscription, say
// first on a logical connection (ALWAYS_SECURE_SEARCH_PATH_SQL in
// src/include/common/connect.h): it sets a setting of that connection, and nothing else.
// What means the same in other words counts as any SQL.
var securesPath = []byte("SELECT pg_catalog.set_config('search_path', '', false);\x00")

// replicationWords begin the commands of the replication protocol (PostgreSQL 18
// documentation, "Streaming Replication Protocol"; they are keywords of
// src/backend/replication/repl_scanner.l and begin no SQL statement).
var replicationWords = words(`identify_system start_replication create_replication_slot drop_replication_slot
	alter_replication_slot read_replication_slot timeline_history base_backup upload_manifest show`)

func replicationCommand(body []byte) bool {
	text := bytes.TrimLeft(body, " \t\r\n")
	n := 0
	for n < len(text) && (nameByte(text[n]|0x20) || text[n] == '_') {
		n++
	}
	text = bytes.TrimRight(text, "\x00; \t\r\n")
	return n <= len(text) && replicationWords[string(bytes.ToLower(text[:n]))] && bytes.IndexByte(text, ';') < 0
}

// streamFromServer records that rows may pass, and passes them.
func (e *engine) streamFromServer(b []byte) {
	if e.serverHeld.has {
		e.serverHeld.rest = append(e.serverHeld.rest, b...)
		return
	}
	if x := e.streaming; x.slot != nil {
		if !e.start(x) {
			if e.fatal == nil {
				e.waitServer = waitDurable
				e.serverHeld = held{has: true, rest: append([]byte(nil), b...)}
			}
			return
		}
		e.errorRow(x)
	}
	e.toClient.begin(b)
	e.toClient.at = 0
	e.toClient.pass(b)
}

// resumeStream goes on after the record is on disk.
func (e *engine) resumeStream() {
	b := e.serverHeld.rest
	e.waitServer, e.serverHeld = waitNothing, held{}
	e.streamFromServer(b)
	e.toClient.settle()
}

// streamAtRest says that nothing of a replication connection waits in the gate: it
// may be in the middle of a message of the server, which nobody reads.
func (e *engine) streamAtRest() bool {
	return e.fatal == nil && e.client.Idle() && !e.serverHeld.has && e.awaiting == 0 && !e.toClient.closed && !e.toServer.closed
}

// keptStream is what is known of a replication connection.
type keptStream struct {
	SQL bool // it carried some
}

func (e *engine) keepStream() *keptStream {
	if e.streaming == nil {
		return nil
	}
	return &keptStream{SQL: e.writing.mark != 0}
}

// takeUp makes known what others must not pass by: the catalogue counts as changing
// until the session ends.
func (k *keptStream) takeUp(c *Common) {
	if k.SQL {
		c.takeUp(&keptTransaction{DDL: true})
	}
}

// restoreStream goes on with one. Nobody counts in this run what SQL over it wrote in
// the one before.
func (e *engine) restoreStream(k *keptStream) {
	e.stream(e.age.began)
	if k.SQL {
		e.ddl.mark = ^uint64(0) // takeUp began it
		e.g.reg.passed.Add(1)
		e.streamsSQL()
		e.writing.before = true
	}
}

// readmit asks again what the policy says of a replication connection that was kept:
// it may be another one.
func (g *Gate) readmit(ctx context.Context, k *keptState) error {
	return g.admit(ctx, pglogin.Attempt{User: k.Who.User, Database: k.Who.Database, Application: k.Who.Label, Replication: k.Streaming != nil,
		Address: net.TCPAddrFromAddrPort(netip.AddrPortFrom(k.Who.Address, k.Who.Port))})
}

// physical says that a connection streams the whole server's log: it is in no
// database, and no database counts it.
func physical(l *pglogin.Login) bool {
	for _, o := range l.Options {
		if o.Name == "replication" {
			return l.Replication && !strings.EqualFold(o.Value, "database")
		}
	}
	return false
}
